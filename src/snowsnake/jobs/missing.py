"""What must be built for a derivation, if the evaluation only reads its store; substituters are not asked.

In: facts about derivations and valid paths.  Out: `MissingPaths`, like C++ Nix's `queryMissing` when nothing can be substituted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from snowsnake.store.derivation import Derivation
from snowsnake.store.graph import sort_topologically


class Derivations(Protocol):
    """The questions that are asked of a store."""

    def is_valid(self, path: str) -> bool: ...

    def derivation(self, path: str) -> Derivation | None: ...


@dataclass
class MissingPaths:
    """`builds`: derivations to build, each after those that it needs.  `unknown`: missing paths that no known derivation makes, and derivations that are not known."""

    builds: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def find_missing(known: Derivations, outputs: Iterable[str], inputs: dict[str, list[str]]) -> MissingPaths:
    """What is missing of the paths *outputs*, and of *inputs*: derivations, each with the names of the outputs that are needed."""
    found = MissingPaths(unknown=sorted({path for path in outputs if not known.is_valid(path)}))
    references: dict[str, list[str]] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    work = [(path, tuple(sorted(names))) for path, names in inputs.items()]
    while work:
        wanted = work.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        path, names = wanted
        drv = known.derivation(path)
        if drv is None:
            found.unknown.append(path)
            continue
        paths = [output.path for name, output in drv.outputs.items() if name in names]
        if all(path and known.is_valid(path) for path in paths) and all(output.path for output in drv.outputs.values()):
            continue
        references[path] = drv.references
        work += [(inner, tuple(sorted(names))) for inner, names in drv.input_drvs.items()]
    found.builds = sort_topologically(references, references.__getitem__)[::-1]
    return found
