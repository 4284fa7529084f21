"""Collects a store's garbage on behalf of commands: `nix-store --gc`, `nix store gc`, `nix-collect-garbage`.

In: a store, settings.  Out: what nothing keeps is removed; a line that says how much that was.
"""

from snowsnake.cli.options import UsageError
from snowsnake.cli.output import Reporter, write_line
from snowsnake.store.sizes import size_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from snowsnake.settings import Settings
    from snowsnake.store.garbage import Collector
    from snowsnake.store.interface import Store
    from snowsnake.store.local import LocalStore


def collect(store: "Store", most_bytes: int | None, settings: "Settings", reporter: Reporter, *, removes: bool = True) -> None:
    """Removes what nothing keeps, until *most_bytes* were freed.  Without *removes*, only counts the objects that would be removed."""
    from snowsnake.store.binary_cache.store import BinaryCacheStore
    from snowsnake.store.daemon.connection import Garbage
    from snowsnake.store.daemon.store import DaemonStore

    if isinstance(store, BinaryCacheStore):
        raise UsageError(f"Garbage collection not supported by store '{store.url}'")
    if isinstance(store, DaemonStore):
        reporter.info("finding garbage collector roots...")
        paths, freed = store.collect_garbage(Garbage.REMOVE_DEAD if removes else Garbage.TELL_DEAD, most_bytes=most_bytes)
        tell_removed(len(paths), freed, removes=removes)
        return
    collector = collector_of(local_store(store), settings, reporter.info)
    try:
        collector.collect(most_bytes, removes=removes)
    finally:
        tell_removed(len(collector.removed), collector.freed_bytes, removes=removes)


def local_store(store: "Store") -> "LocalStore":
    """The store, if it is in folders of this machine; raises ValueError for any other store."""
    from snowsnake.store.local import LocalStore

    if not isinstance(store, LocalStore):
        raise ValueError("you don't have sufficient rights to use this command")
    return store


def collector_of(store: "LocalStore", settings: "Settings", note: "Callable[[str], None]", *, ignores_liveness: bool = False) -> "Collector":
    """A collector of a store's garbage; the settings say what keeps what, and *note* gets its messages."""
    from snowsnake.store.garbage import Collector

    return Collector(
        store, note, keeps_outputs=settings["keep-outputs"], keeps_derivations=settings["keep-derivations"], ignores_liveness=ignores_liveness
    )


def tell_removed(count: int, freed: int, *, removes: bool = True) -> None:
    """Prints how many objects were removed, and how much space that freed."""
    text = f"{count} store paths deleted, {size_text(freed)} freed" if removes else f"{count} store paths would be deleted"
    write_line(text.encode())
