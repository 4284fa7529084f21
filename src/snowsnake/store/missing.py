"""What would have to be built for some paths to be valid: the plan of `--dry-run`.

In: a store, paths.  Out: `Missing`.  Nothing is fetched: no binary cache is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from snowsnake.store.graph import sort_topologically
from snowsnake.store.interface import Store


@dataclass
class Missing:
    """*builds*: derivations, first what others need; *unknown*: paths that nothing makes."""

    builds: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def missing_paths(store: Store, paths: Iterable[str]) -> Missing:
    """What is missing for these objects or outputs of derivations."""
    found = Missing()
    inputs: dict[str, list[str]] = {}
    seen: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if not path.endswith(".drv"):
            if not store.is_valid(path):
                found.unknown.append(path)
        elif not store.is_valid(path):
            found.unknown.append(path)
        else:
            drv = store.read_derivation(path)
            if not all(output.path and store.is_valid(output.path) for output in drv.outputs.values()):
                inputs[path] = sorted(drv.input_drvs)
                waiting.extend(drv.input_drvs)
    found.builds = list(reversed(sort_topologically(inputs, inputs.__getitem__)))
    found.unknown.sort()
    return found
