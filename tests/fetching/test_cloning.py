"""`flake clone` fetches a repository with its history, by the user's git, and copies other sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from git_calls import git

from snowsnake.fetch.cloning import repository_of
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)


@pytest.fixture
def flake(tmp_path: Path) -> Path:
    folder = tmp_path / "flake"
    folder.mkdir()
    (folder / "flake.nix").write_text("{ outputs = _: { }; }\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "branch", "other")
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    return folder


def clone(folder: Path, reference: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("snowsnake-nix")), "--extra-experimental-features", "nix-command flakes"]
    command += ["--option", "flake-registry", "", "flake", "clone", reference, "--dest", "copy", *more]
    environment = os.environ | {"HOME": str(folder / "home"), "SNOWSNAKE_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_a_repository_comes_with_its_history(flake: Path, tmp_path: Path) -> None:
    done = clone(tmp_path, str(flake))
    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "copy", "log", "--format=%s") == "second\nfirst"
    assert git(tmp_path / "copy", "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_a_named_branch_is_cloned(flake: Path, tmp_path: Path) -> None:
    assert clone(tmp_path, f"git+file://{flake}?ref=other").returncode == 0
    assert git(tmp_path / "copy", "log", "--format=%s") == "first"


def test_a_folder_is_copied(flake: Path, tmp_path: Path) -> None:
    done = clone(tmp_path, f"path:{flake}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/flake.nix").is_file()
    assert clone(tmp_path, f"path:{flake}").stderr.strip() == 'error: cannot clone into existing path "copy"'


@pytest.mark.parametrize(
    "more, said",
    [("rev=" + "0" * 40, "error: cloning a specific revision is not implemented"), ("ref=none", 'error: program "git" failed with exit code 128')],
)
def test_a_failed_clone_says_why(more: str, said: str, flake: Path, tmp_path: Path) -> None:
    done = clone(tmp_path, f"git+file://{flake}?{more}")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, said)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "reference, wanted",
    [
        ("github:o/r", "git+https://github.com/o/r.git"),
        ("github:o/r/main?host=x.org", "git+https://x.org/o/r.git?ref=main"),
        ("gitlab:o%2Fg/r", "git+https://gitlab.com/o/g/r.git"),
        ("sourcehut:~o/r", "git+https://git.sr.ht/~o/r"),
        ("git+ssh://u@x.org/r?ref=main", "git+ssh://u@x.org/r?ref=main"),
        ("path:/a", None),
        ("https://x.org/a.tar.gz", None),
    ],
)
def test_the_repository_of_a_forge_is_found(reference: str, wanted: str | None, tmp_path: Path) -> None:
    fetcher = Fetcher(Settings(), cache_folder=str(tmp_path / "cache"))
    found = repository_of(fetcher.input_from_url(reference), fetcher)
    assert (None if found is None else str(found)) == wanted
