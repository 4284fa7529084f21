"""Files, variables, the system, settings and messages are parameters of an evaluator, which forgets changed files."""

import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import snowsnake
from snowsnake import Evaluator

TREE = {"a.nix": "{ x }: x + import ./lib/b.nix", "lib/b.nix": "2", "lib": {"c.txt": b"\xff"}, "default.nix": "builtins.readDir ./lib"}


class Files:
    """A file system with only the required methods."""

    def kind(self, path):
        return {b"": "directory", b"a.nix": "regular"}.get(path)

    def read(self, path):
        return b"1 + 2"

    def list(self, path):
        return [(b"a.nix", "regular")]


@pytest.mark.parametrize("pure", [False, True])
def test_a_mapping_is_a_file_system(pure):
    nix = Evaluator(files=TREE, pure=pure)
    assert nix.evaluate_file("a.nix")(x=40) == 42
    assert nix.evaluate_file(".") == {"b.nix": "regular", "c.txt": "regular"}
    assert nix.evaluate("import ./b.nix", base_path="lib") == 2 and nix.evaluate("builtins.pathExists ./zzz") == False  # noqa: E712
    with pytest.raises(snowsnake.FileFault):
        nix.evaluate_file("zzz.nix")
    with pytest.raises(ValueError, match="leads out"):
        nix.evaluate_file("../a.nix")


def test_zip_files_and_objects_are_file_systems(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a.nix").write_text("3")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.nix", "1 + 2")
        archive.writestr("lib/b.nix", "5")
    sources = [Files(), tmp_path / "tree", str(tmp_path / "tree"), tmp_path / "a.zip", zipfile.ZipFile(tmp_path / "a.zip"), {b"a.nix": b"3"}]
    for source in sources:
        assert Evaluator(files=source).evaluate_file("a.nix") == 3
    assert Evaluator(files=tmp_path / "a.zip").evaluate("import ./lib/b.nix") == 5


def test_a_file_system_of_fsspec_can_be_evaluated():
    fsspec = pytest.importorskip("fsspec")
    remote = fsspec.filesystem("memory")
    remote.pipe("/a.nix", b"import ./lib/b.nix")
    remote.pipe("/lib/b.nix", b"7")
    nix = Evaluator(files=remote)
    assert nix.evaluate_file("a.nix") == 7 and "lib" in nix.evaluate("builtins.readDir ./.")


def test_a_tree_of_git_is_a_file_system(tmp_path):
    pygit2 = pytest.importorskip("pygit2")
    (tmp_path / "a.nix").write_text("import ./lib/b.nix")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/b.nix").write_text("9")
    environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"}
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, env=environment)
    repository = pygit2.Repository(str(tmp_path))
    (tmp_path / "lib/b.nix").write_text("10")
    for source in (repository.head.peel(pygit2.Commit), repository.head.peel(pygit2.Tree)):
        assert Evaluator(files=source).evaluate_file("a.nix") == 9


@pytest.mark.parametrize("source", [3, object(), {"a": 3}, {"../a": "1"}, {"a/../b": "1"}, {"": "1"}, {"a": "1", "a/b": "2"}, {3: "1"}, []])
def test_other_objects_are_not_file_systems(source):
    with pytest.raises((TypeError, ValueError)):
        Evaluator(files=source)
    with pytest.raises(FileNotFoundError):
        Evaluator(files="/nowhere/at/all")


def test_a_file_system_that_fails_is_a_file_fault():
    class Broken(Files):
        def read(self, path):
            raise OSError(5, "broken")

    with pytest.raises(snowsnake.FileFault, match="broken"):
        Evaluator(files=Broken()).evaluate_file("a.nix")


def test_variables_and_the_system_are_parameters(monkeypatch):
    monkeypatch.setenv("SNOWSNAKE_OUTSIDE", "x")
    get = "builtins.getEnv"
    nix = Evaluator(environment={"A": "1"}, system="riscv64-linux")
    assert nix.evaluate(f'[ ({get} "A") ({get} "SNOWSNAKE_OUTSIDE") builtins.currentSystem ]') == ["1", "", "riscv64-linux"]
    assert [entry.name for entry in nix.dependencies() if entry.kind == "variable"] == ["A", "SNOWSNAKE_OUTSIDE"]
    assert Evaluator().evaluate(f'{get} "SNOWSNAKE_OUTSIDE"') == "x"
    assert Evaluator(environment={"HOME": "/h"}).evaluate("~/a") == Path("/h/a")
    for wrong in ({"A": "1\0"}, {"A\0": "1"}, {"A": 1}):
        with pytest.raises((TypeError, ValueError)):
            Evaluator(environment=wrong)


def test_settings_win_over_parameters():
    nix = Evaluator(settings={"pure-eval": True, "extra-experimental-features": ["pipe-operators"], "system": "a-b"})
    assert nix.evaluate("1 |> (x: x + 1)") == 2 and nix.evaluate("builtins ? currentSystem") == False  # noqa: E712
    assert Evaluator(settings={"eval-system": "a-b"}).evaluate("builtins.currentSystem") == "a-b"
    with pytest.raises(ValueError, match="no setting"):
        Evaluator(settings={"pur-eval": True})
    with pytest.raises(ValueError, match="tarball-ttl"):
        Evaluator(settings={"tarball-ttl": "soon"})


def test_messages_go_to_a_function():
    said: list[tuple[str, str]] = []
    nix = Evaluator(on_message=lambda kind, text: said.append((kind, text)), files={"a.nix": "1"})
    nix.evaluate('builtins.trace "t" (builtins.warn "w" (import ./a.nix))').force()
    assert ("trace", "t") in said and ("warning", "w") in said and any(kind == "progress" and "a.nix" in text for kind, text in said)
    with pytest.raises(TypeError):
        Evaluator(on_message=3)


def test_nothing_goes_to_standard_error(caplog):
    code = "import snowsnake; snowsnake.evaluate('builtins.trace \"t\" (builtins.warn \"w\" 1)').force()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    with caplog.at_level(logging.INFO, "snowsnake"):
        snowsnake.evaluate('builtins.trace "t" (builtins.warn "w" 1)').force()
    assert [(record.levelname, record.message) for record in caplog.records] == [("INFO", "t"), ("WARNING", "w")]


def test_a_listener_may_raise_or_use_the_evaluator():
    seen: list[str] = []

    def listen(kind: str, text: str) -> None:
        try:
            nix.evaluate("1")
        except RuntimeError as error:
            seen.append(str(error))
        raise ValueError("no")

    nix = Evaluator(on_message=listen)
    hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: seen.append(type(unraisable.exc_value).__name__)
    try:
        assert nix.evaluate('builtins.trace "t" 1') == 1
    finally:
        sys.unraisablehook = hook
    assert "ValueError" in seen and any("middle" in text for text in seen)


def test_what_changed_is_forgotten(tmp_path):
    (tmp_path / "a.nix").write_text("{ v = import ./b.nix; }")
    (tmp_path / "b.nix").write_text("1")
    nix = Evaluator()
    before = nix.evaluate_file(tmp_path / "a.nix")
    assert before["v"] == 1
    (tmp_path / "b.nix").write_text("2")
    assert nix.evaluate_file(tmp_path / "a.nix")["v"] in (1, 2)
    assert nix.changed([tmp_path / "b.nix"])
    assert nix.evaluate_file(tmp_path / "a.nix")["v"] == 2 and before["v"].to_python() == 1
    assert nix.evaluate("f: f 1")(lambda x: 5) == 5
    with pytest.raises(ValueError):
        nix.evaluate("x: x")(before)
    with pytest.raises(TypeError):
        nix.changed("a.nix")


def test_read_dir_names_what_a_link_leads_to(tmp_path) -> None:
    """The names are those of 2.34.8, and the walk is recorded once."""
    import snowsnake

    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(snowsnake.EvaluationError, match=f'cannot read directory "{tmp_path}/file": Not a directory'):
        snowsnake.evaluate(f"builtins.readDir {tmp_path}/link").force()


def test_a_negative_attribute_of_a_flake_reference_is_said_before_the_feature() -> None:
    import snowsnake

    with pytest.raises(snowsnake.EvaluationError, match="negative value given for flake ref attr repo: -1"):
        snowsnake.evaluate('builtins.flakeRefToString { type = "github"; owner = "o"; repo = -1; }').force()
    with pytest.raises(snowsnake.EvaluationError, match="experimental Nix feature 'flakes' is disabled"):
        snowsnake.evaluate('builtins.flakeRefToString { type = "github"; owner = "o"; repo = "r"; }').force()
