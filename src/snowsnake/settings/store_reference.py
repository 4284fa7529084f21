"""URLs of stores, as in `store`, `--store` and `substituters`.

In: text.  Out: a scheme, an authority with a path, and parameters; or a SettingError.  Nothing is opened here.
"""

from snowsnake.settings.errors import SettingError

# `typing` would be imported by every command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_IN_PATH = _UNRESERVED | frozenset(b"!$&'()*+,;=:@/%")
_IN_AUTHORITY = _UNRESERVED | frozenset(b"!$&'()*+,;=:@[]%")
_IN_QUERY = _IN_PATH | frozenset(b"?[]")
_IN_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")


class StoreReference:
    """The store that a text means.  If the text is only a word, `scheme` is that word ("auto", "daemon" or "local"), and `place` is empty.

    `place` is the text after `SCHEME://`, up to the parameters, percent-encoded as in the URL.

    >>> StoreReference.parse("/srv/a b?root=/x").render()
    'local:///srv/a%20b?root=/x'
    >>> StoreReference.parse("daemon").render(), StoreReference.parse("local?root=/x").render()
    ('daemon', 'local://?root=/x')
    """

    __slots__ = ("scheme", "place", "is_word", "parameters")

    def __init__(self, scheme: str, place: str, parameters: dict[str, str], *, is_word: bool = False) -> None:
        self.scheme = scheme
        self.place = place
        self.is_word = is_word
        self.parameters = parameters

    @classmethod
    def parse(cls, text: str, warn: "Callable[[str], None] | None" = None) -> "StoreReference":
        """Reads a reference; raises SettingError if the text is not one.  *warn* gets a sentence about each parameter without a value."""
        found = _parse_url(text)
        query = (text if found is None else text.partition("#")[0]).partition("?")[2]
        if warn is not None and query and _parse_query(query) is not None:
            for part in query.split("&"):
                if "=" not in part:
                    warn(f"dubious URI query '{part}' is missing equal sign '=', ignoring")
        if found is not None:
            return found
        base, has_query, query = text.partition("?")
        parameters = _parse_query(query) if has_query else {}
        if parameters is None:
            raise SettingError(f"invalid URI query '{query}': leftover", is_usage=False)
        if base in ("", "auto"):
            return cls("auto", "", parameters, is_word=True)
        if base in ("daemon", "local"):
            if not parameters:
                return cls(base, "", parameters, is_word=True)
            return cls("unix" if base == "daemon" else "local", "", parameters)
        if "://" not in base and "/" in base:
            return cls("local", _quote(_absolute(base), _UNRESERVED | frozenset(b":@/")), parameters)
        address = _bare_address(base)
        if address is not None:
            return cls(base.partition(":")[0], address, parameters)
        raise SettingError(f"Cannot parse Nix store '{text}'")

    def render(self) -> str:
        """The reference as text, in one form for all ways to write it."""
        start = self.scheme if self.is_word else f"{self.scheme}://{self.place}"
        keep = _UNRESERVED | frozenset(b":@/?")
        pairs = [f"{_quote(name, keep)}={_quote(self.parameters[name], keep)}" for name in sorted(self.parameters)]
        return start + ("?" + "&".join(pairs) if pairs else "")

    def path(self) -> str:
        """The path in a local store's URL, decoded."""
        return _unquote(self.place) or ""


def not_absolute(place: str) -> SettingError:
    """The error for a store in a folder whose path is not absolute."""
    return SettingError(f'not an absolute path: "{place}"', is_usage=False)


def _absolute(path: str) -> str:
    import os

    joined = os.path.normpath(os.path.join(os.getcwd(), path))
    return joined[1:] if joined.startswith("//") else joined


def _parse_url(text: str) -> StoreReference | None:
    """The reference that a URL with a scheme means; None if the text is not a URL."""
    scheme, has_scheme, rest = text.partition(":")
    if not has_scheme or not scheme or not scheme[0].isalpha() or not _IN_SCHEME.issuperset(scheme):
        return None
    rest, _, _ = rest.partition("#")
    rest, has_query, query = rest.partition("?")
    parameters = _parse_query(query) if has_query else {}
    if parameters is None:
        return None
    authority, path = "", rest
    if rest.startswith("//"):
        authority, has_path, path = rest[2:].partition("/")
        path = "/" + path if has_path else ""
    if not _is_made_of(authority, _IN_AUTHORITY) or not _is_made_of(path, _IN_PATH):
        return None
    if not _is_authority(authority):
        return None
    if scheme.rpartition("+")[2] == "file":
        path = path or "/"
        if authority.rpartition("@")[2].partition(":")[0]:
            return None
        # Either would look like a host in the URL, which this scheme cannot have.
        if authority or not path.startswith("/"):
            raise not_absolute(authority + path)
    pieces = [_quote(_unquote(piece) or "", _UNRESERVED | frozenset(b":@")) for piece in path.split("/")]
    return StoreReference(scheme, authority + "/".join(pieces), parameters)


def _is_authority(authority: str) -> bool:
    """Whether a text is `USER@HOST:PORT`, of which only the host must be there, and may be empty."""
    _, _, place = authority.rpartition("@")
    if place.startswith("["):
        address, end, rest = place[1:].partition("]")
        if not end or not _is_ipv6(address.partition("%25")[0]) or (rest and not rest.startswith(":")):
            return False
        host, port = "", rest[1:]
    else:
        host, _, port = place.partition(":")
    if port:
        # Imported here: few stores have a port, and nearly every command reads the address of one.
        from snowsnake.foundation.digits import whole_number

        if not whole_number(port, (1 << 16) - 1):
            return False
    return authority.count("@") <= 1 and not {"[", "]"} & set(host)


def _bare_address(base: str) -> str | None:
    """`USER@ADDRESS` with brackets around an IPv6 address that was written without."""
    rest = base.partition(":")[2]
    rest = rest[2:] if rest.startswith("//") else rest
    user, has_user, host = rest.rpartition("@")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    address, has_zone, zone = host.partition("%")
    if not _is_ipv6(address):
        return None
    return f"{user + '@' if has_user else ''}[{address}{'%25' + zone if has_zone else ''}]"


def _is_ipv6(address: str) -> bool:
    if ":" not in address:
        return False
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    return True


def _parse_query(text: str) -> dict[str, str] | None:
    """The parameters by name (the first of several with the same name); None if the text is not a query."""
    text = text.replace(" ", "%20").replace('"', "%22")
    if not _is_made_of(text, _IN_QUERY):
        return None
    parameters: dict[str, str] = {}
    for part in text.split("&"):
        name, has_value, value = part.partition("=")
        if has_value:
            parameters.setdefault(_unquote(name) or "", _unquote(value) or "")
    return parameters


def _is_made_of(text: str, allowed: frozenset[int]) -> bool:
    data = text.encode("utf-8", "surrogateescape")
    return allowed.issuperset(data) and _unquote(text) is not None


def _quote(text: str, keep: frozenset[int]) -> str:
    return "".join(chr(byte) if byte in keep else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


def _unquote(text: str) -> str | None:
    """The text with its percent signs decoded; None if two hexadecimal digits do not follow each."""
    if "%" not in text:
        return text
    first, *rest = text.encode("utf-8", "surrogateescape").split(b"%")
    decoded = first
    for part in rest:
        digits = part[:2]
        if len(digits) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
            return None
        decoded += bytes([int(digits, 16)]) + part[2:]
    return decoded.decode("utf-8", "surrogateescape")
