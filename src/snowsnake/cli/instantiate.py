"""The command `snowsnake-instantiate`: `nix-instantiate` of Nix 2.34, option for option.

In: the words of its command line.  Out: what nix-instantiate prints, on the same streams, with the same exit code.
"""

import os
import sys

from snowsnake.cli.options import SHORT_SETTINGS, WHOLE_NUMBERS, UsageError, take_values, unbundle
from snowsnake.cli.output import (
    EVERYTHING,
    QUIET,
    Reporter,
    guarded,
    only_evaluates,
    raw_text,
    show_statistics,
    shows_statistics,
    write,
    write_json,
    write_line,
)
from snowsnake.diagnostics.error import EvaluationError, as_error
from snowsnake.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle

# The number of values of each option that is not a setting.
_OPTIONS = {
    "--help": 0, "--version": 0, "--expr": 0, "-E": 0, "--eval": 0, "--eval-only": 0, "--read-write-mode": 0,
    "--parse": 0, "--parse-only": 0, "--find-file": 0, "--attr": 1, "-A": 1, "--add-root": 1, "--indirect": 0,
    "--raw": 0, "--xml": 0, "--json": 0, "--no-location": 0, "--strict": 0, "--dry-run": 0,
    "--arg": 2, "--argstr": 2, "--arg-from-file": 2, "--arg-from-stdin": 1, "--include": 1, "-I": 1, "--impure": 0,
    "--override-flake": 2, "--eval-store": 1, "--verbose": 0, "-v": 0, "--quiet": 0, "--debug": 0, "--option": 2,
    "--log-format": 1, "-j": 1, "--no-build-output": 0, "-Q": 0, "-K": 0, "-k": 0,
    "--readonly-mode": 0, "--no-gc-warning": 0, "--repair": 0,
    # The options that nix-instantiate does not have.
    "--no-cache": 0, "--cache-dir": 1, "--cache-validate": 1,
}  # fmt: skip
# Options that C++ Nix reads in an older way, with another message for a missing value.
_OLD_STYLE = ("-A", "--attr", "--add-root")


class InstantiateRequest:
    """The options and words of a command line."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.attribute_paths: list[str] = []
        self.includes: list[str] = []
        self.arguments: dict[str, list[str]] = {}
        self.flags: set[str] = set()
        # `--help` or `--version`, if the command line asks for one of them.
        self.answer = ""
        self.output = "--nix"
        self.eval_store: str | None = None
        # The value of `--add-root`.
        self.root = ""
        self.root_count = 0
        self.cache_folder = ""
        self.cache_validate = "stat"


def parse_words(words: list[str], settings: Settings, reporter: Reporter) -> InstantiateRequest:
    """Reads the words as nix-instantiate does: settings are options, too, and `-vE` is `-v -E`."""
    request = InstantiateRequest()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        # nix-instantiate reads options even after `--`.
        if word == "--":
            continue
        word = unbundle(word, rest)
        if word == "-" or not word.startswith("-"):
            request.words.append(word)
            continue
        count = _value_count(word)
        if len(rest) < count and word in _OLD_STYLE:
            raise UsageError(f"'{word}' requires an argument")
        values = take_values(word, count, rest)
        # 2.34 answers at once, whatever follows.
        if word in ("--help", "--version"):
            request.answer = word
            break
        _apply(request, word, values, settings, reporter)
    return request


def _value_count(word: str) -> int:
    if word in _OPTIONS:
        return _OPTIONS[word]
    from snowsnake.settings.flags import flag

    setting = flag(word)
    if setting is None:
        raise UsageError(f"unrecognised flag '{word}'")
    return setting.count


def _apply(request: InstantiateRequest, word: str, values: list[str], settings: Settings, reporter: Reporter) -> None:
    if word in ("-A", "--attr"):
        request.attribute_paths.append(values[0])
    elif word in ("-I", "--include"):
        request.includes.append(values[0])
    elif word in ("--arg", "--argstr", "--arg-from-file"):
        request.arguments[values[0]] = [word[2:], values[0], values[1]]
    elif word == "--arg-from-stdin":
        request.arguments[values[0]] = ["arg-from-stdin", values[0], ""]
    elif word in ("--raw", "--xml", "--json"):
        request.output = word
    elif word == "--option":
        settings.set_or_warn(values[0], values[1])
    elif word == "--impure":
        settings.set("pure-eval", "false")
    elif word in ("-v", "--verbose"):
        reporter.verbosity += 1
    elif word == "--quiet":
        reporter.verbosity = max(0, reporter.verbosity - 1)
    elif word == "--debug":
        reporter.verbosity = EVERYTHING
    elif word == "--log-format":
        reporter.choose_log_format(values[0])
    elif word == "--add-root":
        request.root = values[0]
    elif word == "--eval-store":
        from snowsnake.settings.store_reference import StoreReference

        request.eval_store = StoreReference.parse(values[0]).render()
    elif word == "--cache-dir":
        request.cache_folder = values[0]
    elif word == "--cache-validate":
        request.cache_validate = values[0]
    elif word == "-j":
        settings.set("max-jobs", values[0])
    elif word in WHOLE_NUMBERS:
        from snowsnake.cli.old.command_line import whole_number

        settings.set(word[2:], str(whole_number(values[0])))
    elif word in SHORT_SETTINGS:
        settings.set(SHORT_SETTINGS[word], "true")
    elif word in _OPTIONS:
        request.flags.add(word)
    else:
        from snowsnake.settings.flags import flag

        setting = flag(word)
        # `_value_count` raised an error for every other word.
        assert setting is not None
        settings.set_flag(setting, values)


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    settings = Settings.load(os.environ, warn=reporter.warning)
    request = parse_words(words, settings, reporter)
    reporter.show_trace = settings["show-trace"]
    if request.answer == "--help":
        print(_help())
        return 0
    if request.answer == "--version":
        from snowsnake.cli.about import print_version

        print_version("nix-instantiate", settings, reporter.verbosity - QUIET)
        return 0
    settings.finish()
    if request.flags & {"--parse", "--parse-only"}:
        return _parse(request, settings, reporter)
    return _evaluate(request, settings, reporter)


def _evaluate(request: InstantiateRequest, settings: Settings, reporter: Reporter) -> int:
    from snowsnake.cli.session import Session, cache_options, is_internal

    only_evaluates()
    is_eval = request.flags & {"--eval", "--eval-only"}
    is_read_only = request.flags & {"--readonly-mode", "--dry-run"} or (is_eval and "--read-write-mode" not in request.flags)
    options: dict[str, object] = {"is_writable": not is_read_only, "eval_store": request.eval_store}
    options |= cache_options("--no-cache" in request.flags, request.cache_folder, request.cache_validate)
    options["count_objects"] = shows_statistics()
    options["repairs"] = "--repair" in request.flags
    options["prints_nix"] = bool(is_eval) and request.output == "--nix"
    session = Session(settings, reporter, request.includes, **options)
    session.add_arguments([request.arguments[name] for name in sorted(request.arguments)], _read_stdin)
    if "--find-file" in request.flags:
        for word in request.words:
            path = session.find_file(word)
            if is_internal(path):
                raise EvaluationError("file", f"'{path}' has no physical path")
            write_line(os.fsencode(path))
        return 0
    for load in _sources(request, session):
        value = load()
        for path in request.attribute_paths or [""]:
            _process(request, session, value, path)
        # A program may read a path as soon as it is printed.
        session.evaluator.flush_store()
        sys.stdout.flush()
    show_statistics(session.evaluator)
    return 0


def _sources(request: InstantiateRequest, session: "Session") -> "list[Callable[[], Handle]]":
    """Functions that compile each source: the words as files or expressions, standard input for `-`."""
    is_expression = request.flags & {"-E", "--expr"}
    words = [word for word in request.words if word != "-"]
    loads: list[Callable[[], Handle]] = []
    if "-" in request.words:
        loads.append(lambda: session.expression(_read_stdin(), "«stdin»"))
    elif not words and not is_expression:
        words = ["./default.nix"]
    loads += [_source(session, word, bool(is_expression)) for word in words]
    return loads


def _source(session: "Session", word: str, is_expression: bool) -> "Callable[[], Handle]":
    if is_expression:
        return lambda: session.expression(word.encode("utf-8", "surrogateescape"))
    return lambda: session.file(word)


def _process(request: InstantiateRequest, session: "Session", root: "Handle", path: str) -> None:
    """Prints one selected value, or the derivations in it."""
    value = session.selector.select(root, path)
    if not request.flags & {"--eval", "--eval-only"}:
        value.force()
        for derivation in session.derivations(value):
            # A program may read a path as soon as it is printed.
            session.evaluator.flush_store()
            suffix = "" if derivation.output_name == "out" else "!" + derivation.output_name
            write_line(os.fsencode(_rooted(request, session, derivation.drv_path) + suffix))
        return
    value.force()
    if session.arguments:
        value = session.selector.auto_call(value)
    strict = "--strict" in request.flags
    if request.output == "--raw":
        write(raw_text(value, "while generating the nix-instantiate output"))
    elif request.output == "--json":
        write_json(value, strict)
    elif request.output == "--xml":
        value.write_xml(write, strict=strict, location="--no-location" not in request.flags)
    else:
        value.write_nix(write, strict=strict, most_levels=session.settings["max-call-depth"])
        write(b"\n")


def _rooted(request: InstantiateRequest, session: "Session", drv_path: str) -> str:
    """The link that `--add-root` made for a derivation of the embedded store; without one, its path."""
    if not request.root:
        if "--no-gc-warning" not in request.flags:
            request.flags.add("--no-gc-warning")
            session.reporter.warning("you did not specify '--add-root'; the result might be removed by the garbage collector")
        return drv_path
    request.root_count += 1
    store = session.evaluator.store
    # Without a store nothing was written, so a link would lead nowhere.
    if store is None:
        if request.root_count == 1:
            session.reporter.warning("'--add-root' makes no link: without a store nothing is written")
        return drv_path
    suffix = f"-{request.root_count}" if request.root_count > 1 else ""
    try:
        return str(store.add_root(os.path.abspath(request.root) + suffix, drv_path))
    except ValueError as error:
        raise as_error(error, "file") from None


def _parse(request: InstantiateRequest, settings: Settings, reporter: Reporter) -> int:
    from snowsnake.cli.parse import print_expression, print_file, print_source
    from snowsnake.cli.session import Session, store_options
    from snowsnake.settings.search_path import is_pseudo_url

    # A store that cannot be opened is an error of this operation, too.
    store_options(settings, reporter, request.eval_store, False)
    features = settings.language()
    is_expression = request.flags & {"-E", "--expr"}
    words = [word for word in request.words if word != "-"]
    if "-" in request.words:
        print_expression(_read_stdin(), "«stdin»", features, reporter)
    elif not words and not is_expression:
        words = ["./default.nix"]
    session = None
    for word in words:
        if is_expression:
            print_expression(word.encode("utf-8", "surrogateescape"), "«string»", features, reporter)
        elif word.startswith(("<", "flake:")) or is_pseudo_url(word) or is_checked(settings):
            session = session or Session(settings, reporter, request.includes, is_writable=False)
            print_source(*_read_file(session, word), features, reporter)
        else:
            print_file(word, features, reporter)
    return 0


# The path of a file, or of the `default.nix` of a folder, and the contents.
_READ = b'place: let file = if builtins.pathExists "${place}/." then "${place}/default.nix" else place; in [ file (builtins.readFile file) ]'


def _read_file(session: "Session", word: str) -> "tuple[str, bytes]":
    """The path of the file that a word means, and its contents.  They are read as an evaluation reads them: under its policy, and also from fetched trees."""
    from snowsnake.cli.session import is_internal, is_search_path

    path = session.find_file(word[1:-1]) if is_search_path(word) else session.local_path(word)
    try:
        if is_internal(path):
            return path, session.expression(f"builtins.readFile {word}".encode("utf-8", "surrogateescape")).string()
        found = session.expression(_READ).call(session.evaluator.from_python(os.fsencode(path)))
        return os.fsdecode(found.index(0).string()), found.index(1).string()
    except EvaluationError as error:
        # The error loses its trace, because the expression is our own.
        raise EvaluationError(error.code, error.message) from None


def is_checked(settings: Settings) -> bool:
    """Whether a policy restricts which files the command line may name."""
    return bool(settings["pure-eval"] or settings["restrict-eval"])


def _read_stdin() -> bytes:
    return sys.stdin.buffer.read()


def _help() -> str:
    return (
        "usage: snowsnake-instantiate [OPTION …] [FILE …]\n\n"
        "Takes the options of nix-instantiate of Nix 2.34; its manual applies:\n"
        "  --eval [--strict] [--json | --xml [--no-location] | --raw]   print values\n"
        "  --parse                                                      print canonical Nix\n"
        "  --find-file NAME …                                           look up <NAME>\n"
        "  (none of them)                                               print the .drv paths of derivations\n"
        "  -E / --expr, -A / --attr PATH, --arg NAME EXPR, --argstr NAME TEXT, --arg-from-file NAME PATH,\n"
        "  --arg-from-stdin NAME, -I PATH, --show-trace, --option NAME VALUE, --pure-eval, --restrict-eval, --impure,\n"
        "  --readonly-mode, --read-write-mode, --store FOLDER, --add-root PATH, --log-format FORMAT, -v, --version\n"
        "Compiled files are kept: --no-cache, --cache-dir DIR, --cache-validate stat|hash"
    )


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(is_old_command=True), "nix-instantiate")


if __name__ == "__main__":
    sys.exit(main())
