"""`nix build --dry-run`: what would be built.  Building itself is done by an installed Nix.

In: a `Call`.  Out: the plan on standard error; with `--json` the derivations and their outputs.
"""

from snowsnake.cli.hand_on import NotOurs
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import ALL, Target
from snowsnake.cli.nix.store import asked
from snowsnake.cli.old.store_change import report_missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.store.interface import Store


def run(call: Call) -> int:
    if not call.given.flag("dry_run"):
        raise NotOurs("'nix build' without '--dry-run'")
    from snowsnake.store.missing import missing_paths

    with asked(call) as installables:
        targets = installables.targets(call.words)
        store = installables.store
        report_missing(missing_paths(store, [target.path for target in targets]), call.reporter.note)
        if call.given.flag("json"):
            print_json([_described(store, target) for target in targets], call)
    return 0


def _described(store: "Store", target: Target) -> "dict[str, Any] | str":
    if target.outputs is None:
        return target.path
    outputs = store.read_derivation(target.path).outputs
    names = sorted(outputs) if target.outputs == (ALL,) else target.outputs
    return {"drvPath": target.path, "outputs": {name: outputs[name].path or None for name in names if name in outputs}}
