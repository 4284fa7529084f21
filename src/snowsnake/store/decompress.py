"""Finds out from an archive's first bytes how it is compressed, and decompresses it, also in layers.

In: a file.  Out: a stream with `read` and `peek`; ValueError or EOFError, from either, if the data is damaged.  Methods: gzip, bzip2, xz, lzma, zstd,
lzip, and lz4 where Python's package of that name is installed.

A decoder takes pieces of data in `feed(data, limit)` and returns what they decompress to, about *limit* bytes at most.  Its `rest` is what to feed it
next: b"" means the next piece of the file, None that the decoder still has data.  `is_whole` says whether the data may end here.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Any, BinaryIO

_PIECE_BYTES = 1 << 17
_XZ_HEADER_BYTES = 12
# What C++ Nix says of data that ends too early, by the method.
_NO_PROGRESS = "Lzma library error:  No progress is possible"
_TRUNCATED = {"xz": _NO_PROGRESS, "lzma": _NO_PROGRESS, "zstd": "Truncated zstd input"}
_MOST_LAYERS = 4
_GZIP = b"\x1f\x8b"
_LZ4 = b"\x04\x22\x4d\x18"
# A skippable frame of zstd, which pzstd and programs that make archives seekable write, has no data; it has one of sixteen marks.
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60)))


class _Gzip:
    """Several members in a row; data after the last one is ignored if it is not a member."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        # The data after a member is perhaps the beginning of the next one.
        self._tail = b""
        self._has_garbage = False
        self.is_whole = False
        self.rest = b""

    name = "gzip"

    def feed(self, data: bytes, limit: int) -> bytes:
        found = []
        data, self._tail = self._tail + data, b""
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")
                if len(data) < len(_GZIP) and _GZIP.startswith(data):
                    self._tail = data
                    break
                if self._has_garbage or not data.startswith(_GZIP):
                    self._has_garbage = True
                    break
                self._member = zlib.decompressobj(31)
            found.append(self._member.decompress(data, limit))
            self.is_whole = self._member.eof
            if self._member.unconsumed_tail:
                self.rest = self._member.unconsumed_tail
                break
            data = self._member.unused_data
            self.rest = b""
        return b"".join(found)


class _Members:
    """bzip2, xz and zstd: decompressors with `eof`, `unused_data` and `needs_input`, one for each member."""

    def __init__(self, name: str, make: Any, *starts: bytes) -> None:
        """*make* returns the decompressor of one member; *starts*: the bytes that a member may begin with."""
        self.name = name
        self._make = make
        self._starts = starts
        self._member = make()
        # The data after a member is perhaps the beginning of the next one.
        self._tail = b""
        self._has_garbage = False
        # The zeros and other bytes after the last member.
        self._zero_bytes = self._garbage_bytes = 0
        self.rest = b""
        self.is_whole = False

    def feed(self, data: bytes, limit: int) -> bytes:
        found = []
        while True:
            if self._member.eof:
                tail = self._tail + data
                self._tail = tail.lstrip(b"\0")
                if not self._has_garbage:
                    self._zero_bytes += len(tail) - len(self._tail)
                if self._has_garbage or not self._tail.startswith(self._starts):
                    if self._has_garbage or not any(start.startswith(self._tail) for start in self._starts):
                        self._garbage_bytes += len(tail if self._has_garbage else self._tail)
                        self._has_garbage = True
                        self._tail = b""
                    break
                self._zero_bytes = 0
                data, self._tail, self._member = self._tail, b"", self._make()
            found.append(self._member.decompress(data, limit))
            data = b""
            self.is_whole = self._member.eof
            if not self._member.eof:
                break
            self._tail = self._member.unused_data
        self.rest = b"" if self._member.eof or self._member.needs_input else None      # type: ignore[assignment]
        return b"".join(found)


    def check_end(self) -> None:
        """ValueError if something that 2.34 refuses follows the last member.  2.34 ignores what follows unless the method is xz or zstd."""
        follows = self._has_garbage or self._tail != b""
        if self.name == "zstd" and (follows or self._zero_bytes):
            raise ValueError("Zstd decompression failed: Unknown frame descriptor")
        # Zeros of xz come in fours, and what follows them is judged by as many bytes as a header has.
        if self.name == "xz" and (self._zero_bytes % 4 or self._garbage_bytes >= _XZ_HEADER_BYTES):
            raise ValueError("Lzma library error: Corrupted input data")
        if self.name == "xz" and follows:
            raise ValueError(_TRUNCATED["xz"])


class _Lzip:
    """Raw LZMA data between a header (magic, version, size of the dictionary) and a trailer of 20 bytes.  Data after the last member is ignored."""

    name = "lzip"

    def __init__(self) -> None:
        self._head = b""
        self._member: Any = None
        self.rest = b""
        self.is_whole = False
        # This many bytes of a trailer remain to be skipped.
        self._skip = 0
        self._has_garbage = False

    def feed(self, data: bytes, limit: int) -> bytes:
        found = []
        while data or (self._member is not None and not self._member.needs_input):
            if self._skip:
                taken = min(self._skip, len(data))
                data, self._skip = data[taken:], self._skip - taken
                if self._skip:
                    break
                self.is_whole = True
                continue
            if self._has_garbage:
                break
            if self._member is None:
                self._head += data
                if len(self._head) < 6:
                    break
                if self._head[:4] != b"LZIP" or self._head[4] not in (0, 1):
                    self._has_garbage, self._head = True, b""
                    break
                size = 1 << (self._head[5] & 31)
                size -= size // 16 * (self._head[5] >> 5)
                self._member = lzma.LZMADecompressor(
                    lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": size, "lc": 3, "lp": 0, "pb": 2}]
                )
                data, self._head, self.is_whole = self._head[6:], b"", False
            found.append(self._member.decompress(data, limit))
            if not self._member.eof:
                self.rest = b"" if self._member.needs_input else None      # type: ignore[assignment]
                return b"".join(found)
            data, self._member, self._skip = self._member.unused_data, None, 20
        self.rest = b""
        return b"".join(found)


def zstd_module() -> Any:
    """The module that knows zstd: that of Python from 3.14 on, otherwise a package of the same form."""
    try:
        from compression import zstd
    except ModuleNotFoundError:
        from backports import zstd
    return zstd


def lz4_frame() -> Any:
    """The module that knows LZ4's frames; ValueError if it is not installed."""
    try:
        import lz4.frame
    except ModuleNotFoundError:
        raise ValueError("compression method 'lz4' is not supported here: it needs Python's package lz4 (pip install lz4)") from None
    return lz4.frame


class _Lz4Member:
    """The decompressor of one frame; ValueError for damaged data."""

    def __init__(self) -> None:
        self._member = lz4_frame().LZ4FrameDecompressor()

    def decompress(self, data: bytes, limit: int) -> bytes:
        try:
            found: bytes = self._member.decompress(data, limit)
        except RuntimeError as error:
            raise ValueError(f"it is not compressed with lz4: {error}") from None
        return found

    def __getattr__(self, name: str) -> Any:
        # The frame's own decompressor has `eof` and `needs_input`.
        return (self._member.unused_data or b"") if name == "unused_data" else getattr(self._member, name)


def _decoder(start: bytes) -> Any:
    """A decoder for data with this beginning; None if it is not compressed."""
    if start[:3] == b"\x1f\x8b\x08":
        return _Gzip()
    if start[:3] == b"BZh":
        return _Members("bzip2", bz2.BZ2Decompressor, b"BZh")
    if start[:6] == b"\xfd7zXZ\0":
        return _Members("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), b"\xfd7zXZ\0")
    if start.startswith(_ZSTD):
        return _Members("zstd", lambda: zstd_module().ZstdDecompressor(), *_ZSTD)
    if start[:4] == b"LZIP":
        return _Lzip()
    if start[:4] == _LZ4:
        return _Members("lz4", _Lz4Member, _LZ4)
    if start[:3] == b"\x5d\0\0" and len(start) > 5 and start[4:5] in (b"\0", b"\1", b"\2", b"\4", b"\10", b"\x10", b"\x20", b"\x40", b"\x80"):
        return _Members("lzma", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE), b"\x5d\0\0")
    return None


class Stream:
    """The bytes of a file, decompressed if there is a decoder."""

    def __init__(self, source: Any, decoder: Any = None) -> None:
        self._source = source
        self._decoder = decoder
        self._ready = b""
        # This much of `_ready` was read: to move the rest up each time would cost more than to decompress.
        self._used = 0
        self._is_at_end = False
        self.is_compressed = decoder is not None or getattr(source, "is_compressed", False)
        # This is the method of the last layer.
        self.method = decoder.name if decoder is not None else ""

    def _more(self) -> bool:
        if self._is_at_end:
            return False
        if self._decoder is None:
            data = self._source.read(_PIECE_BYTES)
            self._add(data)
            self._is_at_end = not data
            return bool(data)
        while True:
            rest = self._decoder.rest
            if rest == b"":
                rest = self._source.read(_PIECE_BYTES)
                if not rest:
                    self._is_at_end = True
                    if not self._decoder.is_whole:
                        raise EOFError(_TRUNCATED.get(self._decoder.name, f"truncated {self._decoder.name} input"))
                    return False
            try:
                data = self._decoder.feed(rest or b"", _PIECE_BYTES * 8)
            except (zlib.error, lzma.LZMAError, OSError) as error:
                raise ValueError(str(error)) from None
            except Exception as error:
                if type(error).__name__ != "ZstdError":
                    raise
                raise ValueError(str(error)) from None
            if data:
                self._add(data)
                return True

    def _add(self, data: bytes) -> None:
        self._ready = self._ready[self._used :] + data
        self._used = 0

    def check_end(self) -> None:
        """Checks, at the end of the stream, that nothing follows the compressed data: ValueError if something does."""
        if isinstance(self._decoder, _Members):
            self._decoder.check_end()
        if isinstance(self._source, Stream):
            self._source.check_end()

    def peek(self, size: int) -> bytes:
        """What `read` would return; the next `read` still returns it."""
        while len(self._ready) - self._used < size and self._more():
            pass
        return self._ready[self._used : self._used + size]

    def read(self, size: int) -> bytes:
        """Exactly *size* bytes, fewer only at the end."""
        data = self.peek(size)
        self._used += len(data)
        return data


def decompressed(file: BinaryIO, layers: int = _MOST_LAYERS) -> Stream:
    """A stream of the contents of *file*, decompressed in at most *layers* steps."""
    stream = Stream(file)
    for _ in range(layers):
        decoder = _decoder(stream.peek(8))
        if decoder is None:
            break
        stream = Stream(stream, decoder)
    return stream
