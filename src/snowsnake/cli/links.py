"""`snowsnake links DIR`: a folder with our commands under Nix's names, for the front of a PATH.

In: a folder.  Out: symbolic links in it; a file that we did not make is left alone, and is an error.
"""

import os
import sys

from snowsnake.cli.options import HELP_OPTION, Arguments, UsageError
from snowsnake.cli.output import Reporter, write_line

# Nix's name → our script.
DROP_INS = {
    "nix": "snowsnake-nix",
    "nix-build": "snowsnake-build",
    # This script and those of nix-daemon and nix-shell look at the name by which they were called.
    "nix-collect-garbage": "snowsnake-store",
    "nix-daemon": "snowsnake-store",
    "nix-env": "snowsnake-env",
    "nix-eval-jobs": "snowsnake-eval-jobs",
    "nix-hash": "snowsnake-hash",
    "nix-instantiate": "snowsnake-instantiate",
    "nix-prefetch-url": "snowsnake-prefetch-url",
    "nix-shell": "snowsnake-build",
    "nix-store": "snowsnake-store",
}
OPTIONS = (HELP_OPTION,)
USAGE = "snowsnake links FOLDER"
SUMMARY = "Make a folder with our commands under Nix's names: nix, nix-instantiate, nix-store ….  Programs use them when the folder is first on their PATH."


def run(given: Arguments, reporter: Reporter) -> int:
    if len(given.words) != 1:
        raise UsageError("say which folder: snowsnake links FOLDER")
    folder = os.path.abspath(given.words[0])
    os.makedirs(folder, exist_ok=True)
    scripts = commands_folder()
    for name, script in DROP_INS.items():
        target = os.path.join(scripts, script)
        if not os.path.exists(target):
            raise UsageError(f"'{target}' is not there: run the installed command `snowsnake`")
        make_link(os.path.join(folder, name), target)
        write_line(os.fsencode(f"{os.path.join(folder, name)} -> {target}"))
    return 0


def commands_folder() -> str:
    """The folder of the installed commands: that of the one that runs, or with `python -m snowsnake` that of the interpreter's scripts."""
    own = os.path.dirname(os.path.realpath(sys.argv[0]))
    beside = os.path.dirname(os.path.abspath(sys.executable))
    return next((folder for folder in (own, beside) if os.path.exists(os.path.join(folder, "snowsnake-nix"))), own)


def make_link(link: str, target: str) -> None:
    """Makes a link; it replaces an older link to one of our commands."""
    if os.path.lexists(link):
        if not os.path.islink(link) or not os.path.basename(os.readlink(link)).startswith("snowsnake-"):
            raise UsageError(f"'{link}' exists already, and is not one of our links")
        os.unlink(link)
    os.symlink(target, link)
