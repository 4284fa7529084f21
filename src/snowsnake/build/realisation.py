"""Makes outputs valid in the cheapest way: those that do not exist are fetched from a substituter, or otherwise built.

In: a store in folders, the wanted paths, options for builds, stores that may have the outputs.  Out: valid objects, or a `BuildFailure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from snowsnake.build.attributes import Attributes
from snowsnake.build.failure import REJECTED, BuildFailure, Stopped
from snowsnake.build.options import BuildOptions
from snowsnake.build.progress import BuildProgress
from snowsnake.build.substitution import Substituters
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import Missing, Store
from snowsnake.store.local import LocalStore
from snowsnake.store.missing import missing_paths
from snowsnake.store.realisation import DerivationHashes

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import replace
else:
    from snowsnake.store.light_dataclass import replace


def stopper(store: LocalStore) -> Callable[[], None]:
    """A function that raises `Stopped` once the store's `must_stop` returns true."""

    def check() -> None:
        if store.must_stop():
            raise Stopped("interrupted while building")

    return check


class Realiser:
    """Makes outputs valid.  *substituters*: with None, everything is built.  *always_substitutes*: even outputs of derivations that prefer to be built here
    (`allowSubstitutes = false`) are fetched."""

    def __init__(self, options: BuildOptions, substituters: Substituters | None = None, *, always_substitutes: bool = False) -> None:
        self.options = options
        self.substituters = substituters
        self._always_substitutes = always_substitutes

    def missing(self, store: Store, wanted: Iterable[str]) -> Missing:
        """What would be fetched and built."""
        if self.substituters is None:
            return missing_paths(store, wanted, allows=self._may_substitute)
        substituters, keys = self.substituters, DerivationHashes(store.read, store.store_dir)

        def find(drv: Derivation, names: list[str]) -> dict[str, str]:
            return substituters.realisations(keys.of(drv), names)

        return missing_paths(store, wanted, lambda paths, contents: substituters.ask(paths, store.is_valid, contents), self._may_substitute, find)

    def _may_substitute(self, drv: Derivation) -> bool:
        attributes = Attributes(drv)
        attributes.check(drv.drv_path, self.options.on_warning)
        return self._always_substitutes or attributes.flag("allowSubstitutes", True)

    def realise(self, store: LocalStore, wanted: Iterable[str]) -> None:
        """Makes *wanted* (paths, `DRV!OUTPUT,…`, `DRV!*`) valid; BuildFailure if that cannot be done, Stopped if the builds are to end."""
        with BuildProgress(self.options.on_event if self.options.follows_events else None) as progress:
            self._realise(store, list(wanted), replace(self.options, check=stopper(store), unavailable=set(), progress=progress))

    def _realise(self, store: LocalStore, items: list[str], options: BuildOptions) -> None:
        options.substitute = lambda items: self._substitute_late(store, items, options)
        if self.substituters is not None:
            try:
                self._substitute(store, items, self.substituters, options)
            finally:
                self.substituters.rest()
        if all("!" not in item and not item.endswith(".drv") and store.claim(item) for item in items):
            # Everything is valid, so the import of the modules that build is saved.
            return
        from snowsnake.build.scheduler import Scheduler

        Scheduler(store, options).build(items)

    def _substitute_late(self, store: LocalStore, items: list[str], options: BuildOptions) -> None:
        if self.substituters is None:
            return
        try:
            self._substitute(store, items, self.substituters, options)
        finally:
            self.substituters.rest()

    def check(self, store: LocalStore, wanted: Iterable[str]) -> None:
        """Builds valid outputs again; a BuildFailure names those that differ."""
        from snowsnake.build.scheduler import Scheduler

        Scheduler(store, replace(self.options, check=stopper(store), checks=True)).build(wanted)

    def repair(self, store: LocalStore, wanted: Iterable[str]) -> None:
        """Does what `realise` does, and replaces damaged objects among the wanted ones and what they refer to."""
        from snowsnake.build.repairing import Repairs

        items = list(wanted)
        self.realise(store, [item for item in items if not item.partition("!")[0].endswith(".drv") or not store.is_valid(item.partition("!")[0])])
        Repairs(store, replace(self.options, check=stopper(store)), self.substituters).outputs(items)

    def repair_path(self, store: LocalStore, path: str) -> None:
        """Fetches one valid object again, or builds it again."""
        from snowsnake.build.repairing import Repairs

        Repairs(store, replace(self.options, check=stopper(store)), self.substituters).path(path)

    def _substitute(self, store: LocalStore, items: list[str], substituters: Substituters, options: BuildOptions) -> None:
        """Fetches what substituters have.  It makes a new plan after it has fetched a requested derivation, and after a fetch that failed."""
        while True:
            try:
                plan = self.missing(store, items)
                self._note_realisations(store, substituters)
                offers = [offer for offer in plan.fetches.values() if offer is not None]
                if not offers:
                    break
                faults = substituters.fetch(store, offers, options.check, options.progress)
            except BuildFailure:
                raise
            except ValueError as error:
                raise BuildFailure(str(error)) from None
            self._note_realisations(store, substituters)
            if not faults:
                if not any(item.partition("!")[0] in plan.fetches and item.partition("!")[0].endswith(".drv") for item in items):
                    break
                continue
            substituters.note_faults({path: offer for path, offer in plan.fetches.items() if offer is not None}, faults)
        self._report(store, items, substituters, options)

    def _note_realisations(self, store: LocalStore, substituters: Substituters) -> None:
        """Records the paths of outputs that were built elsewhere, once they are valid."""
        for realisation in substituters.found.values():
            if realisation is not None and store.is_valid(realisation.path) and store.realisation(realisation.key) is None:
                store.register_realisation(realisation)

    def _report(self, store: LocalStore, items: list[str], substituters: Substituters, options: BuildOptions) -> None:
        """Reports what could not be fetched: BuildFailure for a requested path.  Derivations that build such a path will fail, unless the policy falls back."""
        failed = substituters.failed(store.is_valid)
        asked = [item for item in items if "!" not in item and item in substituters.lost and not store.is_valid(item)]
        for path, reason in failed.items():
            if path not in asked and path not in options.unavailable:
                substituters.policy.on_error(reason)
        if asked:
            raise BuildFailure(substituters.lost[asked[0]], asked[0], REJECTED)
        if substituters.policy.falls_back:
            failed = {}
        options.unavailable.update(failed)
