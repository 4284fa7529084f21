"""Answers from a repository's plain files what an evaluation needs of a working tree: the current commit, a few settings.

In: the folder of a working tree.  Out: `PlainRepository`, or None where libgit2 is needed: other formats of references or objects, linked
worktrees, settings that include others, folders of another owner.  Importing libgit2 takes longer than everything that is done here.
"""

from __future__ import annotations

import os
import re
import stat

from snowsnake.foundation.patterns import pattern

_COMMIT = pattern(rb"([0-9a-f]{40})\n?")
_BRANCH = pattern(rb"ref: (refs/[A-Za-z0-9_][A-Za-z0-9_./+-]*)\n")
_ODD_NAME = pattern(rb"\.\.|//|/\.|\.lock(/|$)|[/.]$")
# These two match a simple line of a settings file, which has no quotes, escapes or continuation.
_SECTION = pattern(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"([^"\\]*)")?\s*\]')
_SETTING = pattern(r"""([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*([^"\\;#]*))?""")
# These sections include other files or change the format.
_ELSEWHERE = ("include", "includeif", "extensions")
_USUAL = (("core.repositoryformatversion", "0"), ("core.bare", "false"), ("core.ignorecase", "false"), ("core.worktree", ""))
SYSTEM_SETTINGS = "/etc/gitconfig"


class PlainRepository:
    """`path`: the folder `.git`; `head`: the commit; `branch`: what HEAD names, None if that is the commit itself."""

    def __init__(self, path: str, head: str, branch: str | None, settings: dict[str, str]) -> None:
        self.path = path + "/"
        self.head = head
        self.branch = branch
        self.settings = settings


def plain_repository(folder: str) -> PlainRepository | None:
    path = os.path.join(folder, ".git")
    try:
        user = os.geteuid()
        # Unless settings allow it, libgit2 refuses what belongs to others.
        if any(found.st_uid != user or not stat.S_ISDIR(found.st_mode) for found in (os.stat(folder), os.lstat(path))):
            return None
        if os.path.lexists(path + "/commondir") or not os.path.isdir(path + "/objects") or not os.path.isdir(path + "/refs"):
            return None
        settings = _settings_of(path)
        if settings is None or any(settings.get(name, usual) != usual for name, usual in _USUAL):
            return None
        head = _read(path + "/HEAD")
        match = _COMMIT.fullmatch(head)
        if match is not None:
            return PlainRepository(path, match[1].decode(), None, settings)
        match = _BRANCH.fullmatch(head)
        if match is None or _ODD_NAME.search(match[1]):
            return None
        commit = _commit_of_branch(path, match[1])
    except (OSError, UnicodeDecodeError):
        return None
    return None if commit is None else PlainRepository(path, commit, match[1].decode(), settings)


def _read(path: str) -> bytes:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
        return file.read()


def _commit_of_branch(path: str, name: bytes) -> str | None:
    """A file of its own takes precedence over a line among the packed ones."""
    try:
        match = _COMMIT.fullmatch(_read(os.path.join(path, name.decode())))
    except (FileNotFoundError, NotADirectoryError):
        try:
            packed = _read(path + "/packed-refs")
        except FileNotFoundError:
            return None
        match = re.search(rb"^([0-9a-f]{40}) " + re.escape(name) + rb"$", packed, re.MULTILINE)
    return None if match is None else match[1].decode()


def _settings_of(path: str) -> dict[str, str] | None:
    """Settings of the system, the user and the repository, by names in lower case; None if one is not plain."""
    home = os.path.expanduser("~")
    user = os.path.join(os.environ.get("XDG_CONFIG_HOME") or home + "/.config", "git/config")
    found: dict[str, str] = {}
    for place in (SYSTEM_SETTINGS, user, home + "/.gitconfig", path + "/config"):
        try:
            with open(place, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        settings = plain_settings(text)
        if settings is None:
            return None
        found.update(settings)
    return found


def plain_settings(text: str) -> dict[str, str] | None:
    """The settings of one file.

    >>> plain_settings('[core]\\n\\tbare = false\\n[branch "main"]\\n\\tremote = origin')
    {'core.bare': 'false', 'branch.main.remote': 'origin'}
    """
    found: dict[str, str] = {}
    section = ""
    for line in text.split("\n"):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        match = _SECTION.fullmatch(line)
        if match is not None:
            section = match[1].lower() + ("" if match[2] is None else "." + match[2])
            if match[1].lower().partition(".")[0] in _ELSEWHERE:
                return None
            continue
        match = _SETTING.fullmatch(line)
        if match is None:
            return None
        value = match[2]
        found[f"{section}.{match[1].lower()}"] = "true" if value is None else value.strip()
    return found
