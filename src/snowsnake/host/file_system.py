"""The interface of a read-only tree of files, so that evaluation can read files that are on no disk.

`Evaluator.mount(store_path, files)` puts one into the logical store.  A file system names its files by bytes relative to its root,
which is `b""`: no slash at either end, no `.` or `..`.  Kinds are "regular", "executable", "directory" and "symlink"; a path that
does not exist has the kind None, and reading it raises an OSError.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from snowsnake.fetch.trees import DiskTree as DiskFolder
from snowsnake.fetch.trees import FileTree as FileSystem

__all__ = ["DiskFolder", "FileSystem", "MemoryFolder"]


class MemoryFolder:
    """A folder in memory: names to contents (bytes), `Link`s to follow, and folders, which are mappings themselves.

    >>> files = MemoryFolder({b"a.nix": b"1", b"lib": {b"b.nix": b"2"}})
    >>> files.list(b""), files.read(b"lib/b.nix")
    ([(b'a.nix', 'regular'), (b'lib', 'directory')], b'2')
    """

    def __init__(self, root: object) -> None:
        self.root = root

    def _find(self, path: bytes) -> object:
        found = self.root
        for name in path.split(b"/") if path else ():
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _need(self, path: bytes) -> object:
        found = self._find(path)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))
        return found

    def kind(self, path: bytes) -> str | None:
        return _kind_of(self._find(path))

    def read(self, path: bytes) -> bytes:
        found = self._need(path)
        if isinstance(found, Mapping):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
        if not isinstance(found, bytes):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.fsdecode(path))
        return bytes(found)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        found = self._need(path)
        if not isinstance(found, Mapping):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fsdecode(path))
        return [(name, kind) for name, inner in found.items() if (kind := _kind_of(inner)) is not None]

    def link(self, path: bytes) -> bytes:
        found = self._need(path)
        if not isinstance(found, Link):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.fsdecode(path))
        return found.target

    def disk_path(self, path: bytes) -> bytes | None:
        return None


class Link:
    """A symbolic link in a `MemoryFolder`."""

    def __init__(self, target: bytes) -> None:
        self.target = target


class Program(bytes):
    """The contents of an executable file in a `MemoryFolder`."""


def _kind_of(found: object) -> str | None:
    if isinstance(found, Mapping):
        return "directory"
    if isinstance(found, Link):
        return "symlink"
    if isinstance(found, Program):
        return "executable"
    return "regular" if isinstance(found, bytes) else None
