"""Reads from a repository's plain files what an evaluation needs to know about a working tree: the current commit, a few settings.

In: the folder of a working tree.  Out: `PlainRepository`, or None where libgit2 is needed: other formats of references or objects, linked
worktrees, settings that include others, folders of another owner.  Importing libgit2 takes longer than everything that is done here.
"""

from __future__ import annotations

import os
import stat

from snowsnake.fetch.addresses import DIGITS, LETTERS, has_only
from snowsnake.fetch.input_forms import is_legal_ref

_ID_DIGITS = 40
_IN_ID = b"0123456789abcdef"
_IN_BRANCH = LETTERS + DIGITS + "_./+-"
_IN_SECTION = LETTERS + DIGITS + ".-"
_IN_SETTING = LETTERS + DIGITS + "-"
# A value with one of these has quotes, escapes or a comment, which this module does not read.
_MARKS = ('"', "\\", ";", "#")
# Sections that include other files or change the repository's format.
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
        commit = _commit(head)
        if commit is not None:
            return PlainRepository(path, commit, None, settings)
        branch = _branch(head)
        if branch is None:
            return None
        commit = _commit_of_branch(path, branch)
    except (OSError, UnicodeDecodeError):
        return None
    return None if commit is None else PlainRepository(path, commit, branch, settings)


def _read(path: str) -> bytes:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
        return file.read()


def _commit(text: bytes) -> str | None:
    """The hash that is all of a file, except for the end of its line."""
    text = text.removesuffix(b"\n")
    return text.decode() if len(text) == _ID_DIGITS and not text.strip(_IN_ID) else None


def _branch(head: bytes) -> str | None:
    """What the file HEAD names, if that is a plain name of a branch.

    >>> _branch(b"ref: refs/heads/main\\n"), _branch(b"ref: refs/heads/a.lock\\n")
    ('refs/heads/main', None)
    """
    line = head.decode("latin-1")
    if not line.startswith("ref: refs/") or not line.endswith("\n"):
        return None
    name = line[len("ref: ") : -1]
    is_plain = name[len("refs/") :][:1] not in ("", *"./+-") and has_only(_IN_BRANCH, name) and is_legal_ref(name)
    return name if is_plain else None


def _commit_of_branch(path: str, name: str) -> str | None:
    """The commit of a branch; None if there is none.  The branch's own file takes precedence over its line in `packed-refs`."""
    try:
        return _commit(_read(os.path.join(path, name)))
    except (FileNotFoundError, NotADirectoryError):
        pass
    try:
        packed = b"\n" + _read(path + "/packed-refs") + b"\n"
    except FileNotFoundError:
        return None
    ending = f" {name}\n".encode()
    at = packed.find(ending)
    while at >= 0:
        commit = _commit(packed[packed.rfind(b"\n", 0, at) + 1 : at])
        if commit is not None:
            return commit
        at = packed.find(ending, at + 1)
    return None


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
        if line[0] == "[":
            part = _section(line)
            if part is None or part.partition(".")[0] in _ELSEWHERE:
                return None
            section = part
            continue
        name, has_value, value = line.partition("=")
        name = name.rstrip()
        if name == "" or name[0] not in LETTERS or not has_only(_IN_SETTING, name) or any(mark in value for mark in _MARKS):
            return None
        found[f"{section}.{name.lower()}"] = value.strip() if has_value else "true"
    return found


def _section(line: str) -> str | None:
    """The section that a line begins, if it is simple: without escapes, and with nothing after it.

    >>> _section("[Core]"), _section('[branch "Main"]'), _section("[core] a = b")
    ('core', 'branch.Main', None)
    """
    if not line.endswith("]"):
        return None
    name, mark, rest = line[1:-1].strip().partition('"')
    if mark and not name[-1:].isspace():
        return None
    name = name.rstrip()
    if name == "" or not has_only(_IN_SECTION, name):
        return None
    if not mark:
        return name.lower()
    part, mark, rest = rest.partition('"')
    return None if not mark or rest or "\\" in part else f"{name.lower()}.{part}"
