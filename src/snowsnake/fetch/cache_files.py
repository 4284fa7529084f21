"""The files of a binary cache behind a web server.

In: an address, names.  Out: bytes.  Downloads are tried again and go on where they were cut, as all downloads (http.py).
"""

from __future__ import annotations

import os
from typing import BinaryIO
from urllib.parse import urljoin

import urllib3

from snowsnake.fetch.crew import Crew
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.fetch.http import Http, TransferError
from snowsnake.store.binary_cache.files import CacheFiles

_MOST_INFO_BYTES = 1 << 20
_MOST_BYTES = 1 << 38


class HttpFiles(CacheFiles):
    """*connections*: how many requests may be on their way at once."""

    is_remote = True

    def __init__(self, url: str, fetcher: Fetcher, connections: int = 25) -> None:
        self.url = url.rstrip("/")
        self._fetcher = fetcher
        self._http = Http(fetcher, connections)
        self._connections = connections
        self._crew: Crew | None = None
        self._process = os.getpid()

    def _address(self, name: str) -> str:
        return urljoin(self.url + "/", name)

    def get(self, name: str) -> bytes | None:
        return self.get_many([name])[0]

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
            if error.status in (403, 404):     # S3 says 403 for what is not there
                return None
            raise ValueError(str(error)) from None

    def get_many(self, names: list[str]) -> list[bytes | None]:
        """As `get` of each, many at once, and in other threads: no server keeps this one from being interrupted."""
        if self._crew is None or self._process != os.getpid():
            self._crew, self._process = Crew(self._connections, self._fetcher.check_cancelled), os.getpid()
        try:
            found = dict(self._crew.map(self._get, names))
        except BaseException:
            self.rest()                    # some may be at work still: they are left to themselves
            raise
        return [found[name] for name in names]

    def rest(self) -> None:
        if self._crew is not None and self._process == os.getpid():
            self._crew.close()
        self._crew = None

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

