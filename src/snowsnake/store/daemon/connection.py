"""A connection to a Nix daemon: greeting, options, requests, and the messages that the daemon sends while it works.

In: the path of a socket, or a function that opens another channel; options of the client.  Out: a `DaemonConnection`.  It speaks the versions 1.32 to 1.38
of the worker protocol (Nix 2.4 to 2.34).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum

from snowsnake.foundation.log_numbers import HOOK_LOG_LINE, INFORMATION, LOG_LINE
from snowsnake.store.daemon.channel import Channel, Dial, SocketChannel
from snowsnake.store.daemon.wire import DaemonError, NoNumber, Wire, without_colours

CLIENT_MAGIC, DAEMON_MAGIC = 0x6E697863, 0x6478696F
OLDEST, NEWEST = (1, 32), (1, 38)
SAID = {
    0x6F6C6D67: "next", 0x64617461: "read", 0x64617416: "write", 0x616C7473: "last", 0x63787470: "error",
    0x53545254: "start activity", 0x53544F50: "stop activity", 0x52534C54: "result",
}  # fmt: skip


class DaemonOperation(IntEnum):
    """Requests to a daemon, with their numbers in the protocol.  Our client does not send those in `ONLY_ANSWERED`."""

    IS_VALID_PATH = 1
    QUERY_REFERRERS = 6
    ADD_TO_STORE = 7
    ADD_TEXT_TO_STORE = 8
    BUILD_PATHS = 9
    ENSURE_PATH = 10
    ADD_TEMP_ROOT = 11
    ADD_INDIRECT_ROOT = 12
    SYNC_WITH_GC = 13
    FIND_ROOTS = 14
    QUERY_DERIVER = 18
    SET_OPTIONS = 19
    COLLECT_GARBAGE = 20
    QUERY_SUBSTITUTABLE_PATH_INFO = 21
    QUERY_DERIVATION_OUTPUTS = 22
    QUERY_ALL_VALID_PATHS = 23
    QUERY_PATH_INFO = 26
    QUERY_DERIVATION_OUTPUT_NAMES = 28
    QUERY_PATH_FROM_HASH_PART = 29
    QUERY_SUBSTITUTABLE_PATH_INFOS = 30
    QUERY_VALID_PATHS = 31
    QUERY_SUBSTITUTABLE_PATHS = 32
    QUERY_VALID_DERIVERS = 33
    OPTIMISE_STORE = 34
    VERIFY_STORE = 35
    BUILD_DERIVATION = 36
    ADD_SIGNATURES = 37
    NAR_FROM_PATH = 38
    ADD_TO_STORE_NAR = 39
    QUERY_MISSING = 40
    QUERY_DERIVATION_OUTPUT_MAP = 41
    REGISTER_DRV_OUTPUT = 42
    QUERY_REALISATION = 43
    ADD_MULTIPLE_TO_STORE = 44
    ADD_BUILD_LOG = 45
    BUILD_PATHS_WITH_RESULTS = 46
    ADD_PERM_ROOT = 47


ONLY_ANSWERED = frozenset({
    DaemonOperation.ADD_TEXT_TO_STORE,
    DaemonOperation.ENSURE_PATH,
    DaemonOperation.SYNC_WITH_GC,
    DaemonOperation.QUERY_DERIVER,
    DaemonOperation.QUERY_SUBSTITUTABLE_PATH_INFO,
    DaemonOperation.QUERY_DERIVATION_OUTPUTS,
    DaemonOperation.QUERY_DERIVATION_OUTPUT_NAMES,
    DaemonOperation.QUERY_SUBSTITUTABLE_PATH_INFOS,
    DaemonOperation.OPTIMISE_STORE,
    DaemonOperation.VERIFY_STORE,
    DaemonOperation.ADD_BUILD_LOG,
})


class BuildMode(IntEnum):
    """What a request to build does, with the numbers of the protocol."""

    NORMAL = 0
    REPAIR = 1
    CHECK = 2


class Garbage(IntEnum):
    """Actions of a garbage collection, with their numbers in the protocol."""

    TELL_ALIVE = 0
    TELL_DEAD = 1
    REMOVE_DEAD = 2
    REMOVE_THESE = 3


# The settings that SET_OPTIONS sends without their names, in this order; "" is the place of a number that only earlier versions used.
OPTION_FIELDS = ("keep-failed", "keep-going", "fallback", "verbosity", "max-jobs", "max-silent-time", "", "verbose-build", "", "", "cores", "substitute")
# Settings that SET_OPTIONS does not send by their names.
_NOT_BY_NAME = frozenset((*OPTION_FIELDS, "show-trace", "experimental-features", "plugin-files"))


class DaemonConnection:
    """One connection.  *dial*: the path of a socket, or a function that opens another channel.  *options*: settings of nix.conf as text, which the
    daemon applies to this client as far as it trusts the user; with None it keeps its own settings.  *name*: the store's URL, for messages.

    *on_message(text, is_log)* gets each line that the daemon wants to show to the user; *is_log* is true for a line of a builder's log.
    *on_event(facts, text, is_log)*, if there is one, gets C++ Nix's events, with that line as their text; *on_message* then gets only lines that belong to
    no event.  DaemonError if no daemon answers, or if it speaks another protocol.
    """

    def __init__(
        self, dial: str | Dial, options: Mapping[str, str] | None = None, *, name: str = "", on_message: Callable[[str, bool], None] | None = None,
        on_event: Callable[[dict[str, object], str, bool], None] | None = None,
    ) -> None:  # fmt: skip
        self.name = name or f"unix://{dial}"
        self._on_message = on_message
        self._on_event = on_event
        verbosity = (options or {}).get("verbosity", "")
        self._verbosity = int(verbosity) if verbosity.isdigit() else INFORMATION
        self.wire = Wire(_through_socket(dial) if isinstance(dial, str) else dial())
        self.is_broken = False
        self.version = OLDEST
        try:
            self._greet()
        except NotConnected:
            self.close()
            raise
        except DaemonError as error:
            self.close()
            raise DaemonError(f"cannot open connection to remote store '{self.name}': error: {error}") from None
        except BaseException:
            self.close()
            raise
        if options is None:
            return
        try:
            self.set_options(options)
        except BaseException:
            # A refusal also closes this connection: the caller does not get it.
            self.close()
            raise

    def close(self) -> None:
        self.is_broken = True
        self.wire.close()

    def _greet(self) -> None:
        wire = self.wire
        wire.add_number(CLIENT_MAGIC)
        wire.add_number(as_number(NEWEST))
        wire.flush()
        seen = b""
        try:
            seen = wire.exactly(8)
            magic = int.from_bytes(seen, "little")
            if magic >> 32:
                raise NoNumber("")
            if magic != DAEMON_MAGIC:
                raise DaemonError("nix-daemon protocol mismatch")
            seen += wire.exactly(8)
            daemon = int.from_bytes(seen[8:], "little")
            if daemon >> 32:
                raise NoNumber("")
        except NoNumber:
            # Nix 2.34 reads these numbers as 32 bits, and shows what it received if they are larger.
            raise DaemonError(f"protocol mismatch, got '{wire.all_of_it(seen)}'") from None
        version = (daemon >> 8, daemon & 0xFF)
        if version[0] != NEWEST[0]:
            raise DaemonError("Nix daemon protocol version not supported")
        if version < OLDEST:
            raise DaemonError("the Nix daemon version is too old")
        self.version = min(version, NEWEST)
        if self.version >= (1, 38):
            # This empty list is the optional features of the protocol that we know.
            wire.add_texts([])
            wire.flush()
            wire.texts()
        # Earlier versions used these numbers: whether a CPU affinity follows, and whether to reserve disk space.
        wire.add_number(0)
        wire.add_number(0)
        wire.flush()
        if self.version >= (1, 33):
            self.daemon_version = wire.text()
        if self.version >= (1, 35):
            self.trusts_us = {0: None, 1: True, 2: False}.get(wire.number())
        self.wait()

    daemon_version = ""
    trusts_us: bool | None = None

    def set_options(self, options: Mapping[str, str]) -> None:
        """Sends the client's options, which the daemon uses from now on."""

        def is_on(name: str, default: bool) -> bool:
            return options.get(name, "true" if default else "false") == "true"

        def number(name: str, default: int) -> int:
            text = options.get(name, "")
            return int(text) if text.isdigit() else default

        with self.request(DaemonOperation.SET_OPTIONS) as wire:
            for flag in ("keep-failed", "keep-going", "fallback"):
                wire.add_number(is_on(flag, False))
            wire.add_number(self._verbosity)
            wire.add_number(number("max-jobs", 1))
            wire.add_number(number("max-silent-time", 0))
            # Earlier versions used this number: whether to use the build hook.
            wire.add_number(1)
            # This number is the level of messages from which builders' logs are shown.
            wire.add_number(0 if is_on("verbose-build", True) else 7)
            # Earlier versions used these numbers: the type of the log, and whether to trace builds.
            wire.add_number(0)
            wire.add_number(0)
            wire.add_number(number("cores", 0))
            wire.add_number(is_on("substitute", True))
            others = {name: text for name, text in options.items() if name not in _NOT_BY_NAME}
            wire.add_number(len(others))
            for name in sorted(others):
                wire.add_text(name)
                wire.add_text(others[name])

    @contextmanager
    def request(self, operation: DaemonOperation) -> Iterator[Wire]:
        """Makes a request: add the arguments inside the `with`, and read the answer after it.  An error closes the connection, unless the daemon
        itself reported it."""
        if self.is_broken:
            raise DaemonError(f"opening a connection to remote store '{self.name}' previously failed")
        try:
            self.wire.add_number(operation)
            yield self.wire
            self.wire.flush()
            self.wait()
        except BaseException as error:
            if not (isinstance(error, DaemonError) and error.is_refusal):
                self.close()
            raise

    def begin(self, operation: DaemonOperation, text: str) -> None:
        """Adds a request with one argument, which is sent together with the next request.  Read its answer before the answer to that request."""
        if not self.is_broken:
            self.wire.add_number(operation)
            self.wire.add_text(text)

    def wait(self) -> None:
        """Passes the daemon's messages on until it has done what was requested.  DaemonError for a failure that it reports."""
        wire = self.wire
        while True:
            number = wire.number()
            said = SAID.get(number)
            if said == "last":
                return
            if said == "error":
                raise self._error()
            if said == "next":
                self._say(wire.text())
            elif said == "start activity":
                self._activity()
            elif said == "stop activity":
                self._event({"action": "stop", "id": wire.number()})
            elif said == "result":
                number, kind, fields = wire.number(), wire.number(), self._fields()
                # Only lines of builders' logs are shown as text; other results are events.
                is_log = kind in (LOG_LINE, HOOK_LOG_LINE) and bool(fields) and isinstance(fields[0], str)
                self._event({"action": "result", "id": number, "type": kind, "fields": fields}, str(fields[0]).rstrip("\n") if is_log else "", is_log=is_log)
            else:
                raise DaemonError(f"got unknown message type {number:x} from Nix daemon")

    def _activity(self) -> None:
        """Reads the message that an activity begins, and passes it on."""
        wire = self.wire
        number, level, kind, text, fields, parent = wire.number(), wire.number(), wire.number(), wire.text(), self._fields(), wire.number()
        facts = {"action": "start", "id": number, "level": level, "parent": parent, "text": text, "type": kind}
        self._event(facts | ({"fields": fields} if fields else {}), f"{text}..." if text and level <= self._verbosity else "")

    def _say(self, text: str) -> None:
        if self._on_message is not None:
            self._on_message(text.rstrip("\n"), False)

    def _event(self, facts: dict[str, object], shown: str = "", *, is_log: bool = False) -> None:
        """Passes an event on to `on_event`, if there is one; otherwise passes its text *shown* to `on_message`."""
        if self._on_event is not None:
            self._on_event(facts, shown, is_log)
        elif shown and self._on_message is not None:
            self._on_message(shown, is_log)

    def _fields(self) -> list[int | str]:
        return self.wire.items(self._field)

    def _field(self) -> int | str:
        kind = self.wire.number()
        if kind == 0:
            return self.wire.number()
        if kind == 1:
            return self.wire.text()
        raise DaemonError(f"got unsupported field type {kind:x} from Nix daemon")

    def _trace(self) -> str:
        # This flag says whether a position follows, which no daemon ever sends.
        self.wire.number()
        return self.wire.text()

    def _error(self) -> DaemonError:
        wire = self.wire
        if wire.text() != "Error":
            raise DaemonError("the Nix daemon sent an error of an unknown kind")
        # This number is the verbosity.
        wire.number()
        # This text was once the name of the error's class.
        wire.text()
        message = wire.text()
        # This flag says whether a position follows, which no daemon ever sends.
        wire.number()
        traces = wire.items(self._trace)
        return DaemonError(without_colours(message), list(map(without_colours, traces)), is_refusal=True)


class NotConnected(DaemonError):
    """There is no connection; the message needs no introduction."""


def _through_socket(path: str) -> Channel:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise NotConnected(f"cannot connect to socket at '{path}': {error.strerror or error}") from None
    return SocketChannel(connection)


def as_number(version: tuple[int, int]) -> int:
    return version[0] << 8 | version[1]
