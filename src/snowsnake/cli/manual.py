"""`snowsnake manual FOLDER`: pages for `man`, made from the tables of commands and options.

In: a folder.  Out: man1/snowsnake.1, a page for each command of `snowsnake`, and for each subcommand of `nix` that is ours.
"""

import os

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write_text

OPTIONS = (HELP_OPTION,)
USAGE = "snowsnake manual FOLDER"
SUMMARY = "Write manual pages of all commands to FOLDER/man1: MANPATH=FOLDER man snowsnake-eval."


def run(given: Arguments, reporter: Reporter) -> int:
    if len(given.words) != 1:
        raise UsageError("say which folder: snowsnake manual FOLDER")
    folder = os.path.join(given.words[0], "man1")
    os.makedirs(folder, exist_ok=True)
    written = pages()
    for name, text in written.items():
        with open(os.path.join(folder, name + ".1"), "w", encoding="utf-8") as file:
            file.write(text)
    write_text(f"{len(written)} pages in {folder}")
    return 0


def pages() -> dict[str, str]:
    """All pages by name."""
    from snowsnake.cli.main import COMMANDS
    from snowsnake.cli.nix.main import usage
    from snowsnake.cli.nix.options import GLOBAL
    from snowsnake.cli.nix.table import ROWS

    found = {"snowsnake": _page("snowsnake", "an evaluator for the Nix language", "snowsnake COMMAND [OPTION …]", "", (), _listed(COMMANDS))}
    for name, (module_name, summary) in COMMANDS.items():
        # Such a command has the page of Nix's command.
        if module_name.startswith("nix"):
            continue
        module = __import__(module_name, fromlist=["OPTIONS"])
        found[f"snowsnake-{name}"] = _page(
            f"snowsnake-{name}", summary, module.USAGE, module.SUMMARY, module.OPTIONS, [getattr(module, "NOTES", "")]
        )
    for row in ROWS:
        if row.runner:
            name = "snowsnake-nix-" + row.name.replace(" ", "-")
            found[name] = _page(name, row.summary, usage(row), "", row.options + GLOBAL, [])
    return found


def _listed(commands: dict[str, tuple[str, str]]) -> list[str]:
    return [f"{name}: {summary}" for name, (_, summary) in commands.items()]


def _page(name: str, summary: str, usage: str, text: str, options: tuple[CommandOption, ...], notes: list[str]) -> str:
    from snowsnake.version import VERSION

    lines = [f'.TH "{name.upper()}" 1 "" "snowsnake {VERSION}"', ".SH NAME", _plain(f"{name} - {summary}"), ".SH SYNOPSIS", _plain(usage)]
    if text:
        lines += [".SH DESCRIPTION", _plain(text)]
    if options:
        lines.append(".SH OPTIONS")
    for option in options:
        names = ", ".join(f"\\fB{_escaped(part)}\\fR" for part in option.names)
        values = "".join(f" \\fI{_escaped(value.replace('*', '…'))}\\fR" for value in option.values)
        lines += [".TP", names + values, _plain(option.help)]
    for note in filter(None, notes):
        lines += [".PP" if options or text else ".SH COMMANDS" if note is notes[0] else ".br", *(_plain(line) for line in note.splitlines() if line)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def _plain(text: str) -> str:
    """A line that `man` does not take for a request, as it does with one that begins with a dot or an apostrophe."""
    text = _escaped(text)
    return "\\&" + text if text.startswith((".", "'")) else text
