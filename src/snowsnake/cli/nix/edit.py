"""`nix edit`: opens the user's editor at the place where a package is defined.

In: a `Call`.  Out: the editor runs in the place of this process.
"""

import os
import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.evaluate import has_source, load, open_session, refuse_store_path
from snowsnake.cli.output import evaluates_no_more, only_evaluates
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.foundation.digits import whole_number
from snowsnake.selection import Selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle

# Editors that accept a line number; an editor is one of these if its name contains the text.
_WITH_LINE = ("emacs", "nano", "vim", "kak")


def run(call: Call) -> int:
    word = call.words[0] if call.words else "."
    only_evaluates()
    if has_source(call):
        what = "" if word == "." else word
        session, value = load(call, what)
    else:
        session, value, what = _output(call, word)
    value.force()
    file, line = package_place(session, value, f"cannot find position information for '{what}")
    if call.settings["pure-eval"] and not file.startswith(session.evaluator.store_dir + "/"):
        # This call raises the error that the file may not be read.
        session.expression(b"builtins.readFile").call(session.evaluator.from_python(file))
    if call.reporter.relabel is not None and not os.path.lexists(file):
        file = _original(call, file)
    evaluates_no_more()
    command = editor_command(file, line)
    sys.stdout.flush()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        shown = " ".join(f"'{part}'" for part in command)
        raise EvaluationError("file", f"cannot run command {shown}: {error.strerror}") from None


def _output(call: Call, word: str) -> "tuple[Session, Handle, str]":
    """The session, the value of a flake's output, and the name that messages use for it."""
    from snowsnake.cli.flake_options import lock_options, open_flakes

    refuse_store_path(word)
    session = open_session(call)
    flakes = open_flakes(call.given, call.reporter, session)
    reference, fragment = flakes.reference(word, os.getcwd())
    locked = flakes.lock(reference, lock_options(call.given, flakes, call.reporter))
    name = fragment.partition("^")[0]
    paths = flakes.attribute_paths(name)
    return session, flakes.find(locked, reference, paths)[0], f"{reference}#{name or paths[0]}"


def editor_command(file: str, line: int) -> list[str]:
    """The words that start the user's editor with a file; 0 means that no line is known."""
    command = os.environ.get("EDITOR", "cat").split()
    if line > 0 and any(name in " ".join(command) for name in _WITH_LINE):
        command.append(f"+{line}")
    return [*command, file]


def package_place(session: "Session", value: "Handle", otherwise: str) -> tuple[str, int]:
    """The file and line of a package's `meta.position`; an error with the message *otherwise* if it has none."""
    try:
        position = Selector(session.evaluator, {}).select(value, "meta.position")
        position.force()
    except EvaluationError:
        raise EvaluationError("value", otherwise) from None
    try:
        text = position.coerce_to_path().decode("utf-8", "surrogateescape")
    except EvaluationError as error:
        error.trace.insert(0, Frame("context", "while evaluating the 'meta.position' attribute of a derivation", None))
        raise
    file, colon, digits = text.rpartition(":")
    line = whole_number(digits.removeprefix("+"), (1 << 32) - 1) if colon else None
    if line is None:
        raise EvaluationError("value", f"cannot parse 'meta.position' attribute '{text}'")
    return file, line


def _original(call: Call, file: str) -> str:
    """The user's own file, if `file` is its copy in a source tree; otherwise `file`."""
    from snowsnake.source import Position

    error = EvaluationError("file", "", position=Position(file, None, 0, 0))
    assert call.reporter.relabel is not None
    call.reporter.relabel(error)
    found = error.position.file if error.position is not None else file
    return found.replace("«", "").replace("»", "") if os.path.exists(found) else file
