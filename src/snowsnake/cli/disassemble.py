"""`snowsnake disassemble`: the bytecode of a file or expression, with constants and captures; or of one function in it.

In: a path or an expression, the level of the compiler; with `-A` also the options of an evaluation.  Out: one listing for each
chunk.
"""

import os
import sys

from snowsnake.cli.evaluate import SOURCE_OPTIONS, level_of, load, session_of, settings_of, source_of
from snowsnake.cli.listing import disassembly, write_pieces
from snowsnake.cli.options import Arguments
from snowsnake.cli.output import Reporter, write
from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.handle import Handle

OPTIONS = SOURCE_OPTIONS
USAGE = "snowsnake disassemble [OPTION …] [FILE | -E EXPR]"
SUMMARY = "Compile a file (./default.nix if none is given, - for standard input) or an expression and print its bytecode."
NOTES = (
    "With -A the file is evaluated as far as the path needs, and only the function found there is printed: its bytecode and that of\n"
    "the functions and thunks in it.  Of a value that is not a function, the thunk is printed that it came from."
)


def run(given: Arguments, reporter: Reporter) -> int:
    level = level_of(given)
    features = settings_of(given, reporter).language()
    if given.flag("attr"):
        _print_selected(given, reporter, level, features)
    else:
        name, data = source_of(given)
        write_pieces(disassembly(name, data, level, features))
    return 0


def _print_selected(given: Arguments, reporter: Reporter, level: int, features: list[str]) -> None:
    from snowsnake.parsing import compiled_pieces
    from snowsnake.source import Position, SourceMap

    session = session_of(given, reporter)
    root = load(session, given)
    for number, path in enumerate(given.texts("attr")):
        place, index = _code(session.selector.select(root, path), path)
        name, source, start_byte, end_byte = place
        if source is None:
            raise EvaluationError("file", f"the source of '{path}', {name}, cannot be read")
        folder = os.path.dirname(name) if name.startswith("/") else os.getcwd()
        sys.stdout.flush()
        title = f"# {path} at {Position(name, SourceMap(source), start_byte, end_byte)}\n"
        write((title if number == 0 else "\n" + title).encode("utf-8", "surrogateescape"))
        write_pieces(compiled_pieces(source, name, folder, level, features, index))


def _code(value: "Handle", path: str) -> "Any":
    """The place of a function's code; for another value, the place of the code that it came from, if it had not been evaluated before."""
    unevaluated = value.code()
    try:
        kind = value.type_name()
    except EvaluationError:
        if unevaluated is None:
            raise
        # Somebody who asks why the evaluation fails needs the bytecode.
        return unevaluated
    if kind == "set" and b"__functor" in value.keys():
        return _code(value.select(b"__functor"), path)
    found = value.code() or unevaluated
    if found is None:
        what = "a builtin" if kind == "lambda" else "no function, and evaluated already"
        raise EvaluationError("type", f"'{path}' is {what}: it has no bytecode")
    return found
