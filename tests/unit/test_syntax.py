"""The parser and its printers.

`syntax_cases.jsonl` holds sources with the canonical text or the message of C++ Nix 2.34.8 (paths are moved to /srv/code), and the span
of a fault in ours.
"""

import json
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import snowsnake
from snowsnake.syntax.api import parse_text
from snowsnake.syntax.features import feature_bits

CASES = [json.loads(line) for line in Path(__file__).with_name("syntax_cases.jsonl").read_text().splitlines()]
DEEP = 10_000
VERY_DEEP = 1_000_000


def parse(source: "str | bytes", **options):
    data = source.encode("utf-8", "surrogateescape") if isinstance(source, str) else source
    return parse_text(data, "/srv/code", home="/home/u", **options)


def printed(source: "str | bytes", **options) -> str:
    return parse(source, **options).to_nix().decode("utf-8", "surrogateescape")


def tree(source: "str | bytes") -> dict:
    return json.loads(parse(source, check_bindings=False).to_json())


def messages(source: "str | bytes") -> list[str]:
    return [message for _, _, _, message, _ in parse(source).faults]


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case['source'][:30]!r}" for i, case in enumerate(CASES)])
def test_sources_have_the_trees_and_faults_of_nix(case):
    parsed = parse(case["source"], features=feature_bits(["pipe-operators"] if case.get("pipes") else []))
    if "nix" in case:
        assert parsed.faults == []
        assert parsed.to_nix().decode("utf-8", "surrogateescape") == case["nix"]
    else:
        _, start, end, message, other = parsed.faults[0]
        assert (message, [start, end], other) == (case["fault"], case["span"], case.get("other"))


class TestFaults:
    def test_several_in_one_run(self):
        source = b"{ a = ; b = 1 2 = 3; c = [ 1 ; 2 ]; d = (1; }"
        assert parse(source).faults == [
            ("syntax", 6, 7, "syntax error, unexpected ';'", None),
            ("syntax", 16, 17, "syntax error, unexpected '=', expecting ';'", None),
            ("syntax", 29, 30, "syntax error, unexpected ';'", None),
            ("syntax", 42, 43, "syntax error, unexpected ';', expecting ')'", None),
        ]

    def test_nested_bindings_go_on(self):
        assert [start for _, start, *_ in parse(b"{ a = { b = ; c = ; }; d = ; }").faults] == [12, 18, 27]

    def test_recovery_reads_over_strings(self):
        assert len(messages("{ a = * + \"; }\" + ''; } ${\"}\"}'' ./a; b = ; }")) == 2

    def test_no_guessing_inside_interpolations(self):
        assert len(messages('{ a = "${;}"; b = ; }')) == 1

    def test_duplicates_name_both_places(self):
        assert parse(b"{ a.b = 1; a.b = 2; }").faults == [("duplicate-attribute", 11, 14, "attribute 'a.b' already defined", 2)]

    def test_all_undefined_variables_are_reported(self):
        assert messages("[ x (y: y) z ]") == ["undefined variable 'x'", "undefined variable 'z'"]
        assert parse(b"x", check_bindings=False).faults == []

    def test_variables_are_found_in_their_scopes(self):
        for source in (
            "with {}; x", "{ x }@y: x y", "{ x ? y, y }: 1", "rec { x = y; y = 1; }", "let x = y; y = 1; in x",
            "let { body = x; x = 1; }", "x: { inherit x; }", "rec { inherit (x) y; x = y; }", "__add map builtins",
        ):  # fmt: skip
            assert messages(source) == [], source
        for source in ("{ x = 1; y = x; }", "{ x ? 1 }@y: z", "rec { inherit x; }", "let x = 1; in y", "with x; 1"):
            assert len(messages(source)) == 1, source

    def test_a_tree_with_faults_cannot_be_printed(self):
        with pytest.raises(ValueError, match="unexpected"):
            parse("1 +").to_nix()

    def test_bytes_that_are_not_utf8(self):
        assert printed(b'"\xff"') == '"\udcff"'
        assert messages(b"\xff") == ["syntax error, unexpected invalid token"]
        assert tree(b'"\xff"')["parts"][0]["text"] == "\ufffd"

    def test_null_bytes_are_faults(self):
        assert "contains null bytes" in messages(b'"a\0b"')[0]
        assert "contains null bytes" in messages(b'"\\\\\0"')[0]
        # C++ Nix accepts a NUL behind a backslash.
        assert messages(b'"a\\\0b"') == []


class TestTree:
    def test_nodes_have_their_spans(self):
        node = tree("f (a.b or 1) + x")
        assert (node["kind"], node["span"], node["operator"]) == ("binary", [0, 16], "+")
        assert node["left"]["span"] == [0, 12]
        assert node["left"]["arguments"][0]["span"] == [3, 11]

    def test_places_of_nested_attributes_are_their_paths(self):
        outer = tree("{ a.b = 1; }")["bindings"][0]
        assert (outer["name"], outer["span"]) == ("a", [2, 3])
        assert (outer["value"]["bindings"][0]["name"], outer["value"]["bindings"][0]["span"]) == ("b", [2, 5])

    def test_doc_comments_belong_to_the_next_binding(self):
        source = "{ /** one */ a = 1; /** two */ /* plain */ b = 2; /**/ c = 3;\n /** two\n */\n d.e = 4; }"
        found = {
            binding["name"]: source[slice(*binding["doc"])] if "doc" in binding else None
            for binding in tree(source)["bindings"][:3]
        }
        assert found == {"a": "/** one */", "b": "/** two */", "c": None}
        outer = tree(source_of_lambda := "/** whole */ { a }: /** inner */ b: [ (/** listed */ c: c) /** of a set */ { } (d: d) ]")
        inner = outer["body"]
        listed, no_lambda, plain = inner["body"]["items"]
        docs = [source_of_lambda[slice(*node["doc"])] for node in (outer, inner, listed)]
        assert docs == ["/** whole */", "/** inner */", "/** listed */"]
        assert "doc" not in no_lambda and "doc" not in plain
        assert source[slice(*tree(source)["bindings"][3]["value"]["bindings"][0]["doc"])].startswith("/** two")

    def test_merged_sets_keep_their_sources(self):
        node = tree("{ a = { inherit (x) b; }; a = { inherit (y) c; }; }")["bindings"][0]["value"]
        assert [binding["from"] for binding in node["bindings"]] == [0, 1]
        assert [source["name"] for source in node["froms"]] == ["x", "y"]

    def test_sets_and_patterns_may_have_many_names(self):
        names = [f"name{i}" for i in range(5000)]
        source = "{ " + " ".join(f"{name} = 1;" for name in names) + " }"
        assert [binding["name"] for binding in tree(source)["bindings"]] == names
        assert messages(source[:-1] + "name4321 = 2; }") == ["attribute 'name4321' already defined"]
        pattern = "{ " + ", ".join(names) + " }: 1"
        assert messages(pattern) == []
        assert len(messages(pattern.replace("name77,", "name76,"))) == 1


NESTED = {
    "parentheses": lambda n: "(" * n + "1" + ")" * n,
    "lists": lambda n: "[" * n + "]" * n,
    "sets": lambda n: "{a=" * n + "1" + ";}" * n,
    "lambdas": lambda n: "x: " * n + "1",
    "patterns": lambda n: "{a?" * n + "1" + "}:1" * n,
    "let": lambda n: "let a=1;in " * n + "1",
    "with": lambda n: "with 1;" * n + "1",
    "if": lambda n: "if 1 then 1 else " * n + "1",
    "left operators": lambda n: "1" + "+1" * n,
    "right operators": lambda n: "1" + "//1" * n,
    "not": lambda n: "!" * n + "1",
    "negation": lambda n: "-" * n + "1",
    "defaults": lambda n: "1" + ".a or 1" * n,
    "strings": lambda n: '"${' * n + "1" + '}"' * n,
    "indented strings": lambda n: "''${" * n + "1" + "}''" * n,
    "paths": lambda n: "./a${" * n + "1" + "}" * n,
    "attribute paths": lambda n: "{a" + ".a" * n + "=1;}",
    "dynamic names": lambda n: "{${" * n + "1" + "}=1;}" * n,
    "inherit": lambda n: "{inherit(" * n + "1" + ")a;}" * n,
}


class TestDepth:
    @pytest.mark.parametrize("form", NESTED)
    def test_deep_sources_are_parsed_and_printed(self, form):
        source = NESTED[form](DEEP).replace("1.a or", "{}.a or")
        parsed = parse(source, check_bindings=form != "defaults")
        assert parsed.faults == []
        assert parsed.to_nix()
        assert parsed.to_json()

    @pytest.mark.parametrize("form", NESTED)
    def test_very_deep_sources_are_parsed_or_an_error(self, form):
        try:
            parsed = parse(NESTED[form](VERY_DEEP), check_bindings=False)
            if not parsed.faults:
                parsed.to_nix()
                return
        except RecursionError:
            return
        assert "nesting too deep" in parsed.faults[0][3]

    def test_unclosed_sources_are_faults(self):
        for source in (b"(" * VERY_DEEP, b"[" * VERY_DEEP, b"{a=" * VERY_DEEP, b'"${' * VERY_DEEP, b"/*" * VERY_DEEP):
            assert parse(source).faults

    def test_runs_that_look_like_paths_are_read_once(self):
        assert parse(b"a." * VERY_DEEP + b"x").faults[0][3] == "undefined variable 'a'"
        assert parse(b"<a/" * VERY_DEEP).faults

    def test_threads_have_stacks_of_their_own(self):
        results = []

        def work():
            results.append(len(printed("[" * DEEP + "]" * DEEP)))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(results)) == 1
        assert len(results) == 4


NAMES = st.sampled_from(["a", "b", "x'", "foo-bar", "_", "or'"])
ATTRIBUTES = st.one_of(NAMES, st.sampled_from(["or", '"a b"', '"if"', "${a}", '"x${b}"', '""']))
ATOMS = st.one_of(
    NAMES,
    st.sampled_from(
        ["1", "0.5", '"s"', '"\\n\\${"', "''\n  a\n b''", "http://a.b/c", "/a/b", "<nixpkgs>", "{ }", "[ ]"]
    ),
)


OPERATORS = "+ - * / // ++ == != < <= > >= && || ->".split()
# `e` is an expression, `n` a name, `p` an attribute path.
FORMS = [
    *(f"(e {operator} e)" for operator in OPERATORS),
    "((e) (e))", "(e).p or (e)", "(with e; e)", "(!(e))", "(-(e))", "((e).p)", "((e) ? p)", '"a${e}b"', "[ (e) (e) ]",
    "(if e then e else e)", "(n: e)", "({ n, ... }: e)", "({ n ? e }@x: e)", "(let n = e; y.p = e; in e)",
    "rec { n = e; y.p = e; }", "{ inherit (e) n; inherit y; }",
]  # fmt: skip


@st.composite
def expressions(draw, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(ATOMS)
    form = draw(st.sampled_from(FORMS))
    paths = st.lists(ATTRIBUTES, min_size=1, max_size=3).map(".".join)
    made = {"e": expressions(depth - 1), "n": NAMES, "p": paths}
    return re.sub(r"\b[enp]\b", lambda match: draw(made[match[0]]), form)


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_printing_twice_changes_nothing(source):
    """Canonical text is canonical: reading it back and printing it yields the same text.

    One round may still regroup (`("a" + b + "c")` is one string, read back it is two sums), the next may not.
    """
    once = printed(source, check_bindings=False)
    twice = printed(once, check_bindings=False)
    assert printed(twice, check_bindings=False) == twice


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from([b'"', b"''", b"${", b"}", b"{", b"a", b"=", b";", b"'", b"$", b"\\", b"/", b"./a", b" ", b"\n", b"\0", b"\xff", b":", b"@", b"(", b")", b"[", b"]", b"1", b".", b"or", b" inherit ", b" let ", b" in ", b"/*", b"*/", b"#", b"\r"]), max_size=40).map(b"".join))  # fmt: skip
def test_any_bytes_give_a_tree_or_a_fault(source):
    parsed = parse(source, check_bindings=False)
    for _, start, end, message, other in parsed.faults:
        assert 0 <= start <= end <= len(source)
        assert message
        assert other is None or other < len(source)
    if not parsed.faults:
        assert parsed.to_nix()
        json.loads(parsed.to_json())


def test_a_function_has_at_most_65535_parameters():
    """As in 2.34.8, whose message has the place of the function."""
    most = "1 + ({ " + ", ".join(f"a{i} ? {i}" for i in range(65535)) + " }: a65534) { }"
    assert snowsnake.evaluate(most).to_python() == 65535
    with pytest.raises(snowsnake.SyntaxFault, match="^too many formal arguments, implementation supports at most 65535 ") as caught:
        snowsnake.evaluate(most.replace("({", "({ more,"))
    assert caught.value.position is not None and (caught.value.position.line, caught.value.position.column) == (1, 6)
