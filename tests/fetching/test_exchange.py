"""Small files of a web server, many requested at once: with every form of answer the contents are those of one request after the other."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from snowsnake.fetch.cache_files import HttpFiles
from snowsnake.fetch.exchange import Exchange, PlainLink
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("openssl",)

_NAMES = [f"nar/file-{number}" for number in range(60)]


def contents(name):
    return name.encode() * 50


SERVERS: list[Server] = []


@pytest.fixture(autouse=True)
def servers_end():
    yield
    while SERVERS:
        SERVERS.pop().close()


class Server:
    """*answer*: (name, number of the request on its connection) → (bytes to send, whether the connection stays open)."""

    def __init__(self, answer, context=None):
        self.answer, self.context = answer, context
        self.requests: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"
        # How many connections neither side has closed.
        self.open_count = 0
        self._lock = threading.Lock()
        SERVERS.append(self)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        # Now `accept` returns.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def count(self, change):
        with self._lock:
            self.open_count += change

    def is_left(self):
        """Whether all connections are closed within five seconds."""
        end = time.monotonic() + 5
        while self.open_count and time.monotonic() < end:
            time.sleep(0.01)
        return not self.open_count

    def serve(self, connection):
        self.count(1)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(self.count, -1)
            stack.callback(connection.close)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                stack.callback(connection.close)
            data, number = b"", 0
            while True:
                while b"\r\n\r\n" not in data:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    data += piece
                head, _, data = data.partition(b"\r\n\r\n")
                name = head.split(b" ")[1].decode()[1:]
                self.requests.append(name)
                sent, stays = self.answer(name, number)
                connection.sendall(sent)
                number += 1
                if not stays:
                    return


def whole(body, status="200 OK", version="1.1", extra=""):
    return f"HTTP/{version} {status}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


def plain(name, number):
    return whole(contents(name)), True


def chunked(name, number):
    body = contents(name)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n", True


def old(name, number):
    return whole(contents(name), version="1.0"), False


def says_that_it_closes(name, number):
    return whole(contents(name), extra="Connection: close\r\n"), False


def closes_without_a_word(name, number):
    return whole(contents(name)), number < 2


def redirects(name, number):
    if name.startswith("elsewhere/"):
        return whole(contents(name.removeprefix("elsewhere/"))), True
    return whole(b"", "302 Found", extra=f"Location: /elsewhere/{name}\r\n"), True


def compressed(name, number):
    import gzip

    return whole(gzip.compress(contents(name)), extra="Content-Encoding: gzip\r\n"), True


def without_length(name, number):
    return b"HTTP/1.1 200 OK\r\n\r\n" + contents(name), False


def files_of(url, *given):
    settings = Settings(environment={})
    for name, value in (("download-attempts", "3"), *given):
        settings.set(name, value)
    return HttpFiles(url, Fetcher(settings))


_ANSWERS = [plain, chunked, old, says_that_it_closes, closes_without_a_word, redirects, compressed, without_length]


@pytest.mark.parametrize("answer", _ANSWERS, ids=lambda answer: answer.__name__)
def test_every_form_of_answer_leads_to_the_same_contents(answer):
    server = Server(answer)
    with contextlib.closing(files_of(server.url)) as files:
        # Connections that were idle meanwhile are used again.
        for _ in range(2):
            assert files.get_many(_NAMES) == {name: contents(name) for name in _NAMES}


def test_no_connection_stays_open_after_an_unusual_answer():
    server = Server(lambda name, number: chunked(name, number) if name == _NAMES[40] else plain(name, number))
    with contextlib.closing(files_of(server.url)) as files:
        assert files.get_many(_NAMES) == {name: contents(name) for name in _NAMES}
    assert server.is_left()


def test_a_connection_that_opens_too_late_is_closed():
    server = Server(plain)
    is_closed, has_opened = threading.Event(), threading.Event()

    def connect():
        is_closed.wait()
        try:
            return PlainLink("127.0.0.1", server.listener.getsockname()[1], 5)
        finally:
            has_opened.set()

    exchange = Exchange(connect, 1, 1000, 0, lambda: None)
    exchange.ask("a", b"GET /a HTTP/1.1\r\n\r\n")
    exchange.send()
    exchange.close()
    is_closed.set()
    assert has_opened.wait(5)
    while not server.open_count and not server.requests and exchange._opened.qsize():
        time.sleep(0.001)
    assert server.is_left()


def test_a_file_that_was_cut_is_asked_for_again():
    cut = [_NAMES[7]]

    def answer(name, number):
        data = whole(contents(name), extra="Accept-Ranges: bytes\r\n")
        if name not in cut:
            return data, True
        cut.clear()
        return data[:-10], False

    server = Server(answer)
    with contextlib.closing(files_of(server.url)) as files:
        assert files.get_many(_NAMES) == {name: contents(name) for name in _NAMES}


def test_each_file_is_asked_for_once():
    server = Server(lambda name, number: (whole(b"no", "404 Not Found"), True) if name.endswith("3") else plain(name, number))
    with contextlib.closing(files_of(server.url)) as files:
        assert files.get_many(_NAMES) == {name: None if name.endswith("3") else contents(name) for name in _NAMES}
    assert sorted(server.requests) == sorted(_NAMES)


def test_what_follows_from_answers_is_asked_for():
    server = Server(plain)

    def follow(name, data):
        number = int(name.rpartition("-")[2])
        return [f"nar/file-{number + 1}", f"nar/file-{number // 2}"] if number < 40 else []

    with contextlib.closing(files_of(server.url)) as files:
        assert files.get_many(["nar/file-0"], follow) == {f"nar/file-{number}": contents(f"nar/file-{number}") for number in range(41)}


def test_lies_about_a_length_are_found():
    server = Server(lambda name, number: (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx", False))
    with contextlib.closing(files_of(server.url, ("download-attempts", "1"))) as files, pytest.raises(ValueError, match="unable to download"):
        files.get_many(_NAMES)


def test_a_server_that_is_silent_is_given_up():
    server = Server(lambda name, number: (b"", True))
    given = files_of(server.url, ("download-attempts", "1"), ("stalled-download-timeout", "1"))
    with contextlib.closing(given) as files, pytest.raises(ValueError, match=r"Timeout was reached \(28\)"):
        files.get_many(_NAMES[:3])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, str(folder / "cert.pem")


def test_many_files_come_through_tls(certificate):
    context, file = certificate
    server = Server(plain, context)
    with contextlib.closing(files_of(server.url, ("ssl-cert-file", file))) as files:
        assert files.get_many(_NAMES) == {name: contents(name) for name in _NAMES}
    assert sorted(server.requests) == sorted(_NAMES)


def test_a_certificate_that_nobody_trusts_is_refused(certificate):
    server = Server(plain, certificate[0])
    given = files_of(server.url, ("download-attempts", "1"))
    with contextlib.closing(given) as files, pytest.raises(ValueError, match=r"certificate or SSH remote key was not OK \(60\)"):
        files.get_many(_NAMES)
    assert server.requests == []
