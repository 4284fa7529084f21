"""`nix store prefetch-file`: downloads a file into the store.

In: a `Call`.  Out: a message, or JSON.
"""

from snowsnake.cli import hashing
from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.prefetch import Wanted, prefetch


def run(call: Call) -> None:
    given = call.given
    kind = hashing.algorithm(given.text("hash_type", "sha256"), call.settings)
    expected = hashing.parse(given.text("expected_hash"), kind, call.settings) if given.flag("expected_hash") else None
    wanted = Wanted(call.words[0], kind, name=given.text("name"), expected=expected)
    wanted.unpacks, wanted.is_executable = given.flag("unpack"), given.flag("executable")
    path, algorithm, digest = prefetch(wanted, call.settings, call.reporter, is_offline=given.flag("offline"))
    shown = hashing.written(algorithm, digest, "sri")
    if given.flag("json"):
        print_json({"hash": shown, "storePath": path}, call)
    else:
        call.reporter.notice(f"Downloaded '{wanted.url}' to '{path}' (hash '{shown}').")
