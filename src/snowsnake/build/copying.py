"""Copies objects from one store to another: references first, each checked as the target requires.

In: two stores, paths, trusted keys.  Out: valid objects and realisations in the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from snowsnake.build.progress import CopyProgress, Sink
from snowsnake.build.substitution import Policy, fetch_into, seen_from_outside
from snowsnake.store import store_path
from snowsnake.store.binary_cache.store import BinaryCacheStore
from snowsnake.store.graph import sorted_paths
from snowsnake.store.interface import Offer, Store, archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.path import object_name
from snowsnake.store.path_info import PathInfo, split_content_address
from snowsnake.store.realisation import Realisation
from snowsnake.store.ssh.serve import ServeStore
from snowsnake.store.trust import PublicKeys

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import replace
else:
    from snowsnake.store.light_dataclass import replace


class Untrusted(ValueError):
    """No trusted key signed an object, and the target requires a signature."""

    def __init__(self, path: str) -> None:
        super().__init__(f"cannot add path '{path}' because it lacks a signature by a trusted key")


def copy_paths(
    source: Store, target: Store, paths: Iterable[str], keys: PublicKeys | None, note: Callable[[str], None], *, jobs: int = 16,
    is_checked: bool = True, on_event: Sink | None = None, substitutes: bool = False,
) -> None:  # fmt: skip
    """Copies the objects that *target* lacks, references first; Untrusted, or another ValueError, for one that cannot be copied.

    *keys*: objects for a store in a folder must be signed by one of them, unless that store requires no signatures; None trusts everything.  *note* gets
    lines about what is copied; *on_event*, if there is one, gets C++ Nix's events instead.  *jobs*: how many objects are copied at once into a folder.
    *is_checked*: a daemon need not check signatures for itself.  *substitutes*: a daemon may fetch for itself what its substituters have.
    """
    paths = list(paths)
    if isinstance(source, (BinaryCacheStore, ServeStore)):
        source.ask(paths)
    if isinstance(target, BinaryCacheStore):
        target.ask(paths)
    there = target.valid_among(paths, substitutes=substitutes)
    wanted = [path for path in paths if path not in there]
    order = list(reversed(sorted_paths(source, wanted)))
    infos = {path: source.known(path) for path in order}
    names = [source.url, target.url]
    with CopyProgress(on_event, note, {path: info.nar_size for path, info in infos.items()}, lambda path: (_message(source, target, path), names)) as progress:
        if isinstance(target, LocalStore) and target.store_dir == source.store_dir:
            _into_folder(source, target, infos, keys, progress, jobs)
            return
        for path, facts in infos.items():
            info = in_store(facts, target.store_dir)
            if isinstance(target, LocalStore):
                check_signatures(info, target, keys)
            progress.begin(path)
            with archive_of(source, path) as archive:
                target.import_object(seen_from_outside(info), archive, is_checked=is_checked)
            progress.end(path, is_valid=True)


def copy_realisations(target: Store, realisations: Iterable[Realisation], keys: PublicKeys | None) -> None:
    """Makes realisations known to *target*; ValueError if one is not signed as required.  *keys*: as for `copy_paths`."""
    for realisation in realisations:
        if isinstance(target, LocalStore) and keys is not None and target.requires_signatures is not False and not keys.trust_realisation(realisation):
            raise ValueError(f"cannot register realisation '{realisation.path}' because it lacks a signature by a trusted key")
        target.register_realisation(realisation)


def check_signatures(info: PathInfo, target: LocalStore, keys: PublicKeys | None) -> None:
    """Raises Untrusted if the target requires signatures and the object has none by one of the *keys*."""
    if keys is not None and target.requires_signatures is not False and not keys.trust(info, 1, target.store_dir):
        raise Untrusted(info.path)


def in_store(info: PathInfo, store_dir: str) -> PathInfo:
    """The facts about an object for a store with the prefix *store_dir*.  The path of an object with another prefix follows from its content address.

    ValueError for an object with another prefix that has no content address, or refers to others: such an object has no path there.
    """
    if info.path.startswith(store_dir + "/"):
        return info
    if not info.ca or info.references:
        raise ValueError(
            f"cannot copy '{info.path}' to a store in '{store_dir}': only what is named by its contents, and refers to nothing, has a name there"
        )
    method, content = split_content_address(info.ca)
    path = store_path.fixed_path(object_name(info.path), method, content.algorithm, content.digest, (), False, store_dir)
    return replace(info, path=path)


def _into_folder(source: Store, target: LocalStore, infos: Mapping[str, PathInfo], keys: PublicKeys | None, progress: CopyProgress, jobs: int) -> None:
    offers = []
    for path, info in infos.items():
        check_signatures(info, target, keys)
        offers.append(Offer(source, path, info.references, info.nar_size))
    faults = fetch_into(target, offers, Policy(jobs=max(1, jobs)), lambda: None, progress)
    for fault in faults.values():
        raise fault


def _is_ours(store: Store) -> bool:
    return store.url in ("local", "daemon")


def _message(source: Store, target: Store, path: str) -> str:
    if _is_ours(source):
        return f"copying path '{path}' to '{target.url}'"
    if _is_ours(target):
        return f"copying path '{path}' from '{source.url}'"
    return f"copying path '{path}' from '{source.url}' to '{target.url}'"
