"""Compression of the archives in binary caches.

In: a method's name, as a `.narinfo` has it, and a stream.  Out: a stream.  Methods: none, xz, bzip2, zstd, gzip, lzma; lzip can only be read;
br and lz4 need Python's packages brotli and lz4.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from snowsnake.store.decompress import Stream, decompressed, lz4_frame, zstd_module

# This maps the name of a method to the ending of a file's name.
_ENDINGS = {
    "none": "",
    "": "",
    "xz": ".xz",
    "bzip2": ".bz2",
    "zstd": ".zst",
    "gzip": "",
    "lzip": ".lzip",
    "lzma": "",
    "lz4": ".lz4",
    "br": ".br",
}
_UNREADABLE = frozenset(("compress", "grzip", "lrzip", "lzop"))
_PIECE_BYTES = 1 << 18


class UnknownMethod(ValueError):
    """No method of compression has this name."""


def check_method(name: str) -> str:
    """Returns *name*; UnknownMethod if there is no such method, ValueError if it is not supported here."""
    if name in _UNREADABLE:
        raise ValueError(f"compression method '{name}' is not supported here (only none, xz, bzip2, zstd, gzip, lzip, lzma, lz4 and br are)")
    if name not in _ENDINGS:
        raise UnknownMethod(f"unknown compression method '{name}'")
    if name == "br":
        _brotli()
    if name == "lz4":
        lz4_frame()
    return name


def _brotli() -> Any:
    try:
        import brotli
    except ModuleNotFoundError:
        raise ValueError("compression method 'br' is not supported here: it needs Python's package brotli (pip install brotli)") from None
    return brotli


def ending(name: str) -> str:
    """The ending of the name of an archive that is compressed with method *name*."""
    return _ENDINGS[name]


def unpacked(stream: BinaryIO, name: str) -> Any:
    """An object whose `read(size)` returns uncompressed data; ValueError, also from `read`, if the data is not compressed with method *name*."""
    check_method(name)
    if name == "br":
        return _Brotli(stream)
    if name in ("none", ""):
        return stream
    found = decompressed(stream, layers=1)
    if not found.is_compressed or found.method != name:
        raise ValueError(f"it is not compressed with {name}")
    return _Whole(found)


class _Whole:
    """The decompressed data of a stream; `read` raises ValueError if something follows the compressed data."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            self._stream.check_end()
        return data


class _Brotli:
    """The decompressed data of a brotli stream.  The format has no mark at its beginning, so `decompressed` cannot recognise it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._module = _brotli()
        self._stream = stream
        self._decoder = self._module.Decompressor()

    def read(self, size: int) -> bytes:
        """Returns at least one byte and at most about *size*; b"" at the end.  ValueError or EOFError if the data is damaged."""
        try:
            while not self._decoder.is_finished():
                is_hungry = self._decoder.can_accept_more_data()
                data = self._stream.read(_PIECE_BYTES) if is_hungry else b""
                found: bytes = self._decoder.process(data, output_buffer_limit=size)
                if found:
                    return found
                if is_hungry and not data and not self._decoder.is_finished():
                    raise EOFError("compressed data ends too early")
        except self._module.error as error:
            raise ValueError(f"it is not compressed with br: {error}") from None
        if self._stream.read(1):
            raise ValueError("something follows the compressed data")
        return b""


def compress(source: BinaryIO, target: BinaryIO, name: str, level: int = -1) -> None:
    """Writes the compressed data of *source* to *target*.  *level*: -1 is the method's default.  ValueError if the method cannot be written here."""
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
        "lzma": lambda: lzma.LZMACompressor(lzma.FORMAT_ALONE, preset=None if level < 0 else min(level, 9)),
        "lz4": lambda: _Lz4Compressor(level),
        "zstd": lambda: zstd_module().ZstdCompressor() if level < 0 else zstd_module().ZstdCompressor(level=level),
        "br": lambda: _BrotliCompressor(level),
    }
    check_method(name)
    if name not in makers:
        raise ValueError(f"compression method '{name}' can be read here, but not written")
    return makers[name]()


class _BrotliCompressor:
    """Has the methods of the other compressors."""

    def __init__(self, level: int) -> None:
        self._encoder = _brotli().Compressor(quality=11 if level < 0 else min(level, 11))

    def compress(self, data: bytes) -> bytes:
        found: bytes = self._encoder.process(data)
        return found

    def flush(self) -> bytes:
        found: bytes = self._encoder.finish()
        return found


class _Lz4Compressor:
    """Has the methods of the other compressors."""

    def __init__(self, level: int) -> None:
        self._encoder = lz4_frame().LZ4FrameCompressor(compression_level=max(level, 0), content_checksum=True)
        self._start: bytes = self._encoder.begin()

    def compress(self, data: bytes) -> bytes:
        start, self._start = self._start, b""
        return start + bytes(self._encoder.compress(data))

    def flush(self) -> bytes:
        return self.compress(b"") + bytes(self._encoder.flush())
