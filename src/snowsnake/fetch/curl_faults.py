"""Errors of transfers in curl's words and with curl's numbers, which people search for.

In: an exception of urllib3.  Out: `CurlFault`.
"""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from snowsnake.store.light_dataclass import dataclass

PROTOCOL, BAD_URL, NO_PROXY_NAME, NO_NAME, NO_CONNECTION, WEIRD, PARTIAL, TIMEOUT, TLS, REDIRECTS, EMPTY, RECEIVING, CERTIFICATE, ENCODING, CERTIFICATES, TOO_LARGE = (
    1, 3, 5, 6, 7, 8, 18, 28, 35, 47, 52, 56, 60, 61, 77, 100,
)  # fmt: skip
_NAMES = {
    PROTOCOL: "Unsupported protocol",
    BAD_URL: "URL using bad/illegal format or missing URL",
    NO_PROXY_NAME: "Could not resolve proxy name",
    NO_NAME: "Could not resolve hostname",
    NO_CONNECTION: "Could not connect to server",
    WEIRD: "Weird server reply",
    PARTIAL: "Transferred a partial file",
    TIMEOUT: "Timeout was reached",
    TLS: "SSL connect error",
    REDIRECTS: "Number of redirects hit maximum amount",
    EMPTY: "Server returned nothing (no headers, no data)",
    RECEIVING: "Failure when receiving data from the peer",
    CERTIFICATE: "SSL peer certificate or SSH remote key was not OK",
    ENCODING: "Unrecognized or bad HTTP Content or Transfer-Encoding",
    CERTIFICATES: "Problem with the SSL CA cert (path? access rights?)",
    TOO_LARGE: "A value or data field grew larger than allowed",
}
# After these errors, another attempt does not help.
_HOPELESS = frozenset((PROTOCOL, BAD_URL, REDIRECTS, ENCODING, CERTIFICATES))


@dataclass
class CurlFault:
    """One of curl's errors, and what is known besides.  `status`: that of the answer in which the error is, 0 if that is not known."""

    number: int
    detail: str
    status: int = 0

    @property
    def is_transient(self) -> bool:
        return self.number not in _HOPELESS

    def worded(self, status: int) -> str:
        """The text after the URL.  *status*: that of the last answer, 0 if there was none.

        >>> CurlFault(PARTIAL, "3 bytes are missing").worded(200), CurlFault(EMPTY, "Empty reply from server").worded(0)[-28:]
        ('HTTP error 200 (curl error: Transferred a partial file)', '(52) Empty reply from server')
        """
        status = self.status or status
        name = _NAMES[self.number]
        return f"HTTP error {status} (curl error: {name})" if status else f"{name} ({self.number}) {self.detail}"


class Unreadable(http.client.HTTPException):
    """An answer whose head is not one of HTTP, or is not complete."""

    def __init__(self, number: int, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.fault = CurlFault(number, detail, status)


def fault_of(error: Exception, url: str) -> CurlFault:
    """What went wrong with a request for *url*."""
    kinds = urllib3.exceptions
    cause = _cause(error)
    text = str(cause).rpartition(": ")[2]
    parts = urlsplit(url)
    host = parts.hostname
    where = f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    if isinstance(cause, Unreadable):
        return cause.fault
    if isinstance(cause, kinds.ProxyError):
        return _of_proxy(cause)
    if isinstance(cause, (kinds.SSLError, kinds.ReadTimeoutError)):
        return _of_waiting(cause)
    for kind, fault in (
        (kinds.NameResolutionError, CurlFault(NO_NAME, f"Could not resolve host: {host}")),
        (kinds.NewConnectionError, CurlFault(NO_CONNECTION, f"Failed to connect to {where}: {text}")),
        (kinds.ConnectTimeoutError, CurlFault(TIMEOUT, f"connection to {host} timed out")),
        ((kinds.LocationValueError, kinds.LocationParseError, kinds.URLSchemeUnknown), CurlFault(BAD_URL, str(cause))),
        (kinds.DecodeError, CurlFault(ENCODING, text)),
        (kinds.InvalidHeader, CurlFault(WEIRD, str(cause))),
        ((kinds.IncompleteRead, http.client.IncompleteRead), CurlFault(PARTIAL, str(cause))),
        (http.client.RemoteDisconnected, CurlFault(EMPTY, "Empty reply from server")),
        (http.client.UnknownProtocol, CurlFault(PROTOCOL, f"the answer starts with {cause}")),
        (http.client.BadStatusLine, CurlFault(PROTOCOL, "Received HTTP/0.9 when not allowed")),
    ):
        if isinstance(cause, kind):
            return fault
    # Only its text tells this error from others: the last chunk did not come.
    is_cut = isinstance(cause, kinds.ProtocolError) and str(cause) == "Response ended prematurely"
    return CurlFault(PARTIAL if is_cut else RECEIVING, text)


def _cause(error: Exception) -> Exception:
    """The exception that an exception of urllib3 was made of, or itself."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, Exception):
        return reason
    if isinstance(error, urllib3.exceptions.ProtocolError) and len(error.args) == 2 and isinstance(error.args[1], Exception):
        return error.args[1]
    return error


def _of_proxy(cause: urllib3.exceptions.ProxyError) -> CurlFault:
    inner = cause.original_error
    is_unknown = isinstance(inner, urllib3.exceptions.NameResolutionError)
    return CurlFault(NO_PROXY_NAME if is_unknown else NO_CONNECTION, f"proxy: {str(inner).rpartition(': ')[2]}")


def _of_waiting(cause: Exception) -> CurlFault:
    if isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        return CurlFault(TIMEOUT, "the server sends nothing any more")
    inner = cause.args[0] if cause.args else None
    if isinstance(inner, OSError) and (not isinstance(inner, ssl.SSLError) or inner.reason == "NO_CERTIFICATE_OR_CRL_FOUND"):
        return CurlFault(CERTIFICATES, str(inner))
    # Only its text tells a certificate that is refused from other faults: urllib3 has one exception for both.
    return CurlFault(CERTIFICATE if "certificate" in str(cause).lower() else TLS, str(cause))
