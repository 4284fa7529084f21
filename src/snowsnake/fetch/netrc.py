"""Passwords for hosts, from a file in the format of netrc.

In: a path.  Out: entries in the order of the file.  An unreadable file has no entries; unknown words are skipped; behind a quote that does not end, nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Words; one in quotes has its quotes around it, or only the first one.
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|"|[^\s"]\S*')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}

# (host, user, password); the host "" is every host.
Entry = tuple[str, str, str]


def read_netrc(path: str) -> list[Entry]:
    """The entries of a file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except (OSError, ValueError):
        return []
    return parse_netrc(text)


def parse_netrc(text: str) -> list[Entry]:
    """The entries of a text; one that is damaged is not among them.

    >>> parse_netrc('machine example.org login me password "a b" default login you')
    [('example.org', 'me', 'a b'), ('', 'you', '')]
    """
    words = _words(text)
    found: list[Entry] = []
    entry: dict[str, str] | None = None
    for word in words:
        name = word.lower() if word is not None else ""
        value = next(words, None) if name in ("machine", "login", "password", "account") else ""
        if word is None or value is None:
            return found
        if name in ("machine", "default"):
            _add(entry, found)
            entry = {"host": value.lower()}
        elif value and entry is not None:
            entry[name] = value
    _add(entry, found)
    return found


def _words(text: str) -> Iterator[str | None]:
    is_macro = False
    for line in text.split("\n"):
        # A macro ends with an empty line.
        is_macro = is_macro and bool(line.strip())
        for word in () if is_macro else _WORD.findall(line.partition("\0")[0]):
            if word.startswith("#"):
                break
            is_macro = word.lower() == "macdef"
            if is_macro:
                break
            yield _unquoted(word)


def _add(entry: dict[str, str] | None, found: list[Entry]) -> None:
    if entry is not None:
        found.append((entry["host"], entry.get("login", ""), entry.get("password", "")))


def _unquoted(word: str) -> str | None:
    """The text of a word; None for a quote that does not end."""
    if not word.startswith('"'):
        return word
    if len(word) == 1:
        return None
    return re.sub(r"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), word[1:-1])


def login_for(host: str, user: str | None, entries: list[Entry]) -> tuple[str, str] | None:
    """(user, password) of the first entry for a host, and for a user if one is given; None if there is none.

    >>> login_for("h", "b", [("h", "a", "1"), ("", "b", "2")])
    ('b', '2')
    """
    for place, login, password in entries:
        if place in ("", host.lower()) and user in (None, login):
            return login, password
    return None
