"""The host in the URL of a store that is reached by ssh.

In: the authority of a URL, percent-encoded.  Out: an `SshAuthority`; ValueError for a host that ssh would take for something else, such as an option.
"""

from urllib.parse import quote, unquote


class SshAuthority:
    """`USER@HOST:PORT`; the user and the port may be absent.

    >>> found = SshAuthority.parse("ada@[::1]:2222")
    >>> found.user, found.host, found.port, str(found), found.words
    ('ada', '::1', 2222, 'ada@[::1]:2222', 'ada@::1')
    >>> SshAuthority.parse("-oProxyCommand=touch%20x")
    Traceback (most recent call last):
    ...
    ValueError: invalid SSH authority: '-oProxyCommand%3Dtouch%20x': host name '-oProxyCommand=touch x' must not start with '-'
    """

    __slots__ = ("user", "host", "port")

    def __init__(self, user: str | None, host: str, port: int | None) -> None:
        self.user = user
        self.host = host
        self.port = port
        for what, name in (("user name", user), ("host name", host)):
            if name == "":
                raise ValueError(f"invalid SSH authority: '{self}': {what} must not be empty")
            if name is not None and name.startswith("-"):
                raise ValueError(f"invalid SSH authority: '{self}': {what} '{name}' must not start with '-'")
            if name is not None and "\0" in name:
                raise ValueError(f"invalid SSH authority: '{self}': {what} must not contain a zero byte")

    @classmethod
    def parse(cls, place: str) -> "SshAuthority":
        """*place*: what follows `SCHEME://` in a URL; ValueError if it is not `USER@HOST:PORT`."""
        if "/" in place:
            raise ValueError(f"invalid URL authority: '{place}': leftover")
        login, has_user, rest = place.rpartition("@")
        if rest.startswith("["):
            host, _, behind = rest[1:].partition("]")
            if behind and behind[0] != ":":
                raise ValueError(f"invalid URL authority: '{place}': leftover")
            port = behind[1:]
        else:
            host, _, port = rest.partition(":")
        if port and not (port.isascii() and port.isdigit()):
            raise ValueError(f"port '{port}' is invalid")
        user = _decoded(login.partition(":")[0]) if has_user else None
        return cls(user, _decoded(host), int(port) if port else None)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else _encoded(self.host)
        return ("" if self.user is None else _encoded(self.user) + "@") + host + ("" if self.port is None else f":{self.port}")

    @property
    def words(self) -> str:
        """The user and the host as an argument of ssh."""
        return self.host if self.user is None else f"{self.user}@{self.host}"


def _decoded(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")
