"""Reads derivations that an operation of `nix-store` needs.

In: a store, or a `StoreRequest`, and the path of a derivation.  Out: the derivation, or its outputs.
"""

from snowsnake.cli.hand_on import NotOurs
from snowsnake.cli.old.store import StoreRequest
from snowsnake.store.derivation import Derivation
from snowsnake.store.interface import Store, no_substituter_text
from snowsnake.store.realisation import is_impure


def needed_derivation(store: Store, path: str) -> Derivation:
    """The derivation at a path; an error if it cannot be read."""
    if not store.is_valid(path):
        raise ValueError(no_substituter_text(path))
    return store.read_derivation(path)


def require_built(request: StoreRequest, path: str, outputs: list[str]) -> list[tuple[str, str]]:
    """(name, path) of the outputs of a derivation, or of another object itself; NotOurs if one must be built or fetched first."""
    store = request.store
    if not path.endswith(".drv"):
        if not store.is_valid(path):
            raise ValueError(no_substituter_text(path))
        return [("out", path)]
    drv = needed_derivation(store, path)
    known = dict.fromkeys(drv.outputs, "") | store.outputs(path)
    wanted = [(name, known[name]) for name in sorted(outputs or known)]
    # 2.34 says this of every impure derivation, whatever was built.
    if is_impure(drv):
        raise ValueError(f"cannot operate on output '{min(known)}' of the unbuilt derivation '{path}'")
    if not all(output and store.is_valid(output) for _, output in wanted):
        raise NotOurs(f"building '{path}'")
    return wanted
