"""A store behind `nix-store --serve --write` on another machine (`ssh://`): its objects can be copied in both directions, and it builds derivations.

In: a function that opens a channel.  Out: the methods of `Store` that the serve protocol (2.5 to 2.7) supports; the others raise errors in 2.34's words.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO

from snowsnake.store.daemon.build_status import SUCCESSES
from snowsnake.store.daemon.channel import Dial
from snowsnake.store.daemon.wire import DaemonError, Wire, alone
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Missing, NotValid, Store, Unsupported, copy_archive
from snowsnake.store.missing import missing_paths
from snowsnake.store.path import STORE_DIR
from snowsnake.store.path_info import PathInfo, check_claims
from snowsnake.store.realisation import Realisation

if TYPE_CHECKING:
    from snowsnake.store.daemon.build_results import BuildResult
    from snowsnake.store.derivation import Derivation

CLIENT_MAGIC, SERVER_MAGIC = 0x390C9DEB, 0x5452EECB
_OLDEST, NEWEST = (2, 5), (2, 7)
_PIECE_BYTES = 1 << 16


class Command(IntEnum):
    """Requests, with their numbers in the protocol."""

    QUERY_VALID_PATHS = 1
    QUERY_PATH_INFOS = 2
    DUMP_STORE_PATH = 3
    BUILD_PATHS = 6
    # Our server answers this request, but our client never sends it.
    QUERY_CLOSURE = 7
    BUILD_DERIVATION = 8
    ADD_TO_STORE_NAR = 9


class ServeConnection:
    """A connection on which requests can be made.  *host*: the other machine's name, for messages."""

    def __init__(self, dial: Dial, host: str) -> None:
        self.wire = wire = Wire(dial(), "unexpected end-of-file")
        self.is_broken = False
        seen = b""
        try:
            wire.add_number(CLIENT_MAGIC)
            wire.add_number(NEWEST[0] << 8 | NEWEST[1])
            wire.flush()
            try:
                seen = wire.exactly(8)
                seen += wire.exactly(8)
            except DaemonError as error:
                # The error is `NotConnected` if ssh could not connect.
                if type(error) is not DaemonError:
                    raise
                if not seen:
                    raise DaemonError(f"cannot connect to '{host}'") from None
            magic, version = int.from_bytes(seen[:8], "little"), int.from_bytes(seen[8:], "little")
            if magic >> 32 or version >> 32 or len(seen) < 16:
                raise DaemonError(f"'nix-store --serve' protocol mismatch from '{host}', got '{wire.all_of_it(seen)}'")
            if magic != SERVER_MAGIC:
                raise DaemonError(f"'nix-store --serve' protocol mismatch from '{host}'")
            self.version = min((version >> 8 & 0xFF, version & 0xFF), NEWEST)
            if version >> 8 & 0xFF != NEWEST[0] or self.version < _OLDEST:
                raise DaemonError(f"unsupported 'nix-store --serve' protocol version on '{host}'")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.is_broken = True
        self.wire.close()

    @contextmanager
    def request(self, command: Command) -> Iterator[Wire]:
        """Makes a request: inside the `with`, add the arguments, `flush`, and read the answer.  An error closes the connection."""
        try:
            self.wire.add_number(command)
            yield self.wire
        except BaseException:
            self.close()
            raise


class ServeStore(Store):
    """The store of another machine.  *host*: its name, for messages; *url* has no parameters.  *options*: settings of nix.conf as text, of which those
    about builds are sent."""

    def __init__(self, dial: Dial, host: str, url: str, store_dir: str = STORE_DIR, *, options: dict[str, str] | None = None) -> None:
        self._dial = dial
        self._host = host
        self.url = url
        self.store_dir = store_dir
        self._options = options or {}
        self._open: ServeConnection | None = None
        self._process = os.getpid()
        self.lock = threading.RLock()
        self._infos: dict[str, PathInfo] = {}

    @property
    def connection(self) -> ServeConnection:
        if os.getpid() != self._process:
            raise DaemonError(f"the store '{self.url}' was opened before a fork: open it again in the child")
        if self._open is None or self._open.is_broken:
            self._open = ServeConnection(self._dial, self._host)
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def failed(self, error: BaseException) -> None:
        """Does nothing: answers are read inside `request`, which closes the connection after an error."""

    @alone
    def facts(self) -> dict[str, object]:
        """Connects; the protocol has no facts about the store."""
        _ = self.connection
        return {}

    # --- asking

    def is_valid(self, path: str) -> bool:
        return self.info(path) is not None

    @alone
    def valid_among(self, paths: Iterable[str], *, substitutes: bool = False) -> set[str]:
        asked = set(paths)
        with self.connection.request(Command.QUERY_VALID_PATHS) as wire:
            # This flag says whether the paths are to be protected from the garbage collector.
            wire.add_number(False)
            wire.add_number(substitutes)
            wire.add_texts(sorted(asked))
            wire.flush()
            return asked.intersection(wire.texts())

    def info(self, path: str) -> PathInfo | None:
        self.ask([path])
        return self._infos.get(path)

    @alone
    def ask(self, paths: Iterable[str]) -> None:
        """Requests the facts about all *paths* at once; for those that are valid, `info` then needs no request."""
        wanted = set(paths)
        asked = sorted(wanted - self._infos.keys())
        if not asked:
            return
        with self.connection.request(Command.QUERY_PATH_INFOS) as wire:
            wire.add_texts(asked)
            wire.flush()
            while path := wire.text():
                found = self._read_info(path, wire)
                if path not in wanted or path in self._infos:
                    raise DaemonError(f"'{self._host}' sent facts about '{path}', which were not asked for")
                self._infos[path] = found

    def _read_info(self, path: str, wire: Wire) -> PathInfo:
        deriver, references = wire.text(), wire.texts()
        # This number is the size of a download, which we do not need.
        wire.number()
        size, digest, content, signatures = wire.number(), wire.text(), wire.text(), wire.texts()
        if not digest:
            raise DaemonError("NAR hash is now mandatory")
        try:
            for name in (path, *references, *([deriver] if deriver else [])):
                self.parse(name)
            hash_ = Hash.parse(digest)
            check_claims(signatures, content)
        except ValueError as error:
            raise DaemonError(f"'{self._host}' sent wrong facts about '{path}': {error}") from None
        return PathInfo(path, f"{hash_.algorithm}:{hash_.base16}", size, sorted(references), content or None, deriver or None, signatures=signatures)

    def paths(self) -> list[str]:
        raise Unsupported("queryAllValidPaths", self.url)

    def referrers(self, path: str) -> list[str]:
        raise Unsupported("queryReferrers", self.url)

    def valid_derivers(self, path: str) -> list[str]:
        return []

    def path_with_hash(self, hash_part: str) -> str | None:
        raise Unsupported("queryPathFromHashPart", self.url)

    def realisation(self, key: str) -> Realisation | None:
        raise Unsupported("queryRealisation", self.url)

    def missing(self, wanted: Iterable[str]) -> Missing:
        return missing_paths(self, wanted)

    # --- reading

    @alone
    def write_archive(self, path: str, fd: int) -> None:
        info = self.info(path)
        if info is None:
            raise NotValid(path)
        with self.connection.request(Command.DUMP_STORE_PATH) as wire:
            wire.add_text(path)
            wire.flush()
            copy_archive(wire, info, fd)   # type: ignore[arg-type]  # only `read` is used

    def read(self, path: str) -> bytes:
        raise Unsupported("getFSAccessor", self.url)

    def log(self, drv_path: str) -> bytes | None:
        raise Unsupported("getBuildLogExact", self.url)

    # --- changing

    @alone
    def import_object(self, info: PathInfo, archive: BinaryIO, *, is_checked: bool = True) -> None:
        with self.connection.request(Command.ADD_TO_STORE_NAR) as wire:
            wire.add_path_info(info)
            while piece := archive.read(_PIECE_BYTES):
                wire.data += piece
                wire.flush()
            wire.flush()
            if wire.number() != 1:
                raise DaemonError(f"failed to add path '{info.path}' to remote host '{self._host}'")

    @alone
    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Lets the other machine build.  The protocol does not say where the outputs are, so only wanted items that are store paths are returned."""
        items = list(wanted)
        for item in items:
            if item.count("!") > 1:
                raise ValueError(
                    "wanted build derivation that is itself a build product, but the legacy ssh protocol doesn't support that. Try using ssh-ng://"
                )
            if item.endswith(".drv"):
                raise ValueError(
                    f"wanted to fetch '{item}' but the legacy ssh protocol doesn't support merely substituting drv files via the build paths command. "
                    "It would build them instead. Try using ssh-ng://"
                )
        connection = self.connection
        with connection.request(Command.BUILD_PATHS) as wire:
            wire.add_texts(item if item.rpartition("!")[2] != "*" else item.rpartition("!")[0] for item in items)
            self._add_options(connection)
            wire.flush()
            status = wire.number()
            message = "" if status in SUCCESSES else wire.text()
        if message or status not in SUCCESSES:
            raise DaemonError(message or f"build failed with status {status}", is_refusal=True)
        return [item for item in items if "!" not in item]

    def _add_options(self, connection: ServeConnection) -> None:
        wire = connection.wire
        for name in ("max-silent-time", "timeout", "max-build-log-size"):
            wire.add_number(int(self._options.get(name, 0)))
        # This number says how often the server is to build again.
        wire.add_number(0)
        # This flag says whether the results must be equal.
        wire.add_number(0)
        if connection.version >= (2, 7):
            wire.add_number(self._options.get("keep-failed") == "true")

    @alone
    def build_derivation(self, drv_path: str, drv: Derivation, inputs: Iterable[str]) -> BuildResult:
        """Builds a derivation that is sent along; *inputs*, which are valid on the other machine, take the place of its own inputs."""
        from snowsnake.store.daemon.build_results import read_result
        from snowsnake.store.daemon.sent_derivation import add_derivation

        connection = self.connection
        with connection.request(Command.BUILD_DERIVATION) as wire:
            wire.add_text(drv_path)
            add_derivation(wire, drv, inputs)
            self._add_options(connection)
            wire.flush()
            return read_result(wire, self.store_dir, has_times=True, has_cpu_times=False, has_outputs=connection.version >= (2, 6))
