"""Lock files from strangers, and the results of the lock library for good ones."""

import collections
import json
import random
import time

import pytest

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.fetch.errors import FetchFailure
from snowsnake.flake.declaration import read_declaration
from snowsnake.lock.flakes import Declaration, Flake, FlakeInput, Place
from snowsnake.lock.lock_file import (
    DEEPEST,
    MOST_NODES,
    LockFile,
    LockNode,
    difference,
    parse_input_path,
    read_lock_file,
)
from snowsnake.lock.locking import LockOptions, compute_lock_file
from snowsnake.lock.reference_text import parse_whole
from snowsnake.lock.references import Reference
from snowsnake.lock.registries import Registries, parse_registry

LOCKED = {"type": "github", "owner": "o", "repo": "r", "rev": "0" * 39 + "1", "narHash": "sha256-" + "A" * 43 + "="}
ORIGINAL = {"type": "github", "owner": "o", "repo": "r"}


def node(**inputs):
    return {"locked": LOCKED, "original": ORIGINAL} | ({"inputs": inputs} if inputs else {})


def text_of(nodes, version=7, root="root") -> bytes:
    return json.dumps({"version": version, "root": root, "nodes": nodes}).encode()


def read(data: bytes) -> LockFile:
    return read_lock_file(data, "flake.lock", lambda reference: reference.input.is_locked, lambda message: None)


def test_a_lock_file_is_written_as_it_was_read() -> None:
    nodes = {"root": {"inputs": {"a": "a", "b": "a_2", "c": ["a", "b"]}}, "a": node(b="b"), "a_2": node(), "b": node()}
    first = read(text_of(nodes)).to_text()
    assert read(first.encode()).to_text() == first
    assert json.loads(first)["nodes"]["root"]["inputs"] == {"a": "a", "b": "b_2", "c": ["a", "b"]}


def test_version_5_has_what_was_learnt_beside_the_input() -> None:
    row = {"locked": {**ORIGINAL, "rev": LOCKED["rev"]}, "original": ORIGINAL, "info": {"narHash": LOCKED["narHash"], "lastModified": 1}}
    found = read(text_of({"root": {"inputs": {"a": "a"}}, "a": row}, version=5))
    target = found.root.inputs["a"]
    assert isinstance(target, LockNode) and target.locked is not None
    assert target.locked.to_attributes() == {**LOCKED, "lastModified": 1}


SIGNED = {"type": "git", "url": "https://x/y", "rev": "0" * 40, "narHash": LOCKED["narHash"], "publicKey": "a", "verifyCommit": True}
SIGNED_SET = '{ type = "git"; url = "https://x/y"; publicKey = "a"; verifyCommit = true; }'
SIGNED_TEXT = "git+https://x/y?keytype=ssh-ed25519&publicKey=a&verifyCommit=1"


def test_signatures_are_a_feature(run_command) -> None:
    """References, flakes and lock files that require signed commits; the messages are those of 2.34.8."""
    data = text_of({"root": {"inputs": {"a": "a"}}, "a": {"locked": SIGNED, "original": SIGNED}})
    source = b'{ inputs.a = { type = "git"; url = "https://x/y"; publicKey = "a"; verifyCommit = true; }; outputs = _: { }; }'
    features = ("flakes", "verified-fetches")
    written = read_lock_file(data, "flake.lock", lambda reference: True, print, features).to_text()
    assert json.loads(written)["nodes"]["a"]["locked"] == SIGNED
    assert str(read_declaration(source, "flake.nix", ".", features=features).inputs["a"].reference) == SIGNED_TEXT
    assert parse_whole(SIGNED_TEXT, features=features).to_text() == SIGNED_TEXT
    for wants in (lambda: read(data), lambda: read_declaration(source, "flake.nix", "."), lambda: parse_whole(SIGNED_TEXT)):
        with pytest.raises((EvaluationError, FetchFailure), match="'verified-fetches' is disabled"):
            wants()
    for expression in (f'(builtins.parseFlakeRef "{SIGNED_TEXT}").publicKey', "builtins.flakeRefToString " + SIGNED_SET):
        for names in (features, features[:1]):
            done = run_command("instantiate", "--eval", "--option", "experimental-features", " ".join(names), "-E", expression)
            if names == features:
                assert done.stdout.decode().strip() in ('"a"', f'"{SIGNED_TEXT}"'), done.stderr
            else:
                assert b"'verified-fetches' is disabled" in done.stderr and done.returncode == 1


BAD = {
    "cycle": text_of({"root": {"inputs": {"a": "a"}}, "a": node(b="b"), "b": node(a="a")}),
    "itself": text_of({"root": {"inputs": {"a": "a"}}, "a": node(a="a")}),
    "root": text_of({"root": {"inputs": {"a": "root"}}}),
    "deep": text_of({"root": {"inputs": {"a": "n0"}}} | {f"n{i}": node(a=f"n{i + 1}") for i in range(DEEPEST + 5)} | {f"n{DEEPEST + 5}": node()}),
    "many": text_of({f"n{i}": {} for i in range(MOST_NODES + 1)}),
    "nested-json": b"[" * 100_000,
    "no-root": b'{"version": 7, "nodes": {}}',
    "nodes-list": b'{"version": 7, "root": "r", "nodes": []}',
    "inputs-list": text_of({"root": {"inputs": []}}),
    "input-number": text_of({"root": {"inputs": {"a": 1}}}),
    "follows-number": text_of({"root": {"inputs": {"a": [1]}}}),
    "flake-number": text_of({"root": {"inputs": {"a": "a"}}, "a": node() | {"flake": 1}}),
    "parent-text": text_of({"root": {"inputs": {"a": "a"}}, "a": node() | {"parent": "x"}}),
    "attribute-null": text_of({"root": {"inputs": {"a": "a"}}, "a": {"locked": {**LOCKED, "ref": None}, "original": ORIGINAL}}),
    "attribute-list": text_of({"root": {"inputs": {"a": "a"}}, "a": {"locked": {**LOCKED, "ref": []}, "original": ORIGINAL}}),
    "no-number": text_of({"root": {"inputs": {"a": "a"}}, "a": {"locked": {**LOCKED, "lastModified": float("nan")}, "original": ORIGINAL}}),
    "version-text": b'{"version": "7", "root": "root", "nodes": {"root": {}}}',
    "version-true": b'{"version": true, "root": "root", "nodes": {"root": {}}}',
    "bytes": b"\xff\xfe{}",
    "nothing": b"",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_lock_file_is_an_error(data) -> None:
    with pytest.raises(EvaluationError):
        read(data)


def test_follows_in_a_circle_or_into_nothing_are_errors() -> None:
    with pytest.raises(EvaluationError, match="follow cycle detected"):
        read(text_of({"root": {"inputs": {"a": ["b"], "b": ["a"]}}})).check()
    with pytest.raises(EvaluationError, match="follows a non-existent input"):
        read(text_of({"root": {"inputs": {"a": ["b"]}}})).check()


def test_mutated_lock_files_are_read_or_refused() -> None:
    """A good file in which parts are cut out or put in raises only errors for users."""
    outcomes: collections.Counter[str] = collections.Counter()
    seed = random.Random(7)
    good = text_of({"root": {"inputs": {"a": "a", "c": ["a", "b"]}}, "a": node(b="b"), "b": node()})
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(seed.randrange(1, 4)):
            start = seed.randrange(len(data))
            data[start : start + seed.randrange(4)] = seed.choice((b"", b"0", b"[]", b"null", b'"', b"-1", b"a"))
        try:
            found = read(bytes(data))
            found.check()
        except EvaluationError:
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        assert read(found.to_text().encode()).to_text() == found.to_text()
    assert min(outcomes["refused"], outcomes["read"]) > 100, outcomes


def test_a_difference_of_lock_files_is_told_as_by_nix() -> None:
    old = read(text_of({"root": {"inputs": {"a": "a", "b": "b"}}, "a": node(), "b": node()}))
    changed = {**LOCKED, "rev": "1" * 40, "lastModified": 86400}
    new = read(text_of({"root": {"inputs": {"a": "a", "c": ["a"]}}, "a": {"locked": changed, "original": ORIGINAL}}))
    assert difference(old, new).splitlines()[0::1] == [
        "• Updated input 'a':",
        f"    '{Reference.of_attributes(LOCKED)}'",
        f"  → '{Reference.of_attributes(changed)}' (1970-01-02)",
        "• Removed input 'b'",
        "• Added input 'c':",
        "    follows 'a'",
    ]
    assert difference(new, new) == ""


def test_paths_of_inputs_are_read() -> None:
    assert parse_input_path("a/b-c_D") == ("a", "b-c_D") and parse_input_path("/") == ()
    for text in ("a b", "1a", "a/../b", "a.b"):
        with pytest.raises(EvaluationError, match="invalid flake input"):
            parse_input_path(text)


# ---- locking without a world ------------------------------------------------------------------------------------


class MemorySources:
    """Flakes that are only declared; records which of them were fetched."""

    def __init__(self, **flakes: dict[str, FlakeInput]) -> None:
        self.flakes = flakes
        self.fetched: list[str] = []
        self.warnings: list[str] = []

    def flake(self, reference, kinds, lock_root=()) -> Flake:
        name = reference.input.attrs["repo"]
        self.fetched.append(name)
        declaration = Declaration()
        declaration.inputs = self.flakes[name]
        locked = Reference(reference.input.with_attrs(rev=f"{len(name):040}", narHash=LOCKED["narHash"]), reference.folder)
        return Flake(reference, reference, locked, Place(name, ""), declaration)

    def flake_at(self, place, reference, lock_root=()) -> Flake:
        raise AssertionError

    def tree(self, reference, kinds):
        self.fetched.append(reference.input.attrs["repo"])
        return Place(None, ""), Reference(reference.input.with_attrs(rev="0" * 40))

    def lock_file(self, flake) -> LockFile:
        return LockFile()

    def is_locked(self, reference) -> bool:
        return reference.input.is_locked

    def warn(self, message) -> None:
        self.warnings.append(message)


def wanted(name: str, **options) -> FlakeInput:
    return FlakeInput(parse_whole(f"github:o/{name}"), **options)


def locked(sources: MemorySources, old: LockFile | None = None, **options) -> LockFile:
    top = sources.flake(parse_whole("github:o/top"), ())
    sources.fetched.clear()
    return compute_lock_file(top, old or LockFile(), LockOptions(**options), sources)[0]


def test_a_fitting_lock_file_needs_no_fetching() -> None:
    sources = MemorySources(top={"a": wanted("a"), "b": wanted("b", is_flake=False)}, a={"c": wanted("c")}, c={})
    first = locked(sources)
    assert sorted(sources.fetched) == ["a", "b", "c"]
    second = locked(sources, first)
    assert second == first and sources.fetched == []
    assert locked(sources, first, updates=[("a", "c")]) == first and sources.fetched == ["a", "c"]


def test_unlocked_inputs_are_refused_where_the_policy_says_so() -> None:
    sources = MemorySources(top={"a": wanted("a")}, a={})
    with pytest.raises(EvaluationError, match="cannot update unlocked flake input 'a' in pure mode"):
        locked(sources, allows_unlocked=False)


def test_a_hundred_inputs_with_shared_ones_are_locked() -> None:
    many = {f"i{n}": wanted(f"f{n % 10}") for n in range(100)}
    flakes = {f"f{n}": {"x": wanted("leaf")} for n in range(10)}
    found = locked(MemorySources(top=many, leaf={}, **flakes))
    assert len(list(found.nodes())) == 200 and "x_100" in found.to_text()


def test_endless_inputs_end_in_an_error() -> None:
    class Endless(MemorySources):
        def flake(self, reference, kinds, lock_root=()) -> Flake:
            self.flakes[reference.input.attrs["repo"]] = {"n": wanted(f"n{len(lock_root)}")}
            return super().flake(reference, kinds, lock_root)

    with pytest.raises(EvaluationError, match="nest more than"):
        locked(Endless())
    doubling = MemorySources(**{f"d{n}": {"a": wanted(f"d{n + 1}"), "b": wanted(f"d{n + 1}")} for n in range(40)}, d40={}, top={"a": wanted("d0")})
    with pytest.raises(EvaluationError, match="more than 100000 inputs"):
        locked(doubling)


# ---- references and registries ----------------------------------------------------------------------------------


def test_references_are_read_as_they_are_written() -> None:
    for text in ("github:a/b/c?dir=d", "git+ssh://git@h/x?ref=r", "path:/x?dir=y", "flake:n/branch", "tarball+https://h/x", "hg+https://h/x"):
        reference = parse_whole(text)
        assert Reference.of_attributes(reference.to_attributes()) == reference
        assert parse_whole(str(reference)) == reference


def test_mutated_references_are_read_or_refused() -> None:
    """The text that is written for a reference means the same reference."""
    seed = random.Random(3)
    outcomes: collections.Counter[str] = collections.Counter()
    for _ in range(3000):
        data = list(seed.choice(("github:a/b/c?dir=d", "git+ssh://git@h:22/x?ref=r#a", "path:/x?dir=y", "n/b", "./x?a=b#c", "https://[::1]/x.zip")))
        for _ in range(seed.randrange(1, 5)):
            data[seed.randrange(len(data))] = seed.choice("%/?#&=:@[]\0 é\udcff+.-~^")
        try:
            found = parse_whole("".join(data), may_be_relative=True)
        except (FetchFailure, EvaluationError):
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        assert str(parse_whole(str(found), may_be_relative=True)) == str(found), "".join(data)
    assert min(outcomes["refused"], outcomes["read"]) > 300, outcomes


def test_registries_are_read_in_order_and_bad_ones_are_errors(tmp_path) -> None:
    def entry(name, path):
        return {"from": {"type": "indirect", "id": name}, "to": {"type": "path", "path": path}}

    (tmp_path / "nix").mkdir()
    (tmp_path / "nix" / "registry.json").write_text(json.dumps({"version": 2, "flakes": [entry("a", "/user"), entry("b", "/user")]}))
    (tmp_path / "global.json").write_text(json.dumps({"version": 2, "flakes": [entry("b", "/global"), entry("c", "/global")]}))
    found = Registries({"XDG_CONFIG_HOME": str(tmp_path), "NIX_CONF_DIR": str(tmp_path)}, str(tmp_path / "global.json"))
    found.flags.add(parse_whole("a"), parse_whole("/flag"))
    assert [str(found.resolve(parse_whole(name))) for name in "abc"] == ["path:/flag", "path:/user", "path:/global"]
    assert str(found.resolve(parse_whole("b"), ("flags", "global"))) == "path:/global"
    with pytest.raises(EvaluationError, match="cannot find flake 'flake:d'"):
        found.resolve(parse_whole("d"))
    for text in ("[]", '{"version": 1}', '{"version": 2, "flakes": [1]}', '{"version": 2, "flakes": 1}', '{"version": 2, "flakes": {"a": 1}}', "[" * 99999, '"', "\\"):
        warnings: list[str] = []
        assert parse_registry(text.encode(), "r", "user", warnings.append).entries == [] and len(warnings) == 1


def test_keys_of_many_inputs_with_one_name_take_linear_time() -> None:
    """The search for each free number from 2 on once took 3200 million steps for these inputs, ten minutes."""
    lock_file = LockFile()
    lock_file.root.inputs = {f"a{number}": LockNode() for number in range(80_000)}
    for child in list(lock_file.root.inputs.values()):
        assert isinstance(child, LockNode)
        child.inputs = {"b": LockNode()}
    begin = time.process_time()
    keys = list(lock_file.to_data()[1].values())
    assert time.process_time() - begin < 20
    assert {f"b_{number}" for number in range(2, 80_001)} < set(keys)


def test_a_registry_is_written_whole_or_not_at_all(tmp_path) -> None:
    """An entry with bytes that JSON cannot have is an error; neither such an entry nor a folder in the way leaves a file behind."""
    found = Registries({})
    found.flags.add(parse_whole("a"), parse_whole("path:/x/%ff"))
    with pytest.raises(EvaluationError, match="not UTF-8"):
        found.flags.write(str(tmp_path / "registry.json"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        Registries({}).flags.write(str(tmp_path / "folder"))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
