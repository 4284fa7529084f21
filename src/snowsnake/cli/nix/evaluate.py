"""`nix eval`: evaluates an output of a flake, or an attribute of a file or an expression.

In: a `Call`.  Out: the value as text, JSON or a raw string on stdout, or in files (`--write-to`).
"""

import os
import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.value_text import Style, value_text
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import only_evaluates, opening_error, raw_text, write, write_line
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.selection import attribute_position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from snowsnake.cli.nix.flake_output import FlakeOutput
    from snowsnake.cli.options import Arguments
    from snowsnake.cli.session import Session
    from snowsnake.flake.session import FlakeSession
    from snowsnake.handle import Handle

_FLAKE_OPTIONS = ("override_flake", "inputs_from", "override_input", "no_registries", "recreate_lock_file", "update_input")
# JSON with line breaks may have this many levels: each line has two blanks in front for each of them.
_MOST_LEVELS = 10_000


def run(call: Call) -> int:
    given = call.given
    if given.flag("raw") and given.flag("json"):
        raise UsageError("--raw and --json are mutually exclusive")
    word = call.words[0] if call.words else None
    if word is not None and "^" in word:
        from snowsnake.cli.nix.outputs import split_outputs

        split_outputs(word)
    if given.flag("write_to"):
        session, value, attribute = load_with_set(call, word)
        write_to(_applied(session, value, call), given.text("write_to"), attribute)
        session.evaluator.flush_store()
        return 0
    only_evaluates()
    if has_source(call):
        session, value = load(call, word)
        text = _text(session, value, call)
    else:
        from snowsnake.flake.session import without_outputs

        refuse_store_path(word or "")
        session, output = open_output(call, without_outputs(word) if word else word)
        question = ["eval", _form(given), given.text("apply"), output.label]
        answer = output.answer(question, lambda: _text(session, output.value(), call, output.shown).decode("utf-8", "surrogateescape"), has_messages=True)
        text = _encoded(answer)
    _print(text, call)
    session.evaluator.flush_store()
    sys.stdout.flush()
    return 0


def _form(given: "Arguments") -> str:
    return "raw" if given.flag("raw") else "json" if given.flag("json") else "text"


def _applied(session: "Session", value: "Handle", call: Call) -> "Handle":
    value.force()
    if call.given.flag("apply"):
        value = session.expression(_encoded(call.given.text("apply"))).call(value)
        if not call.given.flag("json"):
            value.force()
    return value


def _text(session: "Session", value: "Handle", call: Call, shown: "Callable[[str], str] | None" = None) -> bytes:
    """The text that is printed for a value; JSON is in one line.  *shown* returns the name by which the user knows a path."""
    form = _form(call.given)
    value = _applied(session, value, call)
    if form == "raw":
        return raw_text(value, "while generating the eval command output")
    if form == "json":
        return _json(value)
    return value_text(value, session.evaluator, call.settings["max-call-depth"], Style(shown=shown))


def _print(text: bytes, call: Call) -> None:
    given = call.given
    if given.flag("raw"):
        write(text)
        return
    if given.flag("json"):
        from snowsnake.cli.nix.config import is_pretty
        from snowsnake.foundation.light_json import in_lines

        text = in_lines(text, _MOST_LEVELS) if is_pretty(call) else text
    write_line(text)


def open_session(call: Call, *, has_arguments: bool = True) -> "Session":
    """The session that the options describe.  *has_arguments*: with the values of `--arg` and the like, which C++ Nix evaluates after it has found the function."""
    from snowsnake.cli.session import Session, cache_options

    given = call.given
    options: dict[str, object] = {"is_writable": not given.flag("read_only"), "eval_store": call.eval_store}
    options["base_folder"] = given.base_folder
    options["repairs"] = given.flag("repair")
    if call.evaluation_store is not None:
        options["store"] = call.evaluation_store
    options |= cache_options("SNOWSNAKE_NO_CACHE" in os.environ, "", "stat")
    session = Session(call.settings, call.reporter, given.texts("include"), **options)
    if has_arguments:
        add_arguments(call, session)
    return session


def add_arguments(call: Call, session: "Session") -> None:
    """Evaluates the arguments of `--arg` and the like, and adds them to the session."""
    given = call.given
    arguments = [["arg", *pair] for pair in given.texts("arg")] + [["argstr", *pair] for pair in given.texts("argstr")]
    arguments += [["arg-from-file", *pair] for pair in given.texts("arg_from_file")]
    arguments += [["arg-from-stdin", name, ""] for name in given.texts("arg_from_stdin")]
    session.add_arguments(arguments, sys.stdin.buffer.read)


def load(call: Call, word: str | None) -> "tuple[Session, Handle]":
    """The session, and the value of an installable: an attribute with `--file` or `--expr`, otherwise an output of a flake."""
    session, value, _ = load_with_set(call, word)
    return session, value


def check_source(call: Call) -> None:
    """Evaluates the file or the expression that words name attributes of, so that its errors are raised."""
    prepare(call)
    _root(call, open_session(call, has_arguments=False)).force()


def load_with_set(call: Call, word: str | None) -> "tuple[Session, Handle, tuple[Handle, bytes] | None]":
    """What `load` returns; and the set and the name of which the value is an attribute, None for an output of a flake."""
    if has_source(call):
        session, root = open_source(call)
        return session, *session.selector.select_with_set(root, (word or "").partition("^")[0])
    session = open_session(call, has_arguments=False)
    output = output_of(call, session, word)
    add_arguments(call, session)
    return session, output.value(), None


def open_source(call: Call) -> "tuple[Session, Handle]":
    """The session, and the value of the file or the expression that words name attributes of."""
    prepare(call)
    session = open_session(call, has_arguments=False)
    _read_flake_options(call, session)
    root = _root(call, session)
    add_arguments(call, session)
    return session, root


def _read_flake_options(call: Call, session: "Session") -> None:
    """The options about flakes beside `--file` or `--expr` have no effect, but are read: their faults are errors, and some cause a warning."""
    if not any(call.given.flag(key) for key in _FLAKE_OPTIONS):
        return
    from snowsnake.cli.flake_options import lock_options, open_flakes

    lock_options(call.given, open_flakes(call.given, call.reporter, session), call.reporter)
    if call.given.flag("override_flake") or call.given.flag("override_input"):
        call.settings.require("flakes")
    # Names in errors are those of an evaluation without flakes.
    call.reporter.relabel = None


def refuse_store_path(word: str) -> None:
    """Raises an error for a word that names a store path, directly or by symbolic links: it has no value of the language.

    No store is open yet: `Installables.refuse_store_path` asks one.
    """
    from snowsnake.settings.places import store_folder

    place, mark, names = word.partition("^")
    if "/" not in place or "#" in place:
        return
    store_dir, path = store_folder(os.environ), os.path.abspath(place)
    if os.path.islink(path):
        from snowsnake.foundation.links import TooManyLinks, follow_links

        try:
            path = follow_links(path, lambda path: path.startswith(store_dir + "/"))
        except TooManyLinks:
            # Whoever reads the word as a flake says so.
            return
    if not path.startswith(store_dir + "/"):
        return
    from snowsnake.store.store_path import parse

    shown = "/".join([store_dir, path[len(store_dir) + 1 :].split("/")[0]])
    try:
        parse(shown, store_dir)
    except ValueError:
        # The word may be the folder of a flake.
        return
    raise UsageError(f"installable '{shown}{mark}{names}' does not correspond to a Nix language value")


def has_source(call: Call) -> bool:
    """Whether words name attributes of a file or an expression."""
    return call.given.flag("file") or call.given.flag("expr")


def prepare(call: Call) -> None:
    """Checks `--file` and `--expr`, and switches pure evaluation off for a file, before the session is opened."""
    given = call.given
    if given.flag("file") and given.flag("expr"):
        raise UsageError("'--file' and '--expr' are exclusive")
    if given.flag("file"):
        # The user asked for pure evaluation: it is not just the default of `nix`.
        if call.settings["pure-eval"] and call.settings.origin("pure-eval") != "nix":
            raise UsageError("'--file' is not compatible with '--pure-eval'")
        call.settings.set("pure-eval", "false", origin="nix")


def attribute_with_set(call: Call, session: "Session", word: str) -> "tuple[Handle, tuple[Handle, bytes] | None]":
    """The attribute of the file or the expression that a word names, and the set and the name of which it is the attribute."""
    return session.selector.select_with_set(_root(call, session), word.partition("^")[0])


def _root(call: Call, session: "Session") -> "Handle":
    given = call.given
    if given.flag("expr"):
        return session.expression(_encoded(given.text("expr")))
    if given.text("file") == "-":
        return session.expression(sys.stdin.buffer.read(), "«stdin»")
    return session.evaluated_file(given.text("file"))


def open_output(call: Call, word: str | None, defaults: "tuple[str, ...]" = (), prefixes: "tuple[str, ...] | None" = None) -> "tuple[Session, FlakeOutput]":
    """The session, and the `FlakeOutput` that a word names, not evaluated; one of *defaults* if the word names none.  *prefixes*: see FlakeSession.place."""
    session = open_session(call, has_arguments=False)
    output = output_of(call, session, word, defaults, prefixes)
    add_arguments(call, session)
    return session, output


def output_of(
    call: Call, session: "Session", word: str | None, defaults: "tuple[str, ...]" = (), prefixes: "tuple[str, ...] | None" = None,
    flakes: "FlakeSession | None" = None,
) -> "FlakeOutput":
    """The `FlakeOutput` that `open_output` returns, for a session that is open already; *flakes* are those of the session, if they are open, too."""
    from snowsnake.cli.flake_options import lock_options, open_flakes
    from snowsnake.cli.nix.flake_output import FlakeOutput

    found = flakes or open_flakes(call.given, call.reporter, session)
    base = call.given.base_folder or os.getcwd()
    locked, reference, paths = found.place(word or ".", base, lambda: lock_options(call.given, found, call.reporter), defaults, prefixes)
    return FlakeOutput(session, found, locked, reference, paths, is_refreshed=call.given.flag("refresh"))


def _json(value: "Handle") -> bytes:
    try:
        return value.to_json(copies_paths=False)
    except EvaluationError as error:
        if error.trace and error.trace[0].name == "__toPlainJSON" and error.trace[0].position is None:
            # Only this command called the builtin, so the trace has no line for it.
            del error.trace[0]
        raise


def write_to(root: "Handle", place: str, attribute: "tuple[Handle, bytes] | None" = None) -> None:
    """Writes a string to a file, or a set of strings and sets to a folder.  *attribute*: the set and the name of which *root* is the attribute."""
    if os.path.lexists(place):
        raise EvaluationError("file", f"path '{place}' already exists")
    work: list[tuple[Handle, bytes, tuple[Any, ...]]] = [(root, os.fsencode(place), (attribute,))]
    while work:
        value, path, attributes = work.pop()
        try:
            value.force()
            kind = value.type_name()
            if kind == "string":
                with _new_file(path) as file:
                    file.write(value.string())
            elif kind == "set":
                _make_folder(path)
                for name in reversed(value.keys()):
                    if name in (b".", b"..") or b"/" in name:
                        attributes = (*attributes, (value, name))
                        raise EvaluationError("value", f"invalid file name '{name.decode('utf-8', 'replace')}'")
                    work.append((value.select(name), path + b"/" + name, (*attributes, (value, name))))
            else:
                raise EvaluationError("type", f"value at '{_where(attributes[-1])}' is not a string or an attribute set")
        except EvaluationError as error:
            for inside, name in reversed(attributes[1:]):
                line = f"while evaluating the attribute '{name.decode('utf-8', 'replace')}'"
                error.trace.insert(0, Frame("context", line, attribute_position(inside, name)))
            raise


def _new_file(path: bytes) -> "BinaryIO":
    try:
        return open(path, "wb")
    except OSError as error:
        raise opening_error(os.fsdecode(path), error) from None


def _make_folder(path: bytes) -> None:
    try:
        os.mkdir(path)
    except OSError as error:
        raise EvaluationError("file", f"filesystem error: cannot create directory: {error.strerror} [{os.fsdecode(path)}]") from None


def _where(attribute: "tuple[Handle, bytes] | None") -> str:
    """The place where an attribute is defined, as FILE:LINE:COLUMN."""
    position = None if attribute is None else attribute_position(*attribute)
    return "«none»:0" if position is None else str(position)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
