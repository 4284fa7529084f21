"""`nix derivation show` and `nix derivation add`.

In: a `Call`; JSON on standard input.  Out: JSON, or the path of a derivation.
"""

import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.config import print_json
from snowsnake.cli.nix.installables import derivations_of
from snowsnake.cli.nix.store import asked, opened
from snowsnake.cli.output import write_text
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation import light_json


def show(call: Call) -> None:
    """Prints derivations as JSON; with `-r` also the derivations that they need."""
    from snowsnake.store.derivation import show as to_json
    from snowsnake.store.graph import closure

    with asked(call) as installables:
        paths = derivations_of(installables.store, installables.targets(call.words))
        store = installables.store
        if call.given.flag("recursive"):
            paths = [path for path in closure(store, paths) if path.endswith(".drv")]
        for path in paths:
            if not store.is_valid(path):
                raise ValueError(f"path '{path}' is not a valid store path")
        print_json(to_json((path, store.read_derivation(path)) for path in sorted(set(paths))), call)


def _parsed(text: bytes) -> object:
    try:
        return light_json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None
    except ValueError:
        from snowsnake.interpreter import Interpreter

        # The evaluator's reader of JSON words its errors as 2.34.8 does.
        evaluator = Interpreter()
        try:
            evaluator.evaluate(b"builtins.fromJSON", "/", "«stdin»").call(evaluator.from_python(text)).force()
        except EvaluationError as error:
            # The error loses its trace, because the program that reads the JSON is our own.
            raise EvaluationError(error.code, error.message) from None
        raise


def add(call: Call) -> None:
    """Writes a derivation, read from JSON in the form that `show` prints, to the store."""
    from snowsnake.store.derivation_json import read_derivation_json

    text = sys.stdin.buffer.read()
    with opened(call, is_writable=not call.given.flag("dry_run")) as store:
        drv = read_derivation_json(_parsed(text), store, call.settings["experimental-features"])
        if call.given.flag("dry_run"):
            path = drv.drv_path
        else:
            path = store.add_derivation(drv.to_aterm(), drv.drv_path)
        write_text(path)
