"""A binary cache behind a web server on the loopback interface, and the objects that the tests of caches put into it."""

import http.server
import os
import re
import threading

from snowsnake.fetch.cache_files import HttpFiles
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.store.interface import archive_of
from snowsnake.store.signing import SecretKey

KEY = SecretKey.new("test-1")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for a `Server`, its *owner*."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        path = os.path.join(self.server.owner.folder, self.path[1:])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        self.answer(201, b"")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        name = self.path[1:]
        self.server.owner.requests.append(name)
        if name in self.server.owner.answers:
            self.answer(*self.server.owner.answers[name])
            return
        path = os.path.join(self.server.owner.folder, name)
        if not os.path.isfile(path):
            self.answer(404, b"")
            return
        with open(path, "rb") as file:
            data = file.read()
        start = 0
        if "Range" in self.headers:
            self.server.owner.ranges.append(self.headers["Range"])
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
        self.send_response(206 if start else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"1"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.owner.cuts and name.startswith("nar/"):
            self.server.owner.cuts -= 1
            self.wfile.write(data[start : start + (len(data) - start) // 2])
            self.close_connection = True
            return
        self.wfile.write(data[start:])

    def answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


class Server:
    """Files of a folder, as a web server has them; *cuts*: how many answers end half-way; *requests*: the requests so far."""

    def __init__(self, folder, cuts=0, answers=None):
        self.folder = folder
        self.requests = []
        self.ranges = []
        self.cuts = cuts
        # A name leads to (status, bytes), which are sent instead of a file.
        self.answers = answers or {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.owner = self
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()


def add_objects(store, tmp_path):
    """(a text, a folder, an object with a reference) in a store."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "file").write_bytes(os.urandom(1_000_000))
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)
    (folder / "link").symlink_to("file")
    tree = store.add_source("tree", str(folder))
    text = store.add_text("greeting", b"hello")
    return text, tree, store.add_text("user", f"uses {text}".encode(), [text])


def fill(store, cache, paths):
    for path in paths:
        with archive_of(store, path) as archive:
            cache.import_object(store.known(path), archive)


def settings(**given):
    found = Settings(environment={})
    for name, value in {"download-attempts": "3", **given}.items():
        found.set(name, value)
    return found


def http_cache(url, warnings=None, remembered=None, **options):
    fetcher = Fetcher(settings(), on_warning=(warnings if warnings is not None else []).append)
    return BinaryCacheStore(HttpFiles(url, fetcher), url, options=CacheOptions(**options), remembered=remembered)


def changed(text, key, value):
    return re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
