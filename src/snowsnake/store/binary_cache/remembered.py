"""Answers of binary caches, remembered on disk: which paths and realisations they have, and which they lack.

In: URLs of caches, hash parts of paths, answers.  Out: the same answers, as long as the settings allow their use.
The database is the one that Nix keeps (`binary-cache-v7.sqlite`), so that each uses the answers that the other has received.  It may be lost at any time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from snowsnake.foundation.sqlite import FAULTS
from snowsnake.store.binary_cache.place import nix_cache_folder
from snowsnake.store.hash import Hash
from snowsnake.store.narinfo import NarInfo
from snowsnake.store.path import check_path, object_name

_SCHEMA = """
create table if not exists BinaryCaches (
    id integer primary key autoincrement not null, url text unique not null, timestamp integer not null, storeDir text not null,
    wantMassQuery integer not null, priority integer not null
);
create table if not exists NARs (
    cache integer not null, hashPart text not null, namePart text, url text, compression text, fileHash text, fileSize integer, narHash text,
    narSize integer, refs text, deriver text, sigs text, ca text, timestamp integer not null, present integer not null,
    primary key (cache, hashPart), foreign key (cache) references BinaryCaches(id) on delete cascade
);
create table if not exists Realisations (
    cache integer not null, outputId text not null, content blob, timestamp integer not null,
    primary key (cache, outputId), foreign key (cache) references BinaryCaches(id) on delete cascade
);
create table if not exists LastPurge (dummy text primary key, value integer);
"""
_PURGE_S = 24 * 3600
_BUSY_S = 60.0
_COLUMNS = "present, namePart, url, compression, fileHash, fileSize, narHash, narSize, refs, deriver, sigs, ca"


def default_place(environ: Mapping[str, str] = os.environ) -> str:
    return os.path.join(nix_cache_folder(environ), "binary-cache-v7.sqlite")


class Unknown:
    """Nothing is remembered about a path."""


class Remembered:
    """The database of answers; if it cannot be used, nothing is remembered.

    *meta_s*, *positive_s*, *negative_s*: for how many seconds a cache's description, and answers that it has or lacks a path, are used.
    *place*: the file of the database; None for Nix's own.
    """

    def __init__(self, meta_s: int, positive_s: int, negative_s: int, place: str | None = None) -> None:
        self._ages_s = (meta_s, positive_s, negative_s)
        self._place = place or default_place()
        self._database: sqlite3.Connection | None = None
        self._process = 0
        self._lock = threading.RLock()
        # This maps a cache's number to whether the database had no answers of it at the first look: then it need not be asked for each path.
        self._new: dict[int, bool] = {}

    def _open(self) -> sqlite3.Connection:
        if self._database is not None and self._process == os.getpid():
            return self._database
        os.makedirs(os.path.dirname(self._place), exist_ok=True)
        database = sqlite3.connect(self._place, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            database.execute("pragma synchronous = off")
            database.execute("pragma foreign_keys = on")
            database.executescript(_SCHEMA)
            self._purge(database)
        except BaseException:
            database.close()
            raise
        self._database, self._process = database, os.getpid()
        return database

    def _purge(self, database: sqlite3.Connection) -> None:
        now = int(time.time())
        row = database.execute("select value from LastPurge").fetchone()
        if row is not None and row[0] >= now - _PURGE_S:
            return
        _, positive, negative = self._ages_s
        database.execute(
            "delete from NARs where (present = 0 and timestamp < ?) or (present = 1 and timestamp < ?)", (now - negative, now - positive)
        )
        database.execute("insert or replace into LastPurge (dummy, value) values ('', ?)", (now,))

    def cache(self, url: str) -> tuple[int, str, bool, int] | None:
        """Returns (number, prefix of the store, whether it accepts mass queries, priority) of a cache; None if they are not remembered."""
        with self._lock, contextlib.suppress(*FAULTS, OSError):
            row = self._open().execute(
                "select id, storeDir, wantMassQuery, priority from BinaryCaches where url = ? and timestamp > ?",
                (url, int(time.time()) - self._ages_s[0]),
            ).fetchone()
            if row is not None and isinstance(row[1], str) and isinstance(row[3], int):
                return row[0], row[1], bool(row[2]), row[3]
        return None

    def note_cache(self, url: str, store_dir: str, wants_mass_query: bool, priority: int) -> int | None:
        """Remembers a cache's description, and returns the cache's number; None if nothing can be remembered."""
        with self._lock, contextlib.suppress(*FAULTS, OSError):
            now = int(time.time())
            row = self._open().execute(
                "insert into BinaryCaches (url, timestamp, storeDir, wantMassQuery, priority) values (?, ?, ?, ?, ?)"
                " on conflict (url) do update set timestamp = excluded.timestamp, storeDir = excluded.storeDir,"
                " wantMassQuery = excluded.wantMassQuery, priority = excluded.priority returning id",
                (url, now, store_dir, int(wants_mass_query), priority),
            ).fetchone()
            return int(row[0])
        return None

    def find(self, cache: int, part: str, store_dir: str) -> NarInfo | None | type[Unknown]:
        """Returns a cache's answer about the path with this hash part: None if the cache lacks it, `Unknown` if no answer is remembered."""
        with self._lock, contextlib.suppress(*FAULTS, OSError):
            now = int(time.time())
            _, positive, negative = self._ages_s
            if cache not in self._new:
                self._new[cache] = self._open().execute("select 1 from NARs where cache = ? limit 1", (cache,)).fetchone() is None
            if self._new[cache]:
                return Unknown
            row = self._open().execute(
                f"select {_COLUMNS} from NARs where cache = ? and hashPart = ?"
                " and ((present = 0 and timestamp > ?) or (present = 1 and timestamp > ?))",
                (cache, part, now - negative, now - positive),
            ).fetchone()
            if row is None:
                return Unknown
            if not row[0]:
                return None
            try:
                return _narinfo(part, row, store_dir)
            except (ValueError, TypeError):
                return Unknown
        return Unknown

    def find_realisation(self, cache: int, key: str) -> str | None | type[Unknown]:
        """Returns a cache's file about the output with this key: None if the cache lacks it, `Unknown` if no answer is remembered."""
        with self._lock, contextlib.suppress(*FAULTS, OSError):
            now = int(time.time())
            _, positive, negative = self._ages_s
            row = self._open().execute(
                "select content from Realisations where cache = ? and outputId = ?"
                " and ((content is null and timestamp > ?) or (content is not null and timestamp > ?))",
                (cache, key, now - negative, now - positive),
            ).fetchone()
            if row is not None and (row[0] is None or isinstance(row[0], str)):
                found: str | None = row[0]
                return found
        return Unknown

    def note_realisation(self, cache: int, key: str, content: str | None) -> None:
        with self._lock, contextlib.suppress(*FAULTS, OSError):
            self._open().execute(
                "insert or replace into Realisations (cache, outputId, content, timestamp) values (?, ?, ?, ?)", (cache, key, content, int(time.time()))
            )

    def note(self, cache: int, answers: Iterable[tuple[str, NarInfo | None]]) -> None:
        """Remembers answers, each with the hash part of its path; None means that the cache lacks the path."""
        now = int(time.time())
        rows: list[tuple[Any, ...]] = []
        for part, info in answers:
            if info is None:
                rows.append((cache, part, *(None,) * 11, now, 0))
                continue
            rows.append((
                cache, part, object_name(info.path), info.url, info.compression, _text(info.file_hash), info.file_size,
                _text(info.nar_hash), info.nar_size, " ".join(path.rpartition("/")[2] for path in info.references),
                info.deriver.rpartition("/")[2] if info.deriver else "", " ".join(info.signatures), info.ca or "", now, 1,
            ))  # fmt: skip
        with self._lock, contextlib.suppress(*FAULTS, OSError):
            database = self._open()
            self._new.clear()
            database.execute("begin immediate")
            try:
                database.executemany(
                    "insert or replace into NARs (cache, hashPart, namePart, url, compression, fileHash, fileSize, narHash, narSize, refs, deriver,"
                    " sigs, ca, timestamp, present) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
            finally:
                database.execute("commit")

    def close(self) -> None:
        with self._lock:
            if self._database is not None and self._process == os.getpid():
                self._database.close()
            self._database = None


def _text(found: Hash | None) -> str:
    return "" if found is None else found.format("nix32", with_algorithm=True)


def _narinfo(part: str, row: tuple[Any, ...], store_dir: str) -> NarInfo:
    """The answer in a row of the database.  Other programs write to it as well, so the row may be damaged: then this raises ValueError or TypeError."""
    _, name, url, compression, file_hash, file_size, nar_hash, nar_size, references, deriver, signatures, content = row

    def full(base: str) -> str:
        path = f"{store_dir}/{base}"
        check_path(path, store_dir)
        return path

    if not isinstance(url, str):
        raise TypeError("the URL of an archive is a text")
    return NarInfo(
        full(f"{part}-{name}"), url, Hash.parse(nar_hash), int(nar_size), compression or "bzip2", Hash.parse(file_hash) if file_hash else None,
        file_size or None, [full(base) for base in (references or "").split()], full(deriver) if deriver else None, (signatures or "").split(),
        content or None,
    )  # fmt: skip
