"""Addresses (URLs) and their parts, as C++ Nix reads and writes them.

In: text.  Out: `Address`, with all parts decoded; `MalformedAddress`, in C++ Nix's words, for a text that is not an address.
Bytes that are not UTF-8 are kept as surrogates, which is Python's way for file names.
"""

from snowsnake.fetch.errors import MalformedAddress, MalformedInput
from snowsnake.foundation.patterns import pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DIGITS = "0123456789"
HEX_DIGITS = DIGITS + "abcdefABCDEF"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SCHEME = LETTERS + DIGITS + "+.-"
_NEVER_ENCODED = LETTERS + DIGITS + "._~-"
_PATH = _NEVER_ENCODED + "!$&'()*+,;=:@%/"
_QUERY = _PATH + "?[]"
_FRAGMENT = _PATH + "?#"
_AUTHORITY = pattern(
    r"(?:([A-Za-z0-9._~!$&'()*+,;=:%-]*)@)?(\[[^\[\]]*\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::([0-9]*))?"
)
_ADDRESS_6 = pattern(r"\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~%-]+)?\]|\[v[0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+\]")
# C++ Nix does not escape these characters in paths and in queries, besides those that never need it.
_IN_PATH = ":@"
_IN_QUERY = ":@/?"
_UNCHANGED = _NEVER_ENCODED + _IN_PATH + "/"
# For each set of characters that are kept: the ASCII characters that are escaped, and their escapes.
_ESCAPES: dict[str, dict[int, str]] = {}


class Authority:
    """`user:password@host:port`; absent parts are None."""

    __slots__ = ("user", "password", "host", "port")

    def __init__(self, user: str | None, password: str | None, host: str, port: int | None) -> None:
        self.user = user
        self.password = password
        self.host = host
        self.port = port

    def to_text(self) -> str:
        login = "" if self.user is None else encode_part(self.user, "")
        if self.password is not None:
            login += ":" + encode_part(self.password, "")
        host = f"[{encode_part(self.host, ':')}]" if ":" in self.host else encode_part(self.host, "")
        return (login + "@" if self.user is not None else "") + host + ("" if self.port is None else f":{self.port}")


class Address:
    """`scheme://authority/path?query#fragment`; the authority is None without two slashes; the path is a list of the parts between slashes."""

    __slots__ = ("scheme", "authority", "parts", "query", "fragment")

    def __init__(
        self, scheme: str, authority: Authority | None, parts: "Iterable[str]", query: dict[str, str], fragment: str = ""
    ) -> None:
        self.scheme = scheme
        self.authority = authority
        self.parts = list(parts)
        self.query = query
        self.fragment = fragment

    @property
    def path(self) -> str:
        """The decoded path."""
        return "/".join(self.parts)

    @property
    def application(self) -> str | None:
        """`git` of `git+https`, None of `https`."""
        application, plus, _ = self.scheme.partition("+")
        return application if plus else None

    @property
    def transport(self) -> str:
        """`https` of `git+https` and of `https`."""
        application, plus, transport = self.scheme.partition("+")
        return transport if plus else application

    @property
    def file_path(self) -> str:
        """The path as one of the file system; MalformedAddress if a part has a character that no file name can have."""
        for part in self.parts:
            if "/" in part:
                raise MalformedAddress(f"URL path component '{part}' contains '/', which is not allowed in file names")
            if "\0" in part:
                raise MalformedAddress(f"URL path component '{part.replace(chr(0), '␀')}' contains NUL byte which is not allowed")
        return self.path

    def replaced(self, scheme: str, query: dict[str, str]) -> "Address":
        return Address(scheme, self.authority, self.parts, query, self.fragment)

    def to_text(self) -> str:
        authority = "" if self.authority is None else f"//{self.authority.to_text()}"
        path = "/".join(self.parts)
        if path.count("/") >= len(self.parts) or not has_only(_UNCHANGED, path):
            path = "/".join(encode_part(part, _IN_PATH) for part in self.parts)
        fragment = f"#{encode_part(self.fragment, '')}" if self.fragment else ""
        return f"{self.scheme}:{authority}{path}{encode_query(self.query)}{fragment}"


def parse_address(text: str, lenient: bool = False) -> Address:
    """Splits an address.  `lenient`: as in flake references, a query may hold spaces and quotes, and a fragment also `^`.

    >>> parse_address("https://example.org/a%20%41?q=%41").to_text()
    'https://example.org/a%20A?q=A'
    """
    rest, mark, fragment = text.partition("#")
    rest, has_query, query = rest.partition("?")
    scheme_text, colon, rest_of_address = rest.partition(":")
    if not colon or "/" in scheme_text:
        if not has_only(_PATH, rest) or not _is_clean(query, fragment, lenient):
            raise _not_valid(text)
        raise MalformedAddress(f"'{text}' doesn't have a scheme")
    if not (scheme_text and scheme_text[0] in LETTERS and has_only(_SCHEME, scheme_text)):
        raise _not_valid(text, "mismatch" if scheme_text and not scheme_text[0].isalpha() and has_only(_PATH, rest) else "leftover")
    authority: Authority | None = None
    path = rest_of_address
    if path.startswith("//"):
        authority_text, slash, path = path[2:].partition("/")
        path = slash + path
        authority = _authority(authority_text, text)
    if not has_only(_PATH, path) or not _is_clean(query, fragment, lenient):
        raise _not_valid(text)
    if _has_bad_escape(path):
        raise _not_valid(text, "mismatch")
    found = Address(scheme_text, authority, [decoded(part) for part in path.split("/")], parse_query(query), decoded(fragment))
    if found.transport == "file":
        if authority is not None and authority.host:
            raise MalformedAddress(f"file:// URL '{text}' has unexpected authority '{authority.to_text()}'")
        if not path:
            found.parts = ["", ""]
    return found


def _not_valid(text: str, reason: str = "leftover") -> MalformedAddress:
    return MalformedAddress(f"'{text}' is not a valid URL: {reason}")


def _is_clean(query: str, fragment: str, lenient: bool) -> bool:
    if lenient:
        query = query.replace(" ", "").replace('"', "")
        fragment = fragment.replace(" ", "").replace('"', "").replace("^", "")
    pairs = ((query, _QUERY), (fragment, _FRAGMENT))
    return all(has_only(allowed, text) and not _has_bad_escape(text) for text, allowed in pairs)


def has_only(characters: str, text: str) -> bool:
    """Whether a text has no other characters.

    >>> has_only("ab", "abba"), has_only("ab", ""), has_only("ab", "abc")
    (True, True, False)
    """
    return not text.strip(characters)


def _has_bad_escape(text: str) -> bool:
    return "%" in text and not all(len(piece) > 1 and has_only(HEX_DIGITS, piece[:2]) for piece in text.split("%")[1:])


def _authority(text: str, whole: str) -> Authority:
    if has_only(_NEVER_ENCODED, text):
        # The usual case, a host alone or nothing, needs no pattern.
        return Authority(None, None, text, None)
    match = _AUTHORITY.fullmatch(text)
    if match is None or _has_bad_escape(text):
        raise _not_valid(whole, "mismatch" if text.startswith("[") and "]" not in text else "leftover")
    login, host, port = match.groups()
    if host.startswith("[") and not _ADDRESS_6.fullmatch(host):
        raise _not_valid(whole, "mismatch")
    if port and not (0 < len(port.lstrip("0")) <= 5 and int(port.lstrip("0")) < 1 << 16):
        raise MalformedAddress(f"port '{port}' is invalid")
    user, has_password, password = login.partition(":") if login is not None else (None, "", "")
    return Authority(
        None if user is None else decoded(user),
        decoded(password) if has_password else None,
        decoded(host.strip("[]")),
        int(port) if port else None,
    )


def parse_query(text: str) -> dict[str, str]:
    """Names and decoded values; of a repeated name the first counts; a name without a value is left out."""
    found: dict[str, str] = {}
    for piece in text.split("&"):
        name, has_value, value = piece.partition("=")
        if has_value:
            found.setdefault(decoded(name), decoded(value))
    return found


def query_warnings(address: str) -> list[str]:
    """What C++ Nix warns of when it reads the address: names without a value, which it ignores.

    >>> query_warnings("http://x/y?a=1&b c&d#e?f")
    ["dubious URI query 'b%20c' is missing equal sign '=', ignoring", "dubious URI query 'd' is missing equal sign '=', ignoring"]
    """
    query = address.partition("#")[0].partition("?")[2]
    if not query or not is_query(query):
        return []
    names = [piece.replace(" ", "%20").replace('"', "%22") for piece in query.split("&") if "=" not in piece]
    return [f"dubious URI query '{name}' is missing equal sign '=', ignoring" for name in names]


def is_query(text: str) -> bool:
    """Whether a text is the query of a flake reference, in which spaces and quotes may be.

    >>> is_query("dir=a b[c]"), is_query("ref=a^b"), is_query("a=%4")
    (True, False, False)
    """
    return has_only(_QUERY + ' "', text) and not _has_bad_escape(text)


def check_query(text: str) -> None:
    """Raises MalformedInput for what is not a query.

    >>> check_query("ref=a^b")
    Traceback (most recent call last):
    snowsnake.fetch.errors.MalformedInput: invalid URI query 'ref=a^b': leftover
    """
    if not is_query(text):
        raise MalformedInput(f"invalid URI query '{text}': leftover")


def check_fragment(text: str, whole: str) -> None:
    """Raises MalformedInput for what is not a fragment of the reference *whole*.

    >>> check_fragment("a%2", "/x#a%2")
    Traceback (most recent call last):
    snowsnake.fetch.errors.MalformedInput: invalid URI parameter 'a%2': incomplete pct-encoding
    """
    if "\n" in text or "\r" in text:
        raise MalformedInput(f"invalid flakeref '{whole}'")
    for piece in text.split("%")[1:]:
        if len(piece) < 2 or not has_only(HEX_DIGITS, piece[:2]):
            raise MalformedInput(f"invalid URI parameter '{text}': {'incomplete' if len(piece) < 2 else 'bad hexdig in'} pct-encoding")


def decoded(text: str) -> str:
    """The text with the bytes that `%` and two digits stand for.

    >>> decoded("a%20%c3%a9"), decoded("100%")
    ('a é', '100%')
    """
    if "%" not in text:
        return text
    first, *pieces = text.encode("utf-8", "surrogateescape").split(b"%")
    return b"".join([first, *map(_unescaped, pieces)]).decode("utf-8", "surrogateescape")


def _unescaped(piece: bytes) -> bytes:
    digits = piece[:2].decode("ascii", "replace")
    return bytes([int(digits, 16)]) + piece[2:] if len(digits) == 2 and has_only(HEX_DIGITS, digits) else b"%" + piece


def encode_part(text: str, kept: str) -> str:
    """Percent-encodes everything except letters, digits, `-._~` and the characters in *kept*."""
    plain = _NEVER_ENCODED + kept
    if has_only(plain, text):
        return text
    if text.isascii():
        # This case has to be fast: a lock file with many inputs has a hash in each address.
        if kept not in _ESCAPES:
            _ESCAPES[kept] = {code: _escaped(chr(code)) for code in range(128) if chr(code) not in plain}
        return text.translate(_ESCAPES[kept])
    return "".join(letter if letter in plain else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))


def encode(text: str) -> str:
    """Text for a path, which keeps its slashes.

    >>> encode("/a b:c")
    '/a%20b:c'
    """
    return encode_part(text, "/" + _IN_PATH)


def encode_query(query: dict[str, str]) -> str:
    """`?a=1&b=2` in name order; empty without parameters."""
    if not query:
        return ""
    return "?" + "&".join(f"{encode_part(name, _IN_QUERY)}={encode_part(query[name], _IN_QUERY)}" for name in sorted(query))


def local_place(text: str) -> str | None:
    """The path on this machine that an address means (`path:/a`, `git+file:///a?ref=b`); None if it is elsewhere.

    >>> local_place("git+file:///a%20b?rev=1"), local_place("path:/a"), local_place("https://x/a")
    ('/a b', '/a', None)
    """
    scheme, colon, rest = text.partition(":")
    path = rest.partition("?")[0].partition("#")[0]
    if scheme == "path" or scheme.rpartition("+")[2] == "file":
        path = decoded(path.removeprefix("//"))
        return path.rstrip("/") or None if colon and path.startswith("/") else None
    return None
