"""Archives of binary caches: compressed as their `.narinfo` says, and checked.

In: a method's name, a stream.  Out: a stream.  Methods: none, xz, bzip2, zstd, gzip; lzip to read.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from snowsnake.store.decompress import decompressed

# name -> first bytes of the compressed data, file name ending
_METHODS = {
    "none": (b"", ""),
    "": (b"", ""),
    "xz": (b"\xfd7zXZ\0", ".xz"),
    "bzip2": (b"BZh", ".bz2"),
    "zstd": (b"\x28\xb5\x2f\xfd", ".zst"),
    "gzip": (b"\x1f\x8b", ""),
    "lzip": (b"LZIP", ".lzip"),
}
_UNREADABLE = frozenset(("br", "brotli", "lz4", "lzma", "compress", "grzip", "lrzip", "lzop"))
_PIECE_BYTES = 1 << 18


class UnknownMethod(ValueError):
    """No method of compression has this name."""


def check_method(name: str) -> str:
    """Raises UnknownMethod; or ValueError if the method is known but not supported here."""
    if name in _UNREADABLE:
        raise ValueError(f"compression method '{name}' is not supported here (only none, xz, bzip2, zstd, gzip and lzip are)")
    if name not in _METHODS:
        raise UnknownMethod(f"unknown compression method '{name}'")
    return name


def ending(name: str) -> str:
    """The ending of a file name."""
    return _METHODS[name][1]


def unpacked(stream: BinaryIO, name: str) -> Any:
    """A stream with `read` of the uncompressed data; data that was compressed in another way is a ValueError."""
    check_method(name)
    start = _METHODS[name][0]
    if not start:
        return stream
    found = decompressed(stream, layers=1)
    if not found.is_compressed or found.method != name:
        raise ValueError(f"it is not compressed with {name}")
    return found


def compress(source: BinaryIO, target: BinaryIO, name: str, level: int = -1) -> None:
    """*level* -1 is the method's default."""
    compressor = _compressor(name, level)
    while piece := source.read(_PIECE_BYTES):
        target.write(compressor.compress(piece) if compressor else piece)
    if compressor:
        target.write(compressor.flush())


def _compressor(name: str, level: int) -> Any:
    makers: dict[str, Callable[[], object]] = {
        "none": lambda: None,
        "": lambda: None,
        "xz": lambda: lzma.LZMACompressor(lzma.FORMAT_XZ, preset=None if level < 0 else min(level, 9)),
        "bzip2": lambda: bz2.BZ2Compressor(9 if level < 1 else min(level, 9)),
        "gzip": lambda: zlib.compressobj(-1 if level < 0 else min(level, 9), zlib.DEFLATED, 31),
        "zstd": lambda: _zstd(level),
    }
    check_method(name)
    if name not in makers:
        raise ValueError(f"compression method '{name}' can be read here, but not written")
    return makers[name]()


def _zstd(level: int) -> Any:
    try:
        from compression import zstd
    except ModuleNotFoundError:
        from backports import zstd
    return zstd.ZstdCompressor() if level < 0 else zstd.ZstdCompressor(level=level)
