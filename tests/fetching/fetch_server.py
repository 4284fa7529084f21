"""A web server on loopback that does what real servers do, and fails as they fail.

    /files/PATH       a file of the world, with ETag and ranges; /plain/PATH without
    /to/N/PATH        N redirects, then /files/PATH;  /elsewhere?URL   a redirect to anything
    /link/PATH        /files/PATH with `Link: <…>; rel="immutable"`;  /leads/CODE/PATH   a redirect with such a link
    /raw/NAME         one of `RAW`, byte for byte, and the connection is closed
    /status/CODE      this status;  /fail/KEY/N/CODE/PATH   this status N times, then /files/PATH
    /cut/KEY/N/PATH   the connection breaks in the middle N times;  /slow/PATH   a byte now and then;  /endless   without end
    /login/PATH       for `user` with `secret`;  /encoded/PATH   with Content-Encoding
    /git/REPO         repositories, by git http-backend
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import subprocess
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Answers that are not plain: with the announcement of another one, damaged, cut, in unknown encodings.
_OK = b"HTTP/1.1 200 OK\r\n"
_MANY = b"X: y\r\n" * 150
RAW = {
    "interim": b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" + _OK + b"Content-Length: 5\r\n\r\nhello",
    "several-interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n" + _OK + b"Content-Length: 5\r\n\r\nhello",
    "endless-interim": b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 200_000,
    "chunks": _OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    "chunks-cut": _OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunks-negative": _OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunks-damaged": _OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n",
    "short": _OK + b"Content-Length: 50\r\n\r\nhello",
    "negative": _OK + b"Content-Length: -5\r\n\r\nhello",
    "not-a-header": _OK + b"nonsense\r\nContent-Length: 5\r\n\r\nhello",
    "nul": _OK + b"X: a\0b\r\nContent-Length: 5\r\n\r\nhello",
    "half-a-status": b"HTTP/1.1 200",
    "no-head": b"hello",
    "nothing": b"",
    "unknown-encoding": _OK + b"Content-Encoding: xz\r\nContent-Length: 5\r\n\r\nhello",
    "not-gzip": _OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "many-headers": _OK + _MANY + b"Content-Length: 5\r\n\r\nhello",
    "too-many-headers": _OK + b"X: y\r\n" * 5001 + b"Content-Length: 5\r\n\r\nhello",
    "long-header": _OK + b"X: " + b"y" * 90_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    "too-long-header": _OK + b"X: " + b"y" * 110_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    "large-head": _OK + (b"X: " + b"y" * 29_000 + b"\r\n") * 10 + b"Content-Length: 5\r\n\r\nhello",
    "too-large-head": _OK + (b"X: " + b"y" * 31_000 + b"\r\n") * 10 + b"Content-Length: 5\r\n\r\nhello",
    "many-interim-headers": b"HTTP/1.1 103 Early Hints\r\n" + _MANY + b"\r\n" + _OK + _MANY + b"Content-Length: 5\r\n\r\nhello",
    "many-headers-away": b"HTTP/1.1 302 Found\r\n" + _MANY + b"Location: /files/plain/a\r\nContent-Length: 0\r\n\r\n",
    "many-headers-lost": b"HTTP/1.1 404 Not Found\r\n" + _MANY + b"Content-Length: 2\r\n\r\nno",
    "no-location": b"HTTP/1.1 302 Found\r\nLocation:\r\nContent-Length: 5\r\n\r\nhello",
    "two-locations": b"HTTP/1.1 302 Found\r\nLocation: /files/plain/a\r\nLocation: /files/plain/run\r\nContent-Length: 0\r\n\r\n",
}


class Server:
    """Serves *root* until it is closed; `requests` has what was asked: (method, path, headers)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.counts: Counter[str] = Counter()
        self.handlers: dict = {}
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_owner: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server_owner.requests.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        kind, _, rest = path[1:].partition("/")
        if kind != "git":
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
        handler = self.server_owner.handlers.get(kind) or getattr(self, f"_{kind}", None)
        try:
            if handler is None:
                self._answer(404, b"not here")
            elif kind in self.server_owner.handlers:
                handler(self, unquote(rest))
            else:
                handler(unquote(rest))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _read(self, rest: str) -> bytes | None:
        try:
            return (self.server_owner.root / rest).read_bytes()
        except OSError:
            return None

    def _files(self, rest: str, **headers: str) -> None:
        body = self._read(rest)
        if body is None:
            return self._answer(404, b"not here")
        etag = '"' + hashlib.sha1(body).hexdigest() + '"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.send_header("ETag", etag)
            self.end_headers()
            return None
        wanted = self.headers.get("Range", "")
        headers |= {"ETag": etag, "Accept_Ranges": "bytes"}
        if wanted.startswith("bytes=") and wanted.endswith("-") and self.headers.get("If-Range", etag) == etag:
            start = int(wanted[6:-1])
            return self._answer(206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}", **headers)
        return self._answer(200, body, **headers)

    def _plain(self, rest: str) -> None:
        body = self._read(rest)
        self._answer(200 if body is not None else 404, body or b"")

    def _to(self, rest: str) -> None:
        number, _, path = rest.partition("/")
        left = int(number) - 1
        self._answer(302, b"", Location=f"/to/{left}/{path}" if left > 0 else f"/files/{path}")

    def _elsewhere(self, _rest: str) -> None:
        self._answer(302, b"", Location=unquote(urlsplit(self.path).query))

    def _link(self, rest: str) -> None:
        self._files(rest, Link=f'<{self.server_owner.url}/files/{rest}>; rel="immutable"')

    def _leads(self, rest: str) -> None:
        code, _, path = rest.partition("/")
        link = f'<{self.server_owner.url}/files/{path}?rev={"1" * 40}>; rel="immutable"'
        self._answer(int(code), b"", Location=f"/files/{path}", Link=link)

    def _raw(self, rest: str) -> None:
        self.wfile.write(RAW[rest])
        self.close_connection = True

    def _status(self, rest: str) -> None:
        self._answer(int(rest), b"the body\n")

    def _fail(self, rest: str) -> None:
        key, times, code, path = rest.split("/", 3)
        self.server_owner.counts[key] += 1
        if self.server_owner.counts[key] <= int(times):
            return self._answer(int(code), b"later", Retry_After="0")
        return self._files(path)

    def _cut(self, rest: str) -> None:
        key, times, path = rest.split("/", 2)
        self.server_owner.counts[key] += 1
        if self.server_owner.counts[key] > int(times):
            return self._files(path)
        body = self._read(path) or b""
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"' + hashlib.sha1(body).hexdigest() + '"')
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : start + (len(body) - start) // 2])
        self.wfile.flush()
        self.close_connection = True
        return None

    def _slow(self, rest: str) -> None:
        body = self._read(rest) or b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(len(body)):
            self.wfile.write(body[at : at + 1])
            self.wfile.flush()
            time.sleep(0.05)

    def _endless(self, _rest: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b"\0" * 65536)

    def _login(self, rest: str) -> None:
        wanted = "Basic " + base64.b64encode(b"user:secret").decode()
        if self.headers.get("Authorization") != wanted:
            return self._answer(401, b"who are you?", WWW_Authenticate="Basic")
        return self._files(rest)

    def _encoded(self, rest: str) -> None:
        self._answer(200, gzip.compress(self._read(rest) or b"", mtime=0), Content_Encoding="gzip")

    def _git(self, _rest: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.server_owner.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": unquote(parts.path[4:]),
            "QUERY_STRING": parts.query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        status, headers = 200, {}
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            elif name:
                headers[name.replace("-", "_")] = value
        self._answer(status, content, **headers)
