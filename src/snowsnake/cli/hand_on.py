"""Hands on the commands that we lack to an installed Nix, if there is one.

In: the name of a program, its words.  Out: another program takes over, or a UsageError says what we lack.
"""

import os
import sys

from snowsnake.cli.options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn


class NotOurs(Exception):
    """This command line needs an installed Nix; the message says for what."""


def hand_on(program: str, words: list[str], what: object) -> "NoReturn":
    """Becomes the program of this name of an installed Nix.  Our own program under that name does not count.

    Raises a UsageError that says that we do not have *what* if there is no such program.
    """
    for path in _others(program):
        sys.stdout.flush()
        os.execv(path, [path, *words])
    raise UsageError(f"{what} is not part of Snowsnake, and no other Nix is on the PATH")


def _others(program: str) -> "Iterator[str]":
    own = os.path.realpath(sys.argv[0])
    for folder in os.environ.get("PATH", "").split(":"):
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK) and os.path.isfile(path) and os.path.realpath(path) != own and not _is_ours(path):
            yield path


def _is_ours(path: str) -> bool:
    """Whether a program is this one, installed a second time."""
    try:
        with open(path, "rb") as file:
            return b"snowsnake" in file.read(4096)
    except OSError:
        return True
