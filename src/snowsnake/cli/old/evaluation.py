"""The options for evaluation that Nix's old commands share: arguments for functions, the search path, the store of evaluation.

In: words.  Out: a `Session`.
"""

import os

from snowsnake.cli.old.command_line import Common
from snowsnake.cli.options import take_values
from snowsnake.cli.output import read_input, shows_statistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session

# The number of values of each option.
_OPTIONS = {
    "--arg": 2, "--argstr": 2, "--arg-from-file": 2, "--arg-from-stdin": 1, "--include": 1, "-I": 1, "--impure": 0,
    "--override-flake": 2, "--eval-store": 1, "--debugger": 0, "--repair": 0,
}  # fmt: skip


class EvaluationWords:
    """The options for evaluation of one command line."""

    def __init__(self) -> None:
        self.includes: list[str] = []
        self.arguments: dict[str, list[str]] = {}
        self.eval_store: str | None = None
        self.is_impure = False
        self.repairs = False

    def handle(self, word: str, rest: list[str]) -> bool:
        """Handles an option, and takes its values from `rest`; returns False for any other word."""
        count = _OPTIONS.get(word)
        if count is None:
            return False
        values = take_values(word, count, rest)
        if word.startswith("--arg"):
            self.arguments[values[0]] = [word[2:], *(values if count == 2 else [values[0], ""])]
        elif word in ("-I", "--include"):
            self.includes.append(values[0])
        elif word == "--eval-store":
            from snowsnake.settings.store_reference import StoreReference

            self.eval_store = StoreReference.parse(values[0]).render()
        elif word == "--impure":
            self.is_impure = True
        elif word == "--repair":
            self.repairs = True
        return True

    def open(self, common: Common, **options: object) -> "Session":
        """The session that the command line describes; `options` are further parameters of `Session`."""
        from snowsnake.cli.session import Session, cache_options

        settings = common.settings
        if self.is_impure:
            settings.set("pure-eval", "false")
        options |= cache_options("SNOWSNAKE_NO_CACHE" in os.environ, "", "stat")
        options["count_objects"] = shows_statistics()
        options["repairs"] = self.repairs
        session = Session(settings, common.reporter, self.includes, eval_store=self.eval_store, **options)
        session.add_arguments([self.arguments[name] for name in sorted(self.arguments)], read_input)
        return session
