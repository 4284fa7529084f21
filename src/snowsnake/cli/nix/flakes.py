"""`nix flake …`: the actions of `snowsnake flake` (cli/flake.py), under the command line of `nix`.

In: a `Call`.  Out: what the action prints.
"""

import sys

from snowsnake.cli.flake import ACTIONS
from snowsnake.cli.nix.command_line import Call


def run(call: Call) -> int:
    assert call.row is not None
    name = call.row.name.removeprefix("flake ")
    if call.settings["keep-going"]:
        call.given.values["keep_going"] = True
    code = ACTIONS[name](call.given, call.reporter, list(call.words))
    sys.stdout.flush()
    return code
