"""Aggregates: jobs that name other jobs, their *constituents*; once all jobs are known, an aggregate's derivation gets these as inputs.

In: the jobs of a run by their attribute, a store.  Out: the fields of the aggregates, each after those that it depends on.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from snowsnake.store.derivation import Derivation
from snowsnake.store.derivation_paths import DerivationMemory
from snowsnake.store.graph import Cycle, sort_topologically

if TYPE_CHECKING:
    from snowsnake.store.local import LocalStore

Jobs = dict[str, dict[str, Any]]


class Aggregate:
    """A job that names others.  `dependencies`: the jobs that become its inputs.  `broken`: the errors of the others, by job or pattern."""

    def __init__(self, name: str, dependencies: set[str], broken: dict[str, str]) -> None:
        self.name = name
        self.dependencies = dependencies
        self.broken = broken


def finish_aggregates(jobs: Jobs, store: LocalStore, gc_roots: str, say: Callable[[str, str], None]) -> Iterator[dict[str, object]]:
    """Yields the fields of each aggregate.  `say(level, text)` is called with messages; the level is "error" or "warning"."""
    aggregates = {aggregate.name: aggregate for aggregate in _resolved(jobs, say)}
    try:
        order = sort_topologically(aggregates, lambda name: sorted(aggregates[name].dependencies))
    except Cycle as cycle:
        yield from _circular(jobs, aggregates, cycle, say)
        return
    for name in reversed(order):
        aggregate, job = aggregates[name], jobs[name]
        if aggregate.broken:
            job["error"] = "".join(f"{child}: {error}\n" for child, error in aggregate.broken.items())
        else:
            _rewrite(job, [jobs[child]["drvPath"] for child in sorted(aggregate.dependencies)], store, gc_roots)
        del job["namedConstituents"]
        yield job


def names_others(fields: dict[str, object]) -> bool:
    """Whether a job's line must wait for the others."""
    return bool(fields.get("namedConstituents"))


def _resolved(jobs: Jobs, say: Callable[[str, str], None]) -> Iterator[Aggregate]:
    """The aggregates, with the jobs that their names and patterns refer to."""
    for name in sorted(jobs):
        job = jobs[name]
        if not names_others(job):
            continue
        broken: dict[str, str] = {}
        found: set[str] = set()

        def is_broken(child: str, name: str = name, broken: dict[str, str] = broken) -> bool:
            error = jobs[child].get("error")
            if error is None:
                return False
            say("error", f"aggregate job '{name}' references broken job '{child}': {error}")
            broken[child] = error
            return True

        for child in job["namedConstituents"]:
            if child in jobs:
                if not is_broken(child):
                    found.add(child)
            elif not job["globConstituents"]:
                say("error", f"aggregate job '{name}' references non-existent job '{child}'")
                broken[child] = "does not exist"
            else:
                matches = {other for other in sorted(jobs) if other != name and _matches(child, other) and not is_broken(other)}
                if not matches:
                    say("warning", f"aggregate job '{name}' references constituent glob pattern '{child}' with no matches")
                    broken[child] = "constituent glob pattern had no matches"
                found |= matches
        yield Aggregate(name, found, broken)


def _matches(pattern: str, name: str) -> bool:
    """Matches like the C library's `fnmatch`, which nix-eval-jobs uses; Python's own differs.

    >>> _matches("a.*", "a.b.c"), _matches("[!a]*", "ab")
    (True, False)
    """
    return not ctypes.CDLL(None).fnmatch(os.fsencode(pattern), os.fsencode(name), 0)


def _circular(
    jobs: Jobs, aggregates: dict[str, Aggregate], cycle: Cycle, say: Callable[[str, str], None]
) -> Iterator[dict[str, object]]:
    """Turns all aggregates into errors, because two of them depend on each other."""
    say("error", f"Found dependency cycle between jobs '{cycle.path}' and '{cycle.user}'")
    for name in (cycle.path, cycle.user):
        jobs[name]["error"] = f"Dependency cycle: {cycle.path} <-> {cycle.user}"
        yield jobs[name]
    for name in sorted(set(aggregates) - {cycle.path, cycle.user}):
        jobs[name]["error"] = "Skipping aggregate because of a dependency cycle"
        yield jobs[name]


def _rewrite(job: dict[str, Any], children: list[str], store: LocalStore, gc_roots: str) -> None:
    """Adds the constituents to the inputs of the aggregate's derivation, which changes the path of the derivation and that of its output `out`."""
    drv: Derivation = store.read_derivation(job["drvPath"])
    for child in children:
        job["constituents"].append(child)
        drv.input_drvs[child] = [min(store.read_derivation(child).outputs)]
    if any(output.kind != "input" for output in drv.outputs.values()) or "out" not in drv.outputs:
        # The output paths are known only after building, or follow from the contents.
        return
    drv_path = drv.finish(DerivationMemory(store.store_dir, store.read))
    store.add_derivation(drv.to_aterm(), drv.name, drv_path)
    store.flush()
    if gc_roots:
        link = f"{gc_roots}/{drv_path.rpartition('/')[2]}"
        if not os.path.lexists(link):
            store.add_root(link, drv_path)
    job["drvPath"] = drv_path
    job["outputs"]["out"] = drv.outputs["out"].path
