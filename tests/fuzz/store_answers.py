"""Broken answers of daemons, of machines behind ssh and of binary caches, broken requests of clients, broken logs: each is refused with a clear error, or
means what it says.

    python tests/fuzz/store_answers.py --count 20000 --seed 1 [--format daemon|ssh-ng|serve|asked-daemon|asked-serve|s3|cache-info|cache-narinfo|…]

Input, output and rules are those of store_formats.py; what a cache sends and nobody has signed never becomes valid.
"""

from __future__ import annotations

import bz2
import contextlib
import io
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from conversation import FOLDER, answering, meet, talk, write_derivations
from server_duties import FakeDuties
from store_formats import Formats
from store_formats import main as run_all

from snowsnake.build.log import BuildLog
from snowsnake.build.substitution import Policy, Substituters
from snowsnake.fetch.cache_files import S3Files, Uploads
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.store.build_log import read_log
from snowsnake.store.daemon.build_results import BuildResult
from snowsnake.store.daemon.channel import Channel, SocketChannel
from snowsnake.store.daemon.connection import Garbage
from snowsnake.store.daemon.server import DaemonServer
from snowsnake.store.derivation import Derivation, DerivationOutput
from snowsnake.store.hash import Hash
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.nar import pack_contents
from snowsnake.store.path_info import PathInfo
from snowsnake.store.realisation import Realisation
from snowsnake.store.removal import remove
from snowsnake.store.signing import SecretKey
from snowsnake.store.ssh.remote import RemoteStore
from snowsnake.store.ssh.serve import ServeStore
from snowsnake.store.ssh.server import ServeServer
from snowsnake.store.trust import PublicKeys

REFUSALS = (ValueError, FetchFailure, OSError)
_HANG_S = 60
_KEY = SecretKey.new("fuzz-1")
_COMPRESSIONS = ("none", "xz", "bzip2", "zstd", "gzip")


# --- daemons

def check_daemon(data: bytes) -> None:
    """Each call finds something of its kind, or raises a DaemonError; nothing hangs."""
    texts: list[object] = []
    with tempfile.TemporaryDirectory() as folder, answering(data) as (path, _):
        write_derivations(folder)
        store = meet(path, folder, lambda text, is_log: texts.append(text))
        signal.alarm(_HANG_S)
        try:
            said = talk(store)
        finally:
            signal.alarm(0)
            if store._open is not None:
                store._open.close()
    assert len(said) == len(talked()) and all(isinstance(text, str) for text in texts)
    if said != talked():
        raise ValueError("refused")


@cache
def talked() -> list[str]:
    """The results of our calls with the recorded answers."""
    with tempfile.TemporaryDirectory() as folder, answering((FOLDER / "answered").read_bytes()) as (path, _):
        write_derivations(folder)
        return talk(meet(path, folder))


# --- machines behind ssh: their answers to us, and their requests to us

class _Recorded(Channel):
    """Bytes that the other side sent once; what we send goes nowhere, or is kept."""

    def __init__(self, data: bytes) -> None:
        self._file = tempfile.TemporaryFile()
        self._file.write(data)
        self._file.seek(0)
        self.receiving_fd = self._file.fileno()
        self.sending_fd = os.open("/dev/null", os.O_WRONLY)

    def recv(self, size: int) -> bytes:
        return os.read(self.receiving_fd, size)

    def send(self, data: memoryview) -> int:
        return len(data)

    def end_sending(self) -> None:
        """Ends a direction that nobody listens to."""

    def close(self) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            os.close(self.sending_fd)


class _Heard(SocketChannel):
    """One end of a conversation, which keeps what it sends."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.sent = bytearray()

    def send(self, data: memoryview) -> int:
        count = super().send(data)
        self.sent += data[:count]
        return count


class _Strict(DaemonServer):
    """A server that does not report our own fault as a fault of the client."""

    refusals = 0

    def _refuse(self, error: Exception) -> None:
        if not isinstance(error, REFUSALS):
            raise error
        self.refusals += 1
        super()._refuse(error)


def _ask_serve(store: ServeStore) -> None:
    """Every request of the serve protocol."""
    path, other = (f"/nix/store/{letter * 32}-x" for letter in "ab")
    store.valid_among([path, other], substitutes=True)
    archive = pack_contents(b"contents")
    info = PathInfo(path, "sha256:" + Hash.of_bytes(archive).base16, len(archive), [], signatures=["k:" + "A" * 86 + "=="])
    store.import_object(info, io.BytesIO(archive))
    store.info(path)
    store.info(other)
    with tempfile.TemporaryFile() as file:
        store.write_archive(path, file.fileno())
    with contextlib.suppress(ValueError):
        store.realise([f"/nix/store/{'c' * 32}-x.drv!out"])
    _send_derivation(store)


def _ask_daemon(store: RemoteStore) -> None:
    """Requests of the worker protocol, archives among them."""
    text = store.add_text("text", b"contents")
    store.add_text("user", f"uses {text}".encode(), [text])
    store.flush()
    archive = pack_contents(b"imported")
    info = PathInfo(f"/nix/store/{'a' * 32}-imported", "sha256:" + Hash.of_bytes(archive).base16, len(archive), [text])
    store.import_object(info, io.BytesIO(archive))
    store.add_archive("archive", pack_contents(b"packed" * 100))
    for path in (text, info.path, f"/nix/store/{'0' * 32}-none"):
        store.info(path)
    store.paths()
    store.referrers(text)
    store.path_with_hash(text[11:43])
    store.missing([f"/nix/store/{'1' * 32}-unknown"])
    store.add_signatures(text, ["key:" + "A" * 86 + "=="])
    store.register_realisation(Realisation(f"sha256:{'1' * 64}!out", text))
    store.realisation(f"sha256:{'1' * 64}!out")
    store.substitutable([text])
    store.find_roots()
    store.claim(info.path)
    store.read(info.path)
    store.collect_garbage(Garbage.TELL_DEAD)
    for wanted in ([f"/nix/store/{'1' * 32}-unknown"], [f"/nix/store/{'2' * 32}-x.drv!out"]):
        with contextlib.suppress(ValueError):
            store.realise(wanted)
    _send_derivation(store)


def _send_derivation(store: RemoteStore | ServeStore) -> None:
    drv = Derivation("x", "x86_64-linux", "/bin/sh", ["-c", "echo"], {"k": "v"}, {"out": DerivationOutput(f"/nix/store/{'3' * 32}-x")})
    assert isinstance(store.build_derivation(f"/nix/store/{'2' * 32}-x.drv", drv, []), BuildResult)


def _remote(channel: Channel) -> RemoteStore:
    return RemoteStore(lambda: channel, "ssh-ng://host")


def _serving(channel: Channel) -> ServeStore:
    return ServeStore(lambda: channel, "host", "ssh://host")


@cache
def _conversation(kind: str) -> tuple[bytes, bytes]:
    """The requests of our client to our server, and the answers."""
    ours, theirs = map(_Heard, socket.socketpair())
    with tempfile.TemporaryDirectory() as folder, LocalStore(folder, durable=False) as store:
        server = _served(kind, store, theirs)

        def serve() -> None:
            with contextlib.suppress(ValueError, OSError):
                server.run()
            theirs.close()

        thread = threading.Thread(target=serve)
        thread.start()
        client = _serving(ours) if kind == "serve" else _remote(ours)
        (_ask_serve if kind == "serve" else _ask_daemon)(client)      # type: ignore[arg-type]  # one for each
        client.close()
        ours.close()
        thread.join()
    return bytes(ours.sent), bytes(theirs.sent)


def _served(kind: str, store: LocalStore, channel: Channel, *, is_trusted: bool = True) -> ServeServer | DaemonServer:
    if kind == "serve":
        duties = FakeDuties(store, _KEY.public)
        return ServeServer(store, channel, is_writable=True, set_option=lambda name, text: None, failures=duties.failures)
    return _Strict(store, channel, FakeDuties(store, _KEY.public), is_trusted=is_trusted)


def check_remote(data: bytes) -> None:
    """With any answers, each call finds something of its kind, or says that it did not."""
    channel = _Recorded(data)
    store = _remote(channel)
    try:
        _ask_daemon(store)
    finally:
        store._waiting.clear()
        channel.close()


def check_serve(data: bytes) -> None:
    channel = _Recorded(data)
    try:
        _ask_serve(_serving(channel))
    finally:
        channel.close()


def _check_asked(kind: str, data: bytes, *, is_trusted: bool = True) -> None:
    """After any requests, each valid object is whole, and nothing else is left."""
    channel = _Recorded(data)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with LocalStore(folder, durable=False) as store:
                server = _served(kind, store, channel, is_trusted=is_trusted)
                try:
                    server.run()
                finally:
                    channel.close()
                    faults = store.verify()
                    names = {path.rpartition("/")[2] for path in store.paths()}
                    left = set(os.listdir(f"{folder}/nix/store")) - names - {".links"}
                assert faults == [] and left == set(), (faults, left)
                if isinstance(server, _Strict) and server.refusals:
                    raise ValueError("refused")
        finally:
            for name in os.listdir(f"{folder}/nix/store"):
                remove(f"{folder}/nix/store/{name}")


def check_asked_daemon(data: bytes) -> None:
    with contextlib.suppress(*REFUSALS):
        _check_asked("daemon", data, is_trusted=False)
    _check_asked("daemon", data)


def check_asked_serve(data: bytes) -> None:
    _check_asked("serve", data)


# --- buckets

class _Answer:
    """What a server of S3 answers."""

    def __init__(self, data: bytes) -> None:
        self.status = int(data[:3]) if data[:3].isdigit() else 200
        self.data = data
        self.headers = {"ETag": data[-20:].decode("latin-1")}


class _Bucket(S3Files):
    """A bucket whose server answers everything alike."""

    answer = b""

    def _request(self, method, url, body=None, headers=None, query=""):        # type: ignore[no-untyped-def,override]
        assert query.isprintable() and not set(' "<>') & set(query)
        return _Answer(self.answer)


def check_s3(data: bytes) -> None:
    """An upload in parts is complete or did not happen; no part of an answer gets into a request unchecked."""
    files = _Bucket("s3://bucket", "", Fetcher(Settings(environment={})), uploads=Uploads(True, 5 << 20, 10, ""))
    files.answer = data
    files.put("name.narinfo", io.BytesIO(b"contents" * 10), "text/plain")
    assert b"<UploadId>" in data and b"<Error>" not in data


_S3_ANSWERS = [
    b"<InitiateMultipartUploadResult><UploadId>abc+/=&amp;</UploadId></InitiateMultipartUploadResult>", b"200 <UploadId>1</UploadId><Key>k</Key>",
]


# --- caches

class World:
    """A cache with a signed object in each compression, and what it says."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="answers-")
        self.paths: dict[str, str] = {}
        self.contents: dict[str, bytes] = {}
        with LocalStore(f"{self.folder}/source", durable=False) as source:
            for method in _COMPRESSIONS:
                cache = BinaryCacheStore(FolderFiles(f"{self.folder}/cache"), "file:///", options=CacheOptions(method, keys=[_KEY]), is_writable=True)
                contents = f"contents, compressed by {method} ".encode() * 20
                path = source.add_text(f"object-{method}", contents)
                info = source.known(path)
                # Only its signature vouches for the object.
                info.ca = None
                with archive_of(source, path) as archive:
                    cache.import_object(info, archive)
                self.paths[method], self.contents[path] = path, contents

    def file(self, method: str, kind: str) -> str:
        narinfo = f"{self.folder}/cache/{self.paths[method].rpartition('/')[2][:32]}.narinfo"
        if kind == "narinfo":
            return narinfo
        [url] = [line[5:] for line in Path(narinfo).read_text().splitlines() if line.startswith("URL: ")]
        return f"{self.folder}/cache/{url}"

    def substitute(self, path: str) -> None:
        """Copies into a new store, where only what was signed becomes valid."""
        with tempfile.TemporaryDirectory() as folder:
            with LocalStore(folder, durable=False) as store:
                options = CacheOptions("none")
                open_stores = lambda: [BinaryCacheStore(FolderFiles(f"{self.folder}/cache"), "file:///", options=options)]  # noqa: E731
                substituters = Substituters(open_stores, Policy(PublicKeys.parse([_KEY.public])))
                offers = substituters.ask([path])
                faults = substituters.fetch(store, offers.values(), lambda: None)
                assert store.verify() == []
                assert set(store.paths()) <= set(self.contents)
                for found in store.paths():
                    assert store.read(found) == self.contents[found]
                is_valid = store.is_valid(path)
            remove(folder)
            os.mkdir(folder)
        for fault in faults.values():
            raise fault
        if not is_valid:
            raise ValueError("not offered")


@cache
def world() -> World:
    return World()


def with_file(path: str, data: bytes, call: Callable[[], None]) -> None:
    """Calls while a file of the cache has other contents."""
    before = Path(path).read_bytes()
    Path(path).write_bytes(data)
    try:
        call()
    finally:
        Path(path).write_bytes(before)


def check_cache_info(data: bytes) -> None:
    with_file(f"{world().folder}/cache/nix-cache-info", data, lambda: world().substitute(world().paths["none"]))


def check_narinfo(data: bytes) -> None:
    """The first line of a narinfo names its object, as far as it is readable."""
    method = next((method for method in _COMPRESSIONS if f"object-{method}\n".encode() in data), "none")
    with_file(world().file(method, "narinfo"), data, lambda: world().substitute(world().paths[method]))


def check_archive(data: bytes) -> None:
    method = {b"\xfd7": "xz", b"BZ": "bzip2", b"\x28\xb5": "zstd", b"\x1f\x8b": "gzip"}.get(data[:2], "none")
    with_file(world().file(method, "archive"), data, lambda: world().substitute(world().paths[method]))


def check_realisation(data: bytes) -> None:
    """A realisation is believed only if it is signed: then it says what was signed."""
    key = _realisation().key
    folder = f"{world().folder}/cache/realisations"
    os.makedirs(folder, exist_ok=True)
    Path(folder, f"{key}.doi").write_bytes(data)
    cache = BinaryCacheStore(FolderFiles(f"{world().folder}/cache"), "file:///", options=CacheOptions("none"))
    found = cache.realisation(key)
    assert found is not None and found.key == key
    assert Realisation.from_json(found.to_json(), "/nix/store") == Realisation(key, found.path, sorted(found.signatures))
    if PublicKeys.parse([_KEY.public]).trust_realisation(found):
        assert found.path == _realisation().path


@cache
def _realisation() -> Realisation:
    found = Realisation("sha256:" + "1" * 64 + "!out", world().paths["xz"])
    found.sign(_KEY)
    return found


# --- logs

def check_log(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "log.bz2").write_bytes(data)
        assert isinstance(read_log(f"{folder}/log"), bytes)


def check_builder(data: bytes) -> None:
    """Whatever a builder writes, in whatever pieces, is kept as it is, and shown as text."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        log = BuildLog("/nix/store/" + "0" * 32 + "-x.drv", folder, 10, lines.append)
        for start in range(0, len(data), 7):
            log.write(data[start : start + 7])
        log.close()
        assert read_log(f"{folder}/drvs/00/{'0' * 30}-x.drv") == data
    assert all("\n" not in line for line in lines) and list(log.tail) == lines[-10:]
    "".join(lines).encode()


def _samples(kind: str) -> list[bytes]:
    return [Path(world().file(method, kind)).read_bytes() for method in _COMPRESSIONS]


def _realisations() -> list[bytes]:
    import json

    return [json.dumps(_realisation().to_json()).encode()]


FORMATS: Formats = {
    "daemon": (lambda: [(FOLDER / "answered").read_bytes()], check_daemon),
    "ssh-ng": (lambda: [_conversation("daemon")[1]], check_remote),
    "serve": (lambda: [_conversation("serve")[1]], check_serve),
    "asked-daemon": (lambda: [_conversation("daemon")[0]], check_asked_daemon),
    "asked-serve": (lambda: [_conversation("serve")[0]], check_asked_serve),
    "s3": (lambda: _S3_ANSWERS, check_s3),
    "cache-info": (lambda: [Path(f"{world().folder}/cache/nix-cache-info").read_bytes(), b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n"], check_cache_info),
    "cache-narinfo": (lambda: _samples("narinfo"), check_narinfo),
    "cache-archive": (lambda: _samples("archive"), check_archive),
    "realisation": (_realisations, check_realisation),
    "log": (lambda: [bz2.compress(b"line\nand another\n" * 100), bz2.compress(b"")], check_log),
    "builder": (lambda: [b"one\ntwo\r\n\x1b[31mred\x1b[0m\n@nix {\"action\":\"setPhase\",\"phase\":\"x\"}\nlast", "Grüße\n".encode()], check_builder),
}


if __name__ == "__main__":
    sys.exit(run_all(__doc__, FORMATS, REFUSALS))
