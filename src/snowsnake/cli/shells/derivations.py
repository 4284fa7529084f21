"""Environment derivations, which `nix develop` builds: each is made from another derivation, and writes down what the builder of that one would find.

In: a store, the path of a derivation.  Out: the store object with the environment, as JSON.
"""

import os

from snowsnake.build.attributes import REFERENCE_CHECKS
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.derivation import Derivation
    from snowsnake.store.interface import Store

_SCRIPT = os.path.join(os.path.dirname(__file__), "dump_environment.sh")
_SCRIPT_NAME = "get-env.sh"
# Outputs of these kinds get new paths, which follow from the changed derivation.
_NAMED_BEFORE = ("input", "fixed", "deferred")


def add_environment_derivation(store: "Store", drv_path: str) -> str:
    """The path of the derivation that writes down the environment of another one; it is added to the store."""
    drv = store.read_derivation(drv_path)
    if os.path.basename(drv.builder) != "bash":
        raise EvaluationError("value", "'nix develop' only works on derivations that use 'bash' as their builder")
    with open(_SCRIPT, "rb") as file:
        script = store.add_text(_SCRIPT_NAME, file.read())
    path = change_to_environment(store, drv, script)
    store.add_derivation(drv.to_aterm(), drv.name, path)
    return path


def change_to_environment(store: "Store", drv: "Derivation", script: str) -> str:
    """Changes a derivation: it runs *script*, and its outputs are not checked.  Returns its new path."""
    from snowsnake.store.derivation import DerivationOutput
    from snowsnake.store.derivation_paths import DerivationMemory

    drv.name += "-env"
    drv.args = [script]
    drv.input_srcs = sorted({*drv.input_srcs, script})
    structured = drv.env.get("__json")
    if structured is None:
        for name in REFERENCE_CHECKS:
            drv.env.pop(name, None)
    else:
        drv.env["__json"] = _without_checks(structured)
    drv.env["name"] = drv.name
    for name, output in drv.outputs.items():
        if output.kind in _NAMED_BEFORE:
            drv.outputs[name] = DerivationOutput()
    return drv.finish(DerivationMemory(store.store_dir, store.read))


def _without_checks(text: str) -> str:
    """Structured attributes without `outputChecks`."""
    import json

    given = json.loads(text)
    given.pop("outputChecks", None)
    return json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def environment_of(store: "Store", drv_path: str) -> str:
    """The object that an environment derivation wrote: the first output with something in it."""
    for _, path in sorted(store.outputs(drv_path).items()):
        if store.read(path):
            return path
    raise EvaluationError("value", "get-env.sh failed to produce an environment")
