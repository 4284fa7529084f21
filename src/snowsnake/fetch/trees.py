"""Read-only trees of fetched sources: a folder, some files of a folder, one tree with others mounted in it.

They have the methods of `host.file_system.FileSystem`.  Paths are bytes relative to the tree's root, which is `b""`; kinds are "regular",
"executable", "directory" and "symlink".  A path that does not exist has the kind None; reading it is an OSError.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import contextmanager
    from typing import Protocol

    from snowsnake.fetch.git_index import GitIndex
else:
    from snowsnake.foundation.scopes import contextmanager

    Protocol = object


class FileTree(Protocol):
    """The methods of every tree."""

    def kind(self, path: bytes) -> str | None: ...

    def read(self, path: bytes) -> bytes: ...

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        """(name, kind) of a directory's entries, in any order."""

    def link(self, path: bytes) -> bytes:
        """The target of a symbolic link."""

    def disk_path(self, path: bytes) -> bytes | None:
        """The place on disk of this file, or of this folder with everything in it, if it lies there unchanged; otherwise None."""


def places_of(tree: FileTree, path: bytes, is_whole: bool = False) -> Iterator[bytes]:
    """The places on disk whose change may change what a tree says about a path (or, with *is_whole*, about everything below it).

    They are the file, and the folders of the tree on the way to it, without its root.  A tree that never changes has none.

    >>> list(places_of(DiskTree("/top"), b"a/b"))
    [b'/top/a/b', b'/top/a']
    >>> list(places_of(FileContents(b""), b""))
    []
    """
    if isinstance(tree, MountedTree):
        inner, rest = tree._find(path)
        yield from places_of(inner, rest, is_whole)
        start = path + b"/" if path else b""
        for mount, other in tree.mounts.items() if is_whole else ():
            if mount.startswith(start):
                yield from places_of(other, b"", True)
    elif isinstance(tree, WithoutUntracked) and not path and not is_whole:
        # The names in the root are those of Git's index, so they do not depend on the disk.
        return
    elif isinstance(tree, DiskTree):
        yield from places_below(tree.root, path, is_whole)
    elif isinstance(tree, PlainFile):
        yield tree.path
    elif hasattr(tree, "base"):
        # The tree leaves something out of another tree.
        yield from places_of(tree.base, path, is_whole)


def places_below(root: bytes, path: bytes, is_whole: bool) -> Iterator[bytes]:
    """Like `places_of`, for a folder or file at *root* on disk."""
    top = root + b"/" + path if path else root
    yield top
    if is_whole:
        folders = [top] if os.path.isdir(top) and not os.path.islink(top) else []
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.name == b".git":
                        continue
                    yield entry.path
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    while path := path.rpartition(b"/")[0]:
        yield root + b"/" + path


def missing(path: bytes) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))


def _kind_of(mode: int) -> str | None:
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "symlink"
    if stat.S_ISREG(mode):
        return "executable" if mode & stat.S_IXUSR else "regular"
    return None


@contextmanager
def closing_fd(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


class DiskTree:
    """A file or folder on disk.

    *is_exact*: no link may be on the way to the root either, because a policy allows this place only.
    """

    def __init__(self, root: str | bytes, *, is_exact: bool = False) -> None:
        self.root = os.fsencode(root)
        self._trusted = 0 if is_exact else len(self.root)

    def _at(self, path: bytes) -> bytes:
        return self.root + b"/" + path if path else self.root

    def status(self, path: bytes) -> os.stat_result:
        """The status of a file, folder or link; raises OSError if there is none."""
        with closing_fd(self._open(path, os.O_PATH | os.O_NOFOLLOW)) as found:
            return os.fstat(found)

    def kind(self, path: bytes) -> str | None:
        from snowsnake.store.nar import mode_below

        mode = mode_below(self._at(path), self._trusted)
        return _kind_of(mode) if mode else None

    def read(self, path: bytes) -> bytes:
        # If the path is a folder, `open` raises an error; it closes the descriptor only if an opener returned it.
        with open(self._at(path), "rb", opener=lambda _name, _flags: self._open(path, os.O_RDONLY | os.O_NONBLOCK)) as file:
            return file.read()

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        found = []
        folder = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
        with closing_fd(folder), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    kind: str | None = "symlink"
                elif entry.is_dir(follow_symlinks=False):
                    kind = "directory"
                else:
                    kind = _kind_of(entry.stat(follow_symlinks=False).st_mode)
                if kind is not None:
                    found.append((os.fsencode(entry.name), kind))
        return found

    def link(self, path: bytes) -> bytes:
        with closing_fd(self._open(path, os.O_PATH)) as link:
            return os.readlink(b"", dir_fd=link)

    def _open(self, path: bytes, flags: int) -> int:
        """Opens a path and follows no link below the root: another program may replace a folder by a link at any time."""
        from snowsnake.store.nar import open_below

        return open_below(self._at(path), self._trusted, flags if flags & os.O_DIRECTORY and not path else flags | os.O_NOFOLLOW)

    def disk_path(self, path: bytes) -> bytes | None:
        # Opening an exact place by its name could follow a link.
        return self._at(path) if self._trusted else None


class SingleFile:
    """A tree that is one file."""

    def kind(self, path: bytes) -> str | None:
        return None if path else "regular"

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        raise NotADirectoryError(f"'{os.fsdecode(path)}' is not a directory")

    def link(self, path: bytes) -> bytes:
        raise missing(path)


class PlainFile(SingleFile):
    """One file of this machine, as if it had been downloaded: not a link, and not executable."""

    def __init__(self, path: str | bytes) -> None:
        self.path = os.fsencode(path)

    def read(self, path: bytes) -> bytes:
        if path:
            raise missing(path)
        with open(self.path, "rb") as file:
            return file.read()

    def disk_path(self, path: bytes) -> bytes | None:
        return self.path if not path and _kind_of(os.lstat(self.path).st_mode) == "regular" else None


class FileContents(SingleFile):
    """One file, kept in memory."""

    def __init__(self, contents: bytes) -> None:
        self._contents = contents

    def read(self, path: bytes) -> bytes:
        if path:
            raise missing(path)
        return self._contents

    def disk_path(self, path: bytes) -> bytes | None:
        return None


class PartOfDisk(DiskTree):
    """The named files of a folder; everything below a named path comes with it.

    *files* returns the names.  It is called when the tree is first read, which never happens if its hash is known.
    """

    def __init__(self, root: str | bytes, files: Callable[[], Iterable[bytes]], *, is_exact: bool = False) -> None:
        super().__init__(root, is_exact=is_exact)
        self._name_files = files
        self._named: frozenset[bytes] | None = None
        self._folders: dict[bytes, set[bytes]] | None = None

    @property
    def _files(self) -> frozenset[bytes]:
        if self._named is None:
            self._named = frozenset(self._name_files())
        return self._named

    @property
    def folders(self) -> dict[bytes, set[bytes]]:
        """The names in each folder on the way to a file; the table is made when it is first needed."""
        if self._folders is None:
            folders: dict[bytes, set[bytes]] = {b"": set()}
            for path in self._files:
                while True:
                    parent, _, name = path.rpartition(b"/")
                    known = folders.get(parent)
                    if known is not None:
                        known.add(name)
                        break
                    folders[parent] = {name}
                    path = parent
            self._folders = folders
        return self._folders

    def _is_named(self, path: bytes) -> bool:
        while path:
            if path in self._files:
                return True
            path = path.rpartition(b"/")[0]
        return False

    def kind(self, path: bytes) -> str | None:
        return super().kind(path) if self._is_named(path) or path in self.folders else None

    def read(self, path: bytes) -> bytes:
        if not self._is_named(path):
            raise missing(path)
        return super().read(path)

    def link(self, path: bytes) -> bytes:
        if not self._is_named(path):
            raise missing(path)
        return super().link(path)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        if self._is_named(path):
            return super().list(path)
        names = self.folders.get(path)
        if names is None:
            raise missing(path)
        start = path + b"/" if path else b""
        found = []
        for name in names:
            kind = DiskTree.kind(self, start + name)
            if kind is not None:
                found.append((name, kind))
        return found

    def disk_path(self, path: bytes) -> bytes | None:
        return self._at(path) if self._is_named(path) else None


class WithoutUntracked(DiskTree):
    """The tracked files of a working tree; *index* (git_index.pyx) knows which they are."""

    def __init__(self, root: str | bytes, index: GitIndex, *, is_exact: bool = False) -> None:
        super().__init__(root, is_exact=is_exact)
        self._index = index
        # The answer for a path never changes, and an evaluation of nixpkgs asks for each path three and a half times on average.
        self._kinds: dict[bytes, str | None] = {}

    def kind(self, path: bytes) -> str | None:
        kinds = self._kinds
        if path in kinds:
            return kinds[path]
        found = super().kind(path) if self._index.has(path) or self._index.has_below(path) else None
        kinds[path] = found
        return found

    def read(self, path: bytes) -> bytes:
        if not self._index.has(path):
            raise missing(path)
        return super().read(path)

    def link(self, path: bytes) -> bytes:
        if not self._index.has(path):
            raise missing(path)
        return super().link(path)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        found: list[tuple[bytes, str]] = self._index.entries(path)
        if not found and path:
            raise missing(path)
        return found

    def disk_path(self, path: bytes) -> bytes | None:
        return self._at(path) if self._index.has(path) else None

    def is_unchanged(self, read: Iterable[tuple[bytes, bool]]) -> bool:
        """Whether the files still are as they were hashed; *read*: (path, whether everything below it was read, too).  False if the index cannot tell."""
        return bool(self._index.holds(read))

    def nar_digest(self) -> tuple[bytes, int]:
        """(SHA-256, size) of the NAR."""
        digest, size = self._index.nar_digest()
        return digest, size


class MountedTree:
    """A tree with others in some of its folders (submodules)."""

    def __init__(self, base: FileTree, mounts: dict[bytes, FileTree]) -> None:
        self.base = base
        self.mounts = mounts

    def _find(self, path: bytes) -> tuple[FileTree, bytes]:
        at = path
        while True:
            if at in self.mounts:
                return self.mounts[at], path[len(at) + 1 :]
            if not at:
                return self.base, path
            at = at.rpartition(b"/")[0]

    def kind(self, path: bytes) -> str | None:
        tree, rest = self._find(path)
        return tree.kind(rest)

    def read(self, path: bytes) -> bytes:
        tree, rest = self._find(path)
        return tree.read(rest)

    def link(self, path: bytes) -> bytes:
        tree, rest = self._find(path)
        return tree.link(rest)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        tree, rest = self._find(path)
        start = path + b"/" if path else b""
        return [(name, kind if start + name not in self.mounts else "directory") for name, kind in tree.list(rest)]

    def disk_path(self, path: bytes) -> bytes | None:
        start = path + b"/" if path else b""
        tree, rest = self._find(path)
        if tree is self.base and any(mount.startswith(start) for mount in self.mounts):
            return None
        return tree.disk_path(rest)
