"""`snowsnake eval`: evaluates a file or an expression and prints its value.

In: options, a file or expression.  Out: the value on stdout as Nix text, JSON, XML or raw string; on request the
bytecode, a trace of the machine, the files read and statistics on stderr.
"""

import os
import sys

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import (
    LOG_FORMATS,
    Reporter,
    end_output_at,
    only_evaluates,
    raw_text,
    read_input,
    write,
    write_error_text,
    write_json,
    write_statistics,
)
from snowsnake.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle

_FLAKE_SCHEMES = ("flake", "path", "github", "gitlab", "sourcehut", "git", "https", "http", "file")

SOURCE_OPTIONS = (
    CommandOption("-E --expr", "EXPR", "evaluate this expression instead of a file"),
    CommandOption("-A --attr", "PATH", "select this attribute, such as a.b.0 (repeatable)", is_repeatable=True),
    CommandOption("--arg", "NAME EXPR", "pass an expression to a function that takes NAME", is_repeatable=True),
    CommandOption("--argstr", "NAME TEXT", "pass a string to a function that takes NAME", is_repeatable=True),
    CommandOption("-I --include", "PATH", "add PATH or PREFIX=PATH to the search path of <…>", is_repeatable=True),
    CommandOption("--pure", "", "forbid what depends on the machine: files outside, variables, the time"),
    CommandOption("--restrict", "", "allow only files of the search path"),
    CommandOption("--option", "NAME VALUE", "set a setting of nix.conf", is_repeatable=True),
    CommandOption("--feature", "NAME", "enable an experimental feature, such as pipe-operators", is_repeatable=True),
    CommandOption("--memory-limit", "MIB", "end with an error when values need more memory (default: four fifths of what there is)"),
    CommandOption("--depth-limit", "N", "end with an error when calls, or levels of data, nest deeper (default: two million)"),
    CommandOption("--timeout", "SECONDS", "end with an error after this time"),
    CommandOption("--store", "DIR", "write derivations and sources to an embedded store in this folder"),
    CommandOption("--optimise", "N", "level of the compiler: 0 is plain bytecode, 1 the default"),
    CommandOption("--no-cache", "", "neither use nor keep compiled files"),
    CommandOption("--cache-dir", "DIR", "keep compiled files in this folder (default: snowsnake in the user's cache)"),
    CommandOption("--cache-validate", "HOW", "know a file again by its time and size (stat, the default) or by its content (hash)"),
    CommandOption("--stress", "", "collect garbage at most safepoints (to find faults of the machine)"),
    CommandOption("--show-trace", "", "show every frame of an error's trace"),
    CommandOption("--log-format", "FORMAT", "text, json (one object a line) or internal-json"),
    CommandOption("--files-read", "", "list on stderr every file that was looked at"),
    CommandOption("--stats", "", "print statistics of the machine as JSON on stderr"),
    HELP_OPTION,
)
OUTPUT_OPTIONS = (
    CommandOption("--json", "", "print JSON"),
    CommandOption("--raw", "", "print a string as it is, without a newline"),
    CommandOption("--xml", "", "print XML"),
    CommandOption("--no-location", "", "leave positions out of the XML"),
    CommandOption("--strict", "", "evaluate everything inside before printing"),
    CommandOption("--dump-bytecode", "", "print the bytecode before the value"),
    CommandOption("--trace-compiler", "", "list on stderr each chunk that was compiled"),
    CommandOption("--trace-runtime", "", "print every operation of the machine on stderr"),
    CommandOption("--trace-runtime-timing", "", "the same with the time since the start"),
    CommandOption("--profile", "FILE", "write which calls took the time to this file, one stack a line, for flamegraph.pl and its kin"),
)
# About flakes and their lock files; cli/flake_options.py reads them.
LOCK_OPTIONS = (
    CommandOption("--override-input", "INPUT FLAKE", "use this flake for an input, such as dwarffs/nixpkgs; nothing is written", is_repeatable=True),
    CommandOption("--update-input", "INPUT", "lock this input again (as `flake update INPUT`)", is_repeatable=True),
    CommandOption("--recreate-lock-file", "", "lock all inputs again (as `flake update`)"),
    CommandOption("--no-update-lock-file", "", "changes of the lock file are an error"),
    CommandOption("--no-write-lock-file", "", "do not write the lock file"),
    CommandOption("--commit-lock-file", "", "commit changes of the lock file"),
    CommandOption("--no-registries", "", "look nothing up in registries"),
    CommandOption("--no-use-registries", "", "look nothing up in registries"),
    CommandOption("--reference-lock-file", "FILE", "read this lock file instead of the flake's"),
    CommandOption("--output-lock-file", "FILE", "write this lock file instead of the flake's"),
    CommandOption("--inputs-from", "FLAKE", "the inputs of this flake are names that can be used", is_repeatable=True),
    CommandOption("--override-flake", "NAME FLAKE", "use this flake for a name of the registries", is_repeatable=True),
    CommandOption("--accept-flake-config", "", "apply the settings that flakes ask for (nixConfig)"),
    CommandOption("--impure", "", "allow what depends on the machine: variables, files outside of flakes, unlocked inputs"),
    CommandOption("--refresh", "", "ask again for what was downloaded before"),
    CommandOption("--offline", "", "ask nothing from the network"),
)
OPTIONS = OUTPUT_OPTIONS + SOURCE_OPTIONS + LOCK_OPTIONS
USAGE = "snowsnake eval [OPTION …] [FILE | -E EXPR | FLAKE#ATTR]"
SUMMARY = """Evaluate a file (./default.nix if none is given, - for standard input), an expression or an output of a flake (.#x, github:o/r#x;
looked for in packages.SYSTEM, legacyPackages.SYSTEM and the outputs) and print its value."""


def settings_of(given: Arguments, reporter: Reporter) -> Settings:
    """The settings that the options describe, on top of those of `nix.conf`."""
    if given.settings is not None:
        return given.settings
    settings = Settings.load(os.environ, warn=reporter.warning)
    for name, value in given.texts("option"):
        settings.set_or_warn(name, value)
    for feature in given.texts("feature"):
        settings.set("extra-experimental-features", feature)
    if given.flag("pure"):
        settings.set("pure-eval", "true")
    if given.flag("restrict"):
        settings.set("restrict-eval", "true")
    if given.flag("store"):
        settings.set("store", _store_address(given.text("store")))
    if given.flag("profile"):
        settings.set("eval-profiler", "flamegraph")
        settings.set("eval-profile-file", os.path.abspath(given.text("profile")))
    settings.finish()
    reporter.follow(settings)
    return settings


def _store_address(text: str) -> str:
    """The address that `--store` of these commands means: a single word is a folder, too."""
    is_address = "/" in text or "?" in text or text in ("auto", "daemon", "local")
    return text if is_address else "./" + text


def level_of(given: Arguments) -> int:
    """The level of the bytecode, 0 or 1."""
    level = given.integer("optimise", 1)
    if level not in (0, 1):
        raise UsageError(f"option '--optimise' takes 0 or 1, not '{level}'")
    return level


def session_of(given: Arguments, reporter: Reporter, prepare: "Any" = None, **more: "Any") -> "Any":
    """The evaluator that the options describe; `prepare` may change the settings first."""
    settings = settings_of(given, reporter)
    if prepare is not None:
        prepare(settings)
    level = level_of(given)
    reporter.show_trace = given.flag("show_trace") or settings["show-trace"]
    reporter.log_format = given.text("log_format", reporter.log_format)
    if reporter.log_format not in LOG_FORMATS:
        raise UsageError(f"option '--log-format' takes text, json or internal-json, not '{reporter.log_format}'")
    from snowsnake.cli.session import Session, cache_options

    options = {
        "level": level,
        "memory_limit_bytes": given.integer("memory_limit", 0, (1 << 40) - 1) << 20,
        "depth_limit": given.integer("depth_limit", 0),
        "timeout_s": given.number("timeout", 0.0),
        "stress": given.flag("stress"),
        "is_writable": True,
        **cache_options(given.flag("no_cache"), given.text("cache_dir"), given.text("cache_validate", "stat")),
        "count_objects": given.flag("stats"),
        **more,
    }
    has_arguments = options.pop("has_arguments", True)
    session = Session(settings, reporter, given.texts("include"), **options)
    if not has_arguments:
        return session
    arguments = [["arg", *pair] for pair in given.texts("arg")] + [["argstr", *pair] for pair in given.texts("argstr")]
    session.add_arguments(arguments, read_input)
    return session


def source_of(given: Arguments) -> tuple[str, bytes]:
    """The source that is evaluated: ("file", path), or the name of a text and its bytes."""
    if given.flag("expr"):
        if given.words:
            raise UsageError(f"both an expression and the file '{given.words[0]}' were given")
        return "«string»", given.text("expr").encode("utf-8", "surrogateescape")
    if len(given.words) > 1:
        raise UsageError(f"more than one file was given: {' '.join(given.words)}")
    word = given.words[0] if given.words else "./default.nix"
    if word == "-":
        return "«stdin»", read_input()
    return "file", os.fsencode(word)


def names_flake(given: Arguments) -> bool:
    """Whether the word is a reference to a flake, and not a file."""
    if given.flag("expr") or len(given.words) != 1:
        return False
    word = given.words[0]
    return "#" in word or (word.partition(":")[0] in _FLAKE_SCHEMES and ":" in word) or word.startswith(("git+", "hg+", "tarball+"))


def load(session: "Session", given: Arguments) -> "Any":
    """Compiles the source; the result is not evaluated yet."""
    if names_flake(given):
        from snowsnake.cli.flake_options import lock_options, open_flakes

        flakes = open_flakes(given, session.reporter, session)
        return flakes.installable(given.words[0], os.getcwd(), lambda: lock_options(given, flakes, session.reporter))
    name, data = source_of(given)
    if name == "file":
        return session.file(os.fsdecode(data))
    return session.expression(data, name)


def run(given: Arguments, reporter: Reporter) -> int:
    forms = sum(given.flag(name) for name in ("json", "raw", "xml"))
    if forms > 1:
        raise UsageError("only one of '--json', '--raw' and '--xml' can be given")
    only_evaluates()
    prepare = None
    if names_flake(given):
        from snowsnake.cli.flake_options import prepare_settings

        def prepare(settings: "Settings") -> None:
            settings.set("extra-experimental-features", "flakes")
            prepare_settings(given, settings)

    session = session_of(given, reporter, prepare, prints_nix=forms == 0, **_observers(given))
    if timeout_s := given.number("timeout", 0.0):
        from time import monotonic

        deadline = monotonic() + timeout_s
        # The deadline is for all runs together: each piece of the output is a run.
        session.evaluator.set_deadline(deadline)
        end_output_at(deadline)
    with ReportsAfter(session, given):
        if given.flag("dump_bytecode"):
            _dump_bytecode(given, session)
        root = load(session, given)
        for path in given.texts("attr") or [""]:
            _print_value(session, root, path, given)
        session.evaluator.flush_store()
        sys.stdout.flush()
    return 0


def _print_value(session: "Session", root: "Handle", path: str, given: Arguments) -> None:
    value = session.selector.select(root, path)
    value.force()
    if session.arguments or session.selector.is_callable_with_defaults(value):
        value = session.selector.auto_call(value)
    if given.flag("raw"):
        write(raw_text(value, "while generating the output"))
    elif given.flag("json"):
        write_json(value, True)
    elif given.flag("xml"):
        value.write_xml(write, strict=given.flag("strict"), location=not given.flag("no_location"))
    else:
        value.write_nix(write, strict=given.flag("strict"))
        write(b"\n")


def _observers(given: Arguments) -> "dict[str, object]":
    """Keywords of the evaluator that switch its observers on; empty if there are none, so that nothing is loaded."""
    if given.flag("trace_runtime_timing"):
        return {"trace": "timing"}
    return {"trace": "operations"} if given.flag("trace_runtime") else {}


def _chunk_lines(session: "Session") -> "Iterator[str]":
    """What was compiled, in the order of compiling: one line for each top level, lambda and thunk."""
    from snowsnake.source import Position, SourceMap

    maps: dict[str, SourceMap | None] = {}
    for kind, name, place, size_bytes, upvalues, arity in session.evaluator.chunks():
        where = "internal"
        if place is not None:
            path, source, start_byte, end_byte = place
            if path not in maps:
                maps[path] = SourceMap(source) if source is not None else None
            where = str(Position(path, maps[path], start_byte, end_byte))
        label = f"{kind} '{name}'" if name else kind
        details = f"{size_bytes} bytes, {upvalues} upvalues" + (f", {arity} parameters" if arity else "")
        yield f"compiled {label} at {where} ({details})"


def _dump_bytecode(given: Arguments, session: "Session") -> None:
    from snowsnake.cli.listing import disassembly, write_pieces

    features = session.settings["experimental-features"]
    write_pieces(disassembly(*source_of(given), given.integer("optimise", 1), features))


def _write_lines(lines: "Iterable[str]") -> None:
    if text := "\n".join(lines):
        write_error_text(text)


class ReportsAfter:
    """After the work inside of the `with`, writes the reports about the evaluation itself; also after an error, but not after Ctrl-C, which waits for no reader."""

    def __init__(self, session: "Session", given: Arguments) -> None:
        self._session, self._given = session, given

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: "type[BaseException] | None", error: object, trace: object) -> None:
        if kind is not None and not issubclass(kind, Exception):
            return
        if self._given.flag("trace_compiler"):
            _write_lines(_chunk_lines(self._session))
        if self._given.flag("files_read"):
            _write_lines(self._session.evaluator.files_read())
        if self._given.flag("stats"):
            write_statistics(self._session.evaluator, "-")
