"""Numbers, strings and lists of the worker protocol and of the serve protocol, over a channel.

In: a channel.  Out: values; DaemonError for bytes that cannot be a value.  A number is 8 bytes, little endian.  A string is its length
and its bytes, padded with zeros to a multiple of 8.  Memory is allocated for what has arrived, never for a length that the other side announces.
"""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from snowsnake.store.daemon.channel import Channel, SocketChannel

if TYPE_CHECKING:
    from snowsnake.store.path_info import PathInfo

_PIECE_BYTES = 1 << 16
# This largest number says that a garbage collection may free everything.
NO_LIMIT = (1 << 64) - 1
# A string has at most this many bytes: a message, a path, a derivation.
_MAX_TEXT_BYTES = 64 << 20
# A list has at most this many items.
_MAX_COUNT = 10_000_000
# A list has at most this many bytes.
_MAX_LIST_BYTES = 64 << 20
# A list with an item for each object of a store has at most this many bytes: the paths of ten million objects.
MAX_STORE_BYTES = 1 << 30
# At most this much data may arrive while we send.
_MAX_WAITING_BYTES = 64 << 20
# If the other side does not speak the protocol, at most this much of what it sent is shown to the user.
_MAX_SHOWN_BYTES = 1 << 16
# These are escape sequences for a terminal: CSI sequences (colours) and OSC sequences (titles, links).
_STEERING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")

Item = TypeVar("Item")
P = ParamSpec("P")


class LockedStore(Protocol):
    """A store whose connection one thread uses at a time."""

    lock: threading.RLock

    def failed(self, error: BaseException) -> None:
        """Called after an error, perhaps in the middle of an answer: its rest must not be taken for the next answer."""


L = TypeVar("L", bound=LockedStore)


def alone(method: Callable[Concatenate[L, P], Item]) -> Callable[Concatenate[L, P], Item]:
    """Decorates methods that ask a daemon: one thread at a time asks and reads its answer."""

    @wraps(method)
    def call(self: L, /, *words: P.args, **named: P.kwargs) -> Item:
        with self.lock:
            try:
                return method(self, *words, **named)
            except BaseException as error:
                self.failed(error)
                raise

    return call


class DaemonError(ValueError):
    """A refusal or failure that a daemon reports, in its words; or an answer that is not valid.  *traces*: what the daemon was doing, the innermost last.
    *is_refusal*: the daemon itself reported the error, and the connection can still be used."""

    def __init__(self, message: str, traces: Sequence[str] = (), *, is_refusal: bool = False) -> None:
        super().__init__(message)
        self.traces = tuple(traces)
        self.is_refusal = is_refusal


class NoNumber(DaemonError):
    """A number is too large, because the other side does not speak the protocol."""


class Message:
    """Collects in `data` what is to be sent."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add_number(self, value: int) -> None:
        self.data += value.to_bytes(8, "little")

    def add_data(self, data: bytes) -> None:
        self.add_number(len(data))
        self.data += data
        self.data += bytes(-len(data) % 8)

    def add_text(self, text: str) -> None:
        self.add_data(text.encode("utf-8", "surrogateescape"))

    def add_texts(self, texts: Iterable[str]) -> None:
        items = list(texts)
        self.add_number(len(items))
        for item in items:
            self.add_text(item)

    def add_path_info(self, info: PathInfo) -> None:
        """Adds an object's facts, as both protocols send them before its archive."""
        self.add_text(info.path)
        self.add_facts(info)

    def add_facts(self, info: PathInfo) -> None:
        """Does what `add_path_info` does, without the path."""
        self.add_text(info.deriver or "")
        self.add_text(info.hash.digest.hex())
        self.add_texts(info.references)
        for number in (info.registration_time_s, info.nar_size, info.is_ultimate):
            self.add_number(number)
        self.add_texts(info.signatures)
        self.add_text(info.ca or "")


class Wire(Message):
    """One end of a connection.  `flush` sends what was added.

    >>> ours, theirs = socket.socketpair()
    >>> wire = Wire(ours)
    >>> wire.add_texts(["a", "bc"])
    >>> wire.flush()
    >>> Wire(theirs).texts()
    ['a', 'bc']
    """

    def __init__(
        self, connection: Channel | socket.socket, at_end: str = "Nix daemon disconnected unexpectedly (maybe it crashed?)", *, is_server: bool = False
    ) -> None:
        """*at_end*: the message if the other side ends too early.  *is_server*: the other side may still read after it has sent its last request."""
        super().__init__()
        self._channel = SocketChannel(connection) if isinstance(connection, socket.socket) else connection
        self._at_end = at_end
        self._in = bytearray()
        self._start = 0
        self._is_gone = False
        self._is_server = is_server
        self._is_heard_out = False
        # This is how many bytes were read so far; `items` uses it for its limit.
        self._taken_bytes = 0

    def close(self) -> None:
        self._channel.close()

    # --- sending

    def flush(self) -> None:
        self._send(bytes(self.data))
        self.data.clear()

    def send_frame(self, data: bytes) -> None:
        """Sends one frame of a stream whose length is not known in advance; b"" ends the stream."""
        self.add_number(len(data))
        self.data += data
        self.flush()

    def _send(self, data: bytes) -> None:
        """Sends, and receives at the same time: otherwise both sides might wait for each other for ever.  Once the daemon has gone, the rest is not sent:
        its last message, which may say why, is read as its answer."""
        left = memoryview(data)
        channel = self._channel
        # `select.select` cannot be used: it accepts only descriptors below 1024.
        poller = select.poll()
        poller.register(channel.sending_fd, select.POLLOUT)
        if not self._is_heard_out:
            poller.register(channel.receiving_fd, select.POLLIN | (select.POLLOUT if channel.receiving_fd == channel.sending_fd else 0))
        while left and not self._is_gone:
            for fd, events in poller.poll():
                if fd == channel.receiving_fd and events & ~select.POLLOUT and not self._is_heard_out:
                    if not self._receive():
                        self._is_gone, self._is_heard_out = not self._is_server, True
                        poller.unregister(fd)
                        poller.register(channel.sending_fd, select.POLLOUT)
                    elif len(self._in) - self._start > _MAX_WAITING_BYTES:
                        raise DaemonError(f"the Nix daemon sends more than {_MAX_WAITING_BYTES} bytes before it reads what it was sent")
                if fd == channel.sending_fd and events & ~select.POLLIN and not self._is_gone:
                    try:
                        left = left[channel.send(left[:_PIECE_BYTES]) :]
                    except (BrokenPipeError, ConnectionResetError):
                        self._is_gone = True

    # --- receiving

    @property
    def has_data(self) -> bool:
        """Whether data was received that nobody has read yet."""
        return self._start < len(self._in)

    def _receive(self) -> bool:
        try:
            data = self._channel.recv(_PIECE_BYTES)
        except ConnectionResetError:
            return False
        self._in += data
        return bool(data)

    def exactly(self, size: int) -> bytes:
        """Reads the next *size* bytes; DaemonError if the other side ends before them."""
        while len(self._in) - self._start < size:
            if not self._receive():
                raise DaemonError(self._at_end)
        data = bytes(self._in[self._start : self._start + size])
        self._start += size
        self._taken_bytes += size
        if self._start >= _PIECE_BYTES or self._start == len(self._in):
            del self._in[: self._start]
            self._start = 0
        return data

    def number(self) -> int:
        return int.from_bytes(self.exactly(8), "little")

    def all_of_it(self, start: bytes) -> str:
        """What the other side, which does not speak the protocol, has sent: *start* and all that follows, up to 64 KiB."""
        found = bytearray(start)
        self._channel.end_sending()
        while len(found) < _MAX_SHOWN_BYTES and (piece := self.read(_PIECE_BYTES)):
            found += piece
        return found[:_MAX_SHOWN_BYTES].decode("utf-8", "backslashreplace").rstrip("\r\n")

    def flag(self) -> bool:
        return self.number() != 0

    def count(self) -> int:
        value = self.number()
        if value > _MAX_COUNT:
            raise DaemonError(f"the Nix daemon announces {value} items")
        return value

    def raw(self) -> bytes:
        size = self.number()
        if size > _MAX_TEXT_BYTES:
            raise DaemonError(f"the Nix daemon announces a string of {size} bytes")
        data = self.exactly(size)
        if any(self.exactly(-size % 8)):
            raise DaemonError("the Nix daemon sent a string with non-zero padding")
        return data

    def text(self) -> str:
        return self.raw().decode("utf-8", "surrogateescape")

    def texts(self) -> list[str]:
        return self.items(self.text)

    def items(self, one: Callable[[], Item], most_bytes: int = _MAX_LIST_BYTES) -> list[Item]:
        """Reads a list: its length, then its items, each of which *one* reads.  DaemonError if the list has more than *most_bytes*."""
        found: list[Item] = []
        limit_bytes = most_bytes + self._taken_bytes
        for _ in range(self.count()):
            found.append(one())
            if self._taken_bytes > limit_bytes:
                raise DaemonError(f"the Nix daemon sends a list of more than {most_bytes} bytes")
        return found

    def is_at_end(self) -> bool:
        """Whether the other side sends nothing more; waits until that is known."""
        return not self.has_data and not self._receive()

    def read(self, size: int) -> bytes:
        """At most *size* bytes, as `read` of a file returns them; b"" at the end."""
        if not size or (not self.has_data and not self._receive()):
            return b""
        return self.exactly(min(size, len(self._in) - self._start))


def read_facts(wire: Wire, path: str, parse: Callable[[str], str]) -> PathInfo:
    """Reads what `Message.add_facts` adds about *path*; ValueError for facts of another form.  *parse* returns a store path that was sent, if it is one."""
    from snowsnake.store.hash import Hash
    from snowsnake.store.path_info import PathInfo, check_claims

    deriver, digest = wire.text(), wire.text()
    references = wire.items(lambda: parse(wire.text()))
    registered, size, is_ultimate = wire.number(), wire.number(), wire.flag()
    signatures, content = wire.texts(), wire.text()
    check_claims(signatures, content)
    hash_ = Hash.parse(digest, None if ":" in digest or "-" in digest else "sha256")
    return PathInfo(
        path, f"{hash_.algorithm}:{hash_.base16}", size, references, content or None, parse(deriver) if deriver else None,
        registration_time_s=registered, is_ultimate=is_ultimate, signatures=signatures,
    )  # fmt: skip


class Limited:
    """The next *size* bytes of a stream; DaemonError from `read` if the stream ends before them."""

    def __init__(self, stream: Wire, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = _PIECE_BYTES) -> bytes:
        wanted = min(size, self._left)
        data = self._stream.read(wanted) if wanted else b""
        if wanted and not data:
            raise DaemonError("unexpected end-of-file")
        self._left -= len(data)
        return data

    def drain(self) -> None:
        while self.read():
            pass


def without_colours(text: str) -> str:
    """A daemon's or builder's text without escape sequences for a terminal.

    >>> without_colours("\x1b[31;1merror:\x1b[0m no")
    'error: no'
    """
    return _STEERING.sub("", text) if "\x1b" in text else text
