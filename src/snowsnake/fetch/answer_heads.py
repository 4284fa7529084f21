"""Connections whose answers have complete heads: what `http.client` takes for the end of the headers may be damage, or an interim answer.

In: urllib3's connections.  Out: pools for them, which raise `Unreadable`.
"""

from __future__ import annotations

import http.client
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from snowsnake.fetch.curl_faults import EMPTY, RECEIVING, TOO_LARGE, WEIRD, Unreadable

_SWITCHING = 101
# A server that announces its answer more often never gives one.
MOST_INTERIM = 100


# These are curl's limits: of one line, of all lines of a head, and of their number.
_MOST_LINE_BYTES = 100 << 10
_MOST_HEAD_BYTES = 300 << 10
_MOST_LINES = 5000
# `http.client` takes at most 100 pieces of 64 KiB, and does not mind where a piece ends.
_PIECE_BYTES = 60_000
_ENDS = (b"\r\n", b"\n", b"")


class _Lines:
    """Reads a head for `http.client`: the line with the status, then the headers in large pieces.

    `is_cut`: whether the last line lacks its end.  `fault`: curl's number for a head that is too large, or 0.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._is_in_headers = False
        # The headers that are not handed out yet, and the empty line after them.
        self._headers = b""
        self._end = b""
        self.is_cut = False
        self.fault = 0

    def readline(self, limit: int) -> bytes:
        if not self._is_in_headers:
            self._is_in_headers = True
            return self._line(limit)
        if not self._headers and not self._end:
            self._read_headers()
        if self._headers:
            # A last piece that is an empty line would be taken for the end.
            size = _PIECE_BYTES if len(self._headers) > _PIECE_BYTES + 100 else len(self._headers)
            piece, self._headers = self._headers[:size], self._headers[size:]
            return piece
        end, self._end, self._is_in_headers = self._end, b"", False
        return end

    def _line(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self.is_cut = not line.endswith(b"\n") and len(line) < limit
        return line

    def _read_headers(self) -> None:
        lines: list[bytes] = []
        size = 0
        while (line := self._line(_MOST_LINE_BYTES + 1)) not in _ENDS:
            lines.append(line)
            size += len(line)
            if len(line) > _MOST_LINE_BYTES or len(lines) > _MOST_LINES:
                self.fault = TOO_LARGE
            elif size > _MOST_HEAD_BYTES:
                self.fault = RECEIVING
            if self.fault:
                return
        self._headers, self._end = b"".join(lines), line

    def close(self) -> None:
        self._file.close()


class _Answer(http.client.HTTPResponse):
    def begin(self) -> None:
        """Reads heads up to that of the final answer: answers with the statuses 100 to 199 announce it (103: early hints)."""
        for _ in range(MOST_INTERIM + 1):
            self._read_head()
            if not 100 <= self.status < 200 or self.status == _SWITCHING:
                return
            self.headers = self.msg = None      # type: ignore[assignment]
        raise Unreadable(WEIRD, "too many interim answers", self.status)

    def _read_head(self) -> None:
        file: Any = self.fp
        lines: Any = _Lines(file)
        self.fp = lines
        try:
            super().begin()
        finally:
            if self.fp is lines:
                self.fp = file
        if lines.fault:
            raise Unreadable(lines.fault, "the headers are too large", self.status)
        if lines.is_cut:
            raise Unreadable(EMPTY, "Empty reply from server")
        if self.headers.defects or any("\0" in value for value in self.headers.values()):
            raise Unreadable(WEIRD, "a line of the headers is not a header", self.status)


class _PlainConnection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def with_whole_heads(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """Lets a manager make connections of this module."""
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return manager
