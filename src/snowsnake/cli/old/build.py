"""The command `snowsnake-build`: `nix-build` of Nix 2.34, option for option.

In: the words of its command line.  Out: the paths of what was built, and links to them; the plan and logs on standard error.
"""

import os
import sys

from snowsnake.cli.building import BuildErrors, check_again, link_outputs, realise, repair, report_missing
from snowsnake.cli.hand_on import NotOurs
from snowsnake.cli.old.command_line import Common, Request, run_request, value_of
from snowsnake.cli.old.evaluation import EvaluationWords
from snowsnake.cli.output import OnlyEvaluating, Reporter, guarded, read_input, write_text
from snowsnake.cli.stores import evaluated_in, open_store
from snowsnake.diagnostics.error import EvaluationError, as_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.store.interface import Store

_WITH_VALUE = {"--out-link": "link", "-o": "link", "--drv-link": "drv_link"}
_NOT_OURS = frozenset(("--hash",))
# `--pure` is an option of `nix-shell`, which is the same program in 2.34.
_IGNORED = frozenset(("--indirect", "--add-drv-link", "--pure"))
_HELP = """usage: snowsnake-build [OPTION …] [FILE …]

Takes the options of nix-build of Nix 2.34; its manual applies.  FILE is a Nix file (./default.nix without one), or a derivation.
  -A, --attr PATH        build this attribute
  -E, --expr             words are expressions
  -o, --out-link PATH    the links to results (default: result); --no-out-link: none
  --dry-run              only tell what would be fetched and built
  --check                build again, and compare
  --repair               build or fetch again what is damaged
  -j, --max-jobs N; --cores N; -k, --keep-going; -K, --keep-failed; -Q, --no-build-output
  --arg NAME EXPR, --argstr NAME TEXT, -I PATH, --option NAME VALUE, --show-trace, -v"""


class _Request(Request):
    """What a command line asks for."""

    FLAGS = {"-E": "is_expression", "--expr": "is_expression", "--dry-run": "is_dry_run", "--check": "checks"}

    def __init__(self) -> None:
        super().__init__()
        self.is_expression = self.is_dry_run = self.makes_no_link = self.checks = False
        self.attributes: list[str] = []
        self.link = "result"
        self.drv_link = ""
        self.evaluation = EvaluationWords()

    def option(self, word: str, rest: list[str]) -> bool:
        if word in ("--no-out-link", "--no-link"):
            self.makes_no_link = True
        elif word in ("--attr", "-A"):
            self.attributes.append(value_of(word, rest))
        elif word in _WITH_VALUE:
            setattr(self, _WITH_VALUE[word], value_of(word, rest))
            self.makes_no_link = self.makes_no_link and _WITH_VALUE[word] != "link"
        elif word == "--exclude":
            value_of(word, rest)
        elif word in _NOT_OURS:
            raise NotOurs(f"'nix-build {word}'")
        elif word == "-":
            self.words.append(word)
        else:
            return word in _IGNORED or self.evaluation.handle(word, rest) or super().option(word, rest)
        return True


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    return run_request(_Request(), words, reporter, "nix-build", _HELP, _evaluate_and_build)


def _evaluate_and_build(request: _Request, common: Common) -> None:
    reporter = common.reporter
    with OnlyEvaluating():
        wanted = _derivations(request, common)
    try:
        with (
            BuildErrors(tells_kind=True),
            open_store(common.settings, reporter.warning, is_writable=True, reporter=reporter) as store,
            evaluated_in(store, request.evaluation.eval_store, common.settings, reporter.warning),
        ):
            _build(request, store, wanted, reporter)
    except ValueError as error:
        raise as_error(error) from None


def _derivations(request: _Request, common: Common) -> list[tuple[str, str]]:
    """(`.drv` path, output) of everything that is to be built, in order."""
    words = list(request.words) or ([] if request.is_expression else ["./default.nix"])
    found: list[tuple[str, str]] = []
    session = None
    for word in words:
        drv_path, _, names = word.partition("!")
        if drv_path.endswith(".drv") and not request.is_expression:
            if "," in names:
                raise EvaluationError("file", f"building more than one derivation output is not supported, in '{word}'")
            found += [(os.path.realpath(drv_path), name) for name in (names or "out").split(",")]
            continue
        session = session or request.evaluation.open(common, is_writable=True)
        if word == "-":
            value = session.expression(read_input(), "«stdin»")
        elif request.is_expression:
            value = session.expression(word.encode("utf-8", "surrogateescape"))
        else:
            value = session.file(word)
        for path in request.attributes or [""]:
            selected = session.selector.select(value, path)
            selected.force()
            found += [(derivation.drv_path, derivation.output_name) for derivation in session.derivations(selected)]
    if session is not None:
        session.evaluator.flush_store()
    return found


def _build(request: _Request, store: "Store", wanted: list[tuple[str, str]], reporter: Reporter) -> None:
    absent = [drv_path for drv_path, _ in wanted if not store.has_derivation(drv_path)]
    unknown = store.missing(absent).unknown if absent else []
    for drv_path in absent:
        if drv_path in unknown:
            from snowsnake.store.interface import no_substituter_text

            raise ValueError(no_substituter_text(drv_path))
    if request.is_dry_run:
        report_missing(store.missing(f"{drv_path}!{name}" for drv_path, name in wanted), reporter)
        return
    make = check_again if request.checks else repair if request.evaluation.repairs else realise
    make(store, [f"{drv_path}!{name}" for drv_path, name in wanted], reporter)
    numbers: dict[str, int] = {}
    for drv_path, name in wanted:
        path = store.made_outputs(drv_path).get(name)
        if path is None:
            raise ValueError(f"derivation '{drv_path}' does not have output '{name}'")
        number = numbers.setdefault(drv_path, len(numbers) + 1)
        if not request.makes_no_link:
            link_outputs(store, request.link if number == 1 else f"{request.link}-{number}", [(name, path)])
        write_text(path)


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    is_shell = words is None and os.path.basename(sys.argv[0]) == "nix-shell"
    words = sys.argv[1:] if words is None else words
    if is_shell or "--run-env" in words:
        from snowsnake.cli.old import shell

        return shell.main(words)
    return guarded(run, words, Reporter(is_old_command=True), "nix-build")


if __name__ == "__main__":
    sys.exit(main())
