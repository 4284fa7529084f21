"""Many small files of one web server, requested by one thread over connections that stay open.

In: URLs.  Out: the server's answer to each, in any order.  Only plain answers (200, 403, 404, of known length) count here.  In any other
case, the file must be requested again by http.py, which handles redirects, errors and repeated attempts.  A request costs 30 µs here and
300 µs there, and no other thread waits for the interpreter's lock meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

_POLL_S = 0.1
_PIECE_BYTES = 1 << 18
_MOST_HEAD_BYTES = 1 << 16
_ANSWERED = frozenset((b"200", b"403", b"404"))

# In place of a status, this means that http.py must request the file.
UNANSWERED = 0


class Unusual(Exception):
    """An answer that http.py must handle."""


class PlainLink:
    """A connection without encryption.  It does not need urllib3, whose import takes as long as requesting a hundred files."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        # If the host is bytes, Python does not import a codec to encode it.
        address = host.encode() if host.isascii() else host
        self.sock = socket.create_connection((address, port), timeout_s)  # type: ignore[arg-type]
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self.sock.close()


class _Connection:
    def __init__(self, link: Any) -> None:
        # A PlainLink or a connection of urllib3: it has opened the socket, and closes it.
        self.link = link
        self.socket: socket.socket = link.sock
        self.socket.setblocking(False)
        self._is_plain = isinstance(link, PlainLink)
        self._waits: type[OSError] | tuple[type[OSError], ...] = BlockingIOError
        if not self._is_plain:
            import ssl

            self._waits = (BlockingIOError, ssl.SSLWantReadError)
        # The name of the requested file.
        self.name = ""
        self.request = b""
        self.answer_count = 0
        # The time when bytes last arrived, or when the request was sent.
        self.since_s = 0.0
        self.data = b""
        # Where the body starts and ends in the data; `end` is 0 until the head has arrived.
        self.body_start = self.end = 0
        self.status = b""
        self.is_last = False

    def begin(self, name: str, request: bytes) -> None:
        self.name, self.request, self.since_s, self.data, self.end = name, request, time.monotonic(), b"", 0
        if self.socket.send(request) != len(request):
            raise Unusual

    def receive(self, limit: int, buffer: memoryview) -> bool:
        """Receives what has arrived, and returns whether the answer is complete.  *limit*: of the body, in bytes.  *buffer*: space that all connections share."""
        while True:
            try:
                size = self.socket.recv_into(buffer)
            except self._waits:
                return False
            if not size:
                raise Unusual
            piece = bytes(buffer[:size])
            self.data = self.data + piece if self.data else piece
            self.since_s = time.monotonic()
            if not self.end:
                self._read_head(limit)
            if self.end and len(self.data) >= self.end:
                if len(self.data) > self.end:
                    raise Unusual
                return True
            if size < _PIECE_BYTES and self._is_plain:
                return False

    def _read_head(self, limit: int) -> None:
        stop = self.data.find(b"\r\n\r\n")
        if stop < 0:
            if len(self.data) > _MOST_HEAD_BYTES:
                raise Unusual
            return
        first, *lines = self.data[:stop].split(b"\r\n")
        version, _, rest = first.partition(b" ")
        self.status = rest[:3]
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or self.status not in _ANSWERED:
            raise Unusual
        self.is_last = version == b"HTTP/1.0"
        size = b""
        for line in lines:
            key, _, value = line.partition(b":")
            key = key.lower()
            if key == b"content-length" and not size:
                size = value.strip()
            elif key in (b"content-length", b"transfer-encoding", b"content-encoding"):
                raise Unusual
            elif key == b"connection":
                self.is_last = value.strip().lower() != b"keep-alive"
        if not size.isdigit() or len(size) > 12 or int(size) > limit:
            raise Unusual
        self.body_start = stop + 4
        self.end = self.body_start + int(size)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.link.close()


class Exchange:
    """Requests files and collects the answers.

    *connect* opens one connection, and is called in other threads.  *connections*: how many may be open at the same time.  *limit*: of an answer's
    body, in bytes.  *stalled_s*: how long a server may send nothing; 0: for ever.  *check* is called often, and may raise an error to stop.
    """

    def __init__(self, connect: Callable[[], object], connections: int, limit: int, stalled_s: int, check: Callable[[], None]) -> None:
        self._connect = connect
        self._limit = limit
        self._stalled_s = stalled_s
        self._check = check
        self._most = connections
        # This number includes connections that are being opened.
        self._open_count = 0
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._requests: deque[tuple[str, bytes]] = deque()
        self._answers: deque[tuple[str, int, bytes]] = deque()
        self._buffer = memoryview(bytearray(_PIECE_BYTES))
        self._opened: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._is_closed = False
        self.process = os.getpid()
        self.waiting = 0
        # False after an unusual answer, a connection that failed, or a server from which no connection could be opened.
        self.is_useful = True

    def ask(self, name: str, request: bytes) -> None:
        """Notes a request, which `send` or `answers` sends.  *request*: its bytes."""
        self.waiting += 1
        self._requests.append((name, request))

    def ring(self) -> None:
        """Wakes the thread that waits in `answers`; other threads call it."""
        with contextlib.suppress(OSError):
            self._bell.send(b"x")

    def answers(self) -> list[tuple[str, int, bytes]]:
        """Waits for a short time, and returns (name, status, body) of the answers that have arrived, if any.  UNANSWERED: http.py must request the file."""
        self._check()
        self.send()
        for key, _ in self._selector.select(0 if self._answers else _POLL_S):
            if key.data is None:
                self._hear()
            else:
                self._receive(key.data)
        self._drop_stalled()
        found = list(self._answers)
        self._answers.clear()
        self.waiting -= len(found)
        return found

    def send(self) -> None:
        """Sends noted requests over free connections, and opens more connections if there are more requests."""
        while self._requests and self._idle:
            connection = self._idle.pop()
            self._busy.add(connection)
            try:
                connection.begin(*self._requests.popleft())
            except (OSError, Unusual):
                self._fail(connection)
        while self._open_count < min(self._most, len(self._requests) + len(self._busy)):
            self._open_count += 1
            threading.Thread(target=self._open, daemon=True, name="connect").start()
        # If no connection can be opened, the requests stay unanswered.
        if not self._open_count:
            while self._requests:
                self._answers.append((self._requests.popleft()[0], UNANSWERED, b""))

    def _open(self) -> None:
        try:
            link = self._connect()
        except Exception:
            # `http.py` meets the same error, and reports it.
            link = None
        self._opened.put(link)
        self.ring()
        if self._is_closed:
            self._close_opened()

    def _close_opened(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                link = self._opened.get_nowait()
                if link is not None:
                    link.close()

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            self._ear.recv(4096)
        with contextlib.suppress(queue.Empty):
            while True:
                link = self._opened.get_nowait()
                if link is None:
                    self._open_count -= 1
                    self._most = self._open_count
                    self.is_useful = self.is_useful and self._most > 0
                else:
                    connection = _Connection(link)
                    self._selector.register(connection.socket, selectors.EVENT_READ, connection)
                    self._idle.append(connection)

    def _receive(self, connection: _Connection) -> None:
        # If the connection is idle, the server has closed it or sends something that nobody requested.
        if connection not in self._busy:
            self._idle.remove(connection)
            self._drop(connection)
            return
        try:
            if not connection.receive(self._limit, self._buffer):
                return
        except (OSError, Unusual):
            self._fail(connection)
            return
        self._answers.append((connection.name, int(connection.status), connection.data[connection.body_start :]))
        self._busy.discard(connection)
        connection.answer_count += 1
        if connection.is_last:
            self._drop(connection)
        else:
            self._idle.append(connection)
            if self._requests:
                self.send()

    def _fail(self, connection: _Connection) -> None:
        self._busy.discard(connection)
        self._drop(connection)
        if connection.answer_count and not connection.data:
            # The server closed a connection that was idle for too long, so the request is sent again.
            self._requests.appendleft((connection.name, connection.request))
            return
        self.is_useful = False
        self._answers.append((connection.name, UNANSWERED, b""))

    def _drop(self, connection: _Connection) -> None:
        self._open_count -= 1
        self._selector.unregister(connection.socket)
        connection.close()

    def _drop_stalled(self) -> None:
        if not self._stalled_s:
            return
        oldest_s = time.monotonic() - self._stalled_s
        for connection in [connection for connection in self._busy if connection.since_s < oldest_s]:
            self._fail(connection)

    def close(self) -> None:
        """Closes the connections, also those that are being opened in other threads."""
        self._is_closed = True
        self._close_opened()
        for connection in (*self._busy, *self._idle):
            connection.close()
        self._busy.clear()
        self._idle.clear()
        self._selector.close()
        self._bell.close()
        self._ear.close()
