"""`nix build`: outputs of derivations made valid, and links to them.

In: a `Call`.  Out: the plan and logs on standard error; links, `result` and so on; with `--json` the derivations and their outputs.
"""

from snowsnake.cli.building import BuildErrors, check_again, realise, repair, report_missing
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import ALL, Target
from snowsnake.cli.nix.results import make_links, outputs_of
from snowsnake.cli.nix.store import asked
from snowsnake.cli.output import write_text
from snowsnake.cli.profiles import only_path, switch_profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.store.interface import Store


def run(call: Call) -> int:
    given = call.given
    is_dry = given.flag("dry_run")
    with asked(call, is_writable=not is_dry) as installables:
        targets = installables.targets(call.words)
        store = installables.store
        if is_dry:
            report_missing(store.missing([target.wanted for target in targets]), call.reporter, level=0)
        else:
            make_valid(call, store, targets)
        if given.flag("json"):
            print_json([_described(store, target) for target in targets], call)
        if not is_dry:
            _show(call, store, targets)
    return 0


def _show(call: Call, store: "Store", targets: list[Target]) -> None:
    """Makes the links, prints the paths and switches the profile, as the options say."""
    results = [outputs_of(store, target) for target in targets]
    if not call.given.flag("no_link"):
        make_links(store, call.given.text("out_link", "result"), results)
    if call.given.flag("print_out_paths"):
        for outputs in results:
            for _, path in outputs:
                write_text(path)
    if call.given.flag("profile"):
        switch_profile(store, call.given.text("profile"), only_path([path for outputs in results for _, path in outputs]))


def make_valid(call: Call, store: "Store", targets: list[Target]) -> None:
    """Builds and fetches targets; with `--rebuild` it builds them once more, with `--repair` it builds or fetches damaged ones again."""
    make = check_again if call.given.flag("rebuild") else repair if call.given.flag("repair") else realise
    with BuildErrors():
        make(store, [target.wanted for target in targets], call.reporter)


def _described(store: "Store", target: Target) -> "dict[str, Any] | str":
    if target.outputs is None:
        return target.path
    path = target.built(store)
    outputs = store.read_derivation(path).outputs
    names = sorted(outputs) if target.outputs == (ALL,) else target.outputs
    known = store.made_outputs(path)
    made = {name: known.get(name) for name in names if name in outputs}
    return {"drvPath": _derivation(store, target.path)} | ({"outputs": made} if made else {})


def _derivation(store: "Store", item: str) -> "dict[str, Any] | str":
    """The path of a derivation; for one that is an output (`DRV!out`), the JSON of that output."""
    inner, mark, name = item.rpartition("!")
    if not mark:
        return item
    return {"drvPath": _derivation(store, inner), "output": name, "outputPath": store.known_output(item)}
