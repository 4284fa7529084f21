"""Downloads: redirects, ETags, retries, resuming, passwords, proxies.

In: a URL, and what is known about it.  Out: a file in the cache's working folder, and the server's answer; `TransferError` if the transfer fails.
`download` runs the transfer in its own thread, and the program does not wait for that thread when the user ends it: a server that does nothing,
or the wrong thing, cannot keep the user waiting.  `read` runs the transfer in the thread that calls it.

Over 600 lines: connections, attempts and answers share the state of one transfer.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import re
import tempfile
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urljoin, urlsplit

from snowsnake.fetch.errors import OFFLINE, FetchFailure
from snowsnake.fetch.proxies import proxy_for
from snowsnake.foundation.log_numbers import TALKATIVE, TRANSFER
from snowsnake.version import VERSION

if TYPE_CHECKING:
    from dataclasses import dataclass, field

    import urllib3

    from snowsnake.fetch.curl_faults import CurlFault
    from snowsnake.fetch.fetcher import Fetcher
    from snowsnake.fetch.progress import Activity
    from snowsnake.fetch.s3 import S3Place, Signer
else:
    from snowsnake.store.light_dataclass import dataclass, field

_MOST_REDIRECTS = 10
# This is curl's limit.  An attempt with a longer URL would take seconds.
_MOST_URL_BYTES = 8_000_000
_MOST_BYTES = 1 << 38
_MOST_DIGITS = 15
_ERROR_BODY_BYTES = 1 << 16
_PIECE_BYTES = 1 << 17
_IN_MEMORY_BYTES = 4 << 20
_RETRY_MS = 250
_RETRY_TOO_MANY_MS = 60_000
_POLL_S = 0.05
_IMMUTABLE = re.compile(r'<([^>]*)>; rel="immutable"', re.IGNORECASE)
# A reference with a scheme is a whole URL, even if it has no host.
_WHOLE_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_TOO_LONG = "No URL set"
_NOT_ENCODED = ("", "identity", "none")
_SUCCESSES = (200, 201, 204, 206)
# After these HTTP statuses, another attempt does not help.
_HOPELESS = frozenset((304, 404, 410, 401, 403, 407, 501, 505, 511))


class TransferError(FetchFailure):
    """A transfer failed.  `is_transient`: another attempt may succeed.  `status`: the HTTP status, 0 without an answer.

    `wait_ms`: how long the server wants us to wait before another attempt; None if it does not say.
    """

    def __init__(self, message: str, *, is_transient: bool = False, status: int = 0, wait_ms: int | None = None) -> None:
        super().__init__(message)
        self.is_transient = is_transient
        self.status = status
        self.wait_ms = wait_ms


@dataclass
class Transfer:
    """The result of a download: the file at `path`; or no file if `is_cached`, because the ETag that we sent is still current.

    `immutable_url`: the URL that always leads to the same contents, if the server sent one.
    """

    path: str
    etag: str = ""
    is_cached: bool = False
    immutable_url: str | None = None
    # The requested URL, and the URLs to which it was redirected, in order.
    urls: list[str] = field(default_factory=list)


class Http:
    """The connections of one fetcher, kept open while it lives."""

    def __init__(self, fetcher: Fetcher, connections: int = 4) -> None:
        self._fetcher = fetcher
        self._connections = connections
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._netrc: str | None = None
        self._signer: Signer | None = None

    # ---- one address --------------------------------------------------------------------------------------------

    def download(self, url: str, etag: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Transfer:
        """Downloads a URL, in as many attempts as `download-attempts` allows.  The caller must discard the file (`FetchCache.discard`)."""
        fetcher = self._fetcher
        if fetcher.is_offline:
            raise TransferError(f"unable to download '{url}': {OFFLINE}")
        job = _Job(self, url, etag, headers, fetcher.cache.new_path())
        with fetcher.activity(TALKATIVE, f"downloading '{url}'", TRANSFER, (url,)) as activity:
            try:
                self._repeat(lambda: self._attempt(job, activity), job)
            except BaseException:
                job.cancel()
                fetcher.cache.discard(job.path)
                raise
        return job.result()

    def read(self, url: str, limit: int = _MOST_BYTES) -> BinaryIO:
        """Downloads a URL in this thread, which may be one of many.  The returned file is in memory, or a temporary one without a name."""
        if self._fetcher.is_offline:
            raise TransferError(f"unable to download '{url}': {OFFLINE}")
        job = _Job(self, url, "", (), "", limit)

        def attempt() -> TransferError | None:
            job.run()
            return job.outcome()

        try:
            self._repeat(attempt, job)
        except BaseException:
            job.target.close()
            raise
        job.target.seek(0)
        file: BinaryIO = job.target
        return file

    def _repeat(self, attempt: Callable[[], TransferError | None], job: _Job | None = None) -> None:
        """Calls *attempt* until it succeeds (returns None); raises its error if another attempt would not help."""
        fetcher = self._fetcher
        tries = max(1, int(fetcher.settings["download-attempts"]))
        for number in range(1, tries + 1):
            error = attempt()
            if error is None:
                return
            if not error.is_transient or number == tries:
                raise error
            wait_ms = error.wait_ms
            if wait_ms is None:
                base = _RETRY_TOO_MANY_MS if error.status == 429 else _RETRY_MS
                wait_ms = int(base * 2 ** (number - 1 + random.uniform(0, 0.5)))
            offset = f"from offset {job.written} " if job is not None and job.written else ""
            fetcher.warn(f"{error}; retrying {offset}in {wait_ms} ms (attempt {number}/{tries})")
            self._sleep(wait_ms / 1000)

    def placed(self, url: str) -> tuple[str, S3Place | None]:
        """The HTTP URL to request, and the object in S3 that the URL names, or None.  Requests for such an object are signed."""
        if not url.startswith("s3:"):
            return url, None
        from snowsnake.fetch.s3 import S3Place

        place = S3Place.parse(url, self._fetcher.warn)
        return place.url, place

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            from snowsnake.fetch.s3 import Signer

            self._signer = Signer(self._fetcher.warn)
        return self._signer

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Sends a small request (Git LFS), and returns the body of the answer."""

        if self._fetcher.is_offline:
            raise TransferError(f"unable to upload '{url}': {OFFLINE}")
        if len(url) > _MOST_URL_BYTES:
            raise TransferError(f"unable to upload '{url}': {_fault('BAD_URL', _TOO_LONG).worded(0)}")
        found: list[bytes | TransferError] = []

        def attempt() -> TransferError | None:
            found.clear()
            thread = threading.Thread(target=lambda: found.append(self._posted(url, body, headers)), daemon=True, name="upload")
            thread.start()
            while thread.is_alive():
                thread.join(_POLL_S)
                self._fetcher.check_cancelled()
            return found[0] if isinstance(found[0], TransferError) else None

        self._repeat(attempt)
        assert isinstance(found[0], bytes)
        return found[0]

    def _posted(self, url: str, body: bytes, headers: dict[str, str]) -> bytes | TransferError:
        """Makes one attempt.  Like curl, it asks for the page that an answer leads to."""
        import urllib3

        method, place, status = "POST", url, 0
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                is_same_host = urlsplit(place).netloc == urlsplit(url).netloc
                own = {name: value for name, value in headers.items() if is_same_host or name != "Authorization"}
                answer = self.pool(place).urlopen(
                    method, _without_login(place), body=body if method == "POST" else None, redirect=False, retries=False,
                    headers={"User-Agent": self.agent} | self.login_header(place) | own,
                )      # fmt: skip
                status = int(answer.status)
                location = answer.headers.get("Location", "") if 300 <= status < 400 else ""
                if not location:
                    return bytes(answer.data) if status in _SUCCESSES else _refusal(f"unable to upload '{url}'", answer, answer.data)
                place = urljoin(place, location)
                if urlsplit(place).scheme not in ("http", "https"):
                    return TransferError(f"unable to upload '{url}': {_fault('PROTOCOL', '').worded(status)}")
                method = "POST" if status in (307, 308) else "GET"
            return TransferError(f"unable to upload '{url}': {_fault('REDIRECTS', '').worded(status)}")
        except urllib3.exceptions.HTTPError as error:
            from snowsnake.fetch.curl_faults import fault_of

            fault = fault_of(error, place)
            return TransferError(f"unable to upload '{url}': {fault.worded(status)}", is_transient=fault.is_transient)
        except ValueError as error:
            return TransferError(f"unable to upload '{url}': {error}")

    def close(self) -> None:
        """Closes the connections."""
        for pool in self._pools.values():
            pool.clear()
        self._pools.clear()

    def login_header(self, url: str) -> dict[str, str]:
        """The header with the user and password of the URL or of the netrc file; {} if neither has any."""
        host = urlsplit(url).hostname or ""
        user, password = _login_of(url)
        if not user:
            user, password = self.login(host, None) or ("", password)
        elif password is None:
            password = (self.login(host, user) or ("", ""))[1]
        return {"Authorization": _basic(f"{user}:{password or ''}")} if user or password else {}

    def _attempt(self, job: _Job, activity: Activity) -> TransferError | None:
        thread = threading.Thread(target=job.run, daemon=True, name="download")
        thread.start()
        shown = -1
        while thread.is_alive():
            thread.join(_POLL_S)
            self._fetcher.check_cancelled()
            if job.written != shown:
                shown = job.written
                activity.progress(shown, job.expected)
        # Bytes may have arrived after the loop last reported them; or those of an answer that is an error.
        if job.written > max(shown, 0):
            activity.progress(job.written, job.expected or job.written)
        elif job.refused_bytes:
            activity.progress(job.refused_bytes, job.refused_bytes)
        return job.outcome()

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._fetcher.check_cancelled()
            time.sleep(min(left, _POLL_S))

    # ---- connections --------------------------------------------------------------------------------------------

    def request_url(self, url: str) -> str:
        """The URL to which a request really goes: in tests, stand-ins take the place of forges."""
        parts = urlsplit(url)
        stand_in = self._fetcher.stand_ins.get(parts.netloc)
        return url if stand_in is None else stand_in + parts._replace(scheme="", netloc="").geturl()

    def pool(self, url: str) -> urllib3.PoolManager:
        """The pool of connections for a URL: direct, or by a proxy."""
        parts = urlsplit(url)
        proxy = proxy_for(parts.scheme, parts.hostname or "", os.environ)
        if proxy not in self._pools:
            self._pools[proxy] = self._new_pool(proxy)
        return self._pools[proxy]

    def connector(self, url: str) -> Callable[[], object] | None:
        """A function that opens one more connection to the server of a URL; None if a proxy or a stand-in is used."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if proxy_for(parts.scheme, host, os.environ) or parts.netloc in self._fetcher.stand_ins or parts.scheme not in ("http", "https"):
            return None
        settings = self._fetcher.settings
        connect_s = int(settings["connect-timeout"]) or 300
        if parts.scheme == "http":
            from snowsnake.fetch.exchange import PlainLink

            return lambda: PlainLink(host, parts.port or 80, connect_s)
        import ssl

        from urllib3.connection import HTTPSConnection
        from urllib3.util.ssl_ import create_urllib3_context

        # All connections share one context, because reading the machine's certificates takes long.
        context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
        certificates = settings["ssl-cert-file"]
        if certificates:
            context.load_verify_locations(str(certificates))
        else:
            context.load_default_certs()

        def connect() -> Any:
            link = HTTPSConnection(host, port=parts.port, timeout=connect_s, ssl_context=context)
            link.connect()
            return link

        return connect

    def _new_pool(self, proxy: str) -> urllib3.PoolManager:
        import urllib3

        from snowsnake.fetch.answer_heads import with_whole_heads

        settings = self._fetcher.settings
        connect_s, stalled_s = int(settings["connect-timeout"]), int(settings["stalled-download-timeout"])
        options: dict[str, Any] = {
            "timeout": urllib3.Timeout(connect=connect_s or 300, read=stalled_s or None),
            "retries": False,
            "maxsize": self._connections,
        }
        certificates = settings["ssl-cert-file"]
        if certificates:
            options["ca_certs"] = str(certificates)
        if not proxy:
            return with_whole_heads(urllib3.PoolManager(**options))
        if "://" not in proxy:
            proxy = "http://" + proxy
        if proxy.startswith("socks"):
            return _socks_pool(proxy, options)
        login = urlsplit(proxy).netloc.rpartition("@")[0]
        if login:
            options["proxy_headers"] = {"Proxy-Authorization": _basic(login)}
        return with_whole_heads(urllib3.ProxyManager(proxy, **options))

    def login(self, host: str, user: str | None) -> tuple[str, str] | None:
        """(user, password) of a host, and of a user if one is given, in the netrc file; None if it has none."""
        from snowsnake.fetch.netrc import login_for, read_netrc

        if self._netrc is None:
            self._netrc = read_netrc(str(self._fetcher.settings["netrc-file"]))
        return login_for(host, user, self._netrc)

    @property
    def agent(self) -> str:
        suffix = self._fetcher.settings["user-agent-suffix"]
        return f"Snowsnake/{VERSION}" + (f" {suffix}" if suffix else "")

    @property
    def speed_limit(self) -> int:
        return int(self._fetcher.settings["download-speed"]) * 1024


class _Job:
    """One download.  All attempts write to the same file: the one at *path*, or the temporary file `target` if *path* is empty."""

    def __init__(
        self, http: Http, url: str, etag: str, headers: tuple[tuple[str, str], ...], path: str, limit: int = _MOST_BYTES
    ) -> None:  # fmt: skip
        self.http = http
        self.url, self._place = http.placed(url)
        self.path = path
        self.written = 0
        self.expected = 0
        # How long the text of the last answer is that was an error.
        self.refused_bytes = 0
        self.failure: Exception | None = None
        self._etag = etag
        self._headers = headers
        self._is_cancelled = False
        self._response: urllib3.BaseHTTPResponse | None = None
        # The HTTP status of the last answer, 0 without one.
        self._status = 0
        self._can_resume = False
        self._seen_etag = ""
        self._found = Transfer(path)
        self._limit = limit
        self.target: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) if not path else None      # noqa: SIM115  # its reader closes it

    def result(self) -> Transfer:
        return self._found

    def cancel(self) -> None:
        self._is_cancelled = True

    def outcome(self) -> TransferError | None:
        """The error of the last attempt, None if it succeeded.  Raises an error that is not one of the transfer."""
        if self.failure is not None and not isinstance(self.failure, TransferError):
            raise self.failure
        return self.failure

    def run(self) -> None:
        """Makes one attempt; `failure` is its error, or None."""
        self.failure = None
        self.refused_bytes = 0
        try:
            self._attempt()
        except Exception as error:
            # This may run in a thread of its own; the thread that waits for it raises the error.
            self.failure = error
        finally:
            response, self._response = self._response, None
            if response is not None:
                response.close()

    def _attempt(self) -> None:
        import urllib3

        try:
            self._request()
        except urllib3.exceptions.HTTPError as error:
            from snowsnake.fetch.curl_faults import fault_of

            raise self._of_fault(fault_of(error, self._found.urls[-1])) from None
        except ValueError as error:
            # A token or a server gave a header that cannot be sent.
            raise self._error(str(error)) from None
        except OSError as error:
            raise FetchFailure(f"writing the download of '{self.url}': {error.strerror or error}") from None

    def _error(self, text: str, **facts: Any) -> TransferError:
        return TransferError(f"unable to download '{self.url}': {text}", **facts)

    def _fault(self, name: str, detail: str) -> TransferError:
        """The error that curl has this name for; *detail* is shown unless the server has answered."""
        return self._of_fault(_fault(name, detail))

    def _of_fault(self, fault: CurlFault) -> TransferError:
        return self._error(fault.worded(self._status), is_transient=fault.is_transient, status=self._status)

    def _request(self) -> None:
        url = self.url
        self._found.urls = [url]
        self._status = 0
        if any(letter <= " " or letter == "\x7f" for letter in url):
            raise self._fault("BAD_URL", "URL rejected: Malformed input to a URL function")
        self._check_url(url)
        for _ in range(_MOST_REDIRECTS + 1):
            asked = self.http.request_url(url)
            response = self._response = self._answer_from(asked, self._request_headers(url))
            self._status = int(response.status)
            self._note_links(response)
            location = response.headers.get("Location", "") if 300 <= self._status < 400 else ""
            if not location:
                self._take(response)
                return
            if len(response.headers.getlist("Location")) > 1:
                raise self._fault("WEIRD", "the answer has several locations")
            response.drain_conn()
            response.release_conn()
            url = self._redirected(url, location)
            self._found.urls.append(url)
        raise self._fault("REDIRECTS", "")

    def _answer_from(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Sends a request.  If the server has closed a connection that was kept open, it is sent again on a new one, as curl does."""
        import urllib3

        manager, address = self.http.pool(url), _without_login(url)
        pool = manager.connection_from_url(address)
        opened = pool.num_connections
        for is_last in (False, True):
            try:
                return manager.urlopen("GET", address, headers=headers, redirect=False, preload_content=False, decode_content=True, retries=False)
            except urllib3.exceptions.ProtocolError as error:
                is_closed = isinstance(error.args[-1], ConnectionError)
                if is_last or not is_closed or pool.num_connections != opened:
                    raise
        raise AssertionError

    def _redirected(self, url: str, location: str) -> str:
        # Headers are bytes, one character each.
        location = "".join(f"%{ord(letter):02X}" if ord(letter) > 127 else letter for letter in location)
        try:
            url = location if _WHOLE_URL.match(location) else urljoin(url, location)
        except ValueError as error:
            raise self._fault("BAD_URL", str(error)) from None
        self._check_url(url)
        return url

    def _check_url(self, url: str) -> None:
        """Raises TransferError if nothing can be requested from the URL, which a server may have sent."""
        if len(url) > _MOST_URL_BYTES:
            raise self._fault("BAD_URL", _TOO_LONG)
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise self._fault("BAD_URL", str(error)) from None
        if parts.scheme not in ("http", "https"):
            raise self._fault("PROTOCOL", f'Protocol "{parts.scheme}" not supported')
        if not parts.hostname:
            raise self._fault("BAD_URL", "URL rejected: No host part in the URL")
        if port == 0:
            raise self._fault("NO_CONNECTION", f"Failed to connect to {parts.hostname}:0")

    def _note_links(self, response: urllib3.BaseHTTPResponse) -> None:
        """Notes a link to what will not change; that of an answer that redirects counts, too."""
        for name in ("Link", "X-Amz-Meta-Link"):
            for value in response.headers.getlist(name):
                match = _IMMUTABLE.fullmatch(value.strip())
                if match is not None:
                    self._found.immutable_url = match[1]

    def _request_headers(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        found = {"User-Agent": self.http.agent, "Accept": "*/*"}
        if not self.written:
            found["Accept-Encoding"] = "gzip, deflate"
        is_same_host = parts.netloc == urlsplit(self.url).netloc and parts.scheme == urlsplit(self.url).scheme
        for name, value in self._headers:
            if is_same_host or name.lower() not in ("authorization", "private-token", "cookie"):
                found[name] = value
        if self._etag:
            found["If-None-Match"] = self._etag
        if self.written:
            found["Range"] = f"bytes={self.written}-"
            if self._seen_etag and not self._seen_etag.startswith("W/"):
                found["If-Range"] = self._seen_etag
        if self._place is not None and url == self.url:
            return self.http.signer.headers("GET", self._place, given=found)
        if "Authorization" not in found:
            found |= self.http.login_header(url)
        return found

    def _take(self, response: urllib3.BaseHTTPResponse) -> None:
        headers = response.headers
        status = int(response.status)
        etag = headers.get("ETag", "").strip()
        if (status == 304 and self._etag) or (status == 200 and self._etag and etag == self._etag):
            # Some servers send ETags but ignore If-None-Match; we do not need the rest of their answer.
            self._found.is_cached = True
            self._found.etag = etag or self._etag
            return
        if status not in _SUCCESSES:
            self._refuse(response)
        if status != 206 or not self._continues(headers.get("Content-Range", "")):
            self.written = 0
        self._found.etag = self._seen_etag = etag
        is_encoded = self._is_encoded(response)
        self._can_resume = headers.get("Accept-Ranges", "").strip().lower() == "bytes" and not is_encoded
        length = _number(headers.get("Content-Length", ""))
        self.expected = 0 if length is None or is_encoded else self.written + length
        self._receive(response)

    def _is_encoded(self, response: urllib3.BaseHTTPResponse) -> bool:
        """Whether the contents are decoded as they come; raises TransferError for an encoding that nobody here can decode."""
        headers = response.headers
        names = [name.strip().lower() for name in headers.get("Content-Encoding", "").split(",")]
        if any(name not in (*_NOT_ENCODED, *response.CONTENT_DECODERS) for name in names):
            raise self._fault("ENCODING", f"Content-Encoding: {', '.join(names)}")
        if headers.get("Transfer-Encoding", "").strip().lower() not in ("", "identity", "chunked"):
            raise self._fault("ENCODING", f"Transfer-Encoding: {headers['Transfer-Encoding']}")
        if any(not length.strip().isdecimal() for length in headers.get("Content-Length", "0").split(",")):
            raise self._fault("WEIRD", f"Content-Length: {headers['Content-Length']}")
        return any(name not in _NOT_ENCODED for name in names)

    def _continues(self, text: str) -> bool:
        """Whether the Content-Range of an answer begins where our file ends."""
        match = re.match(r"bytes (\d+)-", text)
        return match is not None and _number(match[1]) == self.written

    def _receive(self, response: urllib3.BaseHTTPResponse) -> None:
        import urllib3

        begin, received, limit = time.monotonic(), 0, self.http.speed_limit
        with contextlib.nullcontext(self.target) if self.target else open(self.path, "r+b" if self.written else "wb") as file:
            file.seek(self.written)
            file.truncate()
            try:
                # `read1` returns what has arrived, `stream` only whole pieces: what came before a fault need not be requested again.
                while piece := response.read1(_PIECE_BYTES):
                    if self._is_cancelled:
                        return
                    file.write(piece)
                    self.written += len(piece)
                    if self.written > self._limit:
                        raise self._error(f"the server sends more than {self._limit} bytes")
                    received += len(piece)
                    if limit and (ahead := received / limit - (time.monotonic() - begin)) > 0:
                        time.sleep(ahead)
            except urllib3.exceptions.HTTPError:
                if not self._can_resume:
                    self.written = 0
                raise
        if self.expected and self.written < self.expected:
            error = self._fault("PARTIAL", "the connection was closed too early")
            if not self._can_resume:
                self.written = 0
            raise error

    def _refuse(self, response: urllib3.BaseHTTPResponse) -> None:
        body = response.read(_ERROR_BODY_BYTES, decode_content=True)
        self.refused_bytes = len(body)
        raise _refusal(f"unable to download '{self.url}'", response, body)


def _refusal(start: str, response: urllib3.BaseHTTPResponse, body: bytes) -> TransferError:
    """The error for an answer that is not a success; it shows a short body."""
    status = int(response.status)
    text = f"{start}: HTTP error {status}"
    shown = body.decode("utf-8", "replace")
    if shown and (len(body) < 1024 or "<html>" in shown):
        text += "\n\nresponse body:\n\n" + shown.rstrip("\n")
    is_transient = status not in _HOPELESS and (status in (408, 429) or not 400 <= status < 500)
    wait_s = _number(response.headers.get("Retry-After", "")) if status in (429, 503) else None
    wait_ms = None if wait_s is None else min(wait_s * 1000, _RETRY_TOO_MANY_MS)
    return TransferError(text, is_transient=is_transient, status=status, wait_ms=wait_ms)


def _number(text: str) -> int | None:
    """The number in a header; None if there is no sensible one.

    >>> _number("12"), _number("²"), _number("9" * 5000)
    (12, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _fault(name: str, detail: str) -> CurlFault:
    from snowsnake.fetch import curl_faults

    return curl_faults.CurlFault(getattr(curl_faults, name), detail)


def _basic(login: str) -> str:
    """The value of a header with a user and a password.

    >>> _basic("user:é")
    'Basic dXNlcjrDqQ=='
    """
    return "Basic " + base64.b64encode(login.encode("utf-8", "surrogateescape")).decode()


def _socks_pool(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    import warnings

    try:
        with warnings.catch_warnings():
            # The error says what the warning says.
            warnings.simplefilter("ignore")
            from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError:
        raise TransferError(f"the proxy '{proxy}' needs the package PySocks, which is not installed") from None
    return SOCKSProxyManager(proxy, **options)


def _login_of(url: str) -> tuple[str, str | None]:
    """(user, password) in a URL; the user is "" and the password None if there is none."""
    from urllib.parse import unquote

    user, colon, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    return unquote(user), unquote(password) if colon else None


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


