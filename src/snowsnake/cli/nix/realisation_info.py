"""`nix realisation info`: prints the paths of built outputs whose paths are not known before they are built.

In: a `Call`.  Out: a line for each output, or JSON.
"""

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import made, realisations_of
from snowsnake.cli.nix.store import asked
from snowsnake.cli.output import write_text


def run(call: Call) -> None:
    with asked(call) as installables:
        if "ca-derivations" not in call.settings["experimental-features"]:
            # A fault of the words is reported before the missing feature.
            installables.targets(call.words)
            call.settings.require("ca-derivations")
        what = made(call, installables, is_recursive=False)
        realisations = realisations_of(installables.store, what.targets)
        found = sorted(realisations, key=lambda realisation: (realisation.path, realisation.key))
        opaque = sorted(set(what.paths) - {realisation.path for realisation in found})
        if call.given.flag("json"):
            store_dir = installables.store.store_dir
            print_json([*(realisation.to_json() for realisation in found), *({"opaquePath": path} for path in opaque if path.startswith(store_dir))], call)
            return
        for realisation in found:
            write_text(f"{realisation.key} {realisation.path}")
        for path in opaque:
            write_text(path)
