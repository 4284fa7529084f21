"""The reader of Git's index says the same about a working tree as libgit2, whatever was done to its files; and the hash of the tree is that of the files."""

import os
import random
import shutil

import pytest
from git_calls import git

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.fetch.git_index import GitIndex
from snowsnake.fetch.git_repository import open_repository
from snowsnake.fetch.git_working_tree import WorkingTree, _ask_libgit2, _memo, working_tree
from snowsnake.fetch.tree_hash import hash_of
from snowsnake.fetch.trees import PartOfDisk
from snowsnake.settings import Settings
from snowsnake.store import nar

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)


@pytest.fixture
def fetcher(tmp_path):
    made = Fetcher(Settings(), cache_folder=str(tmp_path / "cache"))
    yield made
    made.close()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("a", "a-b", "a.b/x", "d/e/f/g", "d/e-f", "d/e/h", "z/ü", "run", "late/one", "late/two"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "run").chmod(0o755)
    os.symlink("a", folder / "link")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "untracked").write_text("u")
    return folder


def by_libgit2(folder, fetcher) -> WorkingTree:
    opened = open_repository(str(folder))
    found = WorkingTree(str(opened.head.target), opened)
    _ask_libgit2(found, str(folder), fetcher)
    return found


def check(folder, fetcher) -> WorkingTree:
    mine, theirs = working_tree(str(folder), fetcher), by_libgit2(folder, fetcher)
    assert (mine.is_dirty, sorted(mine.changed), sorted(mine.deleted)) == (theirs.is_dirty, sorted(theirs.changed), sorted(theirs.deleted))
    plain = PartOfDisk(str(folder), mine.files)
    assert hash_of(mine.tree(str(folder), [])) == hash_of(plain)
    # Nobody has looked into this tree yet.
    tree = working_tree(str(folder), fetcher).tree(str(folder), [])
    for path in (b"", b"d", b"d/e", b"a", b"link", b"untracked", b"none", b"late"):
        assert tree.kind(path) == plain.kind(path)
        if tree.kind(path) == "directory":
            assert sorted(tree.list(path)) == sorted(plain.list(path))
    return mine


def move_behind_a_link(folder) -> None:
    (folder / "d").rename(folder / "elsewhere")
    os.symlink("elsewhere", folder / "d")


CHANGES = {
    "nothing": lambda folder: None,
    "contents": lambda folder: (folder / "a").write_text("b"),
    "contents of the same size at the same time": lambda folder: same_dates(folder / "a"),
    "touched": lambda folder: os.utime(folder / "a", (5, 5)),
    "mode": lambda folder: (folder / "a").chmod(0o755),
    "deleted": lambda folder: (folder / "d/e/h").unlink(),
    "folder deleted": lambda folder: shutil.rmtree(folder / "d"),
    "file becomes a link": lambda folder: ((folder / "a").unlink(), os.symlink("run", folder / "a")),
    "file becomes a folder": lambda folder: ((folder / "a").unlink(), (folder / "a").mkdir()),
    "folder behind a link": move_behind_a_link,
    "staged": lambda folder: ((folder / "new").write_text("n"), git(folder, "add", "new")),
    "intended": lambda folder: ((folder / "new").write_text("n"), git(folder, "add", "-N", "new")),
    "removed from the index": lambda folder: git(folder, "rm", "-q", "--cached", "a"),
    "staged and changed back": lambda folder: ((folder / "a").write_text("b"), git(folder, "add", "a"), (folder / "a").write_text("a")),
    "another commit": lambda folder: ((folder / "a").write_text("b"), git(folder, "commit", "-q", "-am", "second")),
    "soft reset": lambda folder: (
        (folder / "a").write_text("b"), git(folder, "commit", "-q", "-am", "second"), git(folder, "reset", "-q", "--soft", "HEAD~1"),
    ),
    "assumed unchanged": lambda folder: (git(folder, "update-index", "--assume-unchanged", "a"), (folder / "a").write_text("b")),
    "version 4": lambda folder: (git(folder, "update-index", "--index-version", "4"), (folder / "a").write_text("b")),
    "line ends": lambda folder: (git(folder, "config", "core.autocrlf", "true"), (folder / "a").write_text("a\r\n")),
}  # fmt: skip


def same_dates(path) -> None:
    """Makes an index racy: the file has as many bytes and the same dates as before, and the clock is too coarse to tell the change."""
    before = path.stat()
    path.write_text("b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("what", CHANGES)
def test_the_index_says_what_libgit2_says(what, repository, fetcher) -> None:
    CHANGES[what](repository)
    check(repository, fetcher)


def test_a_split_index_is_an_error(repository, fetcher) -> None:
    """libgit2, and so C++ Nix, does not read it."""
    git(repository, "update-index", "--split-index")
    with pytest.raises(FetchFailure, match="unsupported mandatory extension: 'link'"):
        working_tree(str(repository), fetcher)


def test_a_submodule_does_not_count_as_a_file(repository, fetcher, tmp_path) -> None:
    shutil.copytree(repository, tmp_path / "inner")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "inner"), "module")
    git(repository, "commit", "-q", "-am", "module")
    git(repository, "status")
    (repository / "module" / "a").write_text("other")
    found = check(repository, fetcher)
    assert found.index.modules == [b"module"] and not found.is_dirty


def test_many_changes_one_after_the_other_are_seen_as_by_libgit2(repository, fetcher) -> None:
    chosen = random.Random(7)
    names = git(repository, "ls-files", "-z").split("\0")[:-1]
    for _ in range(60):
        path = repository / chosen.choice(names)
        match chosen.randrange(6):
            case 0:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.is_symlink() and path.unlink()
                path.write_text(str(chosen.random()))
            case 1:
                path.unlink(missing_ok=True)
            case 2:
                path.exists() and path.chmod(chosen.choice((0o644, 0o755)))
            case 3:
                git(repository, "add", "-A", "--", ".")
            case 4:
                git(repository, "commit", "-q", "--allow-empty", "-am", "again")
            case _:
                git(repository, "checkout", "-q", "--", ".")
        check(repository, fetcher)


def test_every_prefix_and_every_flipped_byte_is_refused_or_read(repository) -> None:
    data = (repository / ".git/index").read_bytes()
    for size in range(0, len(data), 7):
        assert not GitIndex(data[:size], str(repository)).is_plain
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        index = GitIndex(bytes(changed), str(repository))
        if index.is_plain:
            index.entries(b""), index.has(b"a"), index.has_below(b"d")


def test_several_threads_find_the_same_changes(tmp_path, fetcher) -> None:
    folder = tmp_path / "many"
    for number in range(120):
        (folder / f"{number}").mkdir(parents=True)
        for inner in range(100):
            (folder / f"{number}/{inner}").write_text(str(inner))
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")
    for name in ("0/1", "59/99", "60/0", "119/99"):
        (folder / name).write_text("changed")
    assert working_tree(str(folder), fetcher).changed == [b"0/1", b"119/99", b"59/99", b"60/0"]


@pytest.mark.parametrize("attributes", ("* text=auto eol=lf\n", "a text eol=crlf\n", "*.none filter=x\n"))
def test_where_git_converts_the_hash_is_remembered_and_true(attributes, repository, fetcher) -> None:
    """The names that hashes are remembered under, after any changes: never the hash of other bytes."""
    (repository / ".gitattributes").write_text(attributes)
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-qam", "attributes")
    chance = random.Random(attributes)
    named = 0
    for _ in range(30):
        name = chance.choice(("a", "d/e/f/g", "run", "late/one"))
        what = chance.randrange(6)
        if what == 0:
            (repository / name).write_bytes(chance.choice((b"x\n", b"x\r\n", b"y\r\n", b"y\n")))
        elif what == 1:
            git(repository, "add", ".")
            git(repository, "commit", "-q", "--allow-empty", "-m", "more")
        elif what == 2:
            git(repository, "checkout", "-q", "--", ".")
        elif what == 3:
            (repository / name).unlink(missing_ok=True)
        elif what == 4:
            git(repository, "status")
        else:
            os.utime(repository / "z" / "ü", ns=(0, chance.randrange(10**18)))
        fetcher.forget()
        source = fetcher.fetch(fetcher.input_from_url(f"git+file://{repository}"))
        status = working_tree(str(repository), fetcher)
        assert source.nar_hash == hash_of(PartOfDisk(str(repository), status.files))[0].sri
        named += bool(_memo(status, str(repository), fetcher))
    assert named > 10


ALL = [b"a", b"a-b", b"d/e/h", b"late/one", b"link", b"run"]


@pytest.mark.parametrize(
    ("change", "read", "holds"),
    [
        (lambda folder: None, [(path, False) for path in ALL], True),
        (lambda folder: None, [(b"", True), (b"d", True), (b"d", False), (b"none", False), (b"a/below", False)], True),
        (lambda folder: (folder / "late/one").write_text("other"), [(b"late/one", False)], False),
        (lambda folder: (folder / "late/one").write_text("late/on!"), [(b"late", True)], False),
        (lambda folder: (folder / "late/one").write_text("other"), [(b"late", False), (b"late/two", False), (b"d", True)], True),
        (lambda folder: (folder / "run").chmod(0o644), [(b"run", False)], False),
        (lambda folder: (folder / "run").unlink(), [(b"", True)], False),
        (move_behind_a_link, [(b"d/e/h", False)], False),
        # The index cannot tell this change.
        (lambda folder: None, [(b"link/below", False)], False),
        # These files do not belong to Git.
        (lambda folder: (folder / "new").write_text("n"), [(b"", True), (b"new", False)], True),
    ],
)  # fmt: skip
def test_whether_what_was_read_is_what_was_hashed(repository, fetcher, change, read, holds) -> None:
    settled(repository)
    tree = working_tree(str(repository), fetcher).tree(str(repository), [])
    assert tree.is_unchanged(read) == (read[0][0] != b"link/below")
    change(repository)
    assert tree.is_unchanged(read) == holds


def test_differences_from_before_are_not_changes(repository, fetcher) -> None:
    (repository / "a").write_text("changed before")
    tree = working_tree(str(repository), fetcher).tree(str(repository), [])
    assert not tree.is_unchanged([(b"a", False)]) and not tree.is_unchanged([(b"", True)])
    assert tree.is_unchanged([(b"d/e/h", False)])


def settled(folder) -> None:
    """Gives the files old dates and refreshes the index, so that it is believed."""
    for place, _, names in os.walk(folder):
        if ".git" not in place:
            for name in names:
                os.utime(os.path.join(place, name), (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    git(folder, "update-index", "-q", "--refresh")


def test_a_path_is_asked_for_once(repository, fetcher, monkeypatch) -> None:
    """An evaluation of nixpkgs asks three and a half times on average for the kind of each file; all answers come from one look."""
    tree = working_tree(str(repository), fetcher).tree(str(repository), [])
    kinds = [tree.kind(path) for path in [*ALL, b"none", b"d"]]
    monkeypatch.setattr(nar, "mode_below", lambda path, trusted: pytest.fail(f"{path!r} is asked for again"))
    assert [tree.kind(path) for path in [*ALL, b"none", b"d"]] == kinds == ["regular"] * 4 + ["symlink", "executable", None, "directory"]


def test_a_mode_is_that_of_what_lies_there(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    os.symlink("file", tmp_path / "link")
    os.symlink(".", tmp_path / "folder")
    trusted = len(os.fsencode(tmp_path))
    for name in ("", "file", "link"):
        place = os.fsencode(tmp_path / name)
        assert nar.mode_below(place, trusted) == os.lstat(place).st_mode
    for name in ("none", "file/below"):
        assert nar.mode_below(os.fsencode(tmp_path / name), trusted) == 0
    with pytest.raises(OSError, match="symbolic links"):
        nar.mode_below(os.fsencode(tmp_path / "folder/file"), trusted)
