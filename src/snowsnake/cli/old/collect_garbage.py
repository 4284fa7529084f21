"""`nix-collect-garbage` of Nix 2.34, option for option: `snowsnake-store` when it is called by this name (`snowsnake links`).

In: the words of its command line.  Out: dead objects and old generations of profiles are removed; a line says how much space that freed.
"""

import os
import re
import sys
import time

from snowsnake.cli.old.command_line import Common, Request, run_request, value_of, whole_number
from snowsnake.cli.options import UsageError
from snowsnake.cli.output import Reporter, guarded
from snowsnake.cli.profiles import generations
from snowsnake.diagnostics.error import as_error
from snowsnake.settings import Settings
from snowsnake.settings.places import user_profile, xdg_folder

_HELP = """usage: nix-collect-garbage [OPTION …]

Takes the options of that of Nix 2.34; its manual applies:
  -d, --delete-old       first remove the old generations of all profiles
  --delete-older-than N  first remove the generations older than N days (30d)
  --max-freed BYTES      stop when this much was freed
  --dry-run              remove nothing, and say how much would be freed"""
_DAY_S = 24 * 3600


class _Request(Request):
    FLAGS = {"--delete-old": "deletes_old", "-d": "deletes_old", "--dry-run": "is_dry"}
    VALUES = {"--delete-older-than": "older_than"}
    takes_words = False

    def __init__(self) -> None:
        super().__init__()
        self.deletes_old = False
        self.older_than: str | None = None
        self.limit: int | None = None
        self.is_dry = False

    def option(self, word: str, rest: list[str]) -> bool:
        if word != "--max-freed":
            return super().option(word, rest)
        self.limit = whole_number(value_of(word, rest))
        return True


def run(words: list[str], reporter: Reporter) -> int:
    """Runs one command line; returns the exit code."""
    return run_request(_Request(), words, reporter, "nix-collect-garbage", _HELP, _collect)


def _collect(request: _Request, common: Common) -> None:
    if request.limit is not None and request.is_dry:
        raise UsageError("options --max-freed and --dry-run cannot be combined")
    from snowsnake.cli.collecting import collect
    from snowsnake.cli.stores import open_store

    try:
        with open_store(common.settings, common.reporter.warning, is_writable=True) as store:
            state = getattr(store, "state", "")
            if (request.deletes_old or request.older_than is not None) and state:
                oldest_s = _time(request.older_than) if request.older_than else None
                for folder in _profile_folders(common.settings, state):
                    _remove_generations(folder, oldest_s, request.is_dry, common.reporter)
            collect(store, request.limit, common.settings, common.reporter, removes=not request.is_dry)
    except ValueError as error:
        raise as_error(error) from None


def _profile_folders(settings: Settings, state: str) -> list[str]:
    """The folders with profiles: the user's (those of root are among the machine's), the machine's, and the one to which `~/.nix-profile` leads."""
    user = xdg_folder(os.environ, "STATE")
    folders = [os.path.join(state, "profiles")]
    if os.getuid() != 0:
        folders.insert(0, os.path.join(user, "profiles"))
    link = user_profile(os.environ, uses_xdg=settings["use-xdg-base-directories"])
    if os.path.islink(link):
        folders.append(os.path.dirname(os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))))
    return list(dict.fromkeys(folders))


def _time(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}d", text):
        raise UsageError("invalid number of days specifier '" + text + "', expected something like '14d'")
    return time.time() - int(text[:-1]) * _DAY_S


def _remove_generations(folder: str, oldest_s: float | None, is_dry: bool, reporter: Reporter) -> None:
    """Removes old generations of all profiles below a folder."""
    if not os.access(folder, os.R_OK):
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_symlink():
            if os.access(folder, os.W_OK) and os.path.islink(entry.path) and "link" in os.readlink(entry.path):
                reporter.info(f"removing old generations of profile {entry.path}")
                _remove_of(folder, entry.name, oldest_s, is_dry, reporter)
        elif entry.is_dir(follow_symlinks=False):
            _remove_generations(entry.path, oldest_s, is_dry, reporter)


def _remove_of(folder: str, profile: str, oldest_s: float | None, is_dry: bool, reporter: Reporter) -> None:
    """Removes the generations of one profile: all but the current one, or (with *oldest_s*) those that were no longer in use at that time."""
    current = os.readlink(os.path.join(folder, profile)).rpartition("/")[2]
    found = generations(os.path.join(folder, profile))
    doomed = sorted(found, reverse=True)
    if oldest_s is not None:
        while doomed and os.lstat(found[doomed[0]]).st_mtime >= oldest_s:
            doomed.pop(0)
        # The newest of the older generations was in use at that time.
        doomed = doomed[1:]
    for number in sorted(doomed):
        if os.path.basename(found[number]) != current:
            reporter.notice(f"{'would remove' if is_dry else 'removing'} profile version {number}")
            if not is_dry:
                os.unlink(found[number])


def main(words: list[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    return guarded(run, words, Reporter(is_old_command=True), "nix-collect-garbage")
