"""A conversation with one client of our daemon: the greeting, the events that the client gets while it waits, and errors.

In: a channel to a client that may be hostile.  Out: the version that both sides speak; events and errors, sent.  store/daemon/server.py answers requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from snowsnake.foundation.log_numbers import INFORMATION
from snowsnake.store.daemon.channel import Channel
from snowsnake.store.daemon.connection import CLIENT_MAGIC, DAEMON_MAGIC, NEWEST, OLDEST, SAID, as_number
from snowsnake.store.daemon.wire import DaemonError, Wire
from snowsnake.store.interface import Store
from snowsnake.version import NIX_VERSION

_PIECE_BYTES = 1 << 16
_NUMBERS = {name: number for number, name in SAID.items()}


class ClientConnection:
    """The wire to one client of a store, and the state of the conversation."""

    def __init__(self, store: Store, channel: Channel, *, is_trusted: bool) -> None:
        self._store = store
        self._wire = Wire(channel, "unexpected end-of-file", is_server=True)
        self._is_trusted = is_trusted
        self._version = NEWEST
        # While this is true, the client reads events; otherwise they wait in `_waiting`.
        self._is_working = False
        self._waiting: list[Mapping[str, Any]] = []
        self.verbosity = INFORMATION

    def _greet(self) -> None:
        wire = self._wire
        if wire.number() != CLIENT_MAGIC:
            raise DaemonError("protocol mismatch")
        wire.add_number(DAEMON_MAGIC)
        wire.add_number(as_number(NEWEST))
        wire.flush()
        number = wire.number()
        self._version = min((number >> 8, number & 0xFF), NEWEST)
        if self._version < OLDEST:
            raise DaemonError("the Nix client version is too old")
        if self._version >= (1, 38):
            # Both sides send the optional features of the protocol that they know: there are none yet.
            wire.texts()
            wire.add_texts([])
            wire.flush()
        # Earlier versions used these numbers: an affinity to a CPU, and room to reserve.
        if wire.flag():
            wire.number()
        wire.number()
        if self._version >= (1, 33):
            wire.add_text(NIX_VERSION)
        if self._version >= (1, 35):
            trusted = self._store.facts().get("trusted") if self._is_trusted else False
            wire.add_number(0 if trusted is None else 1 if trusted else 2)
        wire.add_number(_NUMBERS["last"])
        wire.flush()

    # --- sending events and errors

    @contextmanager
    def _work(self) -> Iterator[None]:
        """Surrounds the work for a request: during it the client reads our events, and after it the answer."""
        self._is_working = True
        for facts in self._waiting:
            self._send(facts)
        self._waiting.clear()
        yield
        self._is_working = False
        self._wire.add_number(_NUMBERS["last"])

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Sends an event in C++ Nix's form, now or as soon as the client reads it."""
        if self._is_working:
            self._send(facts)
        else:
            self._waiting.append(facts)

    def _send(self, facts: Mapping[str, Any]) -> None:
        wire, action = self._wire, facts["action"]
        if action == "msg":
            if facts.get("level", 0) <= self.verbosity:
                wire.add_number(_NUMBERS["next"])
                wire.add_text(f"{facts['msg']}\n")
        elif action == "stop":
            wire.add_number(_NUMBERS["stop activity"])
            wire.add_number(facts["id"])
        elif action == "start":
            for number in (_NUMBERS["start activity"], facts["id"], facts["level"], facts["type"]):
                wire.add_number(number)
            wire.add_text(facts["text"])
            self._add_fields(facts.get("fields", ()))
            wire.add_number(facts["parent"])
        elif action == "result":
            for number in (_NUMBERS["result"], facts["id"], facts["type"]):
                wire.add_number(number)
            self._add_fields(facts["fields"])
        wire.flush()

    def _add_fields(self, fields: Iterable[int | str]) -> None:
        found = list(fields)
        self._wire.add_number(len(found))
        for value in found:
            self._wire.add_number(isinstance(value, str))
            if isinstance(value, str):
                self._wire.add_text(value)
            else:
                self._wire.add_number(value)

    def _refuse(self, error: Exception) -> None:
        self._is_working = False
        wire = self._wire
        # A part of the answer may have been added already.
        wire.data.clear()
        wire.add_number(_NUMBERS["error"])
        wire.add_text("Error")
        # This number is the level of the error.
        wire.add_number(0)
        wire.add_text("Error")
        wire.add_text(str(error))
        # The error has no position.
        wire.add_number(0)
        traces = getattr(error, "trace", ()) or getattr(error, "traces", ())
        wire.add_number(len(traces))
        for trace in traces:
            wire.add_number(0)
            wire.add_text(str(trace))
        wire.flush()

    # --- reading

    def _path(self) -> str:
        return self._store.parse(self._wire.text())

    def _paths(self) -> list[str]:
        return self._wire.items(self._path)

    def _require_trust(self, message: str) -> None:
        if not self._is_trusted:
            raise ValueError(message)

    @contextmanager
    def _frames(self) -> Iterator[Wire]:
        """A stream that the client sends in frames.  At the end its rest is read and dropped, so that the next request can be read even after an error."""
        frames = _Frames(self._wire)
        try:
            yield Wire(frames, "unexpected end-of-file")
        finally:
            frames.drain()


class _Frames(Channel):
    """Reads a stream of frames: each is its length and its data, and an empty frame is the last."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._left = 0
        self._is_over = False
        self.receiving_fd = self.sending_fd = -1

    def recv(self, size: int) -> bytes:
        if not self._left and not self._is_over:
            self._left = self._wire.number()
            self._is_over = not self._left
        if self._is_over:
            return b""
        data = self._wire.read(min(size, self._left))
        if not data:
            raise DaemonError("unexpected end-of-file")
        self._left -= len(data)
        return data

    def drain(self) -> None:
        while self.recv(_PIECE_BYTES):
            pass

    def send(self, data: memoryview) -> int:
        raise AssertionError("nothing is sent so")

    def end_sending(self) -> None:
        """Nothing is sent."""

    def close(self) -> None:
        """There is nothing to close."""
