"""The files of a binary cache behind a web server.

In: a URL, names.  Out: bytes.  Downloads are repeated, and resumed where they were cut, like all downloads (http.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

from snowsnake.fetch.crew import Crew
from snowsnake.fetch.exchange import UNANSWERED, Exchange
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.fetch.http import Http, TransferError
from snowsnake.store.binary_cache.files import CacheFiles

if TYPE_CHECKING:
    import urllib3

_MOST_INFO_BYTES = 1 << 20
_MOST_BYTES = 1 << 38
_PLAIN = re.compile(r"[A-Za-z0-9._+/-]*")      # characters that need no escape


class HttpFiles(CacheFiles):
    """*connections*: the number of requests at the same time."""

    is_remote = True

    def __init__(self, url: str, fetcher: Fetcher, connections: int = 25) -> None:
        self.url = url.rstrip("/")
        self._fetcher = fetcher
        self._http = Http(fetcher, connections)
        self._connections = connections
        self._crew: Crew | None = None
        self._process = os.getpid()
        self._exchange: Exchange | None = None
        parts = urlsplit(self.url)
        self._is_plain = not self._http.speed_limit and not fetcher.is_offline and _PLAIN.fullmatch(parts.path) is not None and not parts.query
        head = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": self._http.agent, "Accept": "*/*"} | self._http.login_header(self.url)
        self._request_start = f"GET {parts.path}/".encode()
        self._request_end = (" HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in head.items()) + "\r\n").encode()

    def _address(self, name: str) -> str:
        return urljoin(self.url + "/", name)

    def get(self, name: str) -> bytes | None:
        return self.get_many([name])[name]

    def _get(self, name: str) -> bytes | None:
        stream = self._read(name, _MOST_INFO_BYTES)
        if stream is None:
            return None
        with stream:
            return stream.read()

    def _read(self, name: str, limit: int = _MOST_BYTES) -> BinaryIO | None:
        try:
            return self._http.read(self._address(name), limit)
        except TransferError as error:
            if error.status in (403, 404):     # S3 sends 403 for files that do not exist
                return None
            raise ValueError(str(error)) from None

    def get_many(self, names: Iterable[str], follow: Callable[[str, bytes | None], Iterable[str]] = lambda name, data: ()) -> dict[str, bytes | None]:
        """Like `get` for each name, many at once; no server can keep this thread from being interrupted.  *follow* returns names that an answer makes necessary."""
        found: dict[str, bytes | None] = {}
        wanted = dict.fromkeys(names)
        waiting = list(wanted)

        def take(name: str, data: bytes | None) -> None:
            found[name] = data
            more = [other for other in follow(name, data) if other not in wanted]
            wanted.update(dict.fromkeys(more))
            waiting.extend(more)

        try:
            while waiting:
                unanswered = []
                exchange = self.exchange()
                while exchange is not None and (waiting or exchange.waiting):
                    for name in waiting:
                        self.ask(exchange, name)
                    waiting.clear()
                    for name, status, body in exchange.answers():
                        if status == UNANSWERED:
                            unanswered.append(name)
                        else:
                            take(name, body if status == 200 else None)
                if exchange is None:
                    unanswered, waiting[:] = waiting[:], []
                for name, data in self._threads().map(self._get, unanswered):
                    take(name, data)
        except BaseException:
            self.rest()                    # the threads that are still at work are not waited for
            raise
        return found

    def _threads(self) -> Crew:
        if self._crew is None or self._process != os.getpid():
            self._crew, self._process = Crew(self._connections, self._fetcher.check_cancelled), os.getpid()
        return self._crew

    def exchange(self) -> Exchange | None:
        """An exchange for small files, if this server allows one: it is reached directly, has sent plain answers so far, and everything is needed at once."""
        if not self._is_plain or (self._exchange is not None and not self._exchange.is_useful):
            return None
        if self._exchange is None or self._exchange.process != os.getpid():
            stalled_s = int(self._fetcher.settings["stalled-download-timeout"])
            connect = self._http.connector(self.url)
            if connect is None:
                self._is_plain = False
                return None
            self._exchange = Exchange(connect, self._connections, _MOST_INFO_BYTES, stalled_s, self._fetcher.check_cancelled)
        return self._exchange

    def ask(self, exchange: Exchange, name: str) -> None:
        exchange.ask(name, self._request_start + name.encode() + self._request_end)

    def can_ask(self, name: str) -> bool:
        """Whether a name needs no escape."""
        return _PLAIN.fullmatch(name) is not None and not {"", ".", ".."} & set(name.split("/"))

    def rest(self) -> None:
        if self._crew is not None and self._process == os.getpid():
            self._crew.close()
        self._crew = None
        if self._exchange is not None and self._exchange.is_useful:
            self._exchange.close()
            self._exchange = None

    def open(self, name: str) -> BinaryIO | None:
        return self._read(name)

    def has(self, name: str) -> bool:
        url = self._address(name)
        answer = self._request("HEAD", url)
        if answer.status in (403, 404):
            return False
        if answer.status >= 400:
            raise ValueError(f"unable to download '{url}': HTTP error {answer.status}")
        return True

    def put(self, name: str, contents: BinaryIO, kind: str) -> None:
        url = self._address(name)
        size = contents.seek(0, 2)
        contents.seek(0)
        answer = self._request("PUT", url, contents, {"Content-Type": kind, "Content-Length": str(size)})
        if answer.status not in (200, 201, 202, 204):
            raise ValueError(f"unable to upload '{url}': HTTP error {answer.status}")

    def _request(self, method: str, url: str, body: BinaryIO | None = None, headers: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        import urllib3

        if self._fetcher.is_offline:
            raise ValueError(f"unable to download '{url}': the network is not used, as told by --offline")
        http = self._http
        try:
            found: urllib3.BaseHTTPResponse = http.pool(url).urlopen(
                method, url, body=body, headers={"User-Agent": http.agent} | http.login_header(url) | (headers or {}), redirect=False, retries=False,
            )  # fmt: skip
        except urllib3.exceptions.HTTPError as error:
            raise ValueError(f"unable to {'upload' if body is not None else 'download'} '{url}': {error}") from None
        return found

    def close(self) -> None:
        self.rest()
        self._http.close()

