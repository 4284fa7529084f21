"""Broken answers of daemons and binary caches, and broken logs: each is refused with a clear error, or means what it says.

    python tests/fuzz/store_answers.py --count 20000 --seed 1 [--format daemon|cache-info|cache-narinfo|cache-archive|realisation|log|builder]

In, out and rules as of store_formats.py; what a cache sends and nobody has signed never becomes valid.
"""

from __future__ import annotations

import bz2
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from conversation import FOLDER, answering, meet, talk, write_derivations
from store_formats import Formats
from store_formats import main as run_all

from snowsnake.build.log import BuildLog
from snowsnake.build.substitution import Policy, Substituters
from snowsnake.fetch.errors import FetchError
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheOptions
from snowsnake.store.build_log import read_log
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.realisation import Realisation
from snowsnake.store.removal import remove
from snowsnake.store.signing import SecretKey
from snowsnake.store.trust import Keys

REFUSALS = (ValueError, FetchError, OSError)
_HANG_S = 60
_KEY = SecretKey.new("fuzz-1")
_COMPRESSIONS = ("none", "xz", "bzip2", "zstd", "gzip")


# --- daemons

def check_daemon(data: bytes) -> None:
    """Each call finds something of its kind, or a DaemonError tells that it did not; nothing hangs."""
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
    """What comes of the answers as they were recorded."""
    with tempfile.TemporaryDirectory() as folder, answering((FOLDER / "answered").read_bytes()) as (path, _):
        write_derivations(folder)
        return talk(meet(path, folder))


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
                info.ca = None             # only its signature speaks for it
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
        """Into a new store, where only what was signed becomes valid."""
        with tempfile.TemporaryDirectory() as folder:
            with LocalStore(folder, durable=False) as store:
                options = CacheOptions("none")
                open_stores = lambda: [BinaryCacheStore(FolderFiles(f"{self.folder}/cache"), "file:///", options=options)]  # noqa: E731
                substituters = Substituters(open_stores, Policy(Keys.parse([_KEY.public])))
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
    """A file of the cache says something else for a while."""
    before = Path(path).read_bytes()
    Path(path).write_bytes(data)
    try:
        call()
    finally:
        Path(path).write_bytes(before)


def check_cache_info(data: bytes) -> None:
    with_file(f"{world().folder}/cache/nix-cache-info", data, lambda: world().substitute(world().paths["none"]))


def check_narinfo(data: bytes) -> None:
    """Whose narinfo it is, its first line tells, as far as it is readable."""
    method = next((method for method in _COMPRESSIONS if f"object-{method}\n".encode() in data), "none")
    with_file(world().file(method, "narinfo"), data, lambda: world().substitute(world().paths[method]))


def check_archive(data: bytes) -> None:
    method = {b"\xfd7": "xz", b"BZ": "bzip2", b"\x28\xb5": "zstd", b"\x1f\x8b": "gzip"}.get(data[:2], "none")
    with_file(world().file(method, "archive"), data, lambda: world().substitute(world().paths[method]))


def check_realisation(data: bytes) -> None:
    """Believed only if it is signed: then it says what was signed."""
    key = _realisation().key
    folder = f"{world().folder}/cache/realisations"
    os.makedirs(folder, exist_ok=True)
    Path(folder, f"{key}.doi").write_bytes(data)
    cache = BinaryCacheStore(FolderFiles(f"{world().folder}/cache"), "file:///", options=CacheOptions("none"))
    found = cache.realisation(key)
    assert found is not None and found.key == key
    assert Realisation.from_json(found.to_json(), "/nix/store") == Realisation(key, found.path, sorted(found.signatures))
    if Keys.parse([_KEY.public]).trust_realisation(found):
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
    "cache-info": (lambda: [Path(f"{world().folder}/cache/nix-cache-info").read_bytes(), b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n"], check_cache_info),
    "cache-narinfo": (lambda: _samples("narinfo"), check_narinfo),
    "cache-archive": (lambda: _samples("archive"), check_archive),
    "realisation": (_realisations, check_realisation),
    "log": (lambda: [bz2.compress(b"line\nand another\n" * 100), bz2.compress(b"")], check_log),
    "builder": (lambda: [b"one\ntwo\r\n\x1b[31mred\x1b[0m\n@nix {\"action\":\"setPhase\",\"phase\":\"x\"}\nlast", "Grüße\n".encode()], check_builder),
}


if __name__ == "__main__":
    sys.exit(run_all(__doc__, FORMATS, REFUSALS))
