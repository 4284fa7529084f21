"""Repairs damaged objects: fetches them again, or builds their derivations again.

In: a store in folders, wanted outputs or one path.  Out: the same objects with the contents that they should have; a `BuildFailure` if that cannot
be done.  If a derivation builds something else the second time, the object has another hash afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from snowsnake.build.failure import REJECTED, BuildFailure, Refused
from snowsnake.build.options import BuildOptions
from snowsnake.build.substitution import Substituters
from snowsnake.store.derivation import Derivation
from snowsnake.store.graph import closure
from snowsnake.store.interface import Offer, no_substituter_text
from snowsnake.store.local import LocalStore

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import replace
else:
    from snowsnake.store.light_dataclass import replace


class Repairs:
    """Repairs in one store.  *substituters*: stores that may have what is damaged."""

    def __init__(self, store: LocalStore, options: BuildOptions, substituters: Substituters | None) -> None:
        self._store = store
        self._options = options
        self._substituters = substituters
        # This maps each path that was checked to whether its object is good.
        self._judged: dict[str, bool] = {}
        # These derivations have good outputs.
        self._done: set[str] = set()

    def outputs(self, items: Iterable[str]) -> None:
        """Repairs outputs (`DRV!OUTPUT,…`, `DRV!*`), other paths, and what these refer to."""
        paths = list(items)
        with self._replacing():
            for item in paths:
                drv_path, _, names = item.partition("!")
                if drv_path.endswith(".drv"):
                    self._derivation(drv_path, None if names in ("", "*") else names.split(","))
                elif not self._fetch(drv_path):
                    raise BuildFailure(no_substituter_text(drv_path), drv_path, REJECTED)

    def path(self, path: str) -> None:
        """Replaces one valid object, whatever it contains now."""
        with self._replacing():
            if self._fetch(path):
                return
            deriver = self._store.known(path).deriver
            if deriver is None or not self._store.is_valid(deriver):
                raise BuildFailure(f"cannot repair path '{path}'", path, REJECTED)
            self._derivation(deriver, None)

    @contextmanager
    def _replacing(self) -> Iterator[None]:
        before, self._store.repairs = self._store.repairs, True
        try:
            yield
        finally:
            self._store.repairs = before
            if self._substituters is not None:
                self._substituters.rest()

    def _derivation(self, drv_path: str, names: Iterable[str] | None) -> None:
        """Repairs outputs of a derivation, after those of the derivations that it depends on.  This does not recurse, because graphs may be deep."""
        waiting: list[tuple[str, Iterable[str] | None, bool]] = [(drv_path, names, False)]
        while waiting:
            path, wanted, are_inputs_good = waiting.pop()
            if path in self._done:
                continue
            drv = self._store.read_derivation(path)
            bad = self._bad_outputs(path, drv, wanted)
            if are_inputs_good and bad:
                self._build(path, bad)
                continue
            if bad:
                waiting.append((path, wanted, True))
                waiting += [(needed, sorted(outputs), False) for needed, outputs in drv.input_drvs.items()]
            else:
                if wanted is None:
                    self._done.add(path)
                waiting += [(deriver, None, False) for deriver in self._bad_closure(path, wanted)]

    def _bad_outputs(self, drv_path: str, drv: Derivation, names: Iterable[str] | None) -> frozenset[str]:
        """Fetches the wanted outputs that are absent or damaged; returns those that no substituter has."""
        outputs = self._store.outputs(drv_path)
        wanted = list(drv.outputs) if names is None else list(names)
        for name in wanted:
            if name not in drv.outputs:
                raise Refused(f"derivation '{drv_path}' does not have output '{name}'", drv_path)
        return frozenset(name for name in wanted if name not in outputs or not self._is_good(outputs[name]) and not self._fetch(outputs[name]))

    def _build(self, drv_path: str, bad: frozenset[str]) -> None:
        from snowsnake.build.scheduler import Scheduler

        damaged = {name for name, path in self._store.outputs(drv_path).items() if self._store.claim(path) and not self._is_good(path)}
        Scheduler(self._store, replace(self._options, repairs={drv_path: frozenset(damaged)})).build([f"{drv_path}!{','.join(sorted(bad))}"])
        for name, path in self._store.outputs(drv_path).items():
            if name in damaged or name in bad:
                self._judged[path] = True

    def _bad_closure(self, drv_path: str, names: Iterable[str] | None) -> list[str]:
        """Looks for damaged objects that good outputs refer to; returns the derivations that build them, and fetches those that no derivation builds."""
        outputs = self._store.outputs(drv_path)
        start = [path for name, path in outputs.items() if names is None or name in names]
        found: list[str] = []
        makers: dict[str, str] | None = None
        for path in sorted(closure(self._store, start) - set(outputs.values())):
            if self._is_good(path):
                continue
            self._options.on_fault(f"found corrupted or missing path '{path}' in the output closure of '{drv_path}'")
            if makers is None:
                makers = self._makers(drv_path)
            if path in makers:
                found.append(makers[path])
            elif not self._fetch(path):
                raise Refused(f"some paths in the output closure of derivation '{drv_path}' could not be repaired", drv_path)
        return found

    def _makers(self, drv_path: str) -> dict[str, str]:
        """Maps the outputs of all derivations that a derivation depends on to the derivations that build them."""
        store = self._store
        needed = [path for path in sorted(closure(store, [drv_path])) if path.endswith(".drv")]
        return {output: path for path in needed for output in store.outputs(path).values()}

    def _is_good(self, path: str) -> bool:
        if not self._store.claim(path):
            return False
        if path not in self._judged:
            self._options.on_note(f"checking path '{path}'...")
            self._judged[path] = not self._store.is_damaged(path)
            if not self._judged[path]:
                self._options.on_fault(f"path '{path}' is corrupted or missing!")
        return self._judged[path]

    def _fetch(self, path: str) -> bool:
        """Fetches an object with what it refers to; returns False if no substituter has all of it."""
        if self._substituters is None:
            return False
        wanted, offers = [path], dict[str, Offer]()
        try:
            while wanted:
                found = self._substituters.ask(wanted, self._store.is_valid)
                if len(found) < len(wanted):
                    return False
                offers.update(found)
                wanted = [
                    needed for offer in found.values() for needed in offer.references if needed not in offers and not self._store.claim(needed)
                ]
            faults = self._substituters.fetch(self._store, offers.values(), self._options.check)
        except ValueError as error:
            raise BuildFailure(str(error), path, REJECTED) from None
        for fault in faults.values():
            self._options.on_fault(str(fault))
        self._judged[path] = not faults
        return not faults
