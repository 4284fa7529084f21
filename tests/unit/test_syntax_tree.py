"""`snowsnake.syntax`: nodes, places, comments, documentation, visitors; on every source of tests/lang, too."""

import copy
import json
from pathlib import Path

import pytest

import snowsnake
from snowsnake import syntax
from snowsnake.foundation.allocate import fail_allocations
from snowsnake.syntax.api import parse_text
from snowsnake.tree import comment_spans

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "tests/lang").rglob("in.nix")) + sorted((ROOT / "examples").glob("*.nix"))


def test_a_token_behind_the_end_is_the_end():
    tree = parse_text(b"1 + 2 ", "/")
    assert [tree.token_start(offset) for offset in (0, 1, 2, 5, 6, 7, 1000, 0xFFFFFFFF)] == [0, 2, 2, 6, 6, 6, 6, 6]


@pytest.mark.parametrize("source", [b"let a = 1; in [ a ]", b"let a = 1; in [ b c d ]"])
def test_memory_that_runs_out_is_not_a_tree_that_is_too_deep(source):
    fail_allocations(2**62, 2**62)
    parse_text(source, "/")
    for number in range(1, fail_allocations(0, 0) + 1):
        fail_allocations(number, number)
        try:
            parse_text(source, "/")
        except MemoryError:
            pass
        finally:
            fail_allocations(0, 0)


def parsed(source: bytes) -> syntax.Tree | None:
    try:
        return syntax.parse(source, check=False, features=["pipe-operators"])
    except snowsnake.EvaluationError:
        return None


def without_docs(node):
    if isinstance(node, dict):
        return {name: without_docs(value) for name, value in node.items() if name != "doc"}
    return [without_docs(item) for item in node] if isinstance(node, list) else node


def test_comments_can_be_taken_out_of_every_source() -> None:
    """Exactly the comments are found: without them, the tree is the same and has no comment."""
    count = 0
    for path in SOURCES:
        source = path.read_bytes()
        tree = parsed(source)
        if tree is None:
            continue
        blank = bytearray(source)
        for start, end in comment_spans(source):
            count += 1
            assert source[start : start + 1] == b"#" or source[end - 2 : end] == b"*/"
            blank[start:end] = bytes(byte if byte in b"\r\n" else 32 for byte in blank[start:end])
        assert list(comment_spans(bytes(blank))) == []
        after = parsed(bytes(blank))
        assert after is not None and without_docs(json.loads(after.to_json())) == without_docs(json.loads(tree.to_json())), path
    assert count > 40


def test_every_node_has_what_the_table_says() -> None:
    seen = set()
    for path in SOURCES:
        tree = parsed(path.read_bytes())
        for node in tree.walk() if tree is not None else ():
            seen.add(node.kind)
            start, end = node.span
            assert 0 <= start <= end <= len(tree.source_bytes) and node.parent is None or node in list(node.parent.children())
            if node.kind in ("binding", "formal"):
                continue
            rows = syntax.KINDS[node.kind].split()
            assert {row.strip("[]?") for row in rows if not row.endswith("?")} <= set(node.fields()) | {"doc"}
            assert set(node.fields()) <= {row.strip("?").strip("[]") for row in rows}
    assert seen - {"binding", "formal"} == set(syntax.KINDS)


COMMENTS = {
    "# a": ["# a"],
    '"# no" # yes': ["# yes"],
    "''# no ${x /* in */}'' # yes\n": ["/* in */", "# yes"],
    "'' ''' # no ''\\' # no ''$ # no $${ # no '' # yes": ["# yes"],
    '"${"${"#"}" /*1*/}" /*2*/': ["/*1*/", "/*2*/"],
    "http://x/#y": ["#y"],
    "http://x/*y": [],
    "[ ./a/*b*/ ]": ["/*b*/"],
    "{ a = {}; /** d */ b = 1; }": ["/** d */"],
    "/**/ 1": ["/**/"],
    '"\\${" # a': ["# a"],
    '"$${" # a': ["# a"],
    "1 # a\r2 # b\r\n": ["# a", "# b"],
    "x' # a": ["# a"],
    "a''b": [],
}


@pytest.mark.parametrize("source", COMMENTS)
def test_comments_are_found(source) -> None:
    assert [source.encode()[start:end].decode() for start, end in comment_spans(source.encode())] == COMMENTS[source]


def test_very_deep_trees_are_walked() -> None:
    tree = syntax.parse("-" * 300_000 + "1")
    assert sum(1 for _ in tree.walk()) == 300_001
    tree = syntax.parse("[" * 100_000 + "]" * 100_000)
    assert sum(1 for _ in tree.walk()) == 100_000
    with pytest.raises(RecursionError):
        syntax.Visitor().visit(tree.root)


def test_copies_of_nodes_are_equal() -> None:
    tree = syntax.parse("[ 1 2 ]")
    copied = copy.copy(tree.root)
    assert copied == tree.root and [item.value for item in copied.items] == [1, 2]


def test_nodes_are_found_by_their_place() -> None:
    tree = syntax.parse("let\n  f = x: x;\nin f (1)", name="a.nix")
    assert str(tree.root["bindings"][0]["value"].position) == "a.nix:2:7"
    assert tree.at(3, 4).name == "f" and tree.at(3, 7).value == 1 and tree.at(2, 10).name == "x"
    with pytest.raises(LookupError, match="no node is at a.nix:9:1"):
        tree.at(9, 1)
    node = tree.root
    with pytest.raises(AttributeError, match="a node of the kind 'let' has no 'nosuch'; it has bindings, body"):
        node.nosuch  # noqa: B018
    with pytest.raises(KeyError):
        node["span"]
    assert node.get("nosuch", 3) == 3 and node == tree.root and hash(node) == hash(tree.root) and node != node["body"]


def test_all_faults_of_a_source_are_raised_together() -> None:
    with pytest.raises(snowsnake.SyntaxFault) as caught:
        syntax.parse("{ a = ; b = x; c = ; }")
    assert [fault.position.column for fault in caught.value.faults] == [7, 20]
    with pytest.raises(snowsnake.UndefinedVariable):
        syntax.parse("x")
    with pytest.raises(TypeError, match="parse_file takes a path"):
        syntax.parse(Path("x"))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        syntax.parse_file("/nowhere/at/all")


def test_bytes_that_are_not_a_text_survive_edits() -> None:
    tree = syntax.parse(b'{ a = "\xff"; # \xfe\n }')
    assert tree.comments[0].text.startswith("#") and tree.source.encode("utf-8", "surrogateescape") == tree.source_bytes
    assert tree.edit().set("a", 1).text.encode("utf-8", "surrogateescape") == b"{ a = 1; # \xfe\n }"
