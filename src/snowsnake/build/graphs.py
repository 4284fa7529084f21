"""The graphs of `exportReferencesGraph`: an input with everything that it refers to."""

from snowsnake.build.failure import BuildFailure
from snowsnake.store.graph import closure
from snowsnake.store.interface import Store


def graph_of(store: Store, start: list[str], inputs: set[str]) -> list[str]:
    """The closure of the paths in *start*, sorted.  For each derivation in it, the closures of its outputs that are *inputs* are included as well.

    BuildFailure if a path in *start* is not one of the *inputs*.
    """
    for path in start:
        if path not in inputs:
            raise BuildFailure(f"cannot export references of path '{path}' because it is not in the input closure of the derivation")
    paths = closure(store, start)
    outputs = [output for found in paths if found.endswith(".drv") for output in store.outputs(found).values() if output in inputs]
    return sorted(paths | closure(store, outputs))
