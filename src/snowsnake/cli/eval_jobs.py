"""The command `snowsnake-eval-jobs`: nix-eval-jobs for Nix 2.34, option for option.

In: the words of its command line.  Out: a line of JSON for each derivation; errors of attributes are lines, too.
"""

import os
import sys

from snowsnake.cli.about import print_version
from snowsnake.cli.options import UsageError, next_words, take_values
from snowsnake.cli.output import EVERYTHING, QUIET, Reporter, guarded, read_input
from snowsnake.settings import Settings
from snowsnake.settings.flags import flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle
    from snowsnake.jobs.options import JobOptions

# For each option: its number of values, and what it does.
_OPTIONS = {
    "--apply": (1, "Apply this function to each derivation; its result is the \"extraValue\" of the line."),
    "--arg": (2, "Pass the value *expr* as the argument *name* to functions."),
    "--arg-from-file": (2, "Pass the contents of a file as the argument *name*."),
    "--arg-from-stdin": (1, "Pass the contents of stdin as the argument *name*."),
    "--argstr": (2, "Pass a string as the argument *name*."),
    "--check-cache-status": (0, "Say of each derivation what would have to be built."),
    "--constituents": (0, "Evaluate constituents of Hydra's aggregates."),
    "--debug": (0, "Say everything."),
    "--eval-store": (1, "The store that evaluation has instead of `store`."),
    "--expr": (0, "The argument is an expression."),
    "--flake": (0, "The argument is a flake, perhaps with #attribute."),
    "--force-recurse": (0, "Enter all sets, whether they ask for it or not."),
    "--gc-roots-dir": (1, "Make links to the derivations in this folder."),
    "--help": (0, "Show this text."),
    "--impure": (0, "Allow what depends on the machine."),
    "--include": (1, "Add PATH or PREFIX=PATH to the search path."),
    "--log-format": (1, "How messages are written: raw, internal-json, bar, bar-with-logs."),
    "--max-memory-size": (1, "Replace a worker that has more MiB than this, and evaluate an attribute that needs more alone (4096)."),
    "--meta": (0, "Include the derivations' metadata."),
    "--no-instantiate": (0, "Write no derivations, only evaluate."),
    "--option": (2, "Set a setting of nix.conf."),
    "--override-flake": (2, "Use this flake for a name of the registries."),
    "--override-input": (2, "Use this flake for an input, such as dwarffs/nixpkgs."),
    "--quiet": (0, "Say less."),
    "--reference-lock-file": (1, "Read this lock file instead of the flake's."),
    "--repair": (0, "(no effect: nothing is damaged that was written here)"),
    "--select": (1, "Apply this function to the root before it is looked through."),
    "--show-input-drvs": (0, "Show the derivations that each one needs."),
    "--show-trace": (0, "Show every frame of an error's trace."),
    "--verbose": (0, "Say more."),
    "--version": (0, "Print the version."),
    "--workers": (1, "How many workers evaluate (1); 0 evaluates nothing."),
    # The options that nix-eval-jobs does not have.
    "--no-cache": (0, "Neither use nor keep compiled files."),
    "--cache-dir": (1, "Keep compiled files in this folder."),
}  # fmt: skip
_SHORT = {"-E": "--expr", "-I": "--include", "-v": "--verbose"}
_NEED_INSTANTIATION = ("--show-input-drvs", "--check-cache-status", "--constituents")


class EvalJobsRequest:
    """The options and words of a command line."""

    def __init__(self) -> None:
        self.source = ""
        self.flags: set[str] = set()
        self.texts: dict[str, str] = {}
        self.includes: list[str] = []
        self.arguments: dict[str, list[str]] = {}
        self.pairs: dict[str, list[list[str]]] = {"--override-input": [], "--override-flake": []}
        self.verbosity = QUIET

    def number(self, name: str, default: int) -> int:
        """The value of an option that takes a whole number."""
        from snowsnake.foundation.digits import whole_number

        text = self.texts.get(name, str(default))
        number = whole_number(text, (1 << 31) - 1)
        if number is None:
            raise UsageError(f"option '{name}' needs a whole number, not '{text}'")
        return number


def parse_words(words: list[str], settings: Settings, reporter: Reporter) -> EvalJobsRequest:
    request = EvalJobsRequest()
    rest = list(words)
    for given, is_after_options in next_words(rest):
        word = given if is_after_options else _SHORT.get(given, given)
        if is_after_options or not word.startswith("-"):
            if request.source:
                raise UsageError(f"unexpected argument '{word}'")
            request.source = word
            continue
        setting = None if word in _OPTIONS else flag(word)
        if word not in _OPTIONS and setting is None:
            raise UsageError(f"unrecognised flag '{word}'")
        count = _OPTIONS[word][0] if setting is None else setting.count
        values = take_values(word, count, rest)
        if setting is not None:
            settings.set_flag(setting, values)
        else:
            _apply(request, word, values, settings, reporter)
    return request


def _apply(request: EvalJobsRequest, word: str, values: list[str], settings: Settings, reporter: Reporter) -> None:
    if word == "--option":
        settings.set_or_warn(values[0], values[1])
    elif word == "--include":
        request.includes.append(values[0])
    elif word in ("--arg", "--argstr", "--arg-from-file"):
        request.arguments[values[0]] = [word[2:], *values]
    elif word == "--arg-from-stdin":
        request.arguments[values[0]] = ["arg-from-stdin", values[0], ""]
    elif word in request.pairs:
        request.pairs[word].append(values)
    elif word == "--log-format":
        reporter.choose_log_format(values[0])
    elif word == "--verbose":
        request.verbosity += 1
    elif word == "--quiet":
        request.verbosity = max(0, request.verbosity - 1)
    elif word == "--debug":
        request.verbosity = EVERYTHING
    elif values:
        request.texts[word] = values[0]
    else:
        request.flags.add(word)


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    settings = Settings.load(os.environ, warn=reporter.warning)
    request = parse_words(words, settings, reporter)
    if "--help" in request.flags:
        print(_help())
        return 0
    if "--version" in request.flags:
        print_version("nix-eval-jobs", settings, request.verbosity)
        return 0
    wrong = [name for name in _NEED_INSTANTIATION if name in request.flags]
    if "--no-instantiate" in request.flags and wrong:
        raise UsageError(
            f"--no-instantiate is incompatible with: {', '.join(wrong)}. These features require instantiated derivations."
        )
    if not request.source:
        raise UsageError("no expression specified")
    settings.finish()
    if "--impure" in request.flags:
        settings.set("pure-eval", "false")
    elif "--flake" in request.flags:
        settings.set("pure-eval", "true")
    if "--show-trace" in request.flags:
        settings.set("show-trace", "true")
    reporter.show_trace = settings["show-trace"]
    from snowsnake.cli.job_lines import print_jobs
    from snowsnake.jobs.options import RunOptions

    if request.number("--workers", 1) == 0:
        # nix-eval-jobs leaves even the root to its workers, so it does not notice what is wrong with it either.
        return 0
    limits = RunOptions(workers=request.number("--workers", 1), memory_bytes=request.number("--max-memory-size", 4096) << 20)
    return print_jobs(open_root(request, settings, reporter), limits, reporter)


def job_options(request: EvalJobsRequest, settings: Settings) -> "JobOptions":
    from snowsnake.jobs.options import JobOptions

    flags, gc_roots = request.flags, request.texts.get("--gc-roots-dir", "")
    return JobOptions(
        meta="--meta" in flags,
        input_drvs="--show-input-drvs" in flags,
        constituents="--constituents" in flags,
        cache_status="--check-cache-status" in flags,
        recurses_always="--force-recurse" in flags,
        is_instantiating="--no-instantiate" not in flags,
        select=request.texts.get("--select", ""),
        apply=request.texts.get("--apply", ""),
        gc_roots=os.path.abspath(gc_roots) if gc_roots else "",
        show_trace=settings["show-trace"],
    )


def open_root(request: EvalJobsRequest, settings: Settings, reporter: Reporter) -> "Any":
    """The root of the jobs, in the evaluator that the options describe."""
    from snowsnake.cli.job_lines import job_root
    from snowsnake.cli.session import Session, cache_options

    is_instantiating = "--no-instantiate" not in request.flags
    options: dict[str, object] = {
        "is_writable": is_instantiating,
        "keeps_derivations": is_instantiating,
        "eval_store": request.texts.get("--eval-store"),
        "prints_nix": False,
    }
    if request.verbosity > QUIET:
        options["verbosity"] = request.verbosity
    options |= cache_options("--no-cache" in request.flags, request.texts.get("--cache-dir", ""), "stat")
    session = Session(settings, reporter, request.includes, **options)
    session.add_arguments([request.arguments[name] for name in sorted(request.arguments)], read_input)
    if "--flake" in request.flags:
        root = _flake_root(request, session, reporter)
    elif "--expr" in request.flags:
        root = session.expression(request.source.encode("utf-8", "surrogateescape"))
    else:
        root = session.file(request.source)
    return job_root(session, session.selector.auto_call(root), job_options(request, settings))


def _flake_root(request: EvalJobsRequest, session: "Session", reporter: Reporter) -> "Handle":
    """All outputs of a flake, with its inputs, or the output that its fragment names."""
    from snowsnake.cli.flake_options import lock_options, open_flakes
    from snowsnake.cli.options import Arguments

    given = Arguments()
    given.values = {"override_input": request.pairs["--override-input"], "override_flake": request.pairs["--override-flake"]}
    if "--reference-lock-file" in request.texts:
        given.values["reference_lock_file"] = request.texts["--reference-lock-file"]
    flakes = open_flakes(given, reporter, session)
    options = lock_options(given, flakes, reporter, may_update=True, may_write=False)
    if "#" in request.source and request.source.partition("#")[2]:
        return flakes.installable(request.source, os.getcwd(), lambda: options)
    return flakes.call(flakes.lock(flakes.reference(request.source, os.getcwd())[0], options))


def _help() -> str:
    rows = "\n".join(f"  {name:22} {what}" for name, (_, what) in sorted(_OPTIONS.items()))
    return f"USAGE: nix-eval-jobs [options] expr\n\n{rows}\n\nSettings of nix.conf are options, too."


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(), "nix-eval-jobs")


if __name__ == "__main__":
    sys.exit(main())
