"""The SQLite database of an embedded store: valid paths, their references, the hashes of their contents.

In: rows.  Out: rows.  Tables, columns and lock files are those of Nix (schema 10), so that Nix (`nix --store DIR`) can use a store made
here, build in it and collect its garbage, and the other way round.
"""

from __future__ import annotations

import fcntl
import os
import time

# Only code that starts threads needs `threading`.
from _thread import RLock

from snowsnake.foundation.sqlite import FAULTS, fault_text, sqlite3
from snowsnake.store.path_info import PathInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from contextlib import contextmanager
    from typing import Any
else:
    from snowsnake.foundation.scopes import contextmanager

_SCHEMA_VERSION = "10"
_BUSY_TIMEOUT_S = 600.0
# A query has at most this many parameters; all versions of SQLite take 999.
_MOST_PARAMETERS = 500
_SCHEMA = """
create table if not exists ValidPaths (
    id               integer primary key autoincrement not null,
    path             text unique not null,
    hash             text not null,
    registrationTime integer not null,
    deriver          text,
    narSize          integer,
    ultimate         integer,
    sigs             text,
    ca               text
);
create table if not exists Refs (
    referrer  integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReferrer on Refs(referrer);
create index if not exists IndexReference on Refs(reference);
create trigger if not exists DeleteSelfRefs before delete on ValidPaths
  begin
    delete from Refs where referrer = old.id and reference = old.id;
  end;
create table if not exists DerivationOutputs (
    drv  integer not null,
    id   text not null,
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
"""

_REALISATION_VERSION = "4"
_REALISATION_SCHEMA = """
create table if not exists Realisations (
    id         integer primary key autoincrement not null,
    drvPath    text not null,
    outputName text not null,
    outputPath integer not null,
    signatures text,
    foreign key (outputPath) references ValidPaths(id) on delete cascade
);
create index if not exists IndexRealisations on Realisations(drvPath, outputName);
create table if not exists RealisationsRefs (
    referrer             integer not null,
    realisationReference integer,
    foreign key (referrer) references Realisations(id) on delete cascade,
    foreign key (realisationReference) references Realisations(id) on delete restrict
);
create trigger if not exists DeleteSelfRefsViaRealisations before delete on ValidPaths
  begin
    delete from RealisationsRefs where realisationReference in (select id from Realisations where outputPath = old.id);
  end;
create index if not exists IndexRealisationsRefsRealisationReference on RealisationsRefs(realisationReference);
create index if not exists IndexRealisationsRefs on RealisationsRefs(referrer);
create index if not exists IndexRealisationsRefsOnOutputPath on Realisations(outputPath);
"""


class BadDatabase(ValueError):
    """The database cannot be used: it is damaged, it is not a store's, another process locks it for too long, or the disk is full."""


class _Connection(sqlite3.Connection):
    """Turns SQLite's errors into `BadDatabase`, with the name of the file; results are fetched at once, because reading may fail.

    Threads may share it: `rows`, `run` and a transaction hold its lock.  Without that, Python 3.12 and later give the statement that one thread carries
    out to another one that asks the same, and both get wrong rows.
    """

    path = ""
    # This process opened the connection: its children must not use its locks and buffers.
    process = 0

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.lock: Any = RLock()

    @contextmanager
    def checked(self) -> Iterator[None]:
        if os.getpid() != self.process:
            raise BadDatabase(f"the store's database '{self.path}' was opened before a fork: open the store again in the child")
        try:
            with self.lock:
                yield
        except FAULTS as error:
            raise BadDatabase(f"the store's database '{self.path}': {fault_text(error)}") from None

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        # This is faster than `checked`.
        if os.getpid() == self.process:
            try:
                with self.lock:
                    return self.execute(query, parameters).fetchall()
            except FAULTS as error:
                raise BadDatabase(f"the store's database '{self.path}': {fault_text(error)}") from None
        with self.checked():
            return []

    def run(self, query: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        with self.checked():
            return self.execute(query, parameters)


def _connect(path: str, parameters: str = "") -> _Connection:
    address = f"file:{_quoted(path)}?{parameters}"
    try:
        connection = sqlite3.connect(
            address, uri=True, timeout=_BUSY_TIMEOUT_S, check_same_thread=False, factory=_Connection
        )
    except FAULTS as error:
        raise BadDatabase(f"the store's database '{path}': {fault_text(error)}") from None
    connection.path = path
    connection.process = os.getpid()
    return connection


def _connect_to_read(path: str) -> _Connection:
    """Connects to read.  Readers of a write-ahead log write files beside the database; without that permission, the database file is read alone."""
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("select 1 from sqlite_master limit 1").fetchall()
        return connection
    except FAULTS:
        connection.close()
        is_locked_out = os.path.exists(path) and not os.access(os.path.dirname(path), os.W_OK)
        return _connect(path, "immutable=1" if is_locked_out else "mode=ro")


# These connections belong to the parent process, and must not even be closed here.
_inherited: list[sqlite3.Connection] = []


class StoreDatabase:
    """One process's connection.  Every change is one transaction: after a kill, it is there completely or not at all."""

    def __init__(self, directory: str, *, read_only: bool = False) -> None:
        self._lock_fd = -1
        self._directory = directory
        self._has_realisations: bool | None = None
        path = os.path.join(directory, "db.sqlite")
        if read_only:
            self._db = _connect_to_read(path)
        else:
            os.makedirs(directory, exist_ok=True)
            self._lock_fd = os.open(os.path.join(directory, "big-lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._create(directory, path)
        self._db.isolation_level = None
        try:
            self._db.run("pragma foreign_keys = on")
            self._db.run("pragma synchronous = normal")
            # This fails if the file is not a database, or not a store's.
            self._db.rows("select id from ValidPaths limit 1")
        except BadDatabase:
            self.close()
            raise

    def _create(self, directory: str, path: str) -> None:
        """Makes the tables, one process at a time; afterwards the lock is shared, as every Nix process holds it."""
        version_path = os.path.join(directory, "schema")
        fcntl.flock(self._lock_fd, fcntl.LOCK_SH)
        if not os.path.exists(version_path):
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        try:
            self._db = _connect(path)
            if not os.path.exists(version_path):
                from snowsnake.foundation.replacing import replace_file

                with self._db.checked():
                    self._db.execute("pragma journal_mode = wal")
                    self._db.executescript(f"begin immediate; {_SCHEMA} commit;")
                replace_file(version_path, [_SCHEMA_VERSION.encode()], is_synced=True)
            with open(version_path) as file:
                version = file.read(32).strip()
            if version != _SCHEMA_VERSION:
                raise ValueError(f"the store's database has schema {version!r}, only {_SCHEMA_VERSION!r} is known")
            fcntl.flock(self._lock_fd, fcntl.LOCK_SH)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if hasattr(self, "_db"):
            if self._db.process == os.getpid():
                self._db.close()
            else:
                _inherited.append(self._db)
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._db.lock:
            self._db.run("begin immediate")
            try:
                yield
                self._db.run("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.run("rollback")
                raise

    # --- asking

    def is_valid(self, path: str) -> bool:
        return bool(self._db.rows("select 1 from ValidPaths where path = ?", (path,)))

    def valid_among(self, paths: Iterable[str]) -> set[str]:
        """Those of some paths that are valid."""
        found: set[str] = set()
        asked = sorted(paths)
        for start in range(0, len(asked), _MOST_PARAMETERS):
            some = tuple(asked[start : start + _MOST_PARAMETERS])
            found.update(path for (path,) in self._db.rows(f"select path from ValidPaths where path in ({','.join('?' * len(some))})", some))
        return found

    def info(self, path: str) -> PathInfo | None:
        found = self._db.rows(
            "select id, path, hash, narSize, ca, deriver, registrationTime, ultimate, sigs from ValidPaths where path = ?", (path,)
        )
        if not found:
            return None
        number, name, nar_hash, nar_size, ca, deriver, time_s, is_ultimate, signatures = found[0]
        info = PathInfo(name, nar_hash, nar_size or 0, ca=ca, deriver=deriver, registration_time_s=time_s, is_ultimate=is_ultimate == 1)
        info.signatures = sorted((signatures or "").split())
        info.references = [
            name
            for (name,) in self._db.rows(
                "select path from Refs join ValidPaths on reference = id where referrer = ? order by path", (number,)
            )
        ]
        info.outputs = dict(self._db.rows("select id, path from DerivationOutputs where drv = ?", (number,)))
        return info

    def paths(self) -> list[str]:
        return [path for (path,) in self._db.rows("select path from ValidPaths order by path")]

    def referrers(self, path: str) -> list[str]:
        """Valid paths that refer to this one, including itself if it does."""
        query = (
            "select path from Refs join ValidPaths on referrer = id"
            " where reference = (select id from ValidPaths where path = ?) order by path"
        )
        return [found for (found,) in self._db.rows(query, (path,))]

    def valid_derivers(self, path: str) -> list[str]:
        """Valid derivations that have this output."""
        query = "select v.path from DerivationOutputs d join ValidPaths v on d.drv = v.id where d.path = ? order by v.path"
        return [found for (found,) in self._db.rows(query, (path,))]

    def path_starting(self, prefix: str) -> str | None:
        """The first valid path that begins with *prefix*; None if there is none."""
        found = self._db.rows("select path from ValidPaths where path >= ? order by path limit 1", (prefix,))
        return found[0][0] if found and found[0][0].startswith(prefix) else None

    # --- changing

    def register(self, infos: Iterable[PathInfo], *, replaces: bool = False) -> None:
        """Makes paths valid whose objects are completely on disk.  They may refer to each other.

        Paths that are valid already stay as they are; with *replaces*, the facts about them are written again, and references added.
        """
        now = int(time.time())
        with self._transaction():
            new: list[tuple[int, PathInfo]] = []
            rows: dict[str, int] = {}
            for info in infos:
                columns = (
                    info.nar_hash, info.nar_size or None, 1 if info.is_ultimate else None, " ".join(info.signatures) or None, info.ca,
                )  # fmt: skip
                cursor = self._db.run(
                    "insert or ignore into ValidPaths (path, registrationTime, deriver, hash, narSize, ultimate, sigs, ca)"
                    " values (?, ?, ?, ?, ?, ?, ?, ?)",
                    (info.path, info.registration_time_s or now, info.deriver, *columns),
                )
                if cursor.rowcount == 1 and cursor.lastrowid is not None:
                    new.append((cursor.lastrowid, info))
                    rows[info.path] = cursor.lastrowid
                elif replaces:
                    self._db.run(
                        "update ValidPaths set hash = ?, narSize = ?, ultimate = ?, sigs = ?, ca = ? where path = ?", (*columns, info.path)
                    )
                    new.append((self._db.rows("select id from ValidPaths where path = ?", (info.path,))[0][0], info))
            with self._db.checked():
                known = ((row, rows[reference]) for row, info in new for reference in info.references if reference in rows)
                self._db.executemany("insert or ignore into Refs (referrer, reference) values (?, ?)", known)
            for row, info in new:
                self._register_details(row, info, rows)

    def _register_details(self, row: int, info: PathInfo, done: Container[str]) -> None:
        """Registers outputs, and references besides those to the paths *done*."""
        for reference in info.references:
            if reference in done:
                continue
            cursor = self._db.run(
                "insert or ignore into Refs (referrer, reference) select ?, id from ValidPaths where path = ?", (row, reference)
            )
            if cursor.rowcount != 1 and not self.is_valid(reference):
                raise ValueError(f"path '{reference}' is not valid")
        for name, path in info.outputs.items():
            self._db.run("insert or replace into DerivationOutputs (drv, id, path) values (?, ?, ?)", (row, name, path))

    def realisation(self, digest: str, name: str) -> tuple[str, list[str]] | None:
        """(path, signatures) of the output *name* of a derivation, by the derivation's hash; None if they are not recorded."""
        if not self._has_realisations:
            self._has_realisations = bool(self._db.rows("select 1 from sqlite_master where type = 'table' and name = 'Realisations'"))
            if not self._has_realisations:
                return None
        query = (
            "select Output.path, signatures from Realisations join ValidPaths as Output on Output.id = outputPath where drvPath = ? and outputName = ?"
        )
        found = self._db.rows(query, (digest, name))
        return (found[0][0], (found[0][1] or "").split()) if found else None

    def register_realisation(self, digest: str, name: str, path: str, signatures: Iterable[str]) -> None:
        """Records an output's valid path; ValueError if a different one is recorded."""
        self._make_realisations()
        with self._transaction():
            known = self.realisation(digest, name)
            if known is None:
                self._db.run(
                    "insert into Realisations (drvPath, outputName, outputPath, signatures) values (?, ?, (select id from ValidPaths where path = ?), ?)",
                    (digest, name, path, " ".join(signatures)),
                )
            elif known[0] != path:
                raise ValueError(
                    f"Trying to register a realisation of '{digest}!{name}', but we already have another one locally.\nLocal:  {known[0]}\nRemote: {path}"
                )
            elif not set(signatures) <= set(known[1]):
                self._db.run(
                    "update Realisations set signatures = ? where drvPath = ? and outputName = ?",
                    (" ".join(sorted({*known[1], *signatures})), digest, name),
                )

    def _make_realisations(self) -> None:
        """Makes the tables that stores get when they are used with the feature `ca-derivations`."""
        from snowsnake.foundation.replacing import replace_file

        version_path = os.path.join(self._directory, "ca-schema")
        if os.path.exists(version_path):
            return
        with self._db.checked():
            self._db.executescript(f"begin immediate; {_REALISATION_SCHEMA} commit;")
        replace_file(version_path, [_REALISATION_VERSION.encode()])

    def sign(self, path: str, signatures: Iterable[str]) -> None:
        """Replaces all signatures of a valid path."""
        with self._transaction():
            self._db.run("update ValidPaths set sigs = ? where path = ?", (" ".join(sorted(signatures)) or None, path))

    def forget(self, path: str) -> None:
        """Makes a path invalid; ValueError if another valid path refers to it."""
        with self._transaction():
            users = [user for user in self.referrers(path) if user != path]
            if users:
                listed = ", ".join(f"'{user}'" for user in users)
                raise ValueError(f"cannot delete path '{path}' because it is in use by {listed}")
            self._db.run("delete from ValidPaths where path = ?", (path,))

    def check(self) -> list[str]:
        """SQLite's own findings; a `BadDatabase` if it cannot even check."""
        faults = [row[0] for row in self._db.rows("pragma integrity_check") if row[0] != "ok"]
        return faults + [
            f"{table}: row {row} refers to nothing" for table, row, *_ in self._db.rows("pragma foreign_key_check")
        ]


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
