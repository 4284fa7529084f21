"""Downloads through proxies and TLS, ages of what was downloaded, and the line on a terminal: real servers on loopback, a real pseudo-terminal."""

import json
import os
import pty
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from conftest import SOURCE
from fetch_server import Server

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("openssl", "git")
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def plain(tmp_path, monkeypatch):
    for name in _PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_bytes(b"contents\n")
    server = Server(root)
    yield server
    server.close()


def fetched(cache: Path, url: str, *settings: tuple[str, str], **options) -> bytes:
    values = Settings()
    values.set("connect-timeout", "5")
    values.set("download-attempts", "1")
    for name, text in settings:
        values.set(name, text)
    fetcher = Fetcher(values, cache_folder=str(cache), on_warning=lambda text: None, **options)
    try:
        return fetcher.fetch_url(url, "x", None, False)[1].read(b"")
    finally:
        fetcher.close()


# ---- proxies ----------------------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy, with CONNECT; `asked` has the requests."""

    def __init__(self, login: str = "") -> None:
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def refused(self) -> bool:
                if login and self.headers["Proxy-Authorization"] != login:
                    self.send_error(407)
                    return True
                owner.asked.append(f"{self.command} {self.path}")
                return False

            def do_GET(self) -> None:
                if not self.refused():
                    with build_opener(ProxyHandler({})).open(self.path) as answer:
                        body = answer.read()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def do_CONNECT(self) -> None:
                if self.refused():
                    return
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port))) as there:
                    self.send_response(200)
                    self.end_headers()
                    pairs = {self.connection: there, there: self.connection}
                    while True:
                        for ready in select.select(list(pairs), [], [], 30)[0]:
                            data = ready.recv(65536)
                            if not data:
                                self.close_connection = True
                                return
                            pairs[ready].sendall(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_is_used(name, scheme, proxy, plain, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(name, scheme + proxy.place)
    url = f"{plain.url}/files/a"
    # curl does not read HTTP_PROXY, because a request to a CGI program could set it.
    if name == "HTTP_PROXY":
        assert fetched(tmp_path / "c", url) == b"contents\n" and proxy.asked == []
        return
    assert fetched(tmp_path / "c", url) == b"contents\n"
    assert proxy.asked == [f"GET {url}"]


@pytest.mark.parametrize(
    ("exceptions", "is_used"),
    [("127.0.0.1", False), ("*", False), ("localhost, 127.0.0.1", False), ("other.example", True), ("127.0.0.10", True), ("0.0.1", True), ("127.0.0.0/8", False), ("10.0.0.0/8", True), ("x, *", True)],
)
def test_exceptions_from_the_proxy_are_fetched_without_it(exceptions, is_used, proxy, plain, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", proxy.place)
    monkeypatch.setenv("no_proxy", exceptions)
    assert fetched(tmp_path / "c", f"{plain.url}/files/a") == b"contents\n"
    assert bool(proxy.asked) == is_used


def test_a_proxy_gets_the_password_of_its_url(plain, tmp_path, monkeypatch) -> None:
    proxy = Proxy("Basic dXNlcjpzZWNyZXQ=")
    monkeypatch.setenv("http_proxy", f"http://user:secret@{proxy.place}")
    assert fetched(tmp_path / "c", f"{plain.url}/files/a") == b"contents\n" and len(proxy.asked) == 1
    monkeypatch.setenv("http_proxy", f"http://user:wrong@{proxy.place}")
    with pytest.raises(FetchFailure, match="HTTP error 407|407"):
        fetched(tmp_path / "d", f"{plain.url}/files/a")
    proxy.close()


def test_a_proxy_that_is_not_there_is_a_clear_error(plain, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "127.0.0.1:1")
    with pytest.raises(FetchFailure, match=r"Could not connect to server \(7\)"):
        fetched(tmp_path / "c", f"{plain.url}/files/a")
    assert plain.requests == []


# ---- TLS --------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(plain, tmp_path):
    """(address, certificate) of a server whose certificate it signed itself."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(plain.root)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    yield server.url.replace("http:", "https:"), str(certificate)
    server.close()


def test_unknown_certificates_are_refused(tls, tmp_path) -> None:
    url, certificate = tls
    with pytest.raises(FetchFailure, match=r"SSL peer certificate or SSH remote key was not OK \(60\)"):
        fetched(tmp_path / "c", f"{url}/files/a")
    assert fetched(tmp_path / "c", f"{url}/files/a", ("ssl-cert-file", certificate)) == b"contents\n"
    with pytest.raises(FetchFailure):
        fetched(tmp_path / "d", f"{url}/files/a", ("ssl-cert-file", str(tmp_path / "none")))


@pytest.mark.parametrize("name", ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"])
def test_certificates_named_by_the_environment_are_trusted(name, tls, tmp_path) -> None:
    url, certificate = tls
    values = Settings.load({name: certificate, "HOME": str(tmp_path), "NIX_CONF_DIR": str(tmp_path)})
    fetcher = Fetcher(values, cache_folder=str(tmp_path / "c"))
    assert fetcher.fetch_url(f"{url}/files/a", "x", None, False)[1].read(b"") == b"contents\n"
    fetcher.close()


def test_tls_works_through_a_proxy(tls, proxy, tmp_path, monkeypatch) -> None:
    url, certificate = tls
    monkeypatch.setenv("https_proxy", f"http://{proxy.place}")
    assert fetched(tmp_path / "c", f"{url}/files/a", ("ssl-cert-file", certificate)) == b"contents\n"
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')}"]


def test_no_redirect_from_tls_to_files_of_this_machine(tls, tmp_path) -> None:
    url, certificate = tls
    with pytest.raises(FetchFailure, match="file|Protocol"):
        fetched(tmp_path / "c", f"{url}/elsewhere?file:///etc/passwd", ("ssl-cert-file", certificate))


# ---- how old it may be ------------------------------------------------------------------------------------------


def test_a_download_is_used_until_it_is_too_old(plain, tmp_path) -> None:
    url, cache, root = f"{plain.url}/plain/a", tmp_path / "c", plain.root
    assert fetched(cache, url) == b"contents\n"
    (root / "a").write_bytes(b"changed\n")
    asked = len(plain.requests)
    assert fetched(cache, url) == b"contents\n" and len(plain.requests) == asked
    assert fetched(cache, url, ("tarball-ttl", "100000")) == b"contents\n" and len(plain.requests) == asked
    assert fetched(cache, url, ("tarball-ttl", "0")) == b"changed\n" and len(plain.requests) > asked
    (root / "a").write_bytes(b"again\n")
    asked = len(plain.requests)
    assert fetched(cache, url, ("tarball-ttl", "0"), is_offline=True) == b"changed\n" and len(plain.requests) == asked
    with pytest.raises(FetchFailure, match="--offline"):
        fetched(cache, f"{plain.url}/plain/other", is_offline=True)


CODE = "import sys; from snowsnake.cli.nix.main import main; sys.exit(main())"


def nix(words: list[str], tmp_path: Path, **options):
    environment = os.environ | {"PYTHONPATH": SOURCE, "SNOWSNAKE_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path), "NIX_CONF_DIR": str(tmp_path)}
    start = [sys.executable, "-c", CODE, "--extra-experimental-features", "nix-command flakes"]
    return subprocess.Popen([*start, *words], env=environment, stdout=subprocess.PIPE, **options)


def test_options_refresh_and_forbid_downloads(plain, tmp_path) -> None:
    root = plain.root

    def said(*words: str) -> bytes:
        expression = f'builtins.readFile (builtins.fetchurl "{plain.url}/plain/a")'
        process = nix(["eval", "--impure", "--raw", *words, "--expr", expression], tmp_path, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out

    assert said() == b"contents\n"
    (root / "a").write_bytes(b"changed\n")
    assert said() == b"contents\n" == said("--offline", "--refresh") == said("--option", "tarball-ttl", "9999")
    assert said("--refresh") == b"changed\n" == said()


# ---- the terminal -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain_terminal", [False, True])
def test_a_terminal_shows_a_line_of_progress(plain_terminal, plain, tmp_path, monkeypatch) -> None:
    (plain.root / "large").write_bytes(os.urandom(3 << 20))

    def slow(handler, rest: str) -> None:
        data = (plain.root / "large").read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for at in range(0, len(data), 1 << 18):
            handler.wfile.write(data[at : at + (1 << 18)])
            time.sleep(0.1)

    plain.handlers["drip"] = slow
    monkeypatch.setenv("TERM", "dumb" if plain_terminal else "xterm-256color")
    ours, theirs = pty.openpty()
    expression = f'builtins.stringLength (builtins.fetchurl "{plain.url}/drip/large")'
    process = nix(["eval", "--impure", "--expr", expression], tmp_path, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and out.strip().isdigit()
    text = seen.decode("utf-8", "replace")
    assert "Traceback" not in text
    if not plain_terminal:
        # The line has bytes and their rate.
        assert "downloading" in text and "MB" in text and "/s" in text
        # The line is removed again.
        assert text.rstrip("\r\n").endswith(("\x1b[2K", "\x1b[?25h")) or "\x1b[2K" in text


def test_archives_as_flakes_are_checked_by_their_hash(tmp_path) -> None:
    """A wrong hash ends a command with 102; `flake prefetch` calls an archive by its hash.  Both as 2.34.8."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/flake.nix").write_text("{ outputs = _: { x = 1; }; }")
    subprocess.run(["tar", "-cf", tmp_path / "tree.tar", "-C", tmp_path, "tree"], check=True)
    url = f"tarball+file://{tmp_path}/tree.tar"
    wrong = "sha256-qQ2Zz+DNHPUrTeJTNAIE3XG5h8tLbbPMpMGV2DtL4VE="
    process = nix(["eval", f"{url}?narHash={wrong}#x"], tmp_path, stderr=subprocess.PIPE)
    assert b"NAR hash mismatch in input" in process.communicate(timeout=120)[1] and process.returncode == 102
    process = nix(["flake", "prefetch", "--json", "--flake-registry", "", url], tmp_path, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=120)
    found = json.loads(out)
    assert found["locked"]["narHash"] == found["hash"] and "narHash" not in found["original"], err


def test_a_fingerprint_names_what_is_in_an_archive() -> None:
    """The server may say of an archive which revision it is (`rel="immutable"`): its hash names it, as with 2.34.8."""
    from snowsnake.fetch import Fetcher, Input
    from snowsnake.flake.facts import _source_fingerprint
    from snowsnake.settings import Settings

    fetcher = Fetcher(Settings())
    hash_text = "sha256-qQ2Zz+DNHPUrTeJTNAIE3XG5h8tLbbPMpMGV2DtL4VE="
    known = {"rev": "1" * 40, "narHash": hash_text}
    assert _source_fingerprint(Input.from_attrs({"type": "tarball", "url": "https://h/a.tar", **known}), "", fetcher) == hash_text
    assert _source_fingerprint(Input.from_attrs({"type": "path", "path": "/a", **known}), "", fetcher) == f"path:{hash_text}"
    assert _source_fingerprint(Input.from_attrs({"type": "github", "owner": "o", "repo": "r", **known}), "", fetcher) == "1" * 40


def test_a_registry_that_cannot_be_downloaded_is_one_line(tmp_path) -> None:
    """Nobody asked for the registry as an input, so the error has no line of one, as in 2.34.8."""
    url = "http://127.0.0.1:1/registry.json"
    for words in (["registry", "list"], ["flake", "metadata", "nosuch"]):
        process = nix([*words, "--option", "flake-registry", url, "--option", "download-attempts", "1"], tmp_path, stderr=subprocess.PIPE)
        err = process.communicate(timeout=120)[1].decode()
        assert process.returncode == 1 and err.startswith(f"error: unable to download '{url}': Could not connect to server (7)"), err
