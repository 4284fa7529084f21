"""The server's side of the worker protocol: `nix-daemon --stdio`, and the daemon behind a socket, for C++ Nix's clients and ours.

In: a store, a client, what the store alone cannot do (`Duties`).  Out: answers, until the client ends; one method for each request.  It speaks the
versions 1.32 to 1.38.  store/daemon/client_connection.py has the greeting, events and errors.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Protocol, cast

from snowsnake.store.collecting import CollectingStore
from snowsnake.store.daemon.build_results import BuildResult, as_text, build_results, build_sent
from snowsnake.store.daemon.channel import Channel
from snowsnake.store.daemon.client_connection import ClientConnection
from snowsnake.store.daemon.connection import OPTION_FIELDS, BuildMode, DaemonOperation, Garbage
from snowsnake.store.daemon.sent_derivation import read_derivation
from snowsnake.store.daemon.wire import NO_LIMIT, DaemonError, Limited, Wire, read_facts
from snowsnake.store.garbage import Collector, find_roots
from snowsnake.store.interface import NotValid, Store, Unsupported, archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo, check_claims
from snowsnake.store.realisation import Realisation, split_key

_PIECE_BYTES = 1 << 16


class Duties(Protocol):
    """What the command that runs the server does for it, because the command knows the settings."""

    def set_option(self, name: str, text: str, *, is_trusted: bool) -> None:
        """Applies a client's setting from now on, if such a client may change it."""

    def set_verbosity(self, level: int) -> None:
        """Sets the level up to which messages are sent from now on."""

    def check_signature(self, info: PathInfo) -> None:
        """ValueError if an object may not be added, because nobody who is trusted signed it."""

    def collector(self) -> Collector:
        """Returns the collector that removes objects."""

    def verify(self, *, checks_contents: bool, repairs: bool) -> bool:
        """Reports the store's faults, and returns whether any of them remain."""

    def failures(self, make: Callable[[], object]) -> dict[str, ValueError]:
        """Calls *make*, and returns the errors by derivation; the key "" has an error that belongs to none."""


class DaemonServer(ClientConnection):
    """Serves one client.  If the client is not trusted, some requests are refused, and its claims about objects are checked."""

    def __init__(self, store: Store, channel: Channel, duties: Duties, *, is_trusted: bool) -> None:
        super().__init__(store, channel, is_trusted=is_trusted)
        self._duties = duties
        if isinstance(store, CollectingStore):
            store.must_stop = channel.has_hung_up
        self._answers: dict[int, Callable[[], None]] = {
            DaemonOperation.IS_VALID_PATH: self._is_valid,
            DaemonOperation.QUERY_REFERRERS: lambda: self._paths_of(store.referrers),
            DaemonOperation.ADD_TO_STORE: self._add,
            DaemonOperation.ADD_TEXT_TO_STORE: self._add_text,
            DaemonOperation.BUILD_PATHS: self._build,
            DaemonOperation.ENSURE_PATH: self._ensure,
            DaemonOperation.ADD_TEMP_ROOT: self._keep,
            DaemonOperation.ADD_INDIRECT_ROOT: self._indirect_root,
            DaemonOperation.SYNC_WITH_GC: self._nothing,
            DaemonOperation.FIND_ROOTS: self._roots,
            DaemonOperation.QUERY_DERIVER: self._deriver,
            DaemonOperation.SET_OPTIONS: self._options,
            DaemonOperation.COLLECT_GARBAGE: self._collect,
            DaemonOperation.QUERY_SUBSTITUTABLE_PATH_INFO: self._offer,
            DaemonOperation.QUERY_DERIVATION_OUTPUTS: lambda: self._paths_of(lambda path: store.outputs(path).values()),
            DaemonOperation.QUERY_ALL_VALID_PATHS: self._all_paths,
            DaemonOperation.QUERY_PATH_INFO: self._info,
            DaemonOperation.QUERY_DERIVATION_OUTPUT_NAMES: lambda: self._texts_of(lambda path: store.read_derivation(path).outputs),
            DaemonOperation.QUERY_PATH_FROM_HASH_PART: self._path_with_hash,
            DaemonOperation.QUERY_SUBSTITUTABLE_PATH_INFOS: self._offers,
            DaemonOperation.QUERY_VALID_PATHS: self._valid_paths,
            DaemonOperation.QUERY_SUBSTITUTABLE_PATHS: self._substitutable,
            DaemonOperation.QUERY_VALID_DERIVERS: lambda: self._paths_of(store.valid_derivers),
            DaemonOperation.OPTIMISE_STORE: self._optimise,
            DaemonOperation.VERIFY_STORE: self._verify,
            DaemonOperation.BUILD_DERIVATION: self._build_derivation,
            DaemonOperation.ADD_SIGNATURES: self._sign,
            DaemonOperation.NAR_FROM_PATH: self._archive,
            DaemonOperation.ADD_TO_STORE_NAR: self._import,
            DaemonOperation.QUERY_MISSING: self._missing,
            DaemonOperation.QUERY_DERIVATION_OUTPUT_MAP: self._output_map,
            DaemonOperation.REGISTER_DRV_OUTPUT: self._register,
            DaemonOperation.QUERY_REALISATION: self._realisation,
            DaemonOperation.ADD_MULTIPLE_TO_STORE: self._import_several,
            DaemonOperation.ADD_BUILD_LOG: self._add_log,
            DaemonOperation.BUILD_PATHS_WITH_RESULTS: self._build_with_results,
            DaemonOperation.ADD_PERM_ROOT: self._root,
        }

    def run(self) -> None:
        """Answers until the client ends; ValueError if it does not speak the protocol."""
        self._greet()
        wire = self._wire
        while not wire.is_at_end():
            number = wire.number()
            try:
                if number not in self._answers:
                    raise DaemonError(f"invalid operation {number}")
                self._answers[number]()
                wire.flush()
            except Exception as error:
                was_understood = self._is_working
                self._refuse(error)
                # The rest of a request that was not read completely must not be taken for the next one.
                if not was_understood:
                    return

    # --- answers about the store

    def _nothing(self) -> None:
        with self._work():
            pass
        self._wire.add_number(1)

    def _is_valid(self) -> None:
        path = self._path()
        with self._work():
            found = self._store.is_valid(path)
        self._wire.add_number(found)

    def _valid_paths(self) -> None:
        paths, substitutes = self._paths(), self._wire.flag()
        store = self._store
        with self._work():
            found = store.valid_among(paths)
            if substitutes and len(found) < len(set(paths)):
                offered = store.missing(set(paths) - found).fetches
                # A failure is not an error here: the answer says which paths became valid.
                with contextlib.suppress(ValueError):
                    store.realise([path for path in paths if path in offered])
                found = store.valid_among(paths)
        self._wire.add_texts(sorted(found))

    def _fetches(self, paths: Iterable[str]) -> dict[str, Any]:
        wanted = set(paths)
        return {path: offer for path, offer in self._store.missing([path for path in wanted if not self._store.is_valid(path)]).fetches.items() if path in wanted}

    def _substitutable(self) -> None:
        paths = self._paths()
        with self._work():
            found = self._fetches(paths)
        self._wire.add_texts(sorted(found))

    def _offer(self) -> None:
        path = self._path()
        with self._work():
            found = self._fetches([path]).get(path)
        self._wire.add_number(found is not None)
        if found is not None:
            self._add_offer(found)

    def _offers(self) -> None:
        wire = self._wire
        # Each path comes with a content address, which we do not need.
        paths = wire.items(lambda: (self._path(), wire.text())[0])
        with self._work():
            found = {path: offer for path, offer in self._fetches(paths).items() if offer is not None}
        wire.add_number(len(found))
        for path, offer in found.items():
            wire.add_text(path)
            self._add_offer(offer)

    def _add_offer(self, offer: Any) -> None:
        # An offer has no deriver.
        self._wire.add_text("")
        self._wire.add_texts(offer.references)
        self._wire.add_number(offer.download_size)
        self._wire.add_number(offer.nar_size)

    def _paths_of(self, find: Callable[[str], Iterable[str]]) -> None:
        self._texts_of(lambda path: sorted(set(find(path))))

    def _texts_of(self, find: Callable[[str], Iterable[str]]) -> None:
        path = self._path()
        with self._work():
            found = list(find(path))
        self._wire.add_texts(found)

    def _all_paths(self) -> None:
        with self._work():
            found = self._store.paths()
        self._wire.add_texts(found)

    def _info(self) -> None:
        path = self._path()
        with self._work():
            found = self._store.info(path)
        self._wire.add_number(found is not None)
        if found is not None:
            self._wire.add_facts(found)

    def _deriver(self) -> None:
        path = self._path()
        with self._work():
            found = self._store.known(path).deriver
        self._wire.add_text(found or "")

    def _path_with_hash(self) -> None:
        digits = self._wire.text()
        with self._work():
            found = self._store.path_with_hash(digits)
        self._wire.add_text(found or "")

    def _output_map(self) -> None:
        path = self._path()
        with self._work():
            known, names = self._store.outputs(path), list(self._store.read_derivation(path).outputs)
        self._wire.add_number(len(names))
        for name in names:
            self._wire.add_text(name)
            self._wire.add_text(known.get(name, ""))

    def _realisation(self) -> None:
        key = self._wire.text()
        with self._work():
            split_key(key)
            found = self._store.realisation(key)
        self._wire.add_texts([] if found is None else [as_text(found)])

    def _missing(self) -> None:
        wire = self._wire
        items = wire.texts()
        with self._work():
            found = self._store.missing(items)
        for paths in (found.builds, found.fetches, found.unknown):
            wire.add_texts(paths)
        wire.add_number(found.download_size)
        wire.add_number(found.nar_size)

    def _archive(self) -> None:
        path = self._path()
        with self._work():
            if not self._store.is_valid(path):
                raise NotValid(path)
            archive = archive_of(self._store, path)
        with archive:
            while piece := archive.read(_PIECE_BYTES):
                self._wire.data += piece
                self._wire.flush()

    # --- adding

    def _add(self) -> None:
        wire = self._wire
        name, address, references, _ = wire.text(), wire.text(), self._paths(), wire.flag()
        with self._work(), self._frames() as contents:
            info = self._store.known(self._added(name, address, references, contents))
        wire.add_text(info.path)
        wire.add_facts(info)

    def _added(self, name: str, address: str, references: list[str], contents: Wire) -> str:
        """Adds an object, and returns its path.  *address*: a method and an algorithm, such as "fixed:r:sha256"."""
        from snowsnake.store.adding import add_path
        from snowsnake.store.nar_reader import unpack

        store = self._store
        kind, _, algorithm = address.rpartition(":")
        method = {"text": "text", "fixed": "flat", "fixed:r": "nar", "fixed:git": "git"}.get(kind)
        if method is None or not isinstance(store, CollectingStore):
            raise Unsupported("addToStoreFromDump", store.url) if method else ValueError(f"unknown content address method '{kind}'")
        if (method, algorithm) == ("nar", "sha256"):
            # `add_archive` uses only `read` of the stream.
            return self._written(cast("LocalStore", store).add_archive(name, cast("BinaryIO", contents), references))
        with tempfile.TemporaryDirectory() as folder:
            place = f"{folder}/object"
            if method in ("nar", "git"):
                unpack(cast("BinaryIO", contents), place)
            else:
                with open(place, "xb") as file:
                    while piece := contents.read(_PIECE_BYTES):
                        file.write(piece)
            if method == "text":
                with open(place, "rb") as file:
                    return self._written(store.add_text(name, file.read(), references))
            if references:
                raise ValueError("only texts and archives that are hashed with sha256 may refer to something")
            return self._written(add_path(store, name, place, method, algorithm))

    def _written(self, path: str) -> str:
        assert isinstance(self._store, CollectingStore)
        self._store.flush()
        return path

    def _add_text(self) -> None:
        wire = self._wire
        name, contents, references = wire.text(), wire.raw(), self._paths()
        with self._work():
            path = self._store.add_text(name, contents, references)
            if isinstance(self._store, CollectingStore):
                self._store.flush()
        wire.add_text(path)

    def _import(self) -> None:
        wire = self._wire
        info = self._read_info(wire)
        _, is_believed = wire.flag(), wire.flag()
        with self._work(), self._frames() as archive:
            self._import_one(info, archive, is_believed=is_believed)

    def _import_several(self) -> None:
        _, is_believed = self._wire.flag(), self._wire.flag()
        with self._work(), self._frames() as stream:
            for _ in range(stream.count()):
                info = self._read_info(stream)
                archive = Limited(stream, info.nar_size)
                self._import_one(info, archive, is_believed=is_believed)
                archive.drain()

    def _import_one(self, info: PathInfo, archive: Any, *, is_believed: bool) -> None:
        store = self._store
        is_believed = is_believed and self._is_trusted
        if not self._is_trusted:
            info.is_ultimate = False
        if store.is_valid(info.path):
            return
        if not isinstance(store, LocalStore):
            store.import_object(info, archive, is_checked=is_believed)
            return
        if not is_believed:
            self._duties.check_signature(info)
        from snowsnake.store.content_check import check_content

        store.keep(info.path)
        place = store.unpack_import(info, archive)
        check_content(info, place)
        store.adopt_import(info, place)
        store.flush()

    def _read_info(self, wire: Wire) -> PathInfo:
        return read_facts(wire, self._store.parse(wire.text()), self._store.parse)

    def _sign(self) -> None:
        path, signatures = self._path(), self._wire.texts()
        with self._work():
            check_claims(signatures, "")
            self._store.add_signatures(path, signatures)
        self._wire.add_number(1)

    def _register(self) -> None:
        text = self._wire.text()
        with self._work():
            self._require_trust("you are not privileged to register realisations")
            self._store.register_realisation(Realisation.from_json(json.loads(text), self._store.store_dir))

    def _add_log(self) -> None:
        base = self._wire.text()
        with self._work(), self._frames() as log:
            from snowsnake.store.log_copies import add_log

            self._require_trust("you are not privileged to add logs")
            data = bytearray()
            while piece := log.read(_PIECE_BYTES):
                data += piece
            add_log(self._store, self._store.parse(f"{self._store.store_dir}/{base}"), bytes(data))
        self._wire.add_number(1)

    # --- roots and garbage

    def _keep(self) -> None:
        path = self._path()
        with self._work():
            self._store.keep(path)
        self._wire.add_number(1)

    def _indirect_root(self) -> None:
        link = self._wire.text()
        with self._work():
            self._local("addIndirectRoot").register_root(link)
        self._wire.add_number(1)

    def _root(self) -> None:
        self._require_trust(
            "you are not privileged to create perm roots\n\nhint: you can just do this client-side without special privileges, and probably want to do that instead."
        )
        path, link = self._path(), self._wire.text()
        with self._work():
            made = self._store.add_root(link, path)
        self._wire.add_text(made)

    def _local(self, operation: str) -> LocalStore:
        if not isinstance(self._store, LocalStore):
            raise Unsupported(operation, self._store.url)
        return self._store

    def _roots(self) -> None:
        with self._work():
            found = find_roots(self._store, lambda text: None)
        pairs = [(link, path) for path, links in found.items() for link in links]
        self._wire.add_number(len(pairs))
        for link, path in pairs:
            self._wire.add_text("{censored}" if link.startswith("/proc/") and not self._is_trusted else link)
            self._wire.add_text(path)

    def _collect(self) -> None:
        wire = self._wire
        action, paths, ignores_liveness, most_bytes = wire.number(), self._paths(), wire.flag(), wire.number()
        # Earlier versions used these numbers.
        for _ in range(3):
            wire.number()
        with self._work():
            if ignores_liveness:
                raise ValueError("you are not allowed to ignore liveness")
            if action > max(Garbage):
                raise ValueError(f"unknown action {action} of a garbage collection")
            found, freed = self._collected(action, paths, None if most_bytes == NO_LIMIT else most_bytes)
        wire.add_texts(found)
        wire.add_number(freed)
        wire.add_number(0)

    def _collected(self, action: int, paths: list[str], most_bytes: int | None) -> tuple[list[str], int]:
        # A store that is another daemon collects its garbage itself.
        ask = getattr(self._store, "collect_garbage", None)
        if ask is not None:
            found, freed = ask(action, paths, most_bytes=most_bytes)
            return found, freed
        collector = self._duties.collector()
        if action == Garbage.TELL_ALIVE:
            return sorted(collector.alive()), 0
        if action == Garbage.TELL_DEAD:
            return collector.dead(), 0
        if action == Garbage.REMOVE_DEAD:
            collector.collect(most_bytes)
        else:
            collector.delete(paths)
        return collector.removed, collector.freed_bytes

    def _optimise(self) -> None:
        with self._work():
            self._local("optimiseStore").optimise()
        self._wire.add_number(1)

    def _verify(self) -> None:
        checks_contents, repairs = self._wire.flag(), self._wire.flag()
        with self._work():
            if repairs:
                self._require_trust("you are not privileged to repair paths")
            has_faults = self._duties.verify(checks_contents=checks_contents, repairs=repairs)
        self._wire.add_number(has_faults)

    # --- settings

    def _options(self) -> None:
        """Reads numbers in the order of `OPTION_FIELDS`, then settings by name."""
        wire = self._wire
        numbers = [wire.number() for _ in OPTION_FIELDS]
        others = wire.items(lambda: (wire.text(), wire.text()))
        with self._work():
            for name, number in zip(OPTION_FIELDS, numbers, strict=True):
                if name == "verbosity":
                    self.verbosity = min(number, 7)
                    self._duties.set_verbosity(self.verbosity)
                elif name == "verbose-build":
                    pass
                elif name in ("max-jobs", "max-silent-time", "cores"):
                    self._duties.set_option(name, str(number), is_trusted=True)
                elif name:
                    self._duties.set_option(name, "true" if number else "false", is_trusted=True)
            for name, text in others:
                self._duties.set_option(name, text, is_trusted=self._is_trusted)

    # --- building

    def _make(self, items: list[str], mode: int) -> None:
        if mode == BuildMode.REPAIR:
            self._store.repair(items)
        elif mode == BuildMode.CHECK:
            self._store.check(items)
        else:
            self._store.realise(items)

    def _mode(self) -> int:
        mode = self._wire.number()
        if mode > max(BuildMode):
            raise ValueError("Invalid build mode")
        if mode == BuildMode.REPAIR:
            self._require_trust("repairing is not allowed because you are not in 'trusted-users'")
        return mode

    def _ensure(self) -> None:
        path = self._path()
        with self._work():
            self._store.realise([path])
        self._wire.add_number(1)

    def _build(self) -> None:
        items, mode = self._wire.texts(), self._mode()
        with self._work():
            self._make(items, mode)
        self._wire.add_number(1)

    def _build_with_results(self) -> None:
        items, mode = self._wire.texts(), self._mode()
        with self._work():
            results = build_results(self._store, items, lambda items: self._make(items, mode), self._duties.failures)
        self._wire.add_number(len(items))
        for item, result in zip(items, results, strict=True):
            self._wire.add_text(item)
            self._add_result(result)

    def _add_result(self, result: BuildResult) -> None:
        result.write(self._wire, has_times=True, has_cpu_times=self._version >= (1, 37), has_outputs=True)

    def _build_derivation(self) -> None:
        """Builds a derivation that need not be in the store, although its inputs must be."""
        wire, store = self._wire, self._store
        drv_path = self._path()
        drv = read_derivation(wire, drv_path, store.store_dir)
        mode = self._mode()
        with self._work():
            if not isinstance(store, CollectingStore):
                raise Unsupported("buildDerivation", store.url)
            if not self._is_trusted:
                if not all(output.kind in ("fixed", "floating") for output in drv.outputs.values()):
                    raise ValueError("you are not privileged to build input-addressed derivations")
                drv_path = store.add_derivation(drv.to_aterm(), drv.name)
            result = build_sent(store, drv_path, drv, lambda items: self._make(items, mode), self._duties.failures)
        self._add_result(result)
