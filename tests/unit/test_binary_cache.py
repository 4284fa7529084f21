"""Binary caches in folders and behind web servers: read, written, believed or not, and as substituters of builds.

The servers are real, on the loopback interface; some of them lie.
"""

import base64
import contextlib
import gzip
import http.server
import importlib.util
import io
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from snowsnake.fetch.cache_files import HttpFiles
from snowsnake.fetch.fetcher import Fetcher
from snowsnake.settings import Settings
from snowsnake.store import nar
from snowsnake.store.binary_cache.compressed import compress, unpacked
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.remembered import Remembered
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheFault, CacheOptions, Gone
from snowsnake.store.decompress import _Lzip, decompressed
from snowsnake.store.hash import Hash
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path_info import PathInfo
from snowsnake.store.signing import SecretKey
from snowsnake.store.trust import PublicKeys

KEY = SecretKey.new("test-1")
LZ4 = pytest.param("lz4", marks=pytest.mark.skipif(importlib.util.find_spec("lz4") is None, reason="the package lz4 is not installed"))
COMPRESSIONS = ["none", "xz", "bzip2", "zstd", "gzip", "lzma", LZ4]


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
    """Files of a folder, as a web server has them; *cuts*: how many answers end half-way; *requests*: what was asked for."""

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


@pytest.fixture
def store(tmp_path):
    with LocalStore(tmp_path / "store") as found:
        yield found


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


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_was_written_is_read(store, tmp_path, compression):
    paths = add_objects(store, tmp_path)
    folder = str(tmp_path / "cache")
    options = CacheOptions(compression=compression, keys=[KEY], writes_listing=True)
    fill(store, BinaryCacheStore(FolderFiles(folder), "file://" + folder, options=options, is_writable=True), paths)
    cache = BinaryCacheStore(FolderFiles(folder), "file://" + folder)
    assert cache.paths() == sorted(paths)
    keys = PublicKeys.parse([KEY.public])
    for path in paths:
        found, known = cache.known(path), store.known(path)
        assert (found.nar_hash, found.nar_size, found.references, found.ca) == (known.nar_hash, known.nar_size, known.references, known.ca)
        assert keys.signed(found, found.signatures[0], "/nix/store")
        with archive_of(store, path) as ours, cache.open_archive(path) as theirs:
            assert ours.read() == theirs.read()
    assert cache.read(paths[1] + "/program") == b"#!/bin/sh\n"
    with open(os.path.join(folder, os.path.basename(paths[1])[:32] + ".ls")) as file:
        assert sorted(json.load(file)["root"]["entries"]) == ["file", "link", "program"]
    with open(os.path.join(folder, "nix-cache-info")) as file:
        assert file.read() == "StoreDir: /nix/store\n"


def test_nothing_is_written_without_what_it_refers_to(store, tmp_path):
    text, _, user = add_objects(store, tmp_path)
    cache = BinaryCacheStore(FolderFiles(str(tmp_path / "cache")), "file:///cache", is_writable=True)
    with pytest.raises(ValueError, match=f"cannot add '{user}' to the binary cache because the reference '{text}' is not valid"):
        fill(store, cache, [user])


def test_a_web_server_is_asked_once(store, tmp_path):
    paths = add_objects(store, tmp_path)
    folder = str(tmp_path / "cache")
    fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", is_writable=True), paths)
    (tmp_path / "cache/nix-cache-info").write_text("StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n")
    place = str(tmp_path / "remembered.sqlite")
    absent = "/nix/store/" + "0" * 32 + "-x"
    with Server(folder) as server:
        for turn in range(2):
            cache = http_cache(server.url, remembered=Remembered(100, 100, 100, place))
            cache.ask([*paths, absent])
            assert [cache.is_valid(path) for path in (*paths, absent)] == [True, True, True, False]
            assert (cache.priority, cache.wants_mass_query) == (30, True)
            assert cache.known(paths[2]).references == [paths[0]]
            # The second time, nothing is asked.
            assert len(server.requests) == 5, turn
        # what is not to be believed any more is asked again
        cache = http_cache(server.url, remembered=Remembered(100, 0, 0, place))
        cache.ask([paths[0], absent])
        assert len(server.requests) == 7
    with contextlib.closing(sqlite3.connect(place)) as database:
        rows = database.execute("select namePart, present, narSize from NARs order by namePart").fetchall()
    assert (None, 0, None) in rows and ("greeting", 1, 120) in rows


def test_a_cut_download_goes_on_where_it_was_cut(store, tmp_path):
    _, tree, _ = add_objects(store, tmp_path)
    folder = str(tmp_path / "cache")
    fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions("none"), is_writable=True), [tree])
    warnings = []
    with Server(folder, cuts=2) as server:
        cache = http_cache(server.url, warnings)
        with cache.open_archive(tree) as archive, archive_of(store, tree) as own:
            assert archive.read() == own.read()
    assert len(server.ranges) == 2 and all("retrying from offset" in text for text in warnings)


def changed(text, key, value):
    return re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("NarSize", "119", "size mismatch importing path"),
        ("NarSize", "121", "size mismatch importing path"),
        ("NarHash", "sha256:" + "0" * 52, "hash mismatch importing path"),
        ("Compression", "zstd", "it is not compressed with zstd"),
        ("Compression", "lzop", "compression method 'lzop' is not supported here"),
        ("Compression", "wub", "unknown compression method 'wub'"),
        ("URL", "nar/absent.nar.xz", "does not exist in binary cache"),
        ("URL", "nar/../../../etc/passwd", "must not contain"),
        ("URL", "file\tx", "unusable address"),
        ("StorePath", "/nix/store/" + "0" * 32 + "-x", "is about '/nix/store/0000"),
        ("StorePath", "/nix/store/x", "NAR info file is corrupt"),
    ],
)
def test_what_a_cache_sends_is_checked(store, tmp_path, key, value, message):
    text, _, _ = add_objects(store, tmp_path)
    folder = tmp_path / "cache"
    fill(store, BinaryCacheStore(FolderFiles(str(folder)), "file:///", is_writable=True), [text])
    place = folder / (os.path.basename(text)[:32] + ".narinfo")
    place.write_text(changed(place.read_text(), key, value))
    cache = BinaryCacheStore(FolderFiles(str(folder)), "file:///")
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        cache.open_archive(text)
    if "absent" in value:
        assert isinstance(caught.value, Gone)
    elif key != "URL" and key != "Compression":
        assert isinstance(caught.value, CacheFault)


@pytest.mark.parametrize("damage", [lambda data: data[:-4], lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data[:20] + b"\0" * 8 + data[28:]])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_damaged_archives_are_refused(store, tmp_path, damage, compression):
    _, tree, _ = add_objects(store, tmp_path)
    folder = str(tmp_path / "cache")
    fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions(compression), is_writable=True), [tree])
    cache = BinaryCacheStore(FolderFiles(folder), "file:///")
    place = os.path.join(folder, cache.narinfo(tree).url)
    with open(place, "rb") as file:
        data = file.read()
    with open(place, "wb") as file:
        file.write(damage(data))
    with pytest.raises(CacheFault):
        cache.open_archive(tree)


@pytest.mark.parametrize(
    "compression, behind, message",
    [
        *((compression, b"", "") for compression in COMPRESSIONS[:-1]),
        ("xz", bytes(16), ""), ("xz", b"x", "Lzma library error"), ("xz", b"garbage" * 9, "Lzma library error"), ("xz", b"\xfd7z", "Lzma library error"),
        ("zstd", bytes(16), "Unknown frame descriptor"), ("zstd", b"x", "Unknown frame descriptor"), ("zstd", b"garbage" * 9, "Unknown frame descriptor"),
        *((compression, behind, "") for compression in ("bzip2", "gzip", "lzma") for behind in (bytes(16), b"x", b"garbage" * 9)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_what_follows_compressed_data(compression, behind, message, piece):
    """As in 2.34.8; however the data arrives."""
    packed = io.BytesIO()
    compress(io.BytesIO(b"contents" * 100), packed, compression)

    class Pieces(io.BytesIO):
        def read(self, size=-1):
            return super().read(piece)

    stream = unpacked(Pieces(packed.getvalue() + behind), compression)
    if message:
        with pytest.raises(ValueError, match=message):
            while stream.read(64):
                pass
    else:
        found = b""
        while data := stream.read(64):
            found += data
        assert found == b"contents" * 100


def test_members_arrive_in_pieces():
    for compression in ("xz", "bzip2", "zstd", "gzip"):
        packed = io.BytesIO()
        compress(io.BytesIO(b"contents" * 100), packed, compression)
        for piece in range(1, 90):
            source = io.BytesIO(packed.getvalue() * 3)
            stream = unpacked(type("Pieces", (), {"read": lambda self, size, source=source, piece=piece: source.read(piece)})(), compression)
            assert stream.read(10_000) == b"contents" * 300


@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_member_that_begins_at_the_end_of_a_piece_is_read(split):
    """Files are read in pieces of 128 KiB; the first member of this one ends *split* bytes before the end of a piece."""
    first = next(packed for size in range(1 << 17, 0, -1) if len(packed := gzip.compress(bytes(size), 0)) == (1 << 17) - split)
    stream = decompressed(io.BytesIO(first + gzip.compress(b"second")))
    assert stream.read(1 << 20).endswith(b"\0second")


def test_frames_of_zstd_without_data_are_skipped():
    packed = io.BytesIO()
    compress(io.BytesIO(b"one"), packed, "zstd")
    for first in range(0x50, 0x60):
        skippable = bytes([first]) + b"\x2a\x4d\x18\x03\0\0\0abc"
        for data in (skippable + packed.getvalue(), packed.getvalue() + skippable):
            assert unpacked(io.BytesIO(data), "zstd").read(10) == b"one"


def test_what_follows_an_lzip_member_is_not_kept():
    """Garbage of any length after the last member is read and forgotten."""
    decoder = _Lzip()
    # The trailer of a member comes next.
    decoder._skip = 20
    decoder.feed(bytes(20), 1 << 20)
    for _ in range(3):
        assert decoder.feed(b"garbage" * 100_000, 1 << 20) == b""
    assert decoder.is_whole and decoder._head == b""


def test_an_endless_archive_is_cut_off(store, tmp_path):
    text, _, _ = add_objects(store, tmp_path)
    folder = tmp_path / "cache"
    fill(store, BinaryCacheStore(FolderFiles(str(folder)), "file:///", is_writable=True), [text])
    cache = BinaryCacheStore(FolderFiles(str(folder)), "file:///")
    packed = io.BytesIO()
    # This is a bomb of 64 MiB.
    compress(io.BytesIO(bytes(1 << 26)), packed, "xz")
    (folder / cache.narinfo(text).url).write_bytes(packed.getvalue())
    with pytest.raises(CacheFault, match=r"size mismatch importing path .*\n.*120\n.*more"):
        cache.open_archive(text)


@pytest.mark.parametrize("part", ["a/" + "0" * 30, "e" * 32, "0" * 31, "0" * 33])
def test_a_hash_part_that_is_none_is_refused(tmp_path, part):
    cache = BinaryCacheStore(FolderFiles(str(tmp_path)), "file:///c")
    with pytest.raises(ValueError):
        cache.path_with_hash(part)


@pytest.mark.parametrize("value", [None, 5, 1.5, b"\xff\0", "", "a/../ \n", 1 << 62])
def test_rows_that_another_program_has_damaged_are_not_remembered(tmp_path, value):
    """Every column of both tables in turn: the answer is the cache's, or that nothing is known."""
    part = "0" * 32
    info = NarInfo(f"/nix/store/{part}-x", "nar/x.nar", Hash("sha256", bytes(32)), 5, "none", references=[f"/nix/store/{part}-y"])
    nars = ["namePart", "url", "compression", "fileHash", "fileSize", "narHash", "narSize", "refs", "deriver", "sigs", "ca", "timestamp", "present"]
    damages = [("NARs", column) for column in nars] + [("BinaryCaches", column) for column in ("timestamp", "storeDir", "wantMassQuery", "priority")]
    for number, (table, column) in enumerate(damages):
        place = str(tmp_path / f"{number}.sqlite")
        remembered = Remembered(100, 100, 100, place)
        remembered.note(remembered.note_cache("u", "/nix/store", True, 3), [(part, info)])
        remembered.close()
        with contextlib.closing(sqlite3.connect(place)) as database, contextlib.suppress(sqlite3.IntegrityError):
            database.execute(f"update {table} set {column} = ?", (value,))
            database.commit()
        cache = BinaryCacheStore(FolderFiles(str(tmp_path / "empty")), "u", remembered=Remembered(100, 100, 100, place))
        # Some caches are for another store, or have a hash that is none.
        with contextlib.suppress(ValueError):
            found = cache.info(info.path)
            assert isinstance(cache.priority, int)
            assert found is None or found.references in ([], info.references)
            cache.open_archive(info.path)
        cache.close()


def test_names_of_methods_are_what_they_say():
    with pytest.raises(ValueError, match="it is not compressed with xz"):
        unpacked(io.BytesIO(b"plain"), "xz")
    assert unpacked(io.BytesIO(b"plain"), "none").read(5) == b"plain"


def test_caches_of_other_stores_and_none_at_all(tmp_path):
    (tmp_path / "nix-cache-info").write_text("StoreDir: /gnu/store\n")
    cache = BinaryCacheStore(FolderFiles(str(tmp_path)), "file:///c")
    with pytest.raises(ValueError, match="binary cache 'file:///c' is for Nix stores with prefix '/gnu/store', not '/nix/store'"):
        cache.opened()
    (tmp_path / "empty").mkdir()
    with Server(str(tmp_path / "empty")) as server, pytest.raises(ValueError, match="does not appear to be a binary cache"):
        http_cache(server.url).opened()


# --- the commands


def nix(run_command, *words, **given):
    return run_command("nix.main", "--extra-experimental-features", "nix-command flakes", *words, **given)


@pytest.fixture
def world(store, tmp_path, run_command):
    """(store, folder of a cache that has a signed object and what it refers to, their paths, runner of `nix-store` in another store)."""
    text, tree, user = add_objects(store, tmp_path)
    # Nothing that it holds determines its name.
    plain = PathInfo("/nix/store/" + "a" * 32 + "-plain", "", 0, [user])
    archive = nar.pack_contents(b"plain")
    plain.nar_hash, plain.nar_size = "sha256:" + Hash.of_bytes(archive).base16, len(archive)
    store.import_object(plain, io.BytesIO(archive))
    store.flush()
    folder = str(tmp_path / "cache")
    paths = [text, user, plain.path]
    fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions(keys=[KEY]), is_writable=True), paths)

    def realise(*words, **given):
        return run_command("old.store", "--store", str(tmp_path / "other"), "--realise", *words, HOME=str(tmp_path), **given)

    return store, folder, paths, realise


def is_valid(tmp_path, path):
    with LocalStore(tmp_path / "other") as other:
        return other.is_valid(path) and not other.verify()


def test_closures_are_substituted(world, tmp_path):
    _, folder, paths, realise = world
    with Server(folder) as server:
        for url in (f"file://{folder}", server.url):
            done = realise(paths[2], "--substituters", url, "--trusted-public-keys", KEY.public, "--dry-run")
            assert b"these 3 paths will be fetched (" in done.stderr and done.stdout == b"" and not is_valid(tmp_path, paths[0])
            done = realise(paths[2], "--substituters", url, "--trusted-public-keys", KEY.public)
            assert (done.returncode, done.stdout) == (0, paths[2].encode() + b"\n"), done.stderr
            assert f"copying path '{paths[0]}' from '{url}'...".encode() in done.stderr
            assert all(is_valid(tmp_path, path) for path in paths)
            subprocess.run(["chmod", "-R", "u+w", str(tmp_path / "other")], check=True)
            subprocess.run(["rm", "-rf", str(tmp_path / "other")], check=True)


def test_programs_that_follow_are_told_of_each_fetch(world, tmp_path):
    _, folder, paths, realise = world
    with Server(folder) as server:
        url = server.url
        done = realise(paths[2], "--substituters", url, "--trusted-public-keys", KEY.public, "--log-format", "internal-json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line.removeprefix("@nix ")) for line in done.stderr.decode().splitlines() if line.startswith("@nix ")]
    started = [event for event in events if event["action"] == "start"]
    count = sum(event["type"] == 108 for event in started)
    assert count > 1 and count == sum(event["type"] == 100 for event in started) == sum(event["type"] == 101 for event in started)
    assert all(event["fields"][1:] == [url, "local"] for event in started if event["type"] == 100)
    [copies] = [event["id"] for event in started if event["type"] == 103]
    assert [event["fields"] for event in events if event["action"] == "result" and event["id"] == copies][-1] == [count, count, 0, 0]
    [everything] = [event["id"] for event in started if event["type"] == 102]
    expected = [event["fields"] for event in events if event["action"] == "result" and event["id"] == everything]
    assert all(size > 0 for _, size in expected[-2:]) and [kind for kind, _ in expected[-2:]] == [101, 100]
    assert sorted(event["id"] for event in events if event["action"] == "stop") == sorted(event["id"] for event in started)


def test_unsigned_objects_are_not_taken(world, tmp_path):
    _, folder, paths, realise = world
    # It has the same name, and another key.
    other = SecretKey.new("test-1")
    for words in ([], ["--trusted-public-keys", other.public]):
        done = realise(paths[2], "--substituters", f"file://{folder}", *words)
        assert done.returncode == 1 and b"as it's not signed by any of the keys in 'trusted-public-keys'" in done.stderr
        assert not is_valid(tmp_path, paths[2])
    # Its contents determine its name.
    assert realise(paths[1], "--substituters", f"file://{folder}").returncode == 0
    assert realise(paths[2], "--substituters", f"file://{folder}?trusted=true").returncode == 0


def test_require_sigs_is_honoured(world, tmp_path):
    _, folder, paths, realise = world
    assert realise(paths[2], "--substituters", f"file://{folder}", "--option", "require-sigs", "false").returncode == 0
    assert is_valid(tmp_path, paths[2])


def test_the_first_cache_by_priority_is_asked(world, tmp_path):
    _, folder, paths, realise = world
    (tmp_path / "empty").mkdir()
    with Server(folder) as good, Server(str(tmp_path / "empty"), answers={"nix-cache-info": (200, b"StoreDir: /nix/store\nPriority: 10\n")}) as first:
        done = realise(paths[0], "--substituters", f"{good.url}?priority=20 {first.url}")
        assert done.returncode == 0, done.stderr
        assert [name for name in first.requests if name.endswith("narinfo")] and f"from '{good.url}'".encode() in done.stderr


@pytest.mark.parametrize("fault", ["narinfo", "archive", "content", "server"])
def test_faults_leave_nothing_half_valid(world, tmp_path, fault):
    _, folder, paths, realise = world
    with Server(folder) as server:
        name = os.path.basename(paths[0])[:32] + ".narinfo"
        with open(os.path.join(folder, name)) as file:
            text = file.read()
        if fault == "narinfo":
            server.answers[name] = (200, b"nonsense")
        elif fault == "server":
            server.answers[re.search("URL: (.*)", text)[1]] = (500, b"")
        elif fault == "archive":
            server.answers[re.search("URL: (.*)", text)[1]] = (200, b"nonsense")
        # It is signed, but it is not what its address says.
        else:
            archive = nar.pack_contents(b"other")
            (tmp_path / "cache/nar/other.nar").write_bytes(archive)
            for key, value in (("NarHash", Hash.of_bytes(archive).format("nix32", with_algorithm=True)), ("NarSize", len(archive)), ("URL", "nar/other.nar"), ("Compression", "none")):
                text = changed(text, key, value)
            server.answers[name] = (200, text.encode())
        done = realise(paths[2], "--substituters", server.url, "--trusted-public-keys", KEY.public, "--option", "download-attempts", "1")
        assert done.returncode not in (0, -6, -11) and b"error:" in done.stderr and b"Traceback" not in done.stderr, done.stderr
        assert b"fault of the evaluator" not in done.stderr
        for path in paths:
            assert not is_valid(tmp_path, path)


EXPRESSION = 'derivation { name = "x"; system = "%s"; builder = "/bin/sh"; args = [ "-c" "echo built > $out" ]; }'


def test_a_build_takes_what_a_cache_has(tmp_path, run_command):
    expression = EXPRESSION % (os.uname().machine + "-linux")
    words = ("-E", expression, "--no-out-link")
    first = run_command("old.build", "--store", str(tmp_path / "a"), *words)
    if b"namespaces" in first.stderr:
        pytest.skip("no namespaces here")
    path = first.stdout.decode().strip()
    with LocalStore(tmp_path / "a") as store:
        cache = BinaryCacheStore(FolderFiles(str(tmp_path / "cache")), "file:///", options=CacheOptions(keys=[KEY]), is_writable=True)
        fill(store, cache, [path])
    substituters = ("--substituters", f"file://{tmp_path}/cache", "--trusted-public-keys", KEY.public)
    planned = run_command("old.build", "--store", str(tmp_path / "b"), *words, *substituters, "--dry-run")
    assert b"this path will be fetched" in planned.stderr and b"built:" not in planned.stderr
    done = run_command("old.build", "--store", str(tmp_path / "b"), *words, *substituters)
    assert done.stdout.decode().strip() == path and b"building '" not in done.stderr and b"copying path" in done.stderr
    # a broken archive: an error, or with --fallback a build
    [archive] = (tmp_path / "cache/nar").iterdir()
    archive.write_bytes(b"nonsense")
    done = run_command("old.build", "--store", str(tmp_path / "c"), *words, *substituters)
    assert done.returncode != 0 and b"--fallback" in done.stderr
    done = run_command("old.build", "--store", str(tmp_path / "c"), *words, *substituters, "--fallback")
    assert done.stdout.decode().strip() == path and b"building '" in done.stderr
    # an archive that is gone is as if it never was there
    archive.unlink()
    done = run_command("old.build", "--store", str(tmp_path / "d"), *words, *substituters)
    assert done.stdout.decode().strip() == path and b"building '" in done.stderr
    done = run_command("old.build", "--store", str(tmp_path / "e"), *words, *substituters, "--option", "substitute", "false", "--dry-run")
    assert b"this derivation will be built" in done.stderr
    local = expression.replace("system", "allowSubstitutes = false; system")
    done = run_command("old.build", "--store", str(tmp_path / "e"), "-E", local, "--no-out-link", *substituters, "--dry-run")
    assert b"this derivation will be built" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_stops_when_it_is_interrupted(world, tmp_path, number):
    _, folder, paths, _ = world
    block, asked = threading.Event(), threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            block.wait(60)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "snowsnake.cli.old.store", "--store", str(tmp_path / "other"), "-r", paths[0], "--substituters", f"http://127.0.0.1:{server.server_port}"],
            stderr=subprocess.PIPE, env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert asked.wait(60)
        process.send_signal(number)
        assert process.wait(30) == 1, process.stderr.read()
        assert process.stderr.read() == b"error: interrupted by the user\n"
    finally:
        block.set()
        server.shutdown()
        server.server_close()


def test_public_keys_are_read_as_nix_writes_them():
    assert base64.b64decode(KEY.public.partition(":")[2]) == KEY.data[32:]
    assert SecretKey.parse(KEY.render()) == KEY
    for text in ("", "x", "x:", "x:!!", "x:YWJj"):
        with pytest.raises(ValueError):
            SecretKey.parse(text)


# --- copying and signing


def test_copies_to_and_from_caches(world, tmp_path, run_command):
    store, _, paths, _ = world
    key = tmp_path / "key"
    key.write_text(KEY.render())
    source, target = str(tmp_path / "store"), str(tmp_path / "copied")
    for cache in (f"file://{tmp_path}/c1?secret-key={key}&compression=zstd&write-nar-listing=true", None):
        with Server(str(tmp_path / "c2")) as server:
            url = cache or f"{server.url}?secret-key={key}"
            (tmp_path / "c2").mkdir(exist_ok=True)
            done = nix(run_command, "copy", "--from", source, "--to", url, paths[2], HOME=str(tmp_path))
            assert done.returncode == 0 and b"copying 3 paths..." in done.stderr, done.stderr
            plain = url.partition("?")[0]
            done = nix(run_command, "copy", "--from", plain, "--to", target, paths[2], HOME=str(tmp_path))
            assert done.returncode == 1 and b"lacks a signature by a trusted key" in done.stderr
            done = nix(run_command, "copy", "--from", plain, "--to", target, paths[2], "--trusted-public-keys", KEY.public, HOME=str(tmp_path))
            assert done.returncode == 0, done.stderr
        with LocalStore(target) as copied:
            assert not copied.verify() and copied.paths() == sorted(paths)
        subprocess.run(f"chmod -R u+w {target} && rm -rf {target}", shell=True, check=True)


def test_single_objects_are_copied_without_what_they_need(world, tmp_path, run_command):
    _, _, paths, _ = world
    done = nix(run_command, "copy", "--from", str(tmp_path / "store"), "--to", f"file://{tmp_path}/c", "--no-recursive", paths[2])
    assert done.returncode == 1 and b"is not valid" in done.stderr and not list((tmp_path / "c").glob("*.narinfo"))
    done = nix(run_command, "copy", paths[2])
    assert done.returncode == 1 and b"you must pass '--from' and/or '--to'" in done.stderr


def test_objects_are_signed(world, tmp_path, run_command):
    store, folder, paths, _ = world
    made = nix(run_command, "key", "generate-secret", "--key-name", "other-1")
    (tmp_path / "key").write_bytes(made.stdout)
    public = nix(run_command, "key", "convert-secret-to-public", stdin=made.stdout).stdout.decode()
    there = ("--store", str(tmp_path / "store"))
    for count in (b"3", b"0"):
        done = nix(run_command, "store", "sign", *there, "-k", str(tmp_path / "key"), "-r", paths[2])
        assert done.stderr.strip() == b"added " + count + b" signatures"
    done = nix(run_command, "store", "verify", *there, "-r", paths[2], "--trusted-public-keys", public)
    assert done.returncode == 0
    done = nix(run_command, "store", "copy-sigs", *there, "-s", f"file://{folder}", "-r", paths[2])
    assert done.stderr.strip() == b"imported 3 signatures"
    done = nix(run_command, "store", "verify", *there, paths[2], "--trusted-public-keys", f"{public} {KEY.public}", "-n", "2")
    assert done.returncode == 0, done.stderr
    done = nix(run_command, "store", "sign", "--store", f"file://{folder}", "-k", str(tmp_path / "key"), paths[2])
    assert done.returncode == 0 and BinaryCacheStore(FolderFiles(folder), "file:///").known(paths[2]).signatures[0].startswith("other-1:")
    for text, message in ((b"", b"while decoding key named"), (b"x", b"while decoding key named"), (b"x:YWJj", b"secret key is not valid")):
        done = nix(run_command, "key", "convert-secret-to-public", stdin=text)
        assert done.returncode == 1 and message in done.stderr


def test_closures_are_rewritten_from_one_store_to_another(world, tmp_path, run_command):
    _, folder, paths, _ = world
    done = nix(
        run_command, "store", "make-content-addressed", "--from", str(tmp_path / "store"), "--to", str(tmp_path / "other"), "--json", paths[2]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["rewrites"][paths[2]]
    assert is_valid(tmp_path, made)


def test_killed_while_substituting(tmp_path, request):
    """kill -9 at any moment: what is valid is whole, and the next one fetches the rest.  `--kills 800` kills 200 times."""
    with LocalStore(tmp_path / "store", durable=False) as store:
        paths: list[str] = []
        for number in range(60):
            needed = paths[-4:-3]
            paths.append(store.add_text(f"object-{number}", f"{number} {needed}".encode() + os.urandom(2000), needed))
        folder = str(tmp_path / "cache")
        fill(store, BinaryCacheStore(FolderFiles(folder), "file:///", options=CacheOptions("none"), is_writable=True), paths)
    command = [
        sys.executable, "-m", "snowsnake.cli.old.store", "--store", str(tmp_path / "other"), "--realise", *paths[-4:],
        "--option", "require-sigs", "false", "--substituters",
    ]  # fmt: skip
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    chance = random.Random(1)
    with Server(folder) as server:
        for _ in range(request.config.getoption("--kills") // 4):
            before = len(server.requests)
            process = subprocess.Popen([*command, server.url], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wanted = before + chance.randrange(140)
            while process.poll() is None and len(server.requests) < wanted:
                time.sleep(0.001)
            process.kill()
            process.wait()
            if os.path.exists(tmp_path / "other/nix/var/nix/db/db.sqlite"):
                with LocalStore(tmp_path / "other", durable=False) as other:
                    assert other.verify() == []
                    valid = set(other.paths())
                    assert all(set(other.known(path).references) <= valid for path in valid)
                    if valid:
                        subprocess.run(f"chmod -R u+w {other.root} && rm -rf {other.root}", shell=True, check=True)
        done = subprocess.run([*command, server.url], env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with LocalStore(tmp_path / "other") as other:
        assert other.paths() == sorted(paths) and other.verify() == []
    tmp = tmp_path / "other/nix/var/snowsnake/tmp"
    assert not list(tmp.iterdir())


def test_parameters_that_are_not_carried_out(run_command):
    done = run_command(
        "nix.main", "store", "info", "--extra-experimental-features", "nix-command", "--store",
        "http://127.0.0.1:1?narinfo-compression=xz&tls-certificate=/x", NIX_CONFIG="download-attempts = 1",
    )  # fmt: skip
    said = done.stderr.decode()
    assert said.count("'narinfo-compression' of the store 'http://127.0.0.1:1' is not carried out") == 1 and said.count("'tls-certificate'") == 1
