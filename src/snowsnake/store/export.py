"""The stream of `nix-store --export` and `--import`: archives, each with its path, references and deriver.

In: a `Store` and paths, or a stream, hostile or not.  Out: a stream, or objects in a store.  Bad input is a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from snowsnake.store import hashing, nar_reader, store_path
from snowsnake.store.graph import sorted_paths
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Store, archive_of, write_all
from snowsnake.store.path_info import PathInfo

_MAGIC = 0x4558494E
_MAX_TEXT_BYTES = 1 << 20
_MAX_REFERENCES = 1 << 22
_PIECE_BYTES = 1 << 20


def number(value: int) -> bytes:
    """A number as archives and protocols write it: eight bytes, little endian."""
    return value.to_bytes(8, "little")


def text(value: str) -> bytes:
    """A string with its length, padded to eight bytes."""
    raw = value.encode("utf-8", "surrogateescape")
    return number(len(raw)) + raw + bytes(-len(raw) % 8)


def export_paths(store: Store, paths: Iterable[str], fd: int) -> None:
    """Writes objects, each after those that it refers to; ValueError for one whose contents have changed."""
    for path in reversed(sorted_paths(store, paths)):
        write_all(fd, number(1))
        info = store.known(path)
        with archive_of(store, path) as archive:
            found = Hash.of_stream(archive)
            if found.digest != info.hash.digest:
                before, now = info.hash.format("nix32", with_algorithm=True), found.format("nix32", with_algorithm=True)
                raise ValueError(f"hash of path '{path}' has changed from '{before}' to '{now}'!")
            archive.seek(0)
            while piece := archive.read(_PIECE_BYTES):
                write_all(fd, piece)
        references = sorted(info.references)
        write_all(fd, number(_MAGIC) + text(path) + number(len(references)) + b"".join(map(text, references)))
        write_all(fd, text(info.deriver or "") + number(0))
    write_all(fd, number(0))


class _Taken:
    """A stream that hashes and keeps everything that is read from it."""

    def __init__(self, stream: BinaryIO, copy: BinaryIO) -> None:
        self.stream, self.copy = stream, copy
        self.hash = hashing.HashStream("sha256")

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.hash.update(data)
        self.copy.write(data)
        return data


def import_paths(store: Store, stream: BinaryIO) -> Iterator[str]:
    """Adds the objects of a stream, and yields each path once it is valid; ValueError if the stream is damaged."""
    import tempfile

    while True:
        mark = read_number(stream)
        if mark == 0:
            return
        if mark != 1:
            raise ValueError("input doesn't look like something created by 'nix-store --export'")
        with tempfile.TemporaryFile() as copy:
            taken = _Taken(stream, copy)
            # `read_nar` uses only `read` of the stream.
            for _ in nar_reader.read_nar(cast("BinaryIO", taken), allow_trailing=True):
                pass
            if read_number(stream) & 0xFFFFFFFF != _MAGIC:
                raise ValueError("Nix archive cannot be imported; wrong format")
            path = read_path(stream, store.store_dir)
            references = sorted({read_path(stream, store.store_dir) for _ in range(read_count(stream, _MAX_REFERENCES))})
            deriver = read_text(stream)
            if deriver:
                store_path.parse(deriver, store.store_dir)
            # Earlier versions wrote a signature here.
            if read_number(stream) == 1:
                read_text(stream)
            info = PathInfo(path, "sha256:" + taken.hash.digest().hex(), taken.hash.size, references, deriver=deriver or None)
            copy.seek(0)
            store.import_object(info, copy)
        yield path


def read_number(stream: BinaryIO) -> int:
    return int.from_bytes(_exactly(stream, 8), "little")


def read_count(stream: BinaryIO, limit: int) -> int:
    """The number of items that follow; ValueError if there are more than *limit*."""
    count = read_number(stream)
    if count > limit:
        raise ValueError(f"a list of {count} items is too long")
    return count


def read_text(stream: BinaryIO, limit: int = _MAX_TEXT_BYTES) -> str:
    size = read_number(stream)
    if size > limit:
        raise ValueError("string is too long")
    data = _exactly(stream, size)
    if _exactly(stream, -size % 8).strip(b"\0"):
        raise ValueError("non-zero padding")
    return data.decode("utf-8", "surrogateescape")


def read_path(stream: BinaryIO, store_dir: str) -> str:
    path = read_text(stream)
    store_path.parse(path, store_dir)
    return path


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise ValueError("unexpected end-of-file")
        data += more
    return data
