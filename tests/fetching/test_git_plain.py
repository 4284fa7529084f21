"""What we read in a repository's plain files is what libgit2 says; if the files are not plain, libgit2 is asked."""

import os

import pygit2
import pytest
from git_calls import git

from snowsnake.fetch import git_plain
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.fetch.git_plain import plain_repository, plain_settings
from snowsnake.fetch.git_repository import head_ref, open_repository, setting_of
from snowsnake.fetch.git_working_tree import working_tree
from snowsnake.settings import Settings

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
SETTINGS = ("core.autocrlf", "core.filemode", "core.symlinks", "core.attributesfile")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(git_plain, "SYSTEM_SETTINGS", str(tmp_path / "none"))
    (tmp_path / "home/.config/git").mkdir(parents=True)
    search, levels = pygit2.settings.search_path, pygit2.enums.ConfigLevel
    places = {levels.GLOBAL: tmp_path / "home", levels.XDG: tmp_path / "home/.config/git"}
    before = {level: search[level] for level in places}
    for level, place in places.items():
        search[level] = str(place)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a").write_text("a")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    yield folder
    for level, place in before.items():
        search[level] = place


def write(place, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def as_worktree(folder) -> None:
    git(folder, "worktree", "add", "-q", "../other")
    (folder / ".git").rename(folder.parent / "moved")
    (folder.parent / "other/.git").rename(folder / ".git")


PLAIN = {
    "one commit": lambda folder: None,
    "packed": lambda folder: git(folder, "pack-refs", "--all"),
    "packed, then another commit": lambda folder: (git(folder, "pack-refs", "--all"), git(folder, "commit", "-q", "--allow-empty", "-m", "second")),
    "detached": lambda folder: git(folder, "checkout", "-q", "--detach"),
    "deep branch": lambda folder: git(folder, "checkout", "-q", "-b", "a/b.c/d-e+f"),
    "deep branch, packed": lambda folder: (git(folder, "checkout", "-q", "-b", "a/b"), git(folder, "pack-refs", "--all")),
    "names that begin alike": lambda folder: (git(folder, "branch", "main2"), git(folder, "branch", "amain"), git(folder, "pack-refs", "--all")),
    "annotated tags": lambda folder: (git(folder, "tag", "-a", "-m", "t", "t"), git(folder, "pack-refs", "--all")),
    "line ends": lambda folder: git(folder, "config", "core.autocrlf", "input"),
    "the user's settings": lambda folder: write(folder.parent / "home/.gitconfig", "[core]\n  AutoCRLF = true\n\tfilemode=false\n"),
    "the user's other settings": lambda folder: write(folder.parent / "home/.config/git/config", "[Core]\n; c\n[core]\nsymlinks = false\n"),
    "the repository's win": lambda folder: (
        write(folder.parent / "home/.gitconfig", "[core]\nfilemode = false\n"), git(folder, "config", "core.filemode", "true"),
    ),
    "another section": lambda folder: git(folder, "config", "branch.core.autocrlf", "true"),
}  # fmt: skip

LEFT_TO_LIBGIT2 = {
    "no commit": lambda folder: git(folder, "checkout", "-q", "--orphan", "none"),
    "linked worktree": as_worktree,
    "includes": lambda folder: git(folder, "config", "include.path", "more"),
    "conditional includes": lambda folder: git(folder, "config", "includeIf.gitdir:/.path", "more"),
    "extensions": lambda folder: git(folder, "config", "extensions.worktreeConfig", "true"),
    "version 1": lambda folder: git(folder, "config", "core.repositoryformatversion", "1"),
    "elsewhere": lambda folder: git(folder, "config", "core.worktree", "/elsewhere"),
    "quotes": lambda folder: write(folder.parent / "home/.gitconfig", '[core]\nautocrlf = "true"\n'),
    "continued line": lambda folder: write(folder.parent / "home/.gitconfig", "[core]\nautocrlf = \\\ntrue\n"),
    "section and setting in one line": lambda folder: write(folder.parent / "home/.gitconfig", "[core] autocrlf = true\n"),
    "not UTF-8": lambda folder: (folder.parent / "home/.gitconfig").write_bytes(b"[user]\nname = \xff\n"),
    "HEAD a link": lambda folder: ((folder / ".git/HEAD").unlink(), os.symlink("refs/heads/main", folder / ".git/HEAD")),
    "a reference to a reference": lambda folder: git(folder, "symbolic-ref", "refs/heads/main", "refs/heads/other"),
    "an odd branch": lambda folder: (folder / ".git/HEAD").write_text("ref: refs/heads/../heads/main\n"),
}


def same(folder) -> bool:
    """Whether the plain files answered; checks that libgit2 has the same answer."""
    plain = plain_repository(str(folder))
    if plain is None:
        return False
    opened = open_repository(str(folder))
    assert plain.head == str(opened.head.target)
    assert plain.branch == head_ref(opened)
    assert plain.path == opened.path
    for name in SETTINGS:
        assert plain.settings.get(name, "") == setting_of(opened, name)
    return True


@pytest.mark.parametrize("what", PLAIN)
def test_plain_files_say_what_libgit2_says(what, repository) -> None:
    PLAIN[what](repository)
    assert same(repository)


@pytest.mark.parametrize("what", LEFT_TO_LIBGIT2)
def test_odd_repositories_are_left_to_libgit2(what, repository) -> None:
    LEFT_TO_LIBGIT2[what](repository)
    assert not same(repository)


def test_other_owners_are_libgit2s_business(repository, monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert plain_repository(str(repository)) is None


@pytest.mark.parametrize("text", ["[a\nb = c", "b c = d", "[a]\nb = c # d\\\ne", "=", "[a]b", "[a \"\\\"\"]", "\0", "[a]\nb = c;d\n  [\n"])
def test_settings_that_are_not_plain_are_left_to_libgit2(text) -> None:
    assert plain_settings(text) is None


def test_a_second_look_needs_no_libgit2(repository, tmp_path) -> None:
    """Also a dirty tree needs none, because its name is remembered by its changes."""
    fetcher = Fetcher(Settings(), cache_folder=str(tmp_path / "cache"))
    (repository / "a").write_text("b")
    reference = f"git+file://{repository}"
    first = fetcher.fetch(fetcher.input_from_url(reference)).nar_hash
    fetcher.forget()
    status = working_tree(str(repository), fetcher)
    again = fetcher.fetch(fetcher.input_from_url(reference)).nar_hash
    fetcher.close()
    assert first == again
    assert status.changed == [b"a"]
    assert status.repository._opened is None
