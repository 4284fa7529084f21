"""Passwords for hosts, from a file in the format of netrc, as curl 8.22 reads it, with which C++ Nix fetches.

In: a path, a host, perhaps a user.  Out: user and password.  A file that cannot be read, is too large or damaged has none.
A line that begins with `#` is a comment; elsewhere `#` is part of a word.
"""

import os
import re
from collections.abc import Iterator

# A file, its lines without comments, a line and a word that are as large make the file a damaged one.
_MOST_FILE_BYTES = 4 << 20
_MOST_KEPT_BYTES = 128 << 10
_MOST_LINE_BYTES = 16 << 10
_MOST_WORD_BYTES = 4096
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_BLANKS = re.compile("[ \t]*")
_PLAIN = re.compile("[^ \t\r\n]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class _Damaged(Exception):
    """The file is not read any further, and has nothing."""


def read_netrc(path: str) -> str:
    """The lines of a file without comments; empty for one that cannot be read or is too large.  A pipe that nobody writes to is empty, too."""
    try:
        # Without the flag, opening such a pipe would wait.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(fd, True)
        with open(fd, "rb") as file:
            data = file.read(_MOST_FILE_BYTES)
    except (OSError, ValueError):
        return ""
    if len(data) == _MOST_FILE_BYTES:
        return ""
    lines = []
    for line in data.split(b"\n"):
        if len(line) >= _MOST_LINE_BYTES:
            return ""
        # What curl keeps of a line ends at a zero byte.
        kept, zero, _ = line.partition(b"\0")
        if not kept.lstrip(b" \t").startswith(b"#"):
            lines.append(kept if zero else kept + b"\n")
    text = b"".join(lines).strip(b"\n")
    return text.decode("utf-8", "surrogateescape") if len(text) < _MOST_KEPT_BYTES else ""


def login_for(host: str, user: str | None, text: str) -> tuple[str, str] | None:
    """(user, password) for a host, and for a user if one is given; None if there is none.

    >>> login_for("h", None, 'machine other login you machine h password "a b" login me')
    ('me', 'a b')
    >>> login_for("h", "b", "machine h login a password 1 default login b password #2")
    ('b', '#2')
    """
    try:
        return _Search(host, user).through(text)
    except _Damaged:
        return None


class _Search:
    """What is known of the login so far, while the words of a file go by."""

    def __init__(self, host: str, user: str | None) -> None:
        self._host = host.lower()
        self._user = user
        # Whether there was an entry for the host.
        self._is_known = False
        self._is_in_macro = False
        self._forget()

    def _forget(self) -> None:
        self._login = self._user
        self._password: str | None = None
        # Whether the entry in hand has the user's login, and whether it has a password.
        self._is_ours = self._has_login = self._has_password = False
        self._keyword = ""

    def through(self, text: str) -> tuple[str, str] | None:
        is_inside = False
        for word in _words(text):
            # A macro ends with an empty line.
            self._is_in_macro = self._is_in_macro and word is not None
            if self._is_in_macro or word is None:
                continue
            name = word.lower()
            if self._keyword == "machine":
                is_inside = name == self._host
                self._is_known = self._is_known or is_inside
                self._keyword = ""
            elif self._keyword:
                self._take(word if is_inside else None)
            elif name in ("machine", "default"):
                if (self._has_login or self._has_password) and not self._is_of_other():
                    break
                self._forget()
                is_inside = name == "default"
                self._is_known = self._is_known or is_inside
                self._keyword = "" if is_inside else name
            elif name == "macdef":
                is_inside, self._is_in_macro = False, True
            elif name in ("login", "password", "account"):
                self._keyword = name
        return self._found()

    def _take(self, word: str | None) -> None:
        """The value of a keyword; None outside of the entries of the host."""
        if self._keyword == "login" and word is not None:
            self._is_ours = self._user in (None, word)
            self._login = word if self._user is None else self._user
            self._has_login = True
        elif self._keyword == "password" and word is not None:
            self._password = word
            self._has_password = True
        self._keyword = ""

    def _is_of_other(self) -> bool:
        return self._user is not None and self._has_login and not self._is_ours

    def _found(self) -> tuple[str, str] | None:
        if not self._is_known or self._is_of_other() or (self._login is None and self._password is None):
            return None
        return self._login or "", self._password or ""


def _words(text: str) -> Iterator[str | None]:
    """The words of a text; None for the end of a line behind a blank, and for an empty line."""
    place = 0
    while place < len(text):
        place = _BLANKS.match(text, place).end()  # type: ignore[union-attr]
        character = text[place : place + 1]
        if character in ("", "\r", "\n"):
            place = text.find("\n", place) + 1 or len(text)
            yield None
            continue
        match = _QUOTED.match(text, place) if character == '"' else _PLAIN.match(text, place)
        if match is None:
            # The quote does not end.
            raise _Damaged
        word = re.sub(r"\\(.)", lambda escaped: _ESCAPED.get(escaped[1], escaped[1]), match[1], flags=re.DOTALL) if character == '"' else match[0]
        if len(word.encode("utf-8", "surrogateescape")) >= _MOST_WORD_BYTES:
            raise _Damaged
        # The character behind a word is passed over, whatever it is.
        place = match.end() + 1
        yield word
