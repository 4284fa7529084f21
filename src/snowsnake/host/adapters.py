"""Presents a program's objects as file systems: mappings, folders, zip files, trees of git, fsspec.

In: an object.  Out: an object with the methods of `host.file_system.FileSystem`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

from snowsnake.foundation.arguments import exact
from snowsnake.host.file_system import DiskFolder, FileSystem, MemoryFolder


def file_system(source: Any) -> FileSystem:
    """Returns the file system that an object is; raises TypeError for an object that is none.

    It may be: a mapping of names to contents (str or bytes) or to mappings, where a name may have slashes; a path of a folder or of a zip file; a
    `zipfile.ZipFile`; a commit or tree of pygit2; a file system of fsspec; or any object with `kind`, `read` and `list`.

    >>> files = file_system({"a.nix": "1", "lib/b.nix": "2"})
    >>> files.list(b""), files.read(b"lib/b.nix")
    ([(b'a.nix', 'regular'), (b'lib', 'directory')], b'2')
    """
    if isinstance(source, Mapping):
        try:
            return MemoryFolder(_tree(source))
        except RecursionError:
            raise ValueError("the mappings of a file system nest too many levels deep, or one contains itself") from None
    if isinstance(source, str | os.PathLike):
        import zipfile

        path = os.path.abspath(os.fspath(source))
        if os.path.isdir(path):
            return DiskFolder(path)
        if not os.path.exists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return file_system(zipfile.ZipFile(path))
    if hasattr(source, "namelist") and hasattr(source, "infolist"):
        return MemoryFolder(_unzipped(source))
    if hasattr(source, "cat_file") and hasattr(source, "ls"):
        return _Remote(source)
    if type(source).__module__.lstrip("_").startswith("pygit2"):
        return _GitObjects(source)
    if all(callable(getattr(source, name, None)) for name in ("kind", "read", "list")):
        return source if hasattr(source, "link") and hasattr(source, "disk_path") else _Small(source)
    raise TypeError(f"{type(source).__name__} is not a file system: pass a mapping, a folder, a zip file, or an object with kind, read and list")


def _tree(source: Mapping[Any, Any]) -> dict[bytes, Any]:
    """Nested folders, made of names with slashes and of mappings."""
    root: dict[bytes, Any] = {}
    for name, content in source.items():
        text = exact(name)
        if type(text) is not str and type(text) is not bytes:
            raise TypeError(f"a file is named by a str, not by {name!r}")
        parts = os.fsencode(text).strip(b"/").split(b"/")
        if not all(parts) or any(part in (b".", b"..") for part in parts):
            raise ValueError(f"{name!r} is not a name of a file")
        folder = root
        for part in parts[:-1]:
            folder = folder.setdefault(part, {})
            if not isinstance(folder, dict):
                raise ValueError(f"{name!r} is below a file")
        content = exact(content)
        if isinstance(content, Mapping):
            content = _tree(content)
        elif isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        elif isinstance(content, bytearray | memoryview):
            content = bytes(content)
        elif not isinstance(content, bytes) and not hasattr(content, "target"):
            raise TypeError(f"the file {name!r} has contents of {type(content).__name__}: they are str or bytes")
        known = folder.get(parts[-1])
        if isinstance(known, dict) and isinstance(content, dict):
            known.update(content)
        else:
            folder[parts[-1]] = content
    return root


def _unzipped(source: Any) -> dict[bytes, Any]:
    return _tree({entry.filename: source.read(entry) for entry in source.infolist() if not entry.is_dir()})


class _Small:
    """An object with `kind`, `read` and `list`, which need not have links, and is not on disk."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def kind(self, path: bytes) -> str | None:
        found = self._source.kind(path)
        return None if found is None else str(found)

    def read(self, path: bytes) -> bytes:
        return bytes(self._source.read(path))

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        return list(self._source.list(path))

    def link(self, path: bytes) -> bytes:
        if hasattr(self._source, "link"):
            return bytes(self._source.link(path))
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.fsdecode(path))

    def disk_path(self, path: bytes) -> bytes | None:
        return None


class _Remote(_Small):
    """A file system of fsspec."""

    def _at(self, path: bytes) -> str:
        return "/" + os.fsdecode(path) if path else "/"

    def kind(self, path: bytes) -> str | None:
        try:
            found = self._source.info(self._at(path))
        except FileNotFoundError:
            return None if path else "directory"
        return "directory" if found["type"] == "directory" else "regular"

    def read(self, path: bytes) -> bytes:
        return bytes(self._source.cat_file(self._at(path)))

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        entries = self._source.ls(self._at(path), detail=True)
        return [
            (os.fsencode(entry["name"].rstrip("/").rpartition("/")[2]), "directory" if entry["type"] == "directory" else "regular")
            for entry in entries
        ]


class _GitObjects(_Small):
    """A commit or tree of pygit2, without its repository."""

    def __init__(self, source: Any) -> None:
        super().__init__(getattr(source, "tree", source))

    def _find(self, path: bytes) -> Any:
        found = self._source
        for name in path.split(b"/") if path else ():
            try:
                found = found[os.fsdecode(name)]
            except (KeyError, TypeError):
                return None
        return found

    def kind(self, path: bytes) -> str | None:
        found = self._find(path)
        if found is None:
            return None
        if found.type_str != "blob":
            return "directory"
        return {0o120000: "symlink", 0o100755: "executable"}.get(int(found.filemode), "regular")

    def read(self, path: bytes) -> bytes:
        found = self._find(path)
        if found is None or found.type_str != "blob":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))
        return bytes(found.data)

    def list(self, path: bytes) -> list[tuple[bytes, str]]:
        found = self._find(path)
        if found is None or found.type_str == "blob":
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fsdecode(path))
        if found.type_str == "commit":
            return []
        return [(name, self.kind(path + b"/" + name if path else name) or "regular") for name in (os.fsencode(entry.name) for entry in found)]

    def link(self, path: bytes) -> bytes:
        return self.read(path)
