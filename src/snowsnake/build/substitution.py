"""Outputs that other stores have, so that they need not be built: offers are requested, fetched and checked.

In: other stores, trusted keys; paths.  Out: offers; valid objects in a store in folders.  An object becomes valid only after all checks (the size and the
hash of its archive, its content address or a signature), and after everything that it refers to.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from snowsnake.build.progress import BuildProgress, CopyProgress
from snowsnake.fetch.crew import Crew
from snowsnake.fetch.errors import FetchFailure
from snowsnake.store import store_path
from snowsnake.store.binary_cache.store import BinaryCacheStore, Gone, path_info
from snowsnake.store.content_check import check_content
from snowsnake.store.graph import sort_topologically
from snowsnake.store.interface import Offer, Store, archive_of, no_substituter_text
from snowsnake.store.local import LocalStore
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path import object_name
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import Realisation
from snowsnake.store.trust import PublicKeys, is_content_addressed

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace

    from snowsnake.fetch.exchange import Exchange
    from snowsnake.store.missing import Contents
else:
    from snowsnake.store.light_dataclass import dataclass, field, replace

# At most this many small files are requested at once.
_MOST_ASKED = 64
# A thread unpacks at most this many small files at a time.
_BATCH_COUNT = 8
# At most this many threads unpack at once: more would only wait for the interpreter's lock.
_UNPACKERS = os.cpu_count() or 1


@dataclass
class Policy:
    """What substituters may deliver, and how.  *jobs*: how many objects are fetched at once.  *falls_back*: faults of substituters are only reported, and
    what they offered is built instead."""

    keys: PublicKeys = field(default_factory=lambda: PublicKeys({}))
    requires_signatures: bool = True
    jobs: int = 16
    falls_back: bool = False
    # It is called with the offers that are about to be fetched.
    tell: Callable[[list[Offer]], None] = lambda offers: None
    on_warning: Callable[[str], None] = lambda text: None
    on_error: Callable[[str], None] = lambda text: None

    def accepts(self, info: PathInfo, source: Store, store_dir: str) -> bool:
        """Whether an object may come from *source*: a trusted key signed it, its contents determine its path, or the store is trusted."""
        return not self.requires_signatures or source.is_trusted or self.keys.trust(info, 1, store_dir)


class Substituters:
    """Other stores, which *open_stores* opens when one is first needed; *policy* says what may come from them."""

    def __init__(self, open_stores: Callable[[], list[Store]], policy: Policy) -> None:
        self._open_stores = open_stores
        self._stores: list[Store] | None = None
        self.policy = policy
        # The keys are (path, URL of a store): objects that the policy accepts from that store, with their facts; those that it refuses; and those of the
        # latter about which the user has been warned.
        self._accepted: dict[tuple[str, str], PathInfo] = {}
        self._refused: set[tuple[str, str]] = set()
        self._reported: set[tuple[str, str]] = set()
        self._known: dict[str, Offer] = {}
        # This maps a key of a realisation to the realisation that other stores have; None if they have none.
        self.found: dict[str, Realisation | None] = {}
        # These are (path, URL of a store that offered the path and could not deliver it).
        self._spoilt: set[tuple[str, str]] = set()
        # This maps a path that was offered but could not be fetched to the reason.
        self.lost: dict[str, str] = {}
        # These are the lost paths whose archives were wrong or broke off, and the paths that refer to them; archives that were gone are not included.
        self._failed: set[str] = set()

    @property
    def stores(self) -> list[Store]:
        """The stores in the order of their priorities, in which they are asked."""
        if self._stores is None:
            self._stores = sorted(self._open_stores(), key=lambda store: store.priority)
        return self._stores

    def ask(
        self, paths: list[str], is_valid: Callable[[str], bool] = lambda path: True, contents: Mapping[str, Contents] | None = None
    ) -> Mapping[str, Offer]:
        """The offers for some paths, by path; ValueError if a store fails, unless the policy falls back.

        *is_valid*: whether a path that one of them refers to is here already; if not, an offer for it is requested at the same time.
        *contents*: the content addresses of fixed outputs, which stores with another prefix may have under other names.
        """
        found = {path: self._known[path] for path in paths if path in self._known}
        for source in self.stores:
            left = [path for path in paths if path not in found and (path, source.url) not in self._spoilt]
            if not left:
                continue
            try:
                if left[0].startswith(source.store_dir + "/"):
                    found |= self._offers(source, left, is_valid)
                else:
                    found |= self._foreign_offers(source, [path for path in left if path in (contents or {})], contents or {})
            except (ValueError, OSError, FetchFailure) as error:
                self._pass_over(error)
        self._known.update(found)
        return found

    def _offers(self, source: Store, paths: list[str], is_valid: Callable[[str], bool]) -> dict[str, Offer]:
        if isinstance(source, BinaryCacheStore):
            cache = source

            def follow(narinfo: NarInfo) -> list[str]:
                """The references that must be fetched with an object; they are requested while other answers are on their way."""
                if not self._accepts(path_info(narinfo), cache):
                    return []
                return [path for path in narinfo.references if path not in self._known and (path, cache.url) not in self._spoilt and not is_valid(path)]

            source.ask(paths, follow)
        found = {}
        for path in paths:
            key = (path, source.url)
            info = self._accepted.get(key) or source.info(path)
            if info is None:
                continue
            if not self._accepts(info, source):
                if key not in self._reported:
                    self._reported.add(key)
                    self.policy.on_warning(
                        f"ignoring substitute for '{path}' from '{source.url}', as it's not signed by any of the keys in 'trusted-public-keys'"
                    )
                continue
            found[path] = Offer(source, path, info.references, info.nar_size, info.download.size or 0 if info.download is not None else 0, info=info)
        return found

    def _foreign_offers(self, source: Store, paths: list[str], contents: Mapping[str, Contents]) -> dict[str, Offer]:
        """The offers for fixed outputs of a store with another prefix, which has them at other paths."""
        names = {}
        for path in paths:
            method, content = contents[path]
            name = object_name(path)
            names[path] = str(store_path.fixed_path(name, method, content.algorithm, content.digest, (), False, source.store_dir))
        if isinstance(source, BinaryCacheStore):
            source.ask(names.values())
        found = {}
        for path, name in names.items():
            info = source.info(name)
            if info is not None and not info.references and is_content_addressed(info, source.store_dir):
                found[path] = Offer(source, path, [], info.nar_size, info.download.size or 0 if info.download is not None else 0, name)
        return found

    def _accepts(self, info: PathInfo, source: Store) -> bool:
        """Whether the policy accepts an object from a store; each signature is checked once."""
        key = (info.path, source.url)
        if key not in self._accepted and key not in self._refused:
            if self.policy.accepts(info, source, source.store_dir):
                self._accepted[key] = info
            else:
                self._refused.add(key)
        return key in self._accepted

    def realisations(self, digest: str, names: Iterable[str]) -> dict[str, str]:
        """The paths of outputs by name, as far as realisations of other stores that we trust say them.  *digest*: the derivation's hash in their keys."""
        found = {}
        for name in names:
            key = f"{digest}!{name}"
            if key not in self.found:
                self.found[key] = self._realisation(key)
            realisation = self.found[key]
            if realisation is not None and realisation.path not in self.lost:
                found[name] = realisation.path
        return found

    def _pass_over(self, error: Exception) -> None:
        """Reports that a store did not answer; raises a ValueError instead if the setting `fallback` is off."""
        if not self.policy.falls_back:
            raise ValueError(str(error)) from None
        self.policy.on_error(str(error))

    def _realisation(self, key: str) -> Realisation | None:
        for source in self.stores:
            try:
                found = source.realisation(key)
            except (ValueError, OSError, FetchFailure) as error:
                self._pass_over(error)
                continue
            if found is None:
                continue
            if not self.policy.requires_signatures or source.is_trusted or self.policy.keys.trust_realisation(found):
                return found
            self.policy.on_warning(
                f"ignoring what output '{key}' is in '{source.url}', as it's not signed by any of the keys in 'trusted-public-keys'"
            )
        return None

    def having(self, paths: Iterable[str], store_dir: str) -> set[str]:
        """The subset of *paths* that other stores have.  Stores that do not want to be asked about many paths are not asked."""
        left, found = set(paths), set()
        for source in self.stores:
            if source.store_dir != store_dir or not source.wants_mass_query or not left:
                continue
            try:
                if isinstance(source, BinaryCacheStore):
                    source.ask(sorted(left))
                has = {path for path in left if source.is_valid(path)}
            except (ValueError, OSError, FetchFailure) as error:
                self._pass_over(error)
                continue
            found |= has
            left -= has
        return found

    def fetch(
        self, store: LocalStore, offers: Iterable[Offer], check: Callable[[], None], progress: BuildProgress | None = None
    ) -> dict[str, Exception]:
        """Makes the offered paths valid; returns why some could not be fetched."""
        return fetch_into(store, offers, self.policy, check, progress)

    def note_faults(self, offers: Mapping[str, Offer], faults: Mapping[str, Exception]) -> None:
        """Reports faults.  A store is not asked again for a path that it could not deliver, but the other stores are.  It may still deliver the objects that
        refer to that path."""
        causes = {path: fault for path, fault in faults.items() if not isinstance(fault, DependencyLacks)}
        for path, fault in (causes or faults).items():
            self._spoilt.add((path, offers[path].source.url))
            self._known.pop(path, None)
            if isinstance(fault, DependencyLacks):
                if fault.reference in self._failed:
                    self._failed.add(path)
                self.lost[path] = str(fault)
            elif isinstance(fault, Gone):
                self.policy.on_warning(str(fault))
                self.lost.setdefault(path, no_substituter_text(path))
            else:
                self.policy.on_error(str(fault))
                self._failed.add(path)
                self.lost[path] = no_substituter_text(path)

    def failed(self, is_valid: Callable[[str], bool]) -> dict[str, str]:
        """Maps the paths whose fetch has failed to their messages, references first; paths that *is_valid* now are left out."""
        return {path: reason for path, reason in self.lost.items() if path in self._failed and not is_valid(path)}

    def rest(self) -> None:
        """Ends threads, because builders are about to be forked."""
        for source in self._stores or ():
            if isinstance(source, BinaryCacheStore):
                source.files.rest()


def fetch_into(
    store: LocalStore, offers: Iterable[Offer], policy: Policy, check: Callable[[], None], progress: BuildProgress | CopyProgress | None = None
) -> dict[str, Exception]:
    """Like `Substituters.fetch`; signatures were checked before."""
    return _Fetching(store, {offer.path: offer for offer in offers}, policy, check, progress or BuildProgress()).run()


def seen_from_outside(info: PathInfo) -> PathInfo:
    """The facts about an object that another store may know: not that it was built here, nor when it was registered."""
    return replace(info, is_ultimate=False, registration_time_s=0, download=None)


class DependencyLacks(ValueError):
    """An object cannot be valid because *reference*, to which it refers, could not be fetched."""

    def __init__(self, path: str, reference: str) -> None:
        super().__init__(f"some references of path '{path}' could not be realised")
        self.reference = reference


class _Fetching:
    """Fetches several at once, references before the objects that refer to them."""

    def __init__(self, store: LocalStore, offers: dict[str, Offer], policy: Policy, check: Callable[[], None], progress: BuildProgress | CopyProgress) -> None:
        self._progress = progress
        self._store = store
        self._offers = offers
        self._policy = policy
        self._check = check
        self._faults: dict[str, Exception] = {}
        # This maps a path to (facts, place) of a fetched object whose references are not all valid yet.
        self._unpacked: dict[str, tuple[PathInfo, str]] = {}
        # This maps a requested small file to the objects whose archive it is.
        self._asked: dict[tuple[Exchange, str], list[PathInfo]] = {}
        self._exchanges: dict[Exchange, BinaryCacheStore] = {}
        # This maps a path to its references that are not valid yet.
        self._lacks: dict[str, set[str]] = {}
        # This maps a path to the offered objects that refer to it.
        self._users: dict[str, list[str]] = {}

    def run(self) -> dict[str, Exception]:
        for path, offer in self._offers.items():
            needed = {other for other in offer.references if other != path and (other in self._offers or not self._store.claim(other))}
            self._lacks[path] = needed
            for reference in needed:
                self._users.setdefault(reference, []).append(path)
                if reference not in self._offers:
                    self._fail(path, DependencyLacks(path, reference))
        self._store.keep_all(self._offers)
        self._progress.expect_fetches(list(self._offers.values()))
        order = deque(reversed(sort_topologically(self._offers, lambda path: self._offers[path].references)))
        crew = Crew(self._policy.jobs, self._check)
        try:
            while order or crew.waiting or self._asked:
                begun: list[Offer] = []
                while order and crew.waiting < self._policy.jobs and len(self._asked) < _MOST_ASKED:
                    path = order.popleft()
                    if path not in self._faults:
                        begun.append(self._offers[path])
                        self._begin(crew, path)
                if begun and not self._tell_progress(begun):
                    self._policy.tell(begun)
                if self._asked:
                    self._take_answers(crew)
                while crew.waiting and (crew.has_result or not self._asked):
                    path, found, error = crew.result()
                    self._end(path, found, error)
        finally:
            crew.close()
        self._store.flush()
        return self._faults

    def _tell_progress(self, begun: list[Offer]) -> bool:
        return all([self._progress.fetch_begins(offer) for offer in begun])

    def _begin(self, crew: Crew, path: str) -> None:
        offer = self._offers[path]
        source = offer.source
        info = seen_from_outside(offer.info or source.known(offer.name or path))
        if offer.name:
            self._fetch_usually(crew, replace(info, path=path), source, offer.name)
            return
        if isinstance(source, BinaryCacheStore):
            exchange = source.files.exchange()
            try:
                name = source.quick_name(path)
            except ValueError as error:
                self._fail(path, error)
                return
            if exchange is not None and name is not None:
                waiting = self._asked.setdefault((exchange, name), [])
                waiting.append(info)
                if len(waiting) == 1:
                    source.files.ask(exchange, name)
                    self._exchanges[exchange] = source
                return
        self._fetch_usually(crew, info, source)

    def _fetch_usually(self, crew: Crew, info: PathInfo, source: Store, name: str = "") -> None:
        crew.submit(info.path, lambda: [(info, unpack_checked(self._store, info, source, name), None)])

    def _take_answers(self, crew: Crew) -> None:
        """Passes received files to the crew's threads, several at a time, which costs less than one at a time."""
        from snowsnake.fetch.exchange import UNANSWERED

        for exchange, source in self._exchanges.items():
            came: list[tuple[PathInfo, bytes | None]] = []
            for name, status, body in exchange.answers() if exchange.waiting else ():
                for info in self._asked.pop((exchange, name)):
                    if status == UNANSWERED:
                        self._fetch_usually(crew, info, source)
                    else:
                        came.append((info, body if status == 200 else None))
            for start in range(0, len(came), _BATCH_COUNT):
                self._unpack(crew, source, came[start : start + _BATCH_COUNT], exchange)

    def _unpack(self, crew: Crew, source: BinaryCacheStore, came: list[tuple[PathInfo, bytes | None]], exchange: Exchange) -> None:
        def work() -> list[tuple[PathInfo, str, Exception | None]]:
            found: list[tuple[PathInfo, str, Exception | None]] = []
            for info, data in came:
                try:
                    with source.quick_archive(info.path, data) as archive:
                        place = self._store.unpack_import(info, archive)
                    check_content(info, place)
                    found.append((info, place, None))
                except (ValueError, OSError, EOFError) as error:
                    found.append((info, "", error))
            return found

        crew.submit("", work, exchange.ring, most=_UNPACKERS)

    def _end(self, path: str, found: Any, error: BaseException | None) -> None:
        if error is None:
            for info, place, fault in found:
                if fault is not None:
                    self._fail(info.path, fault)
                else:
                    self._unpacked[info.path] = (info, place)
                    self._adopt_ready(info.path)
        elif isinstance(error, (ValueError, OSError, FetchFailure, EOFError)):
            self._fail(path, error)
        else:
            raise error

    def _adopt_ready(self, path: str) -> None:
        """Makes an object valid if its references are all valid, and then the objects that waited only for it."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            if path not in self._unpacked or self._lacks[path]:
                continue
            info, place = self._unpacked.pop(path)
            try:
                self._store.adopt_import(info, place)
            except (ValueError, OSError) as error:
                self._fail(path, error)
                continue
            self._progress.fetch_ends(path, is_valid=True)
            for user in self._users.get(path, ()):
                self._lacks[user].discard(path)
                waiting.append(user)

    def _fail(self, path: str, error: Exception) -> None:
        waiting: list[tuple[str, Exception]] = [(path, error)]
        while waiting:
            path, error = waiting.pop()
            if path in self._faults:
                continue
            self._faults[path] = error
            self._progress.fetch_ends(path, is_valid=False)
            self._unpacked.pop(path, None)
            waiting += [(user, DependencyLacks(user, path)) for user in self._users.get(path, ())]


def unpack_checked(store: LocalStore, info: PathInfo, source: Store, name: str = "") -> str:
    """Unpacks an object into the store's temporary folder, and returns its place; ValueError if its hash or its content address is wrong.

    *name*: the object's path in *source*, if it differs.
    """
    path = name or info.path
    archive = source.open_archive(path) if isinstance(source, BinaryCacheStore) else archive_of(source, path)
    with archive:
        place = store.unpack_import(info, archive)
    check_content(info, place)
    return place

