"""The contents of a store object or an archive: kinds, sizes, members.

In: a path on disk, or a NAR.  Out: `ListedFile`s.  An archive is read once; its members are kept without the contents of files.
"""

from __future__ import annotations

import os
import stat

from snowsnake.store.nar_reader import read_nar

# Type checkers take this for true.  Otherwise each command that lists would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
    from typing import BinaryIO
else:
    from snowsnake.store.light_dataclass import dataclass, field


class NoEntry(ValueError):
    """The path does not exist."""


@dataclass
class ListedFile:
    """One file, folder or link.  *size* of a file in bytes; *names*: members of a folder; *offset*: where a file's contents begin in its archive."""

    # The kind is `regular`, `directory` or `symlink`.
    kind: str
    is_executable: bool = False
    size: int = 0
    target: str = ""
    offset: int = 0
    names: list[str] = field(default_factory=list)


class DiskListing:
    """Files below a path on disk."""

    def __init__(self, root: str) -> None:
        self.root = root

    def entry(self, path: str) -> ListedFile:
        """The entry at "" or "/a/b"; NoEntry if there is none."""
        place = self.root + path
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            raise NoEntry(f"path '{place}' does not exist") from None
        if stat.S_ISLNK(status.st_mode):
            return ListedFile("symlink", target=os.readlink(place))
        if stat.S_ISDIR(status.st_mode):
            return ListedFile("directory", names=sorted(os.listdir(place), key=os.fsencode))
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"file '{place}' has an unsupported type")
        return ListedFile("regular", bool(status.st_mode & stat.S_IXUSR), status.st_size)


class _Counted:
    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.position = 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.position += len(data)
        return data


class ArchiveListing:
    """The members of a NAR.

    >>> from snowsnake.store.nar import pack_contents
    >>> import io
    >>> ArchiveListing(io.BytesIO(pack_contents(b"hello"))).entry("").offset
    96
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._entries: dict[str, ListedFile] = {}
        counted = _Counted(stream)
        for member in read_nar(counted, allow_trailing=True):  # type: ignore[arg-type]  # only `read` is used
            path = "/" + member.path if member.path else ""
            offset = counted.position if member.kind == "regular" else 0
            self._entries[path] = ListedFile(member.kind, member.executable, member.size, member.target, offset)
            parent, _, name = path.rpartition("/")
            if path:
                self._entries[parent].names.append(name)

    def entry(self, path: str) -> ListedFile:
        """The entry at "" or "/a/b"; NoEntry if there is none."""
        if path not in self._entries:
            raise NoEntry(f"path '«unknown»{path or '/'}' does not exist")
        return self._entries[path]


ListedTree = DiskListing | ArchiveListing


def to_json(tree: ListedTree, path: str, *, is_recursive: bool) -> dict[str, object]:
    """The JSON of `nix nar ls --json` for the entry at *path*; without *is_recursive*, the members of a folder are listed without facts.  NoEntry if
    there is no such entry."""
    top: dict[str, object] = {}
    waiting = [(path, top)]
    while waiting:
        at, facts = waiting.pop()
        entry = tree.entry(at)
        facts["type"] = entry.kind
        if entry.kind == "symlink":
            facts["target"] = entry.target
        elif entry.kind == "regular":
            facts["size"] = entry.size
            if entry.is_executable:
                facts["executable"] = True
            if entry.offset:
                facts["narOffset"] = entry.offset
        else:
            members: dict[str, dict[str, object]] = {name: {} for name in entry.names}
            facts["entries"] = members
            if is_recursive:
                waiting.extend((f"{at}/{name}", members[name]) for name in entry.names)
    return top


def canonical(path: str) -> str:
    """The one form of a path inside a tree: "" for the whole, otherwise with a slash before each part; `..` stays below the root.

    >>> canonical("/a//b/../c/"), canonical("a"), canonical("/"), canonical("..")
    ('/a/c', '/a', '', '')
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "".join("/" + part for part in parts)
