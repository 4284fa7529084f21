"""Copies objects from one store to another: references first, each checked as the target requires.

In: two stores, paths, trusted keys.  Out: objects that are valid in the other store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from snowsnake.build.substitution import Policy, fetch_into, seen_from_outside
from snowsnake.store.binary_cache.store import BinaryCacheStore
from snowsnake.store.graph import sorted_paths
from snowsnake.store.interface import Offer, Store, archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.trust import Keys


class Untrusted(ValueError):
    """No trusted key signed it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"cannot add path '{path}' because it lacks a signature by a trusted key")


def copy_paths(
    source: Store, target: Store, paths: Iterable[str], keys: Keys | None, note: Callable[[str], None], *, jobs: int = 16
) -> None:
    """*keys*: objects for a store in a folder must be signed by one of them; None trusts everything."""
    if isinstance(source, BinaryCacheStore):
        paths = list(paths)
        source.ask(paths)
    if isinstance(target, BinaryCacheStore):
        paths = list(paths)
        target.ask(paths)
    wanted = [path for path in paths if not target.is_valid(path)]
    order = list(reversed(sorted_paths(source, wanted)))
    note(f"copying {len(order)} paths...")
    if isinstance(target, LocalStore):
        _into_folder(source, target, order, keys, note, jobs)
        return
    for path in order:
        note(_message(source, target, path))
        with archive_of(source, path) as archive:
            target.import_object(seen_from_outside(source.known(path)), archive)


def _into_folder(source: Store, target: LocalStore, order: list[str], keys: Keys | None, note: Callable[[str], None], jobs: int) -> None:
    offers = []
    for path in order:
        info = source.known(path)
        if keys is not None and not source.is_trusted and not keys.trust(info, 1, target.store_dir):
            raise Untrusted(path)
        offers.append(Offer(source, path, info.references, info.nar_size))

    def tell(begun: list[Offer]) -> None:
        for offer in begun:
            note(_message(source, target, offer.path))

    policy = Policy(jobs=max(1, jobs), tell=tell)
    faults = fetch_into(target, offers, policy, lambda: None)
    for fault in faults.values():
        raise fault


def _is_ours(store: Store) -> bool:
    return store.url in ("local", "daemon")


def _message(source: Store, target: Store, path: str) -> str:
    if _is_ours(source):
        return f"copying path '{path}' to '{target.url}'..."
    if _is_ours(target):
        return f"copying path '{path}' from '{source.url}'..."
    return f"copying path '{path}' from '{source.url}' to '{target.url}'..."
