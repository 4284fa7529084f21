"""Outputs that need not be built, because another store has them: asked for, fetched, checked.

In: other stores, trusted keys; paths.  Out: offers; valid objects in a store in folders.  An object is valid only when all of it was checked:
size and hash of its archive, its content address or a signature, and when all that it refers to is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from snowsnake.fetch.crew import Crew
from snowsnake.fetch.errors import FetchError
from snowsnake.store.binary_cache.store import BinaryCacheStore, Gone
from snowsnake.store.content_check import check_content
from snowsnake.store.graph import sort_topologically
from snowsnake.store.interface import Offer, Store, archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.path_info import PathInfo
from snowsnake.store.trust import Keys


@dataclass
class Policy:
    """*jobs*: how many are fetched at once.  *falls_back*: faults of substituters are told, and what they were to give is built."""

    keys: Keys = field(default_factory=lambda: Keys({}))
    requires_signatures: bool = True
    jobs: int = 16
    falls_back: bool = False
    tell: Callable[[Offer], None] = lambda offer: None         # of one that is about to be fetched
    on_warning: Callable[[str], None] = lambda text: None
    on_error: Callable[[str], None] = lambda text: None

    def accepts(self, info: PathInfo, source: Store, store_dir: str) -> bool:
        """Whether an object may come from there: signed by a trusted key, named by its contents, or from where all is trusted."""
        return not self.requires_signatures or source.is_trusted or self.keys.trust(info, 1, store_dir)


class Substituters:
    """*open_stores* is called when one is first needed."""

    def __init__(self, open_stores: Callable[[], list[Store]], policy: Policy) -> None:
        self._open_stores = open_stores
        self._stores: list[Store] | None = None
        self.policy = policy
        self._refused: set[tuple[str, str]] = set()
        self._known: dict[str, Offer] = {}
        self.useless: set[str] = set()         # paths that could not be had after all

    @property
    def stores(self) -> list[Store]:
        """The one to be asked first is the first."""
        if self._stores is None:
            self._stores = sorted(self._open_stores(), key=lambda store: store.priority)
        return self._stores

    def ask(self, paths: list[str]) -> Mapping[str, Offer]:
        """What is offered of these."""
        found = {path: self._known[path] for path in paths if path in self._known and path not in self.useless}
        for source in self.stores:
            left = [path for path in paths if path not in found and path not in self.useless]
            if not left:
                break
            try:
                found |= self._offers(source, left)
            except (ValueError, OSError, FetchError) as error:
                if not self.policy.falls_back:
                    raise ValueError(str(error)) from None
                self.policy.on_error(str(error))
        self._known.update(found)
        return found

    def _offers(self, source: Store, paths: list[str]) -> dict[str, Offer]:
        if isinstance(source, BinaryCacheStore):
            source.ask(paths)
        found = {}
        for path in paths:
            info = source.info(path)
            if info is None:
                continue
            if not self.policy.accepts(info, source, source.store_dir):
                if (path, source.url) not in self._refused:
                    self._refused.add((path, source.url))
                    self.policy.on_warning(
                        f"ignoring substitute for '{path}' from '{source.url}', as it's not signed by any of the keys in 'trusted-public-keys'"
                    )
                continue
            size = 0
            if isinstance(source, BinaryCacheStore) and (narinfo := source.narinfo(path)) is not None:
                size = narinfo.file_size or 0
            found[path] = Offer(source, path, info.references, info.nar_size, size)
        return found

    def fetch(self, store: LocalStore, offers: Iterable[Offer], check: Callable[[], None]) -> dict[str, Exception]:
        """Makes valid what is offered; why some of it could not be had."""
        return fetch_into(store, offers, self.policy, check)

    def rest(self) -> None:
        """Ends threads: builders are about to be forked."""
        for source in self._stores or ():
            if isinstance(source, BinaryCacheStore):
                source.files.rest()


def fetch_into(store: LocalStore, offers: Iterable[Offer], policy: Policy, check: Callable[[], None]) -> dict[str, Exception]:
    """As `Substituters.fetch`; signatures were looked at before."""
    return _Fetching(store, {offer.path: offer for offer in offers}, policy, check).run()


def seen_from_outside(info: PathInfo) -> PathInfo:
    """What another store may know: not that an object was built there, nor when it was registered."""
    return replace(info, is_ultimate=False, registration_time_s=0, download=None)


class DependencyLacks(ValueError):
    """Something that the object refers to could not be had."""

    def __init__(self, path: str) -> None:
        super().__init__(f"some references of path '{path}' could not be realised")


class _Fetching:
    """References before what refers to them; several at once."""

    def __init__(self, store: LocalStore, offers: dict[str, Offer], policy: Policy, check: Callable[[], None]) -> None:
        self._store = store
        self._offers = offers
        self._policy = policy
        self._check = check
        self._faults: dict[str, Exception] = {}
        self._unpacked: dict[str, tuple[PathInfo, str]] = {}       # fetched; what they refer to is not valid yet
        self._lacks: dict[str, set[str]] = {}
        self._users: dict[str, list[str]] = {}

    def run(self) -> dict[str, Exception]:
        for path, offer in self._offers.items():
            needed = {reference for reference in offer.references if reference != path and not self._store.is_valid(reference)}
            self._lacks[path] = needed
            for reference in needed:
                self._users.setdefault(reference, []).append(path)
                if reference not in self._offers:
                    self._fail(path, DependencyLacks(path))
        order = list(reversed(sort_topologically(self._offers, lambda path: self._offers[path].references)))
        crew = Crew(self._policy.jobs, self._check)
        try:
            while order or crew.waiting:
                while order and crew.waiting < self._policy.jobs:
                    path = order.pop(0)
                    if path not in self._faults:
                        self._begin(crew, path)
                if crew.waiting:
                    path, found, error = crew.result()
                    if error is None:
                        self._unpacked[path] = found
                        self._settle(path)
                    elif isinstance(error, (ValueError, OSError, FetchError, EOFError)):
                        self._fail(path, error)
                    else:
                        raise error
        finally:
            crew.close()
        self._store.flush()
        return self._faults

    def _begin(self, crew: Crew, path: str) -> None:
        offer = self._offers[path]
        self._policy.tell(offer)
        info = seen_from_outside(offer.source.known(path))
        crew.submit(path, lambda: (info, unpack_checked(self._store, info, offer.source)))

    def _settle(self, path: str) -> None:
        """What has all that it refers to becomes valid, and with it perhaps what refers to it."""
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
            self._unpacked.pop(path, None)
            waiting += [(user, DependencyLacks(user)) for user in self._users.get(path, ())]


def unpack_checked(store: LocalStore, info: PathInfo, source: Store) -> str:
    """Where the object was unpacked, after its hash and its content address were found to be right."""
    archive = source.open_archive(info.path) if isinstance(source, BinaryCacheStore) else archive_of(source, info.path)
    with archive:
        place = store.unpack_import(info, archive)
    check_content(info, place)
    return place


def is_gone(error: Exception) -> bool:
    """Whether a substituter said one thing and now says that it has it no longer: as if it never had it."""
    return isinstance(error, Gone)
