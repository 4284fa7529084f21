"""Reads NAR archives as a stream, whatever their size, and refuses them as soon as anything is not exactly right.

In: a binary file object (or bytes), hostile or not.  Out: its members one after the other; or a tree on disk.
Names that could leave the target, unsorted or repeated entries, truncation, false lengths, non-zero padding and too deep
nesting are a `BadArchive`.  Memory is allocated for what was read, never for a length that the archive announces.
"""

from __future__ import annotations

import io
import os
from os import PathLike

from snowsnake.store.nar import MAX_DEPTH, MAX_NAME_BYTES, MAX_TARGET_BYTES

# Type checkers take this for true.  Otherwise every command would import `typing` and `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import dataclass
    from typing import BinaryIO
else:
    from snowsnake.store.light_dataclass import dataclass

_MAX_TOKEN_BYTES = 64
_PIECE_BYTES = 65536


class BadArchive(ValueError):
    """The input is not a canonical NAR."""


@dataclass
class Member:
    """One entry of an archive.  *path* is "" for the root, otherwise relative with "/"; names that are not UTF-8 keep their bytes
    as surrogate escapes.  The contents of a file must be read before the next member is requested; the rest of them is skipped.
    """

    path: str
    # The kind is `regular`, `directory` or `symlink`.
    kind: str
    executable: bool = False
    size: int = 0
    target: str = ""
    _pieces: Callable[[], Iterator[bytes]] | None = None

    def pieces(self) -> Iterator[bytes]:
        """The contents, at most 64 KiB at a time."""
        return self._pieces() if self._pieces is not None else iter(())

    def read(self) -> bytes:
        """The contents in one piece."""
        return b"".join(self.pieces())


class EndOfArchive(BadArchive):
    """The input ends too early."""


class _Source:
    """Reads strings, sizes and padding from a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def exactly(self, size: int) -> bytes:
        data = self.stream.read(size)
        # A pipe may return less than was requested.
        while len(data) < size:
            more = self.stream.read(size - len(data))
            if not more:
                raise EndOfArchive("unexpected end-of-file")
            data += more
        return data

    def size(self) -> int:
        return int.from_bytes(self.exactly(8), "little")

    def padding(self, size: int) -> None:
        rest = -size % 8
        if rest and self.exactly(rest) != bytes(rest):
            raise BadArchive("bad archive: non-zero padding")

    def string(self, limit: int, what: str) -> bytes:
        size = self.size()
        if size > limit:
            raise BadArchive(f"bad archive: {what} of {size} bytes is too long")
        data = self.exactly(size)
        self.padding(size)
        return data

    def token(self) -> bytes:
        return self.string(_MAX_TOKEN_BYTES, "tag")

    def expect(self, wanted: bytes) -> None:
        found = self.token()
        if found != wanted:
            raise BadArchive(f"bad archive: expected tag '{wanted.decode()}', got '{_shown(found)}'")

    def one_of(self, *wanted: bytes) -> bytes:
        found = self.token()
        if found not in wanted:
            choice = "' or '".join(w.decode() for w in wanted)
            raise BadArchive(f"bad archive: expected tag '{choice}', got '{_shown(found)}'")
        return found


def _shown(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _check_name(name: bytes) -> None:
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise BadArchive(f"NAR contains invalid file name '{_shown(name)}'")


class _Contents:
    """Reads the bytes of one file in pieces; `finish` skips the rest."""

    def __init__(self, source: _Source, size: int) -> None:
        self.source, self.size, self.left = source, size, size

    def pieces(self) -> Iterator[bytes]:
        while self.left:
            piece = self.source.exactly(min(self.left, _PIECE_BYTES))
            self.left -= len(piece)
            yield piece

    def finish(self) -> None:
        for _ in self.pieces():
            pass
        self.source.padding(self.size)


def read_nar(stream: BinaryIO | bytes, *, allow_trailing: bool = False) -> Iterator[Member]:
    """The members of an archive, a directory before its entries.  *allow_trailing*: other data may follow in the stream.

    Nothing is kept: an archive of any size needs 64 KiB.  BadArchive at the first thing that is not exactly right.

    >>> from snowsnake.store.nar import pack_contents
    >>> [(member.path, member.kind, member.size, member.read()) for member in read_nar(pack_contents(b"hello"))]
    [('', 'regular', 5, b'hello')]
    """
    if isinstance(stream, (bytes, bytearray, memoryview)):
        stream = io.BytesIO(stream)
    if not hasattr(stream, "read"):
        raise TypeError(f"an archive is bytes or a file that is read as bytes, not {type(stream).__name__}")
    source = _Source(stream)
    try:
        magic = source.token()
    except EndOfArchive:
        raise
    except BadArchive:
        magic = b""
    if magic != b"nix-archive-1":
        raise BadArchive("bad archive: input doesn't look like a Nix archive")
    # For each open directory, this has the name of its latest entry, after which the next one must come.  Together, the names are the current path.
    names: list[bytes] = []
    yield from _node(source, names)
    while names:
        if source.one_of(b"entry", b")") == b")":
            names.pop()
            if names:
                source.expect(b")")
            continue
        source.expect(b"(")
        source.expect(b"name")
        name = source.string(MAX_NAME_BYTES, "file name")
        _check_name(name)
        if name <= names[-1]:
            raise BadArchive(f"NAR directory is not sorted: '{_shown(name)}' after '{_shown(names[-1])}'")
        names[-1] = name
        source.expect(b"node")
        if len(names) >= MAX_DEPTH:
            raise BadArchive(f"bad archive: NAR directory nesting exceeds maximum depth of {MAX_DEPTH}")
        before = len(names)
        yield from _node(source, names)
        if len(names) == before:
            source.expect(b")")
    if not allow_trailing and stream.read(1):
        raise BadArchive("bad archive: data after its end")


def _node(source: _Source, names: list[bytes]) -> Iterator[Member]:
    """Reads one node.  A directory stays open: *names* gets a place for the name of its latest entry."""
    path = os.fsdecode(b"/".join(names))
    source.expect(b"(")
    source.expect(b"type")
    kind = source.one_of(b"regular", b"directory", b"symlink")
    if kind == b"directory":
        names.append(b"")
        yield Member(path, "directory")
        return
    if kind == b"symlink":
        source.expect(b"target")
        target = source.string(MAX_TARGET_BYTES, "symlink target")
        if not target or b"\0" in target:
            raise BadArchive("bad archive: a symlink target that is empty or has a NUL byte")
        source.expect(b")")
        yield Member(path, "symlink", target=os.fsdecode(target))
        return
    executable = False
    if source.one_of(b"executable", b"contents") == b"executable":
        executable = True
        if source.token() != b"":
            raise BadArchive("bad archive: executable marker has non-empty value")
        source.expect(b"contents")
    contents = _Contents(source, source.size())
    yield Member(path, "regular", executable, contents.size, _pieces=contents.pieces)
    contents.finish()
    source.expect(b")")


def unpack(stream: BinaryIO | bytes, target: str | PathLike[str], *, allow_trailing: bool = False) -> None:
    """Writes the archive's tree at *target*, which must not exist.  After an error, the part written so far stays there.

    Every name was checked and every directory on the way was made here, so nothing is written outside *target*.

    >>> import os, tempfile
    >>> from snowsnake.store import pack
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.mkdir(f"{folder}/tree")
    ...     _ = open(f"{folder}/tree/file", "w").write("text")
    ...     unpack(pack(f"{folder}/tree"), f"{folder}/copy")
    ...     open(f"{folder}/copy/file").read()
    'text'
    """
    root = os.fspath(target)
    for member in read_nar(stream, allow_trailing=allow_trailing):
        path = f"{root}/{member.path}" if member.path else root
        if not member.path and os.path.lexists(root):
            raise FileExistsError(_refused(root, member))
        if member.kind == "directory":
            os.mkdir(path, 0o755)
        elif member.kind == "symlink":
            os.symlink(member.target, path)
        else:
            mode = 0o755 if member.executable else 0o644
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), "wb") as file:
                file.writelines(member.pieces())


def _refused(root: str, member: Member) -> str:
    """The error for a target that exists already, in 2.34.8's words."""
    if member.kind == "regular":
        return f'creating file "{root}": File exists'
    if member.kind == "symlink":
        return f'creating symlink "{root}" -> "{member.target}": File exists'
    return f"path '{root}' already exists" if os.path.isdir(root) else f"filesystem error: cannot create directory: File exists [{root}]"


def listing(stream: BinaryIO | bytes) -> list[Member]:
    """All members without contents (`nix nar ls`)."""
    return list(read_nar(stream))
