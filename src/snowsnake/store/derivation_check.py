"""Checks whether the outputs of a derivation have the paths that follow from it.

In: a derivation, a way to read its inputs.  Out: the same derivation, completed in place; ValueError says what is wrong.
"""

from __future__ import annotations

from snowsnake.store.derivation import Derivation, DerivationOutput
from snowsnake.store.derivation_paths import DerivationMemory
from snowsnake.store.interface import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def reader_of(store: Store) -> Callable[[str], bytes]:
    """A function that returns the text of a valid derivation, and raises ValueError for another path."""

    def read(path: str) -> bytes:
        if not store.is_valid(path):
            raise ValueError(f"store path '{path}' does not exist")
        return store.read(path)

    return read


def check_outputs(drv: Derivation, read: Callable[[str], bytes], memory: DerivationMemory | None = None) -> None:
    """Computes the output paths that *drv* lacks, and checks the others; ValueError if one is wrong.

    *read* returns the text of a derivation that *drv* needs.  *memory* remembers derivations from earlier calls; without it, all that *drv* needs,
    directly or not, is read.
    """
    for path in drv.input_drvs:
        read(path)
    kinds = {output.kind for output in drv.outputs.values()}
    if not kinds:
        raise ValueError("must have at least one output")
    if kinds & {"floating", "impure"}:
        if len(kinds) > 1:
            raise ValueError("can't mix derivation output types")
        return
    if "fixed" in kinds:
        if len(drv.outputs) > 1 or "out" not in drv.outputs:
            raise ValueError("only one fixed output is allowed for now" if len(drv.outputs) > 1 else 'single fixed output must be named "out"')
        _check_variables(drv, {"out": drv.outputs["out"].path})
        return
    wanted = Derivation(
        drv.name, drv.system, drv.builder, drv.args, dict(drv.env), dict.fromkeys(drv.outputs, DerivationOutput()), drv.input_drvs, drv.input_srcs,
        drv.store_dir, drv.dynamic_inputs,
    )  # fmt: skip
    wanted.finish(memory or DerivationMemory(drv.store_dir, read))
    for name, output in drv.outputs.items():
        found = wanted.outputs[name]
        if output.path and output.path != found.path:
            raise ValueError(f"derivation has incorrect output '{output.path}', should be '{found.path}'" if found.path else
                             f"derivation has incorrect output '{output.path}', should be deferred")  # fmt: skip
    _check_variables(drv, {name: wanted.outputs[name].path for name, output in drv.outputs.items() if not output.path and wanted.outputs[name].path})
    drv.outputs = wanted.outputs


def _check_variables(drv: Derivation, paths: dict[str, str]) -> None:
    for name, path in paths.items():
        if not drv.env.get(name):
            drv.env[name] = path
        elif drv.env[name] != path:
            raise ValueError(f"derivation has incorrect environment variable '{name}', should be '{path}' but is actually '{drv.env[name]}'")
