"""Names and passwords for hosts, from a file in the format of netrc.

In: a path.  Out: (user, password) by host, "" for the default.  An unreadable file has no entries; unknown words are skipped.
"""

from __future__ import annotations

import re

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)


def read_netrc(path: str) -> dict[str, tuple[str, str]]:
    """The entries of a file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except (OSError, ValueError):
        return {}
    return parse_netrc(text)


def parse_netrc(text: str) -> dict[str, tuple[str, str]]:
    """The entries of a text.  If a host is repeated, its first entry counts.

    >>> parse_netrc('machine example.org login me password "a b"')
    {'example.org': ('me', 'a b')}
    """
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    text = "\n".join(lines)
    text = re.sub(r"(?ms)^\s*macdef\b.*?(?:\n\s*\n|\Z)", "\n", text)
    words = [re.sub(r"\\(.)", r"\1", quoted) if quoted or not plain else plain for quoted, plain in _WORD.findall(text)]
    found: dict[str, list[str]] = {}
    entry: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "default":
            entry = found.setdefault("", ["", ""])
        elif word == "machine" and at < len(words):
            entry = ["", ""]
            found.setdefault(words[at], entry)
            at += 1
        elif word in ("login", "password", "account") and at < len(words):
            if word != "account" and entry:
                entry[word == "password"] = words[at]
            at += 1
    return {host: (values[0], values[1]) for host, values in found.items()}
