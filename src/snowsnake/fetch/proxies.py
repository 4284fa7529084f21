"""The proxy for a host, from the environment variables that curl reads, with the same meaning.

In: the environment.  Out: the address of a proxy, or none.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping


def proxy_for(scheme: str, host: str, environ: Mapping[str, str]) -> str:
    """The proxy for a host; "" if there is none.  `HTTP_PROXY` does not count, because in CGI programs it holds the header `Proxy:` of a request.

    >>> proxy_for("http", "example.org", {"http_proxy": "p:1", "no_proxy": "localhost,.org"}), proxy_for("https", "h", {"ALL_PROXY": "q:2"})
    ('', 'q:2')
    """
    names = [f"{scheme}_proxy", "HTTPS_PROXY" if scheme == "https" else "", "all_proxy", "ALL_PROXY"]
    proxy = next((environ[name] for name in names if environ.get(name)), "")
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return "" if proxy and is_exception(host, exceptions) else proxy


def is_exception(host: str, exceptions: str) -> bool:
    """Whether an entry of `no_proxy` covers the host: a name, which covers everything below it, an IP address, or a range of addresses.

    >>> is_exception("a.example.org", "example.org"), is_exception("10.1.2.3", "10.0.0.0/8"), is_exception("badexample.org", "example.org")
    (True, True, False)
    """
    if exceptions.strip() == "*":
        return True
    host = host.lower().rstrip(".")
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = None
    for word in re.split(r"[,\s]+", exceptions.lower()):
        if not word:
            continue
        if address is None:
            name = word.strip(".")
            if name and (host == name or host.endswith("." + name)):
                return True
            continue
        try:
            if address in ipaddress.ip_network(word.strip("[]"), strict=False):
                return True
        except ValueError:
            continue
    return False
