"""Addresses (URLs) in their parts, as far as inputs and flake references need them.

In: text.  Out: `Address`, whose path stays encoded and whose query is decoded; `MalformedAddress` for what is none.
"""

import re
from urllib.parse import quote, unquote

_ALLOWED = r"[A-Za-z0-9._~!$&'()*+,;=:@%-]"
_ADDRESS = re.compile(
    rf"([A-Za-z][A-Za-z0-9+.-]*):(?://((?:{_ALLOWED}|[\[\]])*))?((?:{_ALLOWED}|/)*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_AUTHORITY = re.compile(r"(?:[^@]*@)?(?:\[[0-9A-Fa-f:.]*\]|[^:\[\]@]*)(?::[0-9]*)?")
_QUERY = re.compile(rf"(?:{_ALLOWED}|[/?])*")
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class MalformedAddress(Exception):
    """Not an address, and why."""

    def __init__(self, text: str, reason: str = "leftover") -> None:
        super().__init__(text)
        self.reason = reason


class Address:
    """`scheme://authority/path?query#fragment`; the authority is None if there are no two slashes."""

    __slots__ = ("scheme", "authority", "path", "query", "fragment")

    def __init__(self, scheme: str, authority: str | None, path: str, query: dict[str, str], fragment: str = "") -> None:
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.query = query
        self.fragment = fragment

    @property
    def decoded_path(self) -> str:
        return unquote(self.path)

    @property
    def decoded_parts(self) -> list[str]:
        return [unquote(part) for part in self.path.split("/")]

    def replaced(self, scheme: str, query: dict[str, str]) -> "Address":
        return Address(scheme, self.authority, self.path, query, self.fragment)

    def to_text(self) -> str:
        authority = "" if self.authority is None else f"//{self.authority}"
        fragment = f"#{self.fragment}" if self.fragment else ""
        return f"{self.scheme}:{authority}{self.path}{encode_query(self.query)}{fragment}"


def parse_address(text: str) -> Address:
    """The parts of an address.

    >>> parse_address("https://example.org/a%20b?q=%41").to_text()
    'https://example.org/a%20b?q=A'
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or _BAD_ESCAPE.search(text):
        raise MalformedAddress(text)
    scheme, authority, path, query, fragment = match.groups()
    if authority and not _AUTHORITY.fullmatch(authority):
        raise MalformedAddress(text)
    if query and not _QUERY.fullmatch(query):
        raise MalformedAddress(text)
    return Address(scheme, authority, path, parse_query(query or ""), fragment or "")


def parse_query(text: str) -> dict[str, str]:
    """Names and decoded values; of a name that comes twice the first counts, one without a value is left out."""
    found: dict[str, str] = {}
    for piece in text.split("&"):
        name, has_value, value = piece.partition("=")
        if has_value:
            found.setdefault(unquote(name), unquote(value))
    return found


def encode(text: str) -> str:
    """Text for a path, which keeps its slashes.

    >>> encode("/a b:c")
    '/a%20b:c'
    """
    return quote(text, safe="/:@~", errors="surrogateescape")


def encode_query(query: dict[str, str]) -> str:
    """`?a=1&b=2` in name order, or nothing."""
    if not query:
        return ""
    return "?" + "&".join(f"{quote(name, safe='/:@?~')}={quote(query[name], safe='/:@?~')}" for name in sorted(query))
