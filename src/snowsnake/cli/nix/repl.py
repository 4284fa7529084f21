"""`nix repl`: a session in which lines are evaluated.

In: a `Call`, lines on standard input.  Out: their values.
"""

import os
import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import attribute_with_set, has_source, open_session, output_of, prepare
from snowsnake.cli.options import UsageError
from snowsnake.cli.repl.loop import Repl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle


def run(call: Call) -> None:
    """`nix repl`."""
    # A session is impure unless somebody asks for pure evaluation.
    if call.settings.origin("pure-eval") == "nix":
        call.settings.set("pure-eval", "false", origin="nix")
    if call.given.flag("stdin"):
        call.given.words += [word.decode("utf-8", "surrogateescape") for word in sys.stdin.buffer.read().split()]
    prepare(call)
    session = open_session(call)
    words = call.words or (["."] if has_source(call) else [])
    Repl(session, lambda: [_value(call, session, word) for word in words], _history()).run()
    session.evaluator.flush_store()


def _value(call: Call, session: "Session", word: str) -> "tuple[Handle, str]":
    """The value that a word names, and what messages call it."""
    if has_source(call):
        what = "" if word == "." else word
        value = attribute_with_set(call, session, what)[0]
        return (session.selector.auto_call(value) if call.given.flag("file") else value), what
    _refuse_store_path(session, word)
    output = output_of(call, session, word, ("",))
    return output.value(), output.called


def _refuse_store_path(session: "Session", word: str) -> None:
    prefix = word.partition("^")[0]
    if prefix.startswith(session.evaluator.store_dir + "/") and not os.path.exists(os.path.join(prefix, "flake.nix")):
        raise UsageError(f"installable '{word}' does not correspond to a Nix language value")


def _history() -> str:
    from snowsnake.settings.places import data_folder

    return os.path.join(data_folder(os.environ), "repl-history")
