"""The command `snowsnake-nix`: `nix` of 2.34, for the subcommands that we have according to the table.

In: the words of its command line.  Out: what `nix` prints, on the same streams, with the same exit code.  Other subcommands are run by an
installed Nix, if there is one on the PATH, and refused by name otherwise.
"""

import os
import sys

from snowsnake.cli.hand_on import NotOurs, hand_on
from snowsnake.cli.nix.command_line import Call, read
from snowsnake.cli.nix.table import GROUPS, ROWS, Row, names_below
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import QUIET, Reporter, guarded

# The subcommands that do not need the experimental feature `nix-command`.
_STABLE = ("config check", "repl")
# Options that need the feature even with `--help`.
_NEED_FEATURE = ("print_build_logs", "offline", "refresh")


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    if "NIX_GET_COMPLETIONS" in os.environ:
        from snowsnake.cli.nix.completion import complete

        return complete(words, reporter)
    if words[:1] in (["__dump-language"], ["__dump-cli"]):
        from snowsnake.cli.nix.dump import dump

        return dump(words)
    if words[:1] == ["__build-remote"]:
        from snowsnake.cli.nix.build_remote import run as build_remote

        return build_remote(words[1:], reporter)
    call = read(words, reporter)
    if any(call.given.flag(key) for key in _NEED_FEATURE):
        call.settings.require("nix-command")
    if call.given.flag("help"):
        print(_help(call))
        return 0
    call.settings.finish()
    reporter.follow(call.settings)
    reporter.show_trace = call.settings["show-trace"]
    reporter.shows_logs |= call.given.flag("print_build_logs")
    if call.given.flag("version"):
        from snowsnake.cli.about import print_version

        print_version("nix", call.settings, call.reporter.verbosity - QUIET)
        return 0
    row = call.row
    if row is None:
        if call.group:
            call.settings.require("nix-command")
            if call.group == "flake":
                call.settings.require("flakes")
            raise UsageError(_choice(call.group))
        raise UsageError("no subcommand specified")
    if not row.runner:
        if "--help" in call.left:
            print(_help(call) + "\n\nAn installed Nix does this, if there is one on the PATH.")
            return 0
        hand_on("nix", words, f"'nix {row.name}'")
    if row.name not in _STABLE:
        call.settings.require("nix-command")
    if row.feature:
        call.settings.require(row.feature)
    _network(call)
    module, _, function = row.runner.partition(":")
    try:
        return getattr(__import__(module, fromlist=[function]), function)(call) or 0
    except NotOurs as error:
        hand_on("nix", words, error)


def _network(call: Call) -> None:
    """Applies `--offline` and `--refresh` to the settings."""
    if call.given.flag("offline"):
        call.settings.is_offline = True
        call.settings.set_default("tarball-ttl", 0xFFFFFFFF)
        call.settings.set_default("substitute", False)
    if call.given.flag("refresh"):
        for name in ("tarball-ttl", "narinfo-cache-negative-ttl", "narinfo-cache-positive-ttl", "narinfo-cache-meta-ttl"):
            call.settings.set(name, "0")


def _choice(group: str) -> str:
    """The text of 2.34.8 when the subcommand of a group is missing: rendered Markdown, in its width."""
    words: list[str] = []
    for word in f"nix {group} requires a sub-command. Available sub-commands:".split():
        line = words[-1].rpartition("\n")[2] if words else ""
        words[-1:] = [f"{words[-1]}{' ' if len(line) + len(word) < 59 else chr(10)}{word}"] if words else [word]
    # 2.34.8 sorts the names with the quotes around them.
    names = sorted(names_below(group), key=lambda name: f"{name}`")
    return "\n".join([*words, "", *(f"  · {name}" for name in names)])


def _overview(group: str = "") -> str:
    start = f"{group} " if group else ""
    listed = [row for row in ROWS if row.runner and row.name.startswith(start)]
    width = max((len(row.name) for row in listed), default=0)
    rows = "\n".join(f"  {row.name:{width}}  {row.summary}" for row in listed)
    what = f"nix {group} - {GROUPS[group]}" if group else "The subcommands of Nix 2.34 that Snowsnake has"
    return (
        f"usage: nix {start}COMMAND [OPTION …]\n\n{what}; others go to an installed Nix.\n\n"
        f"commands:\n{rows}\n\n`nix COMMAND --help` explains a command."
    )


def usage(row: Row) -> str:
    """The first line of a command's help."""
    words = " ".join(f"[{word[:-1]}{' …' if word[-1] == '*' else ''}]" if word[-1] in "?*" else word for word in row.words)
    return f"nix {row.name} [OPTION …] {words}".rstrip()


def _help(call: Call) -> str:
    from snowsnake.cli.nix.options import GLOBAL
    from snowsnake.cli.options import help_text

    row = call.row
    if row is None:
        return _overview(call.group)
    notes = "Settings of nix.conf are options, too: --NAME VALUE, --NAME, --no-NAME, --extra-NAME VALUE."
    return help_text(usage(row), f"nix {row.name} - {row.summary}.", row.options + GLOBAL, notes)


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(), "nix")


if __name__ == "__main__":
    sys.exit(main())
