"""A file system of Python, mounted in the logical store: everything that reads finds its files there, as it would on disk."""

import os
from pathlib import Path

import pytest

from snowsnake.api import EvaluationError, Evaluator
from snowsnake.host.file_system import DiskFolder, Link, MemoryFolder, Program
from snowsnake.store import nar

SOURCE = "/nix/store/ipq9iwxmsj7vkxi2jhsw0iynh9nkzl23-source"
POLICIES = {"free": {}, "pure": {"pure": True}, "restricted": {"restricted": True}}
FILES = {
    b"a.nix": b"{ x }: x + import ./lib/b.nix",
    b"lib": {b"b.nix": b"2", b"default.nix": b'"dir"', b"deep": {b"c": b"C"}},
    b"link": Link(b"lib/b.nix"),
    b"absolute": Link(SOURCE.encode() + b"/lib"),
    b"run": Program(b"#!/bin/sh\n"),
    b"dangling": Link(b"nowhere"),
    b"loop": Link(b"loop"),
    b"bad.nix": b'{\n  a = 1 + "x";\n}\n',
    b"empty": {},
}
VALUES = [
    ('import "SOURCE/a.nix" { x = 40; }', 42),
    ("import (SOURCE + \"/a.nix\") { x = 1; }", 3),
    ("import SOURCE/lib", "dir"),
    ("import SOURCE/absolute", "dir"),
    ("scopedImport { } SOURCE/lib/b.nix", 2),
    ('builtins.readFile "SOURCE/link"', "2"),
    ('builtins.readFile "SOURCE/absolute/../link"', "2"),
    ('builtins.readFile "SOURCE/lib/../lib/b.nix"', "2"),
    ('builtins.readDir "SOURCE/lib"', {"b.nix": "regular", "deep": "directory", "default.nix": "regular"}),
    ('builtins.readDir "SOURCE/absolute"', {"b.nix": "regular", "deep": "directory", "default.nix": "regular"}),
    ('(builtins.readDir SOURCE).link', "symlink"),
    ("builtins.readDir SOURCE/empty", {}),
    ('map builtins.pathExists [ "SOURCE" "SOURCE/lib/" "SOURCE/run/" SOURCE/none SOURCE/dangling SOURCE/lib/b.nix ]',
     [True, True, False, False, True, True]),
    ("map builtins.readFileType [ SOURCE SOURCE/link SOURCE/lib SOURCE/run ]", ["directory", "symlink", "directory", "regular"]),
    ('builtins.hashFile "sha256" "SOURCE/link"', "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"),
    ('builtins.findFile [ { prefix = "x"; path = SOURCE; } ] "x/lib/b.nix"', f"{SOURCE}/lib/b.nix"),
    ('builtins.readFile "${SOURCE/lib}/deep/c"', "C"),
    ('import "${SOURCE/lib}"', "dir"),
    ('builtins.readFile "${builtins.path { path = "${SOURCE/lib}/deep"; }}/c"', "C"),
    ('builtins.readFile (builtins.path { path = SOURCE; } + "/lib/deep/c")', "C"),
    ('builtins.readFile (builtins.toFile "t" (builtins.readFile SOURCE/link))', "2"),
]  # fmt: skip
ERRORS = [
    ("builtins.readFile SOURCE/none", "path 'SOURCE/none' does not exist"),
    ("builtins.readFile SOURCE/dangling", "path 'SOURCE/nowhere' does not exist"),
    ("builtins.readFile SOURCE/loop", "infinite symlink recursion in path 'SOURCE/loop'"),
    ("builtins.readFile SOURCE/lib", "reading file 'SOURCE/lib': Is a directory"),
    ("builtins.readDir SOURCE/link", 'cannot read directory "SOURCE/lib/b.nix": Not a directory'),
    ("import SOURCE/none.nix", "path 'SOURCE/none.nix' does not exist"),
    ("builtins.readFileType SOURCE/none", "path 'SOURCE/none' does not exist"),
    ('"${SOURCE/none}"', "path 'SOURCE/none' does not exist"),
]


def on_disk(files: object, folder: Path) -> Path:
    """The same files in a folder."""
    folder.mkdir()
    for name, content in files.items():
        path = folder / os.fsdecode(name)
        if isinstance(content, dict):
            on_disk(content, path)
        elif isinstance(content, Link):
            path.symlink_to(os.fsdecode(content.target))
        else:
            path.write_bytes(content)
            path.chmod(0o755 if isinstance(content, Program) else 0o644)
    return folder


class Partly(MemoryFolder):
    """A file system whose single files are on disk, but not its folders."""

    def __init__(self, root: object, folder: Path) -> None:
        super().__init__(root)
        self.folder = folder

    def read(self, path: bytes) -> bytes:
        raise AssertionError("this file is on disk")

    def disk_path(self, path: bytes) -> bytes | None:
        return os.fsencode(self.folder / os.fsdecode(path)) if self.kind(path) in ("regular", "executable") else None


@pytest.fixture(params=["memory", "disk", "partly"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "memory":
        return MemoryFolder(FILES)
    folder = on_disk(FILES, tmp_path / "tree")
    return DiskFolder(os.fspath(folder)) if request.param == "disk" else Partly(FILES, folder)


@pytest.fixture(params=POLICIES)
def nix(request: pytest.FixtureRequest, files: object) -> Evaluator:
    made = Evaluator(**POLICIES[request.param])
    made.mount(SOURCE, files)
    return made


def test_reading_builtins_find_mounted_files(nix: Evaluator) -> None:
    for expression, value in VALUES:
        assert nix.evaluate(expression.replace("SOURCE", SOURCE)).to_python() == value, expression


def test_errors_in_mounted_files_are_those_of_the_disk(nix: Evaluator) -> None:
    for expression, message in ERRORS:
        with pytest.raises(EvaluationError) as caught:
            nix.evaluate(expression.replace("SOURCE", SOURCE)).to_python()
        assert caught.value.message == message.replace("SOURCE", SOURCE), expression


def test_errors_in_mounted_files_have_an_excerpt(nix: Evaluator) -> None:
    with pytest.raises(EvaluationError) as caught:
        nix.evaluate(f"(import {SOURCE}/bad.nix).a").force()
    assert f"at {SOURCE}/bad.nix:2:11" in caught.value.render()
    assert 'a = 1 + "x";' in caught.value.render()


def test_store_paths_are_those_of_the_disk(nix: Evaluator, tmp_path: Path) -> None:
    folder = on_disk(FILES, tmp_path / "other")
    free = Evaluator()
    for expression in (
        'builtins.path { path = ROOT; name = "source"; }', '"${ROOT/lib}"', '"${ROOT/run}"', '"${ROOT/dangling}"', '"${ROOT/empty}"',
        'builtins.path { path = ROOT/run; recursive = false; }',
        'builtins.path { path = ROOT; name = "s"; filter = p: t: baseNameOf p != "lib"; }',
        'builtins.path { path = ROOT; name = "s"; filter = p: t: t != "symlink"; }',
    ):  # fmt: skip
        found, wanted = (
            e.evaluate(expression.replace("ROOT", root)).to_python()
            for e, root in ((nix, SOURCE), (free, os.fspath(folder)))
        )
        assert found == wanted, expression


def test_filters_see_paths_of_the_store(nix: Evaluator) -> None:
    seen = nix.evaluate(
        f'builtins.filterSource (p: t: p != "{SOURCE}/lib/deep" || throw "asked for ${{p}} ${{t}}") {SOURCE}'
    )
    with pytest.raises(EvaluationError, match=f"asked for {SOURCE}/lib/deep directory"):
        seen.to_python()


def test_a_link_on_disk_leads_into_the_mount(files: object, tmp_path: Path) -> None:
    nix = Evaluator()
    nix.mount(SOURCE, files)
    (tmp_path / "link").symlink_to(SOURCE)
    assert nix.evaluate("[ (import ./link/lib) (builtins.readFile ./link/link) (builtins.pathExists ./link/a.nix) (builtins.pathExists ./link/b) ]",
                        base_path=tmp_path).to_python() == ["dir", "2", True, False]  # fmt: skip
    assert list(nix.evaluate("builtins.readDir ./link/lib/deep", base_path=tmp_path).to_python()) == ["c"]


def test_a_link_out_of_the_mount_obeys_the_policy(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    files = MemoryFolder(
        {
            b"out": Link(os.fsencode(tmp_path / "secret")),
            b"up": Link(b"../../../" + os.fsencode(tmp_path)[1:] + b"/secret"),
        }
    )
    for policy, is_allowed in (({}, True), ({"pure": True}, False), ({"restricted": True}, False)):
        nix = Evaluator(**policy)
        nix.mount(SOURCE, files)
        for name in ("out", "up"):
            if is_allowed:
                assert nix.evaluate(f"builtins.readFile {SOURCE}/{name}").to_python() == "s"
                continue
            with pytest.raises(EvaluationError) as caught:
                nix.evaluate(f"builtins.readFile {SOURCE}/{name}").to_python()
            assert caught.value.code == "access"


@pytest.mark.parametrize(
    "path",
    ["/nix/store", "/nix/store/", "/nix/store/a/b", "/tmp/x", "", "nix/store/a", "/nix/store/a\0b", "/nix/store/a/"],
)
def test_only_paths_of_the_store_can_be_mounted(path: str) -> None:
    with pytest.raises(ValueError):
        Evaluator().mount(path, MemoryFolder({}))


class Broken(MemoryFolder):
    """A file system with wrong answers."""

    def __init__(self, **answers: object) -> None:
        super().__init__({b"f": b"1", b"d": {}, b"l": Link(b"f")})
        self.answers = answers

    def _answer(self, name: str, path: bytes) -> object:
        answer = self.answers.get(name, ...)
        if isinstance(answer, BaseException):
            raise answer
        return getattr(MemoryFolder, name)(self, path) if answer is ... else answer

    def kind(self, path): return self._answer("kind", path)  # fmt: skip

    def read(self, path): return self._answer("read", path)  # fmt: skip

    def list(self, path): return self._answer("list", path)  # fmt: skip

    def link(self, path): return self._answer("link", path)  # fmt: skip


def test_ctrl_c_in_a_file_system_is_ctrl_c() -> None:
    nix = Evaluator()
    nix.mount(SOURCE, Broken(read=KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        nix.evaluate(f"builtins.readFile {SOURCE}/f").force()
    assert nix.evaluate("1 + 1").to_python() == 2


@pytest.mark.parametrize(
    "answers",
    [
        {"read": "text"}, {"read": None}, {"read": OSError(5, "Input/output error")}, {"read": RuntimeError("x")}, {"read": MemoryError()},
        {"kind": "file"}, {"kind": 3}, {"kind": []}, {"kind": ZeroDivisionError()}, {"link": "f"},
        {"link": b"a\0b"}, {"link": b"x" * 10000}, {"link": ValueError("y")}, {"list": [(b"a/b", "regular")]}, {"list": [(b"..", "regular")]},
        {"list": [(b"", "regular")]}, {"list": [("f", "regular")]}, {"list": [(b"f", "regular"), (b"f", "regular")]}, {"list": None},
        {"list": [b"f"]}, {"list": [(b"f", "x")]}, {"list": OSError()},
    ],
)  # fmt: skip
def test_bad_answers_are_errors(answers: dict[str, object]) -> None:
    nix = Evaluator()
    nix.mount(SOURCE, Broken(**answers))
    for expression in (
        "builtins.readFile SOURCE/f", "builtins.readFile SOURCE/l", "builtins.readDir SOURCE", "import SOURCE/f", '"${SOURCE}"',
        "builtins.filterSource (p: t: true) SOURCE",
    ):  # fmt: skip
        try:
            nix.evaluate(expression.replace("SOURCE", SOURCE)).to_python()
        except EvaluationError as error:
            assert error.code == "file", expression
            break
    else:
        pytest.fail("no expression raised an error")
    assert nix.evaluate("1 + 1").to_python() == 2


def test_mounted_files_are_copied_into_an_embedded_store(files: object, tmp_path: Path) -> None:
    nix = Evaluator(store=tmp_path / "store")
    nix.mount(SOURCE, files)
    copied = nix.evaluate(f'"${{{SOURCE}/lib}}"').to_python()
    part = nix.evaluate(
        f'builtins.path {{ path = {SOURCE}; name = "part"; filter = p: t: t != "symlink"; }}'
    ).to_python()
    nix.flush()
    written = tmp_path / "store" / copied[1:]
    assert (written / "deep" / "c").read_text() == "C"
    assert sorted(os.listdir(tmp_path / "store" / part[1:])) == ["a.nix", "bad.nix", "empty", "lib", "run"]
    assert nix.evaluate(f"import {copied}").to_python() == "dir"
    assert nar.pack(written) == nar.pack(on_disk(FILES, tmp_path / "again") / "lib")


def test_a_mapping_that_contains_itself_is_an_error() -> None:
    folder: dict[str, object] = {}
    folder["a"] = folder
    with pytest.raises(ValueError, match="itself"):
        Evaluator(files={SOURCE: folder})
