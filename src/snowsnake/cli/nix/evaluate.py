"""`nix eval`: the value of an output of a flake, or of an attribute of a file or an expression.

In: a `Call`.  Out: the value as text, JSON or a raw string on stdout, or in files (`--write-to`).
"""

import os
import sys

from snowsnake.cli.nix.command_line import Call
from snowsnake.cli.nix.value_text import value_text
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import raw_text, write, write_line
from snowsnake.diagnostics.error import EvaluationError, Frame


def run(call: Call) -> int:
    given = call.given
    if given.flag("raw") and given.flag("json"):
        raise UsageError("--raw and --json are mutually exclusive")
    session, value = load(call, call.words[0] if call.words else None)
    value.force()
    if given.flag("apply"):
        value = session.expression(_encoded(given.text("apply"))).call(value)
        if not given.flag("json"):
            value.force()
    if given.flag("write_to"):
        write_to(value, given.text("write_to"))
    elif given.flag("raw"):
        write(raw_text(value, "while generating the eval command output"))
    elif given.flag("json"):
        _print_json(value, call)
    else:
        limit = {"depth_limit": call.settings["max-call-depth"]} if call.settings.is_set("max-call-depth") else {}
        write_line(value_text(value, session.evaluator, **limit))
    session.evaluator.flush_store()
    sys.stdout.flush()
    return 0


def open_session(call: Call):
    """The evaluator that the options describe."""
    from snowsnake.cli.session import Session, cache_options

    given = call.given
    options: dict = {"is_writable": not given.flag("read_only"), "eval_store": given.text("eval_store") or None}
    if call.evaluation_store is not None:
        options["store"] = call.evaluation_store
    if call.settings.is_set("max-call-depth"):
        options["depth_limit"] = call.settings["max-call-depth"]
    options |= cache_options("SNOWSNAKE_NO_CACHE" in os.environ, "", "stat")
    session = Session(call.settings, call.reporter, given.texts("include"), **options)
    arguments = [["arg", *pair] for pair in given.texts("arg")] + [["argstr", *pair] for pair in given.texts("argstr")]
    arguments += [["arg-from-file", *pair] for pair in given.texts("arg_from_file")]
    arguments += [["arg-from-stdin", name, ""] for name in given.texts("arg_from_stdin")]
    session.add_arguments(arguments, sys.stdin.buffer.read)
    return session


def load(call: Call, word: str | None):
    """The session, and the value that an installable means: an attribute with `--file` or `--expr`, otherwise an output of a flake."""
    given = call.given
    if given.flag("file") and given.flag("expr"):
        raise UsageError("'--file' and '--expr' are exclusive")
    if given.flag("file"):
        if call.settings["pure-eval"] and call.settings.origin("pure-eval") != "nix":       # somebody asked for it
            raise UsageError("'--file' is not compatible with '--pure-eval'")
        call.settings.set("pure-eval", "false", origin="nix")
    session = open_session(call)
    if given.flag("file") or given.flag("expr"):
        if given.flag("expr"):
            root = session.expression(_encoded(given.text("expr")))
        elif given.text("file") == "-":
            root = session.expression(sys.stdin.buffer.read(), "«stdin»")
        else:
            root = session.file(given.text("file"))
        return session, session.selector.select(root, (word or "").partition("^")[0])
    from snowsnake.cli.flake_options import lock_options, open_flakes

    flakes = open_flakes(given, call.reporter, session)
    return session, flakes.installable(word or ".", os.getcwd(), lambda: lock_options(given, flakes, call.reporter))


def _print_json(value, call: Call) -> None:
    try:
        data = value.to_json(copies_paths=False)
    except EvaluationError as error:
        if error.trace and error.trace[0].name == "__toPlainJSON" and error.trace[0].position is None:
            del error.trace[0]                 # nobody called it but this command
        raise
    given = call.given
    if given.flag("pretty") or (sys.stdout.isatty() and not given.flag("no_pretty")):
        import json

        data = json.dumps(json.loads(data), indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape")
    write_line(data)


def write_to(root, place: str) -> None:
    """A string as a file, a set of such as a folder."""
    if os.path.lexists(place):
        raise EvaluationError("file", f"path '{place}' already exists")
    work: list[tuple] = [(root, os.fsencode(place), (), None)]
    while work:
        value, path, names, place_of = work.pop()
        try:
            value.force()
            kind = value.type_name()
            if kind == "string":
                with open(path, "wb") as file:
                    file.write(value.string())
            elif kind == "set":
                os.mkdir(path)
                for name in reversed(value.keys()):
                    if name in (b".", b"..") or b"/" in name:
                        names = (*names, name)
                        raise EvaluationError("value", f"invalid file name '{name.decode('utf-8', 'replace')}'")
                    work.append((value.select(name), path + b"/" + name, (*names, name), (value, name)))
            else:
                raise EvaluationError("type", f"value at '{_where(place_of)}' is not a string or an attribute set")
        except EvaluationError as error:
            for name in reversed(names):
                error.trace.insert(0, Frame("context", f"while evaluating the attribute '{name.decode('utf-8', 'replace')}'", None))
            raise


def _where(attribute: tuple | None) -> str:
    """Where an attribute is defined, as FILE:LINE:COLUMN."""
    from snowsnake.looking import attribute_place
    from snowsnake.source import Position

    place = None if attribute is None else attribute_place(*attribute)
    return "«none»:0" if place is None else str(Position(*place))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
