"""The server's side of `ssh://`: `nix-store --serve`, which C++ Nix's clients and ours start on this machine.

In: a store, a channel to a client that may be hostile.  Out: answers, until the client ends.  It speaks the versions 2.0 to 2.7 of the serve protocol.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from snowsnake.store.collecting import CollectingStore
from snowsnake.store.daemon.build_results import build_sent
from snowsnake.store.daemon.build_status import FAILED, TIMED_OUT
from snowsnake.store.daemon.channel import Channel
from snowsnake.store.daemon.sent_derivation import read_derivation
from snowsnake.store.daemon.wire import DaemonError, Limited, Wire, read_facts
from snowsnake.store.graph import closure
from snowsnake.store.interface import NotValid, Store, Unsupported, archive_of
from snowsnake.store.ssh.serve import CLIENT_MAGIC, NEWEST, SERVER_MAGIC, Command

if TYPE_CHECKING:
    from snowsnake.store.daemon.build_results import Failures

_PIECE_BYTES = 1 << 16
# This is the exit code of `build.failure.timed_out`.
_TIMED_OUT_CODE = 101


class ServeServer:
    """Answers one client.  *is_writable*: the client may change the store.  *set_option(name, text)* is called with the client's settings before each
    build.  *failures* calls a function, and returns the errors by derivation."""

    def __init__(self, store: Store, channel: Channel, *, is_writable: bool, set_option: Callable[[str, str], None], failures: Failures) -> None:
        self._store = store
        self._wire = Wire(channel, "unexpected end-of-file", is_server=True)
        self._is_writable = is_writable
        self._set_option = set_option
        self._failures = failures
        if isinstance(store, CollectingStore):
            store.must_stop = channel.has_hung_up
        self._version = NEWEST
        self._answers: dict[int, Callable[[], None]] = {
            Command.QUERY_VALID_PATHS: self._valid_paths, Command.QUERY_PATH_INFOS: self._path_infos, Command.DUMP_STORE_PATH: self._archive,
            Command.BUILD_PATHS: self._build, Command.BUILD_DERIVATION: self._build_derivation, Command.QUERY_CLOSURE: self._closure, Command.ADD_TO_STORE_NAR: self._add,
        }  # fmt: skip

    def run(self) -> None:
        """Answers until the client ends; ValueError for what is not a request."""
        wire = self._wire
        if wire.number() != CLIENT_MAGIC:
            raise DaemonError("protocol mismatch")
        wire.add_number(SERVER_MAGIC)
        wire.add_number(NEWEST[0] << 8 | NEWEST[1])
        wire.flush()
        version = wire.number()
        self._version = min((version >> 8 & 0xFF, version & 0xFF), NEWEST)
        while not wire.is_at_end():
            number = wire.number()
            if number not in self._answers:
                raise DaemonError(f"unknown serve command {number}")
            self._answers[number]()
            wire.flush()

    def _paths(self) -> list[str]:
        return [self._store.parse(path) for path in self._wire.texts()]

    def _check_writable(self, doing: str) -> None:
        if not self._is_writable:
            raise ValueError(f"{doing} paths is not allowed")

    def _valid_paths(self) -> None:
        locks, substitutes, paths = self._wire.flag(), self._wire.flag(), self._paths()
        store = self._store
        if locks and self._is_writable:
            for path in paths:
                store.keep(path)
        if substitutes and self._is_writable:
            offered = store.missing([path for path in paths if not store.is_valid(path)]).fetches
            # A failure is not an error here: the answer says which paths became valid.
            with contextlib.suppress(ValueError):
                store.realise([path for path in paths if path in offered])
        self._wire.add_texts(sorted(filter(store.is_valid, paths)))

    def _path_infos(self) -> None:
        wire = self._wire
        for path in sorted(set(self._paths())):
            info = self._store.info(path)
            if info is None:
                continue
            wire.add_text(path)
            wire.add_text(info.deriver or "")
            wire.add_texts(sorted(info.references))
            # This number is the size of a download, which nothing here compresses.
            wire.add_number(info.nar_size)
            wire.add_number(info.nar_size)
            if self._version >= (2, 4):
                wire.add_text(info.hash.format("nix32", with_algorithm=True))
                wire.add_text(info.ca or "")
                wire.add_texts(sorted(info.signatures))
            wire.flush()
        wire.add_text("")

    def _archive(self) -> None:
        path = self._store.parse(self._wire.text())
        if not self._store.is_valid(path):
            raise NotValid(path)
        with archive_of(self._store, path) as archive:
            while piece := archive.read(_PIECE_BYTES):
                self._wire.data += piece
                self._wire.flush()

    def _closure(self) -> None:
        includes_outputs, paths = self._wire.flag(), self._paths()
        self._wire.add_texts(sorted(closure(self._store, paths, includes_outputs=includes_outputs)))

    def _build(self) -> None:
        self._check_writable("building")
        wire = self._wire
        wanted = [_with_outputs(item) for item in wire.texts()]
        self._read_options()
        try:
            self._store.realise(wanted)
        except ValueError as error:
            wire.add_number(TIMED_OUT if getattr(error, "exit_code", 0) == _TIMED_OUT_CODE else FAILED)
            wire.add_text(str(error))
        else:
            wire.add_number(0)

    def _read_options(self) -> None:
        """Reads and applies the client's settings for a build.  We do not substitute, because the client has already tried its own substituters; we do not
        keep the log, because the client gets it."""
        wire = self._wire
        found = {"substitute": "false", "keep-build-log": "false"}
        for name in ["max-silent-time", "timeout", *(["max-build-log-size"] if self._version >= (2, 2) else [])]:
            found[name] = str(wire.number())
        if self._version >= (2, 3):
            if wire.number():
                raise ValueError("client requested repeating builds, but this is not currently implemented")
            # This flag says whether results must be equal.
            wire.number()
        if self._version >= (2, 7):
            found["keep-failed"] = "true" if wire.flag() else "false"
        for name, text in found.items():
            self._set_option(name, text)

    def _build_derivation(self) -> None:
        """Builds a derivation that the client sends along, whose inputs must be in the store."""
        self._check_writable("building")
        wire, store = self._wire, self._store
        drv_path = store.parse(wire.text())
        drv = read_derivation(wire, drv_path, store.store_dir)
        self._read_options()
        if not isinstance(store, CollectingStore):
            raise Unsupported("buildDerivation", store.url)
        result = build_sent(store, drv_path, drv, store.realise, self._failures)
        result.write(wire, has_times=self._version >= (2, 3), has_cpu_times=False, has_outputs=self._version >= (2, 6))

    def _add(self) -> None:
        self._check_writable("importing")
        wire = self._wire
        info = read_facts(wire, self._store.parse(wire.text()), self._store.parse)
        if not info.nar_size:
            raise ValueError("narInfo is too old and missing the narSize field")
        archive = Limited(wire, info.nar_size)
        if not self._store.is_valid(info.path):
            self._store.import_object(info, archive)       # type: ignore[arg-type]  # only `read` is used
        archive.drain()
        wire.add_number(1)


def _with_outputs(item: str) -> str:
    """The item with the outputs that it means: a derivation alone means all of its outputs."""
    return item + "!*" if item.endswith(".drv") else item
