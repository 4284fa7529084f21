"""A store behind a Nix daemon, which adds to it what an evaluation makes, and builds in it.

In: what `LocalStore` takes.  Out: store paths, valid in the daemon's store.  We read objects directly from the disk, as C++ Nix does.
Small additions are collected and sent in one request; each is named by its contents, so the daemon needs no signature.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import BinaryIO

from snowsnake.store import hashing, nar
from snowsnake.store.collecting import CollectingStore, Hashed, Waiting
from snowsnake.store.daemon.build_status import SUCCESSES
from snowsnake.store.daemon.connection import BuildMode, DaemonConnection, DaemonOperation, Garbage
from snowsnake.store.daemon.wire import (
    MAX_STORE_BYTES,
    NO_LIMIT,
    DaemonError,
    Message,
    Wire,
    alone,
    read_facts,
    without_colours,
)
from snowsnake.store.graph import sort_topologically
from snowsnake.store.interface import Missing, NotValid
from snowsnake.store.path import STORE_DIR, object_name
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import is_impure
from snowsnake.store.roots import make_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.daemon.build_results import BuildResult
    from snowsnake.store.daemon.channel import Dial
    from snowsnake.store.derivation import Derivation
    from snowsnake.store.realisation import Realisation

_PIECE_BYTES = 1 << 16


class SeveralFailed(DaemonError):
    """Several of the wanted paths could not be made valid; *faults*: (path, message) of each."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        names = ", ".join(sorted(f"'{path.replace('!', '^')}'" for path, _ in faults))
        super().__init__(f"build of {names} failed", is_refusal=True)
        self.faults = [message for _, message in faults]


class DaemonStore(CollectingStore):
    """The store of a daemon; several threads may use it.  *dial*: the path of its socket, or a function that opens another channel to it.

    *real*: the folder with its objects, if it is not *store_dir*.  *options*, *on_message*, *on_event*: see `DaemonConnection`; if *options* is a
    function, it is called before each request, and options that have changed are sent.  *name*: the URL, for messages.  The connection is opened when
    it is first needed.
    """

    url = "daemon"

    def __init__(
        self,
        dial: str | Dial,
        store_dir: str = STORE_DIR,
        *,
        real: str | None = None,
        options: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        on_message: Callable[[str, bool], None] | None = None,
        on_event: Callable[[dict[str, object], str, bool], None] | None = None,
        name: str = "daemon",
    ) -> None:
        super().__init__(store_dir)
        self.root = name
        self._dial = dial
        self._real = real or store_dir
        fixed = {} if options is None or callable(options) else dict(options)
        self._options: Callable[[], Mapping[str, str]] | None = options if callable(options) else lambda: fixed
        # The daemon has received these options last.
        self._sent: Mapping[str, str] = {}
        self._on_message = on_message
        self._on_event = on_event
        self._process = os.getpid()
        self.lock = threading.RLock()
        # These paths are to be protected from the garbage collector, but the daemon does not know this yet.
        self._unprotected: set[str] = set()
        self._open: DaemonConnection | None = None

    def close(self) -> None:
        """Sends pending additions and closes the connection.  In a child of the process that opened the store, it only closes the connection."""
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
        options = None if self._options is None else self._options()
        if self._open is None or self._open.is_broken:
            self._open = DaemonConnection(self._dial, options, name=self.root, on_message=self._on_message, on_event=self._on_event)
        elif options is not None and options is not self._sent and options != self._sent:
            self._open.set_options(options)
        self._sent = options or {}
        return self._open

    def failed(self, error: BaseException) -> None:
        """Closes the connection, unless the answer was read to its end: a refusal, or the answer that a path is not valid."""
        if self._open is not None and not isinstance(error, NotValid) and not (isinstance(error, DaemonError) and error.is_refusal):
            self._open.close()

    def _path(self, wire: Wire) -> str:
        """Reads a store path in an answer."""
        return self._checked(wire.text())

    def _checked(self, path: str) -> str:
        try:
            return self.parse(path)
        except ValueError as error:
            raise DaemonError(f"the Nix daemon sent a wrong store path: {error}") from None

    def _paths(self, wire: Wire) -> list[str]:
        return wire.items(lambda: self._path(wire))

    def _all_paths(self, wire: Wire) -> list[str]:
        """Reads a list of paths that may have an item for each object of the store."""
        return wire.items(lambda: self._path(wire), MAX_STORE_BYTES)

    def _path_info(self, path: str, wire: Wire) -> PathInfo:
        """Reads the daemon's facts about a path."""
        try:
            return read_facts(wire, self._checked(path), self._checked)
        except DaemonError:
            raise
        except ValueError as error:
            raise DaemonError(f"the Nix daemon sent wrong facts about '{path}': {error}") from None

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise DaemonError(f"the store '{self.root}' was opened before a fork: open it again in the child")

    def _place(self, path: str) -> str:
        return self._real + path[len(self.store_dir) :]

    # --- asking

    @alone
    def valid_among(self, paths: Iterable[str], *, substitutes: bool = False) -> set[str]:
        self.flush()
        asked = set(paths)
        with self.connection.request(DaemonOperation.QUERY_VALID_PATHS) as wire:
            wire.add_texts(sorted(asked))
            wire.add_number(substitutes)
        found = asked.intersection(wire.texts())
        self._known |= found
        return found

    @alone
    def facts(self) -> dict[str, object]:
        connection = self.connection
        trusted: dict[str, object] = {} if connection.trusts_us is None else {"trusted": connection.trusts_us}
        return {"version": connection.daemon_version, **trusted}

    def keep(self, path: str) -> None:
        """Protects a path from the garbage collector.  The daemon protects additions by itself.  For another path, `_has` requests the protection and
        asks whether the path is valid at once, which takes half of the time of two requests."""
        self._unprotected.add(path)

    @alone
    def _has(self, path: str) -> bool:
        connection = self.connection
        if path in self._unprotected:
            self._unprotected.discard(path)
            connection.begin(DaemonOperation.ADD_TEMP_ROOT, path)
            with connection.request(DaemonOperation.IS_VALID_PATH) as wire:
                wire.add_text(path)
                wire.flush()
                try:
                    connection.wait()
                    wire.number()
                except DaemonError:
                    # Otherwise the second answer would be taken for the answer to the next request.
                    connection.close()
                    raise
        else:
            with connection.request(DaemonOperation.IS_VALID_PATH) as wire:
                wire.add_text(path)
        return wire.flag()

    @alone
    def _info(self, path: str) -> PathInfo | None:
        connection = self.connection
        with connection.request(DaemonOperation.QUERY_PATH_INFO) as wire:
            wire.add_text(path)
        return self._path_info(path, wire) if wire.flag() else None

    @alone
    def paths(self) -> list[str]:
        """All valid objects, sorted."""
        with self.connection.request(DaemonOperation.QUERY_ALL_VALID_PATHS) as wire:
            pass
        return sorted({*self._waiting, *self._all_paths(wire)})

    def referrers(self, path: str) -> list[str]:
        return self._paths_of(DaemonOperation.QUERY_REFERRERS, path)

    def valid_derivers(self, path: str) -> list[str]:
        return self._paths_of(DaemonOperation.QUERY_VALID_DERIVERS, path)

    @alone
    def outputs(self, drv_path: str) -> dict[str, str]:
        """The paths of a derivation's outputs by name, including those that became known when they were built."""
        static = {name: output.path for name, output in self.read_derivation(drv_path).outputs.items()}
        if all(static.values()):
            return static
        self.flush()
        with self.connection.request(DaemonOperation.QUERY_DERIVATION_OUTPUT_MAP) as wire:
            wire.add_text(drv_path)
        found = dict(wire.items(lambda: (wire.text(), (path := wire.text()) and self._checked(path))))
        return {name: found.get(name, "") or path for name, path in static.items() if found.get(name) or path}

    @alone
    def realisation(self, key: str) -> Realisation | None:
        from snowsnake.store.realisation import split_key

        split_key(key)
        with self.connection.request(DaemonOperation.QUERY_REALISATION) as wire:
            wire.add_text(key)
        texts = wire.texts()
        if not texts:
            return None
        found = self._realisation(texts[0])
        if found.key != key:
            raise DaemonError(f"the Nix daemon answered about '{found.key}' instead of '{key}'")
        return found

    def _realisation(self, text: str) -> Realisation:
        from snowsnake.store.realisation import Realisation

        try:
            return Realisation.from_json(json.loads(text), self.store_dir)
        except (ValueError, RecursionError) as error:
            raise DaemonError(f"the Nix daemon sent no realisation: {error}") from None

    @alone
    def register_realisation(self, realisation: Realisation) -> None:
        self.flush()
        with self.connection.request(DaemonOperation.REGISTER_DRV_OUTPUT) as wire:
            wire.add_text(json.dumps(realisation.to_json(), separators=(",", ":"), sort_keys=True))

    @alone
    def substitutable(self, paths: Iterable[str]) -> set[str]:
        """The subset of *paths* that the daemon's substituters have."""
        asked = set(paths)
        with self.connection.request(DaemonOperation.QUERY_SUBSTITUTABLE_PATHS) as wire:
            wire.add_texts(sorted(asked))
        return asked.intersection(wire.texts())

    @alone
    def path_with_hash(self, hash_part: str) -> str | None:
        self.flush()
        with self.connection.request(DaemonOperation.QUERY_PATH_FROM_HASH_PART) as wire:
            wire.add_text(hash_part)
        path = wire.text()
        if path and not self._checked(path).startswith(f"{self.store_dir}/{hash_part}-"):
            raise DaemonError(f"the Nix daemon answered with '{path}' when it was asked for '{hash_part}'")
        return path or None

    @alone
    def _paths_of(self, operation: DaemonOperation, path: str) -> list[str]:
        self.flush()
        with self.connection.request(operation) as wire:
            wire.add_text(path)
        return sorted(set(self._paths(wire)))

    # --- adding

    @alone
    def import_object(self, info: PathInfo, archive: BinaryIO, *, is_checked: bool = True) -> None:
        self.flush()
        with self.connection.request(DaemonOperation.ADD_TO_STORE_NAR) as wire:
            wire.add_path_info(info)
            # This flag says whether a damaged object is to be replaced.
            wire.add_number(0)
            # With this flag, the object needs no signature if the daemon trusts the user.
            wire.add_number(is_checked)
            for piece in _pieces(archive):
                wire.send_frame(piece)
            wire.send_frame(b"")
        self._known.add(info.path)

    @alone
    def add_archive(self, name: str, archive: bytes | BinaryIO, references: Sequence[str] = ()) -> str:
        """Adds the file or tree in a NAR; *archive* may be a stream, of which only `read` is used."""
        if isinstance(archive, bytes):
            path, _ = self._fixed_path(name, "nar", hashing.digest("sha256", archive), references)
            return path if self.is_valid(path) else self._send(name, "fixed:r:sha256", iter([archive]), references)
        stream = Hashed(archive)
        # Not every stream can be read twice.
        with tempfile.TemporaryFile() as kept:
            while piece := stream.read(_PIECE_BYTES):
                kept.write(piece)
            path, _ = self._fixed_path(name, "nar", stream.hash.digest(), references)
            if self.is_valid(path):
                return path
            kept.seek(0)
            return self._send(name, "fixed:r:sha256", _pieces(kept), references)

    def add_source(
        self, name: str, source: str | PathLike[str], method: str = "nar", accepts: Callable[[str, str], bool] | None = None,
        references: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Sends a file or tree, without the entries that *accepts* refuses.  With *method* "flat", it is one file, which is hashed by its bytes."""
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

    @alone
    def add_root(self, link: str, path: str) -> str:
        """Makes a link at *link* to the valid path *path*, which the link protects from the garbage collector; returns the link's absolute path."""
        self.flush()
        link = make_link(link, path, self.store_dir)
        with self.connection.request(DaemonOperation.ADD_INDIRECT_ROOT) as wire:
            wire.add_text(link)
        wire.number()
        return link

    @alone
    def _send(self, name: str, method: str, pieces: Iterator[bytes], references: Sequence[str] = ()) -> str:
        with self.connection.request(DaemonOperation.ADD_TO_STORE) as wire:
            wire.add_text(name)
            wire.add_text(method)
            wire.add_texts(references)
            # This flag says whether a damaged object is to be replaced.
            wire.add_number(0)
            for piece in pieces:
                wire.send_frame(piece)
            wire.send_frame(b"")
        info = self._path_info(wire.text(), wire)
        self._known.add(info.path)
        return info.path

    @alone
    def flush(self) -> None:
        if not self._waiting:
            return
        with self.connection.request(DaemonOperation.ADD_MULTIPLE_TO_STORE) as wire:
            # This flag says whether damaged objects are to be replaced.
            wire.add_number(0)
            # With this flag, the daemon would not check signatures.
            wire.add_number(0)
            wire.send_frame(len(self._waiting).to_bytes(8, "little"))
            for object_ in self._waiting.values():
                wire.send_frame(_described(object_) + nar.pack_contents(object_.contents or b""))
            wire.send_frame(b"")
        self._written()

    # --- removing

    @alone
    def find_roots(self) -> dict[str, set[str]]:
        """Maps each object that is a root to the links that make it one, as far as the daemon shows them."""
        self.flush()
        with self.connection.request(DaemonOperation.FIND_ROOTS) as wire:
            pass
        found: dict[str, set[str]] = {}
        for link, path in wire.items(lambda: (wire.text(), self._path(wire)), MAX_STORE_BYTES):
            found.setdefault(path, set()).add(link)
        return found

    @alone
    def collect_garbage(
        self, action: Garbage, paths: Iterable[str] = (), *, ignores_liveness: bool = False, most_bytes: int | None = None
    ) -> tuple[list[str], int]:
        """Returns (paths, freed bytes): the objects that are alive or dead, or that were removed, as *action* says.

        *ignores_liveness*: even objects that roots need are removed; *most_bytes*: the collection stops once it has freed so many bytes.
        """
        self.flush()
        self._known.clear()
        self._claimed.clear()
        with self.connection.request(DaemonOperation.COLLECT_GARBAGE) as wire:
            wire.add_number(action)
            wire.add_texts(paths)
            wire.add_number(ignores_liveness)
            wire.add_number(NO_LIMIT if most_bytes is None else most_bytes)
            # Earlier versions used these numbers.
            for _ in range(3):
                wire.add_number(0)
        found, freed = self._all_paths(wire), wire.number()
        wire.number()
        return sorted(found), freed

    # --- building

    def check(self, wanted: Iterable[str]) -> None:
        self._realise(list(wanted), BuildMode.CHECK)

    def repair(self, wanted: Iterable[str]) -> None:
        self._realise(list(wanted), BuildMode.REPAIR)

    def realise(self, wanted: Iterable[str]) -> list[str]:
        """Does what `CollectingStore.realise` does; a DaemonError says what could not be built."""
        return self._realise(list(wanted), BuildMode.NORMAL)

    @alone
    def _realise(self, paths: list[str], mode: BuildMode) -> list[str]:
        paths = self.obtained(paths)
        self.forget_impure(paths)
        # The daemon must have the derivations in its own store.
        self.bring(item.partition("!")[0] for item in paths)
        # This raises an error for names that no output has, before anything is built.
        self.output_paths(paths)
        self.flush()
        connection = self.connection
        if connection.version < (1, 34):
            with connection.request(DaemonOperation.BUILD_PATHS) as wire:
                wire.add_texts(paths)
                wire.add_number(mode)
            wire.number()
            return self.output_paths(paths)
        with connection.request(DaemonOperation.BUILD_PATHS_WITH_RESULTS) as wire:
            wire.add_texts(paths)
            wire.add_number(mode)
        results = wire.items(lambda: self._result(connection))
        faults = [(path, fault) for path, fault, _ in results if fault is not None]
        if len(faults) > 1:
            raise SeveralFailed(faults)
        if faults:
            raise DaemonError(faults[0][1], is_refusal=True)
        # Only after a failure may the daemon leave out paths: those that it gave up.
        answered = {path.partition("!")[0] for path, _, _ in results}
        for path in paths:
            if path.partition("!")[0] not in answered:
                raise DaemonError(f"the Nix daemon does not say what became of '{path}'")
        for path, _, made in results:
            self._note_impure(path.partition("!")[0], made)
        return self.output_paths(paths)

    @alone
    def build_derivation(self, drv_path: str, drv: Derivation, inputs: Iterable[str]) -> BuildResult:
        """Builds a derivation that is sent along; *inputs*, which are valid in the daemon's store, take the place of its own inputs."""
        from snowsnake.store.daemon.build_results import read_result
        from snowsnake.store.daemon.sent_derivation import add_derivation

        self.flush()
        connection = self.connection
        with connection.request(DaemonOperation.BUILD_DERIVATION) as wire:
            wire.add_text(drv_path)
            add_derivation(wire, drv, inputs)
            wire.add_number(BuildMode.NORMAL)
        return read_result(wire, self.store_dir, has_times=True, has_cpu_times=connection.version >= (1, 37), has_outputs=True)

    def _note_impure(self, drv_path: str, made: list[str]) -> None:
        if not made or not is_impure(self.read_derivation(drv_path)):
            return
        found = [self._realisation(text) for text in made]
        self.built_now[drv_path] = {realisation.key.partition("!")[2]: realisation.path for realisation in found}

    def _result(self, connection: DaemonConnection) -> tuple[str, str | None, list[str]]:
        """Reads (requested path, fault or None, realisations of its outputs as JSON)."""
        wire = connection.wire
        path = wire.text()
        status, message = wire.number(), wire.text()
        # These numbers say how often it was built, whether the results differed, and when the build began and ended; we do not need them.
        for _ in range(4):
            wire.number()
        if connection.version >= (1, 37):
            # These are the CPU times of the user and of the system; a flag before each says whether the daemon knows it.
            for _ in range(2):
                if wire.flag():
                    wire.number()
        # A realisation of each output comes after its name.
        made = wire.items(lambda: (wire.text(), wire.text())[1])
        return path, None if status in SUCCESSES else without_colours(message) or f"build failed with status {status}", made

    @alone
    def add_signatures(self, path: str, signatures: Iterable[str]) -> None:
        with self.connection.request(DaemonOperation.ADD_SIGNATURES) as wire:
            wire.add_text(path)
            wire.add_texts(signatures)
        wire.number()

    @alone
    def missing(self, wanted: Iterable[str]) -> Missing:
        # Nothing is known about an output of an output (`DRV!OUTPUT!OUTPUT`) before the inner one is built.
        paths = [item for item in wanted if item.count("!") < 2]
        self.bring(item.partition("!")[0] for item in paths)
        self.flush()
        with self.connection.request(DaemonOperation.QUERY_MISSING) as wire:
            wire.add_texts(paths)
        builds, fetches, unknown = self._paths(wire), self._paths(wire), self._paths(wire)
        # The sizes are read now, because sorting makes other requests.
        sizes = wire.number(), wire.number()
        ordered = reversed(sort_topologically(builds, lambda path: self.read_derivation(path).input_drvs))
        found = sorted(fetches, key=lambda path: (object_name(path), path))
        return Missing(list(ordered), dict.fromkeys(found), sorted(unknown), [], *sizes)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _described(object_: Waiting) -> bytes:
    """The facts about an object that `ADD_MULTIPLE_TO_STORE` sends before its archive."""
    message = Message()
    message.add_path_info(object_.info)
    return bytes(message.data)
