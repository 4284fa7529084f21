"""Connections whose answers have complete heads: what `http.client` takes for the end of the headers may be damage, or an interim answer.

In: urllib3's connections.  Out: pools for them, which raise `Unreadable`.
"""

from __future__ import annotations

import http.client
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from snowsnake.fetch.curl_faults import EMPTY, WEIRD, Unreadable

_SWITCHING = 101
# A server that announces its answer more often never gives one.
MOST_INTERIM = 100


class _Lines:
    """Reads lines from a connection, and notes whether the last one has an end."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.is_cut = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self.is_cut = not line.endswith(b"\n") and len(line) < limit
        return line

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
