"""What must be fetched and built to make some paths valid: the plan of `--dry-run`, and of every build.

In: a store, the wanted paths, what substituters offer.  Out: `Missing`.  Substituters are asked for many paths at once, one layer of the graph
after the other.
"""

from __future__ import annotations

from snowsnake.store.derivation import Derivation
from snowsnake.store.graph import sort_topologically
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Missing, Offer, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    # A fixed output has a method of hashing, and a hash.
    Contents = tuple[str, Hash]
    Ask = Callable[[list[str], Mapping[str, Contents]], Mapping[str, Offer]]



def missing_paths(
    store: Store, wanted: Iterable[str], ask: Ask | None = None, allows: Callable[[Derivation], bool] = lambda drv: True,
    find: Callable[[Derivation, list[str]], Mapping[str, str]] | None = None,
) -> Missing:  # fmt: skip
    """The plan to make *wanted* valid: paths, `DRV!OUTPUT,…` and `DRV!*`; a derivation alone means all its outputs.

    *ask(paths, contents)* returns the offers of substituters for some paths; *contents*: what is known of the contents of fixed outputs.
    *allows*: whether the outputs of a derivation may be substituted.  *find* returns the paths that substituters know for outputs whose paths are not
    known here, by name.
    """
    plan = _Plan(store, ask, allows, find)
    for item in wanted:
        path, _, names = item.partition("!")
        if "!" in names:
            plan.ignored.append(item.rpartition("!")[0])
            continue
        plan.want(path, None if names in ("", "*") else set(names.split(",")))
    plan.work()
    return plan.missing()


class _Plan:
    def __init__(
        self, store: Store, ask: Ask | None, allows: Callable[[Derivation], bool], find: Callable[[Derivation, list[str]], Mapping[str, str]] | None
    ) -> None:  # fmt: skip
        self._find = find
        self._store = store
        self._ask = ask
        self._allows = allows
        self._derivations: dict[str, Derivation] = {}
        self._contents: dict[str, Contents] = {}
        # These outputs of derivations are wanted; None stands for all.
        self._wanted: dict[str, set[str] | None] = {}
        self._waiting_derivations: list[str] = []
        self._waiting_paths: list[str] = []
        self._seen: set[str] = set()
        self._offers: dict[str, Offer] = {}
        # No substituter has these paths.
        self._lacking: set[str] = set()
        # This maps each derivation that is to be built to the derivations that it needs.
        self._inputs: dict[str, list[str]] = {}
        self._unknown: set[str] = set()
        self.ignored: list[str] = []

    def want(self, path: str, names: set[str] | None = None) -> None:
        if not path.endswith(".drv"):
            if path not in self._seen:
                self._seen.add(path)
                self._waiting_paths.append(path)
            return
        if path in self._wanted:
            known = self._wanted[path]
            if known is None or (names is not None and names <= known):
                return
            names = None if names is None else names | known
        self._wanted[path] = names
        self._waiting_derivations.append(path)

    def work(self) -> None:
        while self._waiting_derivations or self._waiting_paths:
            paths, self._waiting_paths = self._waiting_paths, []
            derivations, self._waiting_derivations = list(dict.fromkeys(self._waiting_derivations)), []
            valid = self._store.valid_among(paths) if len(paths) > 1 else {path for path in paths if self._store.is_valid(path)}
            absent = [path for path in paths if path not in valid]
            outputs = {path: self._absent_outputs(path) for path in derivations}
            self._query(absent, [path for found in outputs.values() if found for path in found])
            for path in absent:
                self._path(path)
            for path in derivations:
                self._derivation(path, outputs[path])

    def _absent_outputs(self, path: str) -> list[str] | None:
        """Wanted outputs that are not valid; the derivation itself if that is not valid; None if they must be built, because they cannot be substituted."""
        if not self._store.has_derivation(path):
            return [path]
        drv = self._derivations.get(path)
        if drv is None:
            drv = self._derivations[path] = self._store.read_derivation(path)
        names = self._wanted[path]
        wanted = {name: output.path for name, output in drv.outputs.items() if names is None or name in names}
        if not all(wanted.values()):
            wanted |= self._store.outputs(path)
            unknown = [name for name, place in wanted.items() if not place]
            if unknown and self._find is not None and self._allows(drv):
                wanted |= self._find(drv, unknown)
        places = [place for name, place in wanted.items() if names is None or name in names]
        if not all(places):
            return None
        absent = [place for place in places if not self._store.is_valid(place)]
        for output in drv.outputs.values():
            if output.path and output.hash is not None:
                self._contents[output.path] = (output.method or "flat", output.hash)
        return absent if not absent or self._allows(drv) else None

    def _query(self, *groups: list[str]) -> None:
        if self._ask is None:
            return
        paths = [path for path in dict.fromkeys(path for group in groups for path in group) if path not in self._offers and path not in self._lacking]
        if paths:
            found = self._ask(paths, self._contents)
            self._offers.update(found)
            self._lacking.update(path for path in paths if path not in found)

    def _path(self, path: str) -> None:
        offer = self._offers.get(path)
        if offer is None:
            self._unknown.add(path)
            return
        for reference in offer.references:
            if reference != path:
                self._fetch(reference)

    def _fetch(self, path: str) -> None:
        if path not in self._seen:
            self._seen.add(path)
            self._waiting_paths.append(path)

    def _derivation(self, path: str, absent: list[str] | None) -> None:
        if absent == [path]:
            # Its outputs can be looked at only after it has been fetched.
            self._fetch(path)
            return
        if absent is not None and all(place in self._offers for place in absent):
            for place in absent:
                self._fetch(place)
            return
        if path not in self._inputs:
            drv = self._derivations[path]
            self._inputs[path] = sorted(needed for needed, names in drv.input_drvs.items() if names)
            for needed, names in drv.input_drvs.items():
                if names:
                    self.want(needed, set(names))
            if drv.dynamic_inputs:
                self._ignore(drv)

    def _ignore(self, drv: Derivation) -> None:
        from snowsnake.store.derivation_children import parents

        self.ignored += ["!".join((path, *names)) for path, children in sorted(drv.dynamic_inputs.items()) for names in parents(children)]

    def missing(self) -> Missing:
        offered = [path for path in self._seen if path in self._offers and path not in self._unknown]
        fetches: dict[str, Offer | None] = {path: self._offers[path] for path in sorted(offered, key=_by_name)}
        builds = list(reversed(sort_topologically(self._inputs, self._inputs.__getitem__)))
        sizes = [(offer.download_size, offer.nar_size) for offer in fetches.values() if offer is not None]
        return Missing(builds, fetches, sorted(self._unknown), list(dict.fromkeys(self.ignored)), sum(size for size, _ in sizes), sum(size for _, size in sizes))


def _by_name(path: str) -> tuple[str, str]:
    base = path.rpartition("/")[2]
    return base[33:], base
