"""The command `snowsnake-env`: `nix-env --query` of Nix 2.34, option for option.

In: the words of its command line.  Out: packages as a table, JSON or XML (env_query.py).  An installed Nix runs the operations that change profiles.
"""

import sys

from snowsnake.cli.about import print_version
from snowsnake.cli.hand_on import hand_on
from snowsnake.cli.old.command_line import read, value_of
from snowsnake.cli.old.evaluation import EvaluationWords
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, Reporter, guarded

_OPERATIONS = {
    "--install": "-i", "--uninstall": "-e", "--upgrade": "-u", "--set-flag": "", "--set": "", "--query": "-q", "--switch-profile": "-S",
    "--switch-generation": "-G", "--rollback": "", "--list-generations": "", "--delete-generations": "", "--version": "",
}  # fmt: skip
_NAMES = {short: name for name, short in _OPERATIONS.items() if short} | {name: name for name in _OPERATIONS}
_WITH_VALUE = {
    "--profile": "profile", "-p": "profile", "--file": "file", "-f": "file", "--system-filter": "system_filter", "--force-name": "force_name",
}  # fmt: skip
_HELP = """usage: snowsnake-env --query [OPTION …] [NAME …]

Takes the options of nix-env --query of Nix 2.34; its manual applies.  NAME is a regular expression, or NAME-VERSION.
  -a, --available        list the packages of the default expression or of --file; without it, those of the profile
  -f, --file FILE        list the packages of this file
  -A, --attr PATH        list the packages of this attribute
  --json, --xml          the format; without it, a table with these columns:
  -s, --status; -P, --attr-path; --no-name; -c, --compare-versions; --system; --drv-path; --out-path; --description
  --meta                 with --json and --xml: what packages say about themselves
  -b, --prebuilt-only; --system-filter SYSTEM; -p, --profile PATH
  --arg NAME EXPR, --argstr NAME TEXT, -I PATH, --option NAME VALUE, --show-trace, -v

Profiles (--install, --upgrade, --rollback, …) are changed by an installed Nix, if there is one."""


class EnvRequest:
    """The parsed command line."""

    def __init__(self) -> None:
        self.operation = ""
        self.wants_help = False
        # The flags of the operation.
        self.flags: list[str] = []
        self.words: list[str] = []
        self.file = ""
        self.profile = ""
        self.force_name = ""
        self.system_filter = "*"
        self.is_prebuilt_only = False
        self.is_dry_run = False
        self.evaluation = EvaluationWords()

    def handle(self, word: str, rest: list[str]) -> bool:
        before = self.operation
        if word == "--help":
            self.wants_help = True
            # 2.34 answers at once, whatever follows.
            rest.clear()
        elif word in _NAMES:
            self.operation = _NAMES[word]
        elif word in _WITH_VALUE:
            setattr(self, _WITH_VALUE[word], value_of(word, rest))
        elif word == "--dry-run":
            self.is_dry_run = True
        elif word in ("--prebuilt-only", "-b"):
            self.is_prebuilt_only = True
        elif self.evaluation.handle(word, rest):
            pass
        elif word.startswith("-"):
            self.flags.append(word)
            takes_value = word == "--from-profile" or (
                word in ("--attr", "-A") if self.operation == "--query" else self.operation == "--install" and word == "--priority"
            )
            if takes_value:
                self.flags.append(value_of(word, rest))
        else:
            self.words.append(word)
        if before and before != self.operation:
            raise UsageError("only one operation may be specified")
        return True


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    request = EnvRequest()
    common = read(words, reporter, request.handle, own=("--system",))
    if request.wants_help:
        print(_HELP)
        return 0
    if not request.operation:
        raise UsageError("no operation specified")
    if request.operation == "--version":
        print_version("nix-env", common.settings, common.reporter.verbosity - QUIET)
        return 0
    if request.operation != "--query":
        hand_on("nix-env", words, f"'nix-env {request.operation}'")
    if request.is_dry_run:
        reporter.info("(dry run; not doing anything)")
    common.settings.finish()
    from snowsnake.cli.old.env_query import query

    query(request, common)
    return 0


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(is_old_command=True), "nix-env")


if __name__ == "__main__":
    sys.exit(main())
