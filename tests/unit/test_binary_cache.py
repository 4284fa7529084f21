"""Binary caches in folders and behind web servers: how they are read and written, and when they are believed.

The servers are real, on the loopback interface; some of them lie.
"""

import contextlib
import gzip
import importlib.util
import io
import json
import os
import re
import sqlite3

import pytest
from binary_caches import KEY, Server, add_objects, changed, fill, http_cache

from snowsnake.store.binary_cache.compressed import compress, unpacked
from snowsnake.store.binary_cache.files import FolderFiles
from snowsnake.store.binary_cache.remembered import Remembered
from snowsnake.store.binary_cache.store import BinaryCacheStore, CacheFault, CacheOptions, Gone
from snowsnake.store.decompress import _Lzip, decompressed
from snowsnake.store.hash import Hash
from snowsnake.store.interface import archive_of
from snowsnake.store.local import LocalStore
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.trust import PublicKeys

LZ4 = pytest.param("lz4", marks=pytest.mark.skipif(importlib.util.find_spec("lz4") is None, reason="the package lz4 is not installed"))
COMPRESSIONS = ["none", "xz", "bzip2", "zstd", "gzip", "lzma", LZ4]


@pytest.fixture
def store(tmp_path):
    with LocalStore(tmp_path / "store") as found:
        yield found


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
        # An answer that is too old is requested again.
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
def test_data_behind_compressed_data_is_treated_as_in_nix(compression, behind, message, piece):
    """The answer is that of 2.34.8, in whatever pieces the data arrives."""
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


def test_compressed_members_may_arrive_in_pieces():
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
    # The decoder is at the trailer of a member.
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
    # The archive unpacks to 64 MiB of zeros.
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
        # Some rows are of a cache for another store, or have a malformed hash.
        with contextlib.suppress(ValueError):
            found = cache.info(info.path)
            assert isinstance(cache.priority, int)
            assert found is None or found.references in ([], info.references)
            cache.open_archive(info.path)
        cache.close()


def test_two_that_write_one_file_do_not_disturb_each_other(tmp_path):
    class Interrupted(io.BytesIO):
        def read(self, size=-1):
            if not self.tell():
                FolderFiles(str(tmp_path)).put("a", io.BytesIO(b"second"), "text/plain")
            return super().read(size)

    files = FolderFiles(str(tmp_path))
    files.put("a", Interrupted(b"first"), "text/plain")
    assert files.get("a") == b"first" and os.listdir(tmp_path) == ["a"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError("no luck")

    files = FolderFiles(str(tmp_path))
    files.put("a", io.BytesIO(b"old"), "text/plain")
    with pytest.raises(OSError, match="no luck"):
        files.put("a", Failing(), "text/plain")
    assert files.get("a") == b"old" and os.listdir(tmp_path) == ["a"]


def test_names_of_methods_are_what_they_say():
    with pytest.raises(ValueError, match="it is not compressed with xz"):
        unpacked(io.BytesIO(b"plain"), "xz")
    assert unpacked(io.BytesIO(b"plain"), "none").read(5) == b"plain"


def test_caches_of_other_stores_and_missing_ones_are_refused(tmp_path):
    (tmp_path / "nix-cache-info").write_text("StoreDir: /gnu/store\n")
    cache = BinaryCacheStore(FolderFiles(str(tmp_path)), "file:///c")
    with pytest.raises(ValueError, match="binary cache 'file:///c' is for Nix stores with prefix '/gnu/store', not '/nix/store'"):
        cache.opened()
    (tmp_path / "empty").mkdir()
    with Server(str(tmp_path / "empty")) as server, pytest.raises(ValueError, match="does not appear to be a binary cache"):
        http_cache(server.url).opened()
