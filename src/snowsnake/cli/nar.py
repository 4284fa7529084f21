"""`snowsnake nar`: writes, lists, shows and unpacks Nix archives.

In: paths of files, folders and archives (`-` is standard input).  Out: an archive, a listing, or files.
"""

import os
import sys

from snowsnake.cli.options import HELP_OPTION, Arguments, CommandOption, UsageError
from snowsnake.cli.output import Reporter, write, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPTIONS = (
    CommandOption("-l --long", "", "ls: with kind, size and target"),
    HELP_OPTION,
)
USAGE = "snowsnake nar (pack PATH | ls NAR | cat NAR MEMBER | unpack NAR TARGET)"
SUMMARY = "pack writes the archive of a file or folder to standard output; NAR may be - for standard input."


def run(given: Arguments, reporter: Reporter) -> int:
    wanted = {"pack": 1, "ls": 1, "cat": 2, "unpack": 2}
    action, rest = given.action(*wanted)
    if len(rest) != wanted[action]:
        raise UsageError(f"'snowsnake nar {action}' takes {wanted[action]} arguments, not {len(rest)}")
    try:
        return _ACTIONS[action](rest, given.flag("long"))
    except ValueError as error:
        reporter.failure(str(error))
        return 1


def _open(word: str) -> "Any":
    return sys.stdin.buffer if word == "-" else open(word, "rb")


def _pack(words: list[str], is_long: bool) -> int:
    from snowsnake.store.nar import pack_into

    sys.stdout.flush()
    pack_into(os.path.abspath(words[0]), sys.stdout.fileno())
    return 0


def _list(words: list[str], is_long: bool) -> int:
    from snowsnake.store.nar_reader import read_nar

    with _open(words[0]) as stream:
        for member in read_nar(stream):
            path = member.path or "."
            if is_long:
                kind = "executable" if member.executable else member.kind
                target = f" -> {member.target}" if member.kind == "symlink" else ""
                path = f"{kind:10} {member.size:12} {path}{target}"
            write_text(path)
    return 0


def _show(words: list[str], is_long: bool) -> int:
    from snowsnake.store.nar_reader import read_nar

    wanted = words[1].strip("/")
    found = False
    with _open(words[0]) as stream:
        for member in read_nar(stream):
            if member.path == wanted and member.kind == "regular":
                found = True
                for piece in member.pieces():
                    write(piece)
    if not found:
        raise ValueError(f"the archive has no file '{wanted}'")
    return 0


def _unpack(words: list[str], is_long: bool) -> int:
    from snowsnake.store.nar_reader import unpack

    with _open(words[0]) as stream:
        unpack(stream, words[1])
    return 0


_ACTIONS = {"pack": _pack, "ls": _list, "cat": _show, "unpack": _unpack}
