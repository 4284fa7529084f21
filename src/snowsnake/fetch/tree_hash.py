"""The archive (NAR) of a tree, as a stream, and its hash.

In: a `FileTree`.  Out: pieces of bytes, or the hash with the size.  A tree that is unchanged on disk is read by the store's own, faster code.
"""

from __future__ import annotations

import os

from snowsnake.fetch.trees import FileTree, WithoutUntracked
from snowsnake.store import hashing, nar
from snowsnake.store.hash import Hash
from snowsnake.store.nar import MAX_DEPTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def packed(data: bytes) -> bytes:
    """A string in the form of archives: its length, and padding to a multiple of eight bytes."""
    return len(data).to_bytes(8, "little") + data + bytes(-len(data) % 8)


_START = packed(b"nix-archive-1")
_REGULAR = packed(b"(") + packed(b"type") + packed(b"regular") + packed(b"contents")
_EXECUTABLE = packed(b"(") + packed(b"type") + packed(b"regular") + packed(b"executable") + packed(b"") + packed(b"contents")
_SYMLINK = packed(b"(") + packed(b"type") + packed(b"symlink") + packed(b"target")
_DIRECTORY = packed(b"(") + packed(b"type") + packed(b"directory")
_ENTRY = packed(b"entry") + packed(b"(") + packed(b"name")
_NODE = packed(b"node")
_END = packed(b")")


def archive_of(tree: FileTree) -> Iterator[bytes]:
    """The tree's NAR in pieces."""
    kind = tree.kind(b"")
    if kind is None:
        raise FileNotFoundError("the tree has no root")
    yield _START
    # Each open folder has an entry: its path and its remaining entries.
    stack: list[tuple[bytes, Iterator[tuple[bytes, str]]]] = []
    path, end = b"", b""
    while True:
        if len(stack) >= MAX_DEPTH:
            raise ValueError(f"path '{os.fsdecode(path)}' exceeds maximum NAR directory depth of {MAX_DEPTH}")
        if kind == "directory":
            yield _DIRECTORY
            stack.append((path + b"/" if path else b"", iter(sorted(tree.list(path)))))
        elif kind == "symlink":
            yield _SYMLINK + packed(tree.link(path)) + _END + end
        else:
            contents = tree.read(path)
            yield (_EXECUTABLE if kind == "executable" else _REGULAR) + len(contents).to_bytes(8, "little")
            yield contents
            yield bytes(-len(contents) % 8) + _END + end
        while stack:
            start, entries = stack[-1]
            following = next(entries, None)
            if following is not None:
                name, kind = following
                path, end = start + name, _END
                yield _ENTRY + packed(name) + _NODE
                break
            stack.pop()
            yield _END + (_END if stack else b"")
        else:
            return


class ArchiveStream:
    """The archive of a tree as a file that is read once."""

    def __init__(self, tree: FileTree) -> None:
        self._pieces = archive_of(tree)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Reads exactly *size* bytes, fewer only at the end."""
        found = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            found.append(piece)
            have += len(piece)
        data = b"".join(found)
        if size < 0:
            size = len(data)
        self._rest = data[size:]
        return data[:size]


def hash_of(tree: FileTree, check: Callable[[], None] = lambda: None) -> tuple[Hash, int]:
    """(hash of the NAR, its size); *check* is called now and then, and may raise."""
    place = tree.disk_path(b"")
    if place is not None:
        digest, size = nar.path_digest("sha256", os.fsdecode(place), exact=True)
        return Hash("sha256", digest), size
    if isinstance(tree, WithoutUntracked):
        digest, size = tree.nar_digest()
        return Hash("sha256", digest), size
    stream = hashing.HashStream("sha256")
    waiting: list[bytes] = []
    waiting_bytes = 0
    for piece in archive_of(tree):
        waiting.append(piece)
        waiting_bytes += len(piece)
        if waiting_bytes > 1 << 18:
            stream.update(b"".join(waiting))
            waiting.clear()
            waiting_bytes = 0
            check()
    stream.update(b"".join(waiting))
    return Hash("sha256", stream.digest()), stream.size
