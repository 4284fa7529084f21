"""The files of a binary cache behind a web server, or in a bucket of S3.

In: a URL, and names of files.  Out: bytes.  Downloads are repeated, and resumed after an interruption, like all downloads (http.py).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from snowsnake.fetch.crew import Crew
from snowsnake.fetch.errors import OFFLINE
from snowsnake.fetch.exchange import UNANSWERED, Exchange
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.fetch.http import Http, TransferError
from snowsnake.store.binary_cache.files import CacheFiles

if TYPE_CHECKING:
    from dataclasses import dataclass

    import urllib3
else:
    from snowsnake.store.light_dataclass import dataclass

_MOST_INFO_BYTES = 1 << 20
_MOST_BYTES = 1 << 38
# These are limits of S3.
_MOST_PARTS, _MOST_PART_BYTES = 10_000, 5 << 30
_PIECE_BYTES = 1 << 18
# These characters need no escape.
_PLAIN = re.compile(r"[A-Za-z0-9._+/-]*")


class HttpFiles(CacheFiles):
    """The files behind a web server.  *connections*: how many requests may run at the same time."""

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
            # S3 sends 403 for files that do not exist.
            if error.status in (403, 404):
                return None
            raise ValueError(str(error)) from None

    def get_many(self, names: Iterable[str], follow: Callable[[str, bytes | None], Iterable[str]] = lambda name, data: ()) -> dict[str, bytes | None]:
        """Gets many files at once; the user can interrupt it at any time.  *follow* returns the further names that an answer makes necessary."""
        found: dict[str, bytes | None] = {}
        wanted = dict.fromkeys(names)
        waiting = list(wanted)

        def take(name: str, data: bytes | None) -> None:
            found[name] = data
            more = [other for other in follow(name, data) if other not in wanted]
            wanted.update(dict.fromkeys(more))
            if exchange is None:
                waiting.extend(more)
                return
            # The server works on these while we look at the next answer.
            for other in more:
                self.ask(exchange, other)
            exchange.send()

        exchange: Exchange | None = None
        try:
            while waiting:
                unanswered, waiting = waiting, []
                exchange = self.exchange()
                if exchange is not None:
                    for name in unanswered:
                        self.ask(exchange, name)
                    unanswered = []
                    while exchange.waiting:
                        for name, status, body in exchange.answers():
                            if status == UNANSWERED:
                                unanswered.append(name)
                            else:
                                take(name, body if status == 200 else None)
                    exchange = None
                for name, data in self._threads().map(self._get, unanswered):
                    take(name, data)
        except BaseException:
            # `rest` does not wait for threads that are still at work.
            self.rest()
            raise
        return found

    def _threads(self) -> Crew:
        if self._crew is None or self._process != os.getpid():
            self._crew, self._process = Crew(self._connections, self._fetcher.check_cancelled), os.getpid()
        return self._crew

    def exchange(self) -> Exchange | None:
        """The exchange for small files; None if a proxy is used, if the server sent an unusual answer, or if downloads have a speed limit."""
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
        if self._exchange is not None:
            # The server's next answers would be unusual, too.
            self._is_plain = self._is_plain and self._exchange.is_useful
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
            raise ValueError(f"unable to download '{self._http.placed(url)[0]}': HTTP error {answer.status}")
        return True

    def put(self, name: str, contents: BinaryIO, kind: str) -> None:
        url = self._address(name)
        size = contents.seek(0, 2)
        contents.seek(0)
        answer = self._request("PUT", url, contents, {"Content-Type": kind, "Content-Length": str(size)})
        self._check_upload(url, answer)

    def _check_upload(self, url: str, answer: urllib3.BaseHTTPResponse) -> None:
        if answer.status not in (200, 201, 202, 204):
            shown = bytes(answer.data[:1024]).decode("utf-8", "replace").rstrip("\n")
            body = f"\n\nresponse body:\n\n{shown}" if shown else ""
            raise ValueError(f"unable to upload '{self._http.placed(url)[0]}': HTTP error {answer.status}{body}")

    def _request(
        self, method: str, url: str, body: bytes | BinaryIO | None = None, headers: dict[str, str] | None = None, query: str = ""
    ) -> urllib3.BaseHTTPResponse:
        """Sends a request.  *query*: parameters of the request itself, which follow those that name an object of S3."""
        import urllib3

        http = self._http
        url, place = http.placed(url)
        if self._fetcher.is_offline:
            raise ValueError(f"unable to download '{url}': {OFFLINE}")
        url += ("?" if query else "") + query
        given = {"User-Agent": http.agent} | (headers or {})
        sent = given | http.login_header(url) if place is None else http.signer.headers(method, place, url, given, body)
        try:
            found: urllib3.BaseHTTPResponse = http.pool(url).urlopen(method, url, body=body, headers=sent, redirect=False, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise ValueError(f"unable to {'upload' if body is not None else 'download'} '{url}': {error}") from None
        return found

    def close(self) -> None:
        self.rest()
        self._http.close()


@dataclass
class Uploads:
    """How files are uploaded to a bucket.  `in_parts`: files larger than `threshold_bytes` are sent in parts of `part_bytes`."""

    in_parts: bool = False
    part_bytes: int = 5 << 20
    threshold_bytes: int = 100 << 20
    storage_class: str = ""


class S3Files(HttpFiles):
    """The files in a bucket.  *url*: `s3://BUCKET` with or without a folder; *query*: the parameters that belong to the address."""

    def __init__(self, url: str, query: str, fetcher: Fetcher, connections: int = 25, uploads: Uploads | None = None) -> None:
        super().__init__(url, fetcher, connections)
        self._query = query and "?" + query
        self._uploads = uploads or Uploads()
        # Requests are signed, so an exchange cannot send them.
        self._is_plain = False

    def _address(self, name: str) -> str:
        return f"{self.url}/{name}{self._query}"

    def put(self, name: str, contents: BinaryIO, kind: str) -> None:
        from base64 import b64encode

        from snowsnake.store.hash import Hash

        contents.seek(0)
        digest, size = Hash.of_stream(contents, "md5").digest, contents.tell()
        headers = {"Content-Type": kind, "Content-MD5": b64encode(digest).decode()}
        if self._uploads.storage_class:
            headers["x-amz-storage-class"] = self._uploads.storage_class
        try:
            if self._uploads.in_parts and size > self._uploads.threshold_bytes:
                # The first request has no body.
                del headers["Content-MD5"]
                self._put_in_parts(self._address(name), contents, size, headers)
                return
            if size > _MOST_PART_BYTES:
                raise ValueError(f"file too large for S3 upload without multipart: {size} bytes would exceed {_MOST_PART_BYTES}. Consider enabling multipart-upload.")
            contents.seek(0)
            self._check_upload(self._address(name), self._request("PUT", self._address(name), contents, headers | {"Content-Length": str(size)}))
        except ValueError as error:
            raise ValueError(f"while uploading to S3 binary cache at '{self.url}{self._query}': {error}") from None

    def _put_in_parts(self, url: str, contents: BinaryIO, size: int, headers: dict[str, str]) -> None:
        part_bytes = max(self._uploads.part_bytes, -(-size // _MOST_PARTS))
        if part_bytes > _MOST_PART_BYTES:
            raise ValueError(f"file too large for S3 multipart upload: {size} bytes would need parts of more than {_MOST_PART_BYTES}")
        begun = self._request("POST", url, b"", headers, "uploads=")
        self._check_upload(url, begun)
        match = re.search(rb"<UploadId>([^<]+)</UploadId>", begun.data)
        if match is None:
            raise ValueError("S3 CreateMultipartUpload response missing <UploadId>")
        number = "uploadId=" + quote(match[1].decode("ascii", "replace"), safe="")
        try:
            parts: list[str] = []
            contents.seek(0)
            while piece := contents.read(part_bytes):
                answer = self._request("PUT", url, piece, {"Content-Type": "application/octet-stream"}, f"partNumber={len(parts) + 1}&{number}")
                self._check_upload(url, answer)
                parts.append(f"<Part><PartNumber>{len(parts) + 1}</PartNumber><ETag>{answer.headers.get('ETag', '')}</ETag></Part>")
            text = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>"
            done = self._request("POST", url, text.encode(), {"Content-Type": "text/xml"}, number)
            self._check_upload(url, done)
            # S3 sends the status 200 before it knows the result.
            if b"<Error>" in done.data:
                raise ValueError(f"unable to upload '{url}': {done.data[:1024].decode(errors='replace')}")
        except BaseException:
            # The first error is raised, so a second one is not reported.
            with contextlib.suppress(Exception):
                self._request("DELETE", url, query=number)
            raise
