"""A store behind a Nix daemon: additions of an evaluation are sent to it, and it builds what must be built.

In: as for `LocalStore`.  Out: store paths, valid in the daemon's store.  Objects are read where they lie on disk, as Nix does.
Small additions are collected and sent as one request; each is named by its contents, so the daemon needs no signature.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import BinaryIO

from snowsnake.store import hashing, nar
from snowsnake.store.collecting import CollectingStore, Hashed, Waiting
from snowsnake.store.daemon.connection import DaemonConnection, Operation
from snowsnake.store.daemon.wire import DaemonError, Message, Wire
from snowsnake.store.graph import sort_topologically
from snowsnake.store.interface import Missing
from snowsnake.store.path import STORE_DIR
from snowsnake.store.path_info import PathInfo
from snowsnake.store.roots import make_link

_PIECE_BYTES = 1 << 16
_NORMAL, _REPAIR, _CHECK = 0, 1, 2                    # how something is to be built
_SUCCESSES = frozenset({0, 1, 2, 13})     # built, substituted, already valid, resolves to something valid


class DaemonStore(CollectingStore):
    """The store of the daemon that listens at *socket*.  *real*: the folder with its objects, if it is not *store_dir*.

    *options*, *on_message*: see `DaemonConnection`.  The connection is made when it is first needed.
    """

    url = "daemon"

    def __init__(
        self,
        socket: str,
        store_dir: str = STORE_DIR,
        *,
        real: str | None = None,
        options: Mapping[str, str] | None = None,
        on_message: Callable[[str, bool], None] | None = None,
        name: str = "daemon",
    ) -> None:
        super().__init__(store_dir)
        self.root = name
        self._socket = socket
        self._real = real or store_dir
        self._options = dict(options or {})
        self._on_message = on_message
        self._process = os.getpid()
        self._open: DaemonConnection | None = None

    def close(self) -> None:
        """Sends pending additions and closes the connection.  In a child of the process that opened it: only closes."""
        try:
            if os.getpid() == self._process:
                self.flush()
        finally:
            if self._open is not None:
                self._open.close()
                self._open = None

    @property
    def objects(self) -> str:
        """The folder in which the objects lie."""
        return self._real

    @property
    def connection(self) -> DaemonConnection:
        self._check_process()
        if self._open is None or self._open.is_broken:
            self._open = DaemonConnection(self._socket, self._options, name=self.root, on_message=self._on_message)
        return self._open

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise DaemonError(f"the store '{self.root}' was opened before a fork: open it again in the child")

    def _place(self, path: str) -> str:
        return self._real + path[len(self.store_dir) :]

    # --- asking

    def _has(self, path: str) -> bool:
        connection = self.connection
        with connection.request(Operation.IS_VALID_PATH) as wire:
            wire.add_text(path)
        return wire.flag()

    def _info(self, path: str) -> PathInfo | None:
        connection = self.connection
        with connection.request(Operation.QUERY_PATH_INFO) as wire:
            wire.add_text(path)
        return _path_info(path, wire) if wire.flag() else None

    def paths(self) -> list[str]:
        """All valid objects, sorted."""
        with self.connection.request(Operation.QUERY_ALL_VALID_PATHS) as wire:
            pass
        return sorted({*self._waiting, *wire.texts()})

    def referrers(self, path: str) -> list[str]:
        return self._paths_of(Operation.QUERY_REFERRERS, path)

    def valid_derivers(self, path: str) -> list[str]:
        return self._paths_of(Operation.QUERY_VALID_DERIVERS, path)

    def path_with_hash(self, hash_part: str) -> str | None:
        self.flush()
        with self.connection.request(Operation.QUERY_PATH_FROM_HASH_PART) as wire:
            wire.add_text(hash_part)
        return wire.text() or None

    def write_archive(self, path: str, fd: int) -> None:
        self.known(path)
        nar.pack_into(self.real_path(path), fd)

    def _paths_of(self, operation: Operation, path: str) -> list[str]:
        self.flush()
        with self.connection.request(operation) as wire:
            wire.add_text(path)
        return sorted(wire.texts())

    # --- adding

    def import_object(self, info: PathInfo, archive: BinaryIO) -> None:
        self.flush()
        with self.connection.request(Operation.ADD_TO_STORE_NAR) as wire:
            _add_path_info(wire, info)
            wire.add_number(0)             # nothing is repaired
            wire.add_number(1)             # a user whom the daemon trusts need not sign
            for piece in _pieces(archive):
                wire.send_frame(piece)
            wire.send_frame(b"")
        self._known.add(info.path)

    def add_archive(self, name: str, archive: bytes | BinaryIO, references: Sequence[str] = ()) -> str:
        """Adds the file or tree in a NAR; *stream* may be a file, which is read from its position to its end."""
        if isinstance(archive, bytes):
            path, _ = self._fixed_path(name, "nar", hashing.digest("sha256", archive), references)
            return path if self.is_valid(path) else self._send(name, "fixed:r:sha256", iter([archive]), references)
        start = archive.tell()
        stream = Hashed(archive)
        while stream.read(_PIECE_BYTES):
            pass
        path, _ = self._fixed_path(name, "nar", stream.hash.digest(), references)
        if self.is_valid(path):
            return path
        archive.seek(start)
        return self._send(name, "fixed:r:sha256", _pieces(archive), references)

    def add_source(
        self, name: str, source: str | PathLike[str], method: str = "nar", accepts: Callable[[str, str], bool] | None = None,
        references: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Sends a file or tree (*method* flat: one file, hashed by its bytes), without the entries that *accepts* refuses."""
        if method == "flat":
            with open(source, "rb") as file:
                if os.fstat(file.fileno()).st_size < 1 << 20:
                    return self.add_flat(name, file.read())
                return self._send(name, "fixed:sha256", _pieces(file))
        if method != "nar":
            raise ValueError(f"a source is added by 'nar' or 'flat', not by '{method}'")
        with tempfile.TemporaryFile() as archive:
            nar.pack_into(source, archive.fileno(), accepts)
            archive.seek(0)
            return self.add_archive(name, archive, references)

    def open_temporary(self) -> int:
        """The descriptor of an empty file that vanishes once it is closed."""
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())

    def add_root(self, link: str, path: str) -> str:
        """Makes a link at *link* to the valid path *path*, which protects it from the garbage collector; returns its absolute path."""
        self.flush()
        link = make_link(link, path, self.store_dir)
        with self.connection.request(Operation.ADD_INDIRECT_ROOT) as wire:
            wire.add_text(link)
        wire.number()
        return link

    def _send(self, name: str, method: str, pieces: Iterator[bytes], references: Sequence[str] = ()) -> str:
        with self.connection.request(Operation.ADD_TO_STORE) as wire:
            wire.add_text(name)
            wire.add_text(method)
            wire.add_texts(references)
            wire.add_number(0)            # nothing is repaired
            for piece in pieces:
                wire.send_frame(piece)
            wire.send_frame(b"")
        info = _path_info(wire.text(), wire)
        self._known.add(info.path)
        return info.path

    def flush(self) -> None:
        if not self._waiting:
            return
        with self.connection.request(Operation.ADD_MULTIPLE_TO_STORE) as wire:
            wire.add_number(0)            # nothing is repaired
            wire.add_number(0)            # and nothing taken on trust
            wire.send_frame(len(self._waiting).to_bytes(8, "little"))
            for object_ in self._waiting.values():
                wire.send_frame(_described(object_) + nar.pack_contents(object_.contents or b""))
            wire.send_frame(b"")
        self._written()

    # --- building

    def check(self, wanted: Iterable[str]) -> None:
        self._realise(list(wanted), _CHECK)

    def repair(self, wanted: Iterable[str]) -> None:
        self._realise(list(wanted), _REPAIR)

    def realise(self, wanted: Iterable[str]) -> list[str]:
        """As in `CollectingStore`; DaemonError says what could not be built."""
        return self._realise(list(wanted), _NORMAL)

    def _realise(self, paths: list[str], mode: int) -> list[str]:
        outputs = self.output_paths(paths)
        self.flush()
        connection = self.connection
        if connection.version < (1, 34):
            with connection.request(Operation.BUILD_PATHS) as wire:
                wire.add_texts(paths)
                wire.add_number(mode)
            wire.number()
            return outputs
        with connection.request(Operation.BUILD_PATHS_WITH_RESULTS) as wire:
            wire.add_texts(paths)
            wire.add_number(mode)
        faults = [fault for fault in wire.items(lambda: self._result(connection)) if fault]
        if faults:
            raise DaemonError(faults[0], is_refusal=True)
        return outputs

    def _result(self, connection: DaemonConnection) -> str | None:
        """Raises the error for one of the paths."""
        wire = connection.wire
        wire.text()
        status, message = wire.number(), wire.text()
        for _ in range(4):                 # number of builds, whether they differed, times
            wire.number()
        if connection.version >= (1, 37):
            for _ in range(2):             # time of the CPU, if it is known
                if wire.flag():
                    wire.number()
        for _ in range(wire.count()):      # outputs, with their realisations
            wire.text()
            wire.text()
        return None if status in _SUCCESSES else message or f"build failed with status {status}"

    def add_signatures(self, path: str, signatures: Iterable[str]) -> None:
        with self.connection.request(Operation.ADD_SIGNATURES) as wire:
            wire.add_text(path)
            wire.add_texts(signatures)
        wire.number()

    def missing(self, wanted: Iterable[str]) -> Missing:
        self.flush()
        with self.connection.request(Operation.QUERY_MISSING) as wire:
            wire.add_texts(wanted)
        builds, fetches, unknown = wire.texts(), wire.texts(), wire.texts()
        sizes = wire.number(), wire.number()       # before the next request, which sorting makes
        ordered = reversed(sort_topologically(builds, lambda path: self.read_derivation(path).input_drvs))
        found = sorted(fetches, key=lambda path: (path.rpartition("/")[2][33:], path))
        return Missing(list(ordered), dict.fromkeys(found), sorted(unknown), *sizes)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _path_info(path: str, wire: Wire) -> PathInfo:
    """The daemon's facts about a path."""
    deriver, digest = wire.text(), wire.text()
    references = wire.texts()
    registered, size = wire.number(), wire.number()
    is_ultimate = wire.flag()
    signatures = wire.texts()
    content = wire.text()
    return PathInfo(
        path, f"sha256:{digest}", size, references, content or None, deriver or None,
        registration_time_s=registered, is_ultimate=is_ultimate, signatures=signatures,
    )  # fmt: skip


def _add_path_info(message: Message, info: PathInfo) -> None:
    message.add_text(info.path)
    message.add_text(info.deriver or "")
    message.add_text(info.hash.digest.hex())
    message.add_texts(info.references)
    for number in (info.registration_time_s, info.nar_size, info.is_ultimate):
        message.add_number(number)
    message.add_texts(info.signatures)
    message.add_text(info.ca or "")


def _described(object_: Waiting) -> bytes:
    """The facts about an object that `ADD_MULTIPLE_TO_STORE` sends before its archive."""
    message = Message()
    _add_path_info(message, object_.info)
    return bytes(message.data)
