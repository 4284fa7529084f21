"""Keeps results of jobs from one run to the next, each with everything that it depended on.

In: what the root depends on now; groups of replies with their further dependencies.  Out: replies that still hold.

A *base* consists of the request, and of every question that the evaluation of the root asked, with its answer.  Its key is a hash of all that,
so a root that would be evaluated differently has another base.  A *group* belongs to a base and has the questions that its attributes asked
beyond it, in order: a reply holds if the answers to the questions that had been asked when it was ready are the same.  Between base and group
are *layers*: each has the questions of what was evaluated before a worker was forked, and rests on another layer or on the base; a group holds
if the layers below it do.  All are rows of an SQLite database; a group is one transaction.  A row that cannot be read or written does not cause
an error: the attributes are evaluated again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from snowsnake.cache.seals import sealed, unsealed
from snowsnake.dependencies import Dependencies
from snowsnake.foundation.results_database import open_results, used_bytes, write_patiently
from snowsnake.foundation.sqlite import FAULTS
from snowsnake.jobs.asking import Asking
from snowsnake.jobs.in_place import now
from snowsnake.jobs.kept import DISPUTED, KeptGroup, pack, unpack
from snowsnake.jobs.reply import Group, Path, PrintedReply, Reply
from snowsnake.store import hashing

if TYPE_CHECKING:
    from snowsnake.jobs.ledger import Ledger, Segment

_VERSION = 6
# In a damaged file a column may have another type.
_FAULTS = (*FAULTS, TypeError)
_BUSY_S = 20.0
# Another ledger is made when more than this part of it has been replaced.
_MOST_CHANGES = 0.05
# Another ledger is also made when more than this many stamps are kept beside it.
_MOST_STAMPS = 500
_SCHEMA = """
create table if not exists bases (id integer primary key autoincrement, key text unique not null, request text not null, used integer not null, quick text);
create table if not exists layers (id integer primary key autoincrement, base integer not null references bases(id) on delete cascade, kept blob not null);
create table if not exists groups (id integer primary key autoincrement, base integer not null references bases(id) on delete cascade, kept blob not null);
create table if not exists ledgers (base integer primary key references bases(id) on delete cascade, last_group integer not null,
    last_layer integer not null, heads blob not null, lines blob not null);
create table if not exists stamps (base integer primary key references bases(id) on delete cascade, kept blob not null);
create index if not exists bases_of_request on bases(request, used);
create index if not exists layers_of_base on layers(base);
create index if not exists groups_of_base on groups(base);
"""


class _Loaded:
    """The rows of one base, and which of them hold now.

    `ledger`, if there is one, has most replies; `replies` has those of rows that were added since.  `owners`: for each path of these rows, the number
    of the row that has its reply, whether that holds or not.  `suspects`: of each group that does not hold as a whole, the first path whose reply
    does not hold.  `stale`: how many groups do not hold as a whole.
    """

    def __init__(self) -> None:
        self.key = ""
        self.base = 0
        self.replies: dict[Path, PrintedReply] = {}
        self.owners: dict[Path, int] = {}
        # By the number of a row, the layer that its group rests on.
        self.groups: dict[int, str] = {}
        # By the name of a layer, the number of its row, and the layer below.
        self.layers: dict[str, tuple[int, str]] = {}
        self.suspects: set[Path] = set()
        self.stale = 0
        self.quick: str | None = None
        self.learned: dict[str, str] = {}
        self.stamps: dict[str, str] = {}
        self.ledger: Ledger | None = None
        # The last group and the last layer that the ledger in the database contains.  A damaged ledger counts, because it is replaced, too.
        self.last: tuple[int, int] | None = None
        # The number of replies that are kept and are not part of the ledger.
        self.changes = 0


class JobMemory:
    """The results of earlier runs that one run can use again.

    `request`: everything that determines what is evaluated and how.  `valid_among`: returns those of some derivations that the store has; without
    it, derivations are not looked for.  `trusts_stamps`: a file with unchanged times, inode and size counts as unchanged.  `facts`: what becomes
    known of the request before the root is evaluated, such as what was locked and fetched for it.  `since`: a moment before anything was read.
    """

    def __init__(
        self, path: str, request: object, *, limit_bytes: int = 512 << 20, valid_among: Callable[[set[str]], set[str]] | None = None, trusts_stamps: bool = True
    ) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self.valid_among = valid_among
        self.facts: object = None
        self.since = now()
        # Whether the record of the root was that of the last run.
        self.began_as_before = False
        # Whether the run has come to its end.
        self.is_complete = False
        # The groups of new workers rest on this layer: "" is the base, and None is a layer that cannot be kept.
        self.layer: str | None = ""
        self._trusts_stamps = trusts_stamps
        self._request = hashing.digest("sha256", json.dumps([_VERSION, request], sort_keys=True).encode("utf-8", "surrogatepass")).hex()
        self._database: sqlite3.Connection | None = None
        self._loaded = _Loaded()
        self._thread: threading.Thread | None = None
        self._guessed: _Loaded | None = None
        self._dependencies: Dependencies | None = None
        # The names of the root.
        self._names: list[str] = []

    # --- the base

    def begin_early(self, dependencies: Dependencies) -> None:
        """Starts a thread that reads and checks the results of the last run of this request while the root is evaluated; `begin` ends it."""
        self._thread = threading.Thread(target=self._guess, args=(dependencies,))
        self._thread.start()

    def _guess(self, dependencies: Dependencies) -> None:
        try:
            database = open_results(self.path, _SCHEMA, _VERSION, _BUSY_S)
            try:
                row = database.execute("select id, key, quick from bases where request = ? order by used desc limit 1", (self._request,)).fetchone()
                if row is not None:
                    guessed = _load(database, row[0], row[1], Asking(dependencies, trusts_stamps=self._trusts_stamps))
                    guessed.quick = row[2]
                    self._guessed = guessed
            finally:
                database.close()
        except (*_FAULTS, OSError):
            pass

    def begin_as_before(self, record: bytes, dependencies: Dependencies) -> bool:
        """Does what `begin` does, and returns True, if the record of the root is, byte by byte, that of the last run of this request.

        `record`: its checksum (`Interpreter.record_sum`).  `dependencies` may be without entries.
        """
        self._dependencies = dependencies
        if self._thread is None:
            self._guess(dependencies)
        self._join()
        guessed = self._guessed
        if guessed is None or not record or guessed.quick != self._quick(record, guessed.key, dependencies):
            return False
        try:
            database = open_results(self.path, _SCHEMA, _VERSION, _BUSY_S)
            query = "update bases set used = ? where id = ? and key = ?"
            if write_patiently(database, query, (time.time_ns(), guessed.base, guessed.key), _BUSY_S).rowcount != 1:
                database.close()
                return False
        except (*_FAULTS, OSError):
            return False
        self.began_as_before = True
        self._database, self._loaded, self._guessed = database, guessed, None
        self._keep_stamps(database)
        return True

    def _quick(self, record: bytes, key: str, dependencies: Dependencies) -> str:
        """A hash that shows that a record belongs to the base with this key: of the record's checksum, the key, and what else the key depends on."""
        text = json.dumps([self._request, self.facts, dependencies.settings, record.hex(), key], sort_keys=True)
        return hashing.digest("sha256", text.encode("utf-8", "surrogatepass")).hex()

    def begin(self, dependencies: Dependencies, sources: object = None, record: bytes = b"") -> None:
        """Loads the results of runs in which the root depended on the same as now.

        `sources`: everything that was fetched for the root.  `record`: as for `begin_as_before`.
        """
        self._dependencies = dependencies
        entries = [list(entry) for entry in dependencies]
        salt = os.urandom(32).hex() if any(entry.state == DISPUTED for entry in dependencies) else ""
        text = json.dumps([self._request, self.facts, sources, dependencies.settings, entries, salt], sort_keys=True)
        key = hashing.digest("sha256", text.encode("utf-8", "surrogatepass")).hex()
        self._join()
        try:
            self._open(key, dependencies, self._quick(record, key, dependencies) if record and _says_all(dependencies) else None)
        except (*_FAULTS, OSError):
            self._database = None
            self._loaded = _Loaded()

    def _join(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _open(self, key: str, dependencies: Dependencies, quick: str | None) -> None:
        database = self._database = open_results(self.path, _SCHEMA, _VERSION, _BUSY_S)
        row = (key, self._request, time.time_ns(), quick)
        update = "on conflict (key) do update set used = excluded.used, quick = excluded.quick"
        write_patiently(database, f"insert into bases (key, request, used, quick) values (?, ?, ?, ?) {update}", row, _BUSY_S)
        (base,) = database.execute("select id from bases where key = ?", (key,)).fetchone()
        if self._guessed is not None and (self._guessed.base, self._guessed.key) == (base, key):
            self._loaded = self._guessed
        else:
            self._loaded = _load(database, base, key, Asking(dependencies, trusts_stamps=self._trusts_stamps))
        self._guessed = None
        self._keep_stamps(database)

    def _keep_stamps(self, database: sqlite3.Connection) -> None:
        if self._loaded.learned:
            kept = json.dumps(self._loaded.stamps | self._loaded.learned)
            database.execute("insert or replace into stamps (base, kept) values (?, ?)", (self._loaded.base, sealed(kept.encode())))

    # --- asking

    def pieces(self, root: Reply) -> Iterator[Segment | Path] | None:
        """The known replies of a run whose root has this reply, and the paths that are not known, in order.  None: `known` must be asked for each path."""
        self._names = list(root.attrs or ())
        loaded, ledger = self._loaded, self._loaded.ledger
        if ledger is None:
            return None
        if not ledger.begins_with(self._names):
            for reply in ledger.holding():
                loaded.replies.setdefault(reply.path, reply)
            return None
        for path in loaded.replies:
            ledger.leave_out(path)
        if self.valid_among is not None:
            ledger.leave_out_unless(self.valid_among)
        return self._pieces(ledger)

    def _pieces(self, ledger: Ledger) -> Iterator[Segment | Path]:
        for piece in ledger.pieces():
            if not isinstance(piece, tuple):
                yield piece
                continue
            path, below = piece
            for reply in below:
                self._loaded.replies.setdefault(reply.path, reply)
            yield path

    @property
    def stale(self) -> int:
        """How many groups do not hold as a whole any more."""
        return self._loaded.stale

    def known(self, path: Path) -> Reply | None:
        """The reply of an earlier run, if evaluation would produce the same now."""
        reply = self._loaded.replies.get(path)
        if reply is None or self.valid_among is None or reply.system is None:
            return reply
        drv_path = reply.fields.get("drvPath")
        return reply if drv_path is None or self.valid_among({drv_path}) else None

    def in_order(self, paths: list[Path]) -> list[Path]:
        """Sorts the paths of one group: those that depend on something that has changed come last: if it changes again, all after them is evaluated again."""
        others, suspects = self.parted(paths)
        return others + suspects

    def parted(self, paths: list[Path]) -> tuple[list[Path], list[Path]]:
        """The paths that depend on nothing that is known to have changed, and those that do."""
        suspects = self._loaded.suspects
        return [path for path in paths if path not in suspects], [path for path in paths if path in suspects]

    # --- keeping

    def keep_layer(self, dependencies: Dependencies) -> None:
        """Keeps the questions of what was evaluated since the last layer; the groups of workers that are forked from now on rest on it."""
        below, self.layer = self.layer, None
        if self._database is None or below is None:
            return
        name = os.urandom(8).hex()
        row = pack(self._loaded.key, name, below, [tuple(entry) for entry in dependencies], dependencies.stamps)
        if row is not None and self._insert("layers", row) is not None:
            self.layer = name

    def keep(self, group: Group, layer: str | None = "") -> None:
        """Remembers a group; does nothing if the database cannot be written to."""
        if self._database is None or layer is None:
            return
        row = pack(self._loaded.key, "", layer, group.questions, group.stamps, group)
        number = self._insert("groups", row) if row is not None else None
        if number is not None:
            self._loaded.changes += len(group.replies)
            for reply in group.replies:
                self._loaded.owners[reply.path] = number

    def _insert(self, table: str, row: bytes) -> int | None:
        assert self._database is not None
        try:
            return self._database.execute(f"insert into {table} (base, kept) values (?, ?)", (self._loaded.base, row)).lastrowid
        except _FAULTS:
            return None

    def close(self) -> None:
        """Removes replaced groups and, if the database is too large, the bases that were not used for longest; then closes it."""
        self._join()
        database, self._database = self._database, None
        if database is None:
            return
        try:
            if self.is_complete and self._wants_ledger:
                self._write_ledger(database)
            else:
                self._forget(database)
            if used_bytes(database) > self.limit_bytes:
                self._shrink(database)
        except _FAULTS:
            pass
        finally:
            database.close()

    @property
    def _wants_ledger(self) -> bool:
        """Whether so much has changed since the ledger was made that making another one pays."""
        loaded = self._loaded
        known = 0 if loaded.ledger is None else loaded.ledger.count
        return loaded.changes > known * _MOST_CHANGES or len(loaded.learned | loaded.stamps) > _MOST_STAMPS

    def _write_ledger(self, database: sqlite3.Connection) -> None:
        """Puts everything that holds into one ledger, which takes the place of the rows."""
        from snowsnake.jobs.ledger import make

        assert self._dependencies is not None
        key, base = self._loaded.key, self._loaded.base
        # This frees the old ledger: its memory is needed for the new one.
        self._loaded = _Loaded()
        # Within a transaction, all queries see the same state of the database.
        database.execute("begin")
        last = [database.execute(f"select ifnull(max(id), 0) from {table}").fetchone()[0] for table in ("groups", "layers")]
        rows: list[tuple[KeptGroup, int]] = []
        loaded = _load(database, base, key, Asking(self._dependencies, trusts_stamps=self._trusts_stamps), rows)
        database.execute("commit")
        made = make(key, self._names, rows, loaded.stamps | loaded.learned)
        if made is None:
            return
        database.execute("begin immediate")
        row = database.execute("select last_group, last_layer from ledgers where base = ?", (base,)).fetchone()
        # If another run has written a ledger meanwhile, that one stays.
        if row == loaded.last:
            database.execute("insert or replace into ledgers (base, last_group, last_layer, heads, lines) values (?, ?, ?, ?, ?)", (base, *last, *made))
            for table, number in zip(("groups", "layers"), last, strict=True):
                database.execute(f"delete from {table} where base = ? and id <= ?", (base, number))
            database.execute("delete from stamps where base = ?", (base,))
        database.execute("commit")
        database.execute("pragma incremental_vacuum").fetchall()

    def _forget(self, database: sqlite3.Connection) -> None:
        """Removes the groups whose replies have all been replaced, and the layers on which nothing rests any more.

        Only rows that were there when this run began are looked at: other runs may have added further ones.
        """
        loaded, wanted = self._loaded, set(self._loaded.owners.values())
        groups = [number for number in loaded.groups if number not in wanted]
        if not groups:
            return
        used: set[str] = set()
        for name in [layer for group, layer in loaded.groups.items() if group in wanted]:
            while name in loaded.layers and name not in used:
                used.add(name)
                name = loaded.layers[name][1]
        layers = [number for name, (number, _) in loaded.layers.items() if name not in used]
        database.execute("begin immediate")
        database.executemany("delete from groups where id = ?", [(number,) for number in groups])
        database.executemany("delete from layers where id = ?", [(number,) for number in layers])
        database.execute("commit")
        database.execute("pragma incremental_vacuum").fetchall()

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Removes bases, our own last, until the database has half of its limit."""
        bases = [row[0] for row in database.execute("select id from bases where id != ? order by used", (self._loaded.base,))]
        for base in [*bases, self._loaded.base]:
            database.execute("delete from bases where id = ?", (base,))
            database.execute("pragma incremental_vacuum").fetchall()
            if used_bytes(database) <= self.limit_bytes // 2:
                return


def _load(database: sqlite3.Connection, base: int, key: str, asking: Asking, rows: list[tuple[KeptGroup, int]] | None = None) -> _Loaded:
    """Reads everything of a base, and finds out which replies hold.

    *rows* receives the layers that hold, and all groups above them, also those of a ledger, each with the index of its first question that has another answer.
    """
    loaded = _Loaded()
    loaded.base, loaded.key = base, key
    row = database.execute("select kept from stamps where base = ?", (base,)).fetchone()
    if row is not None:
        try:
            loaded.stamps = asking.stamps = json.loads(unsealed(row[0]))
        except ValueError:
            pass
    last_group = last_layer = 0
    # By the name of a layer, whether its questions, and those of the layers below it, have the same answers.
    standing = {"": True}
    layers: list[tuple[KeptGroup, int]] = []
    groups: list[tuple[KeptGroup, int]] = []
    loaded.last, ledger = _ledger(database, base, key)
    if ledger is not None and loaded.last is not None:
        loaded.ledger = ledger
        ledger.check(asking)
        last_group, last_layer = loaded.last
        standing |= ledger.standing
        loaded.stale, loaded.suspects = ledger.stale, ledger.suspects
        if rows is not None:
            for unit in ledger.units():
                (layers if unit.name else groups).append((unit, len(unit.questions)))
    # A layer comes after the one below it.
    for number, layer in _rows(database, "layers", base, key, last_layer):
        loaded.layers[layer.name] = number, layer.below
        holds = standing.get(layer.below, False) and asking.first_changed(layer.questions, layer.stamps) == len(layer.questions)
        standing[layer.name] = holds
        if holds:
            layers.append((layer, len(layer.questions)))
    for number, group in _rows(database, "groups", base, key, last_group):
        loaded.groups[number] = group.below
        end = asking.first_changed(group.questions, group.stamps) if standing.get(group.below, False) else -1
        _sort_out(loaded, number, group, end)
        if rows is not None and end >= 0:
            groups.append((group, end))
        loaded.changes += len(group.replies)
    loaded.learned = asking.learned
    if rows is not None:
        rows += [*layers, *groups]
    return loaded


def _ledger(database: sqlite3.Connection, base: int, key: str) -> tuple[tuple[int, int] | None, Ledger | None]:
    """The numbers of the last group and the last layer in the ledger of a base, if it has one; and the ledger, if it is not damaged."""
    row = database.execute("select last_group, last_layer, heads, lines from ledgers where base = ?", (base,)).fetchone()
    if row is None:
        return None, None
    from snowsnake.jobs.ledger import Ledger

    try:
        return row[:2], Ledger(key, row[2], row[3])
    except (ValueError, TypeError, LookupError):
        return row[:2], None


def _says_all(dependencies: Dependencies) -> bool:
    """Whether the stamps in a record say as much as the contents of the files."""
    return all(
        entry.state != DISPUTED and (entry.kind != "file" or entry.state != "found" or entry.name in dependencies.stamps) for entry in dependencies
    )


def _rows(database: sqlite3.Connection, table: str, base: int, key: str, last: int) -> Iterator[tuple[int, KeptGroup]]:
    """The rows of a base that were added after the row *last*, in the order in which they were added; damaged rows are left out."""
    for number, kept in database.execute(f"select id, kept from {table} where base = ? and id > ? order by id", (base, last)):
        try:
            group = unpack(kept)
        except (ValueError, TypeError):
            continue
        if group.base == key:
            yield number, group


def _sort_out(loaded: _Loaded, number: int, group: KeptGroup, end: int) -> None:
    """Sorts the replies of a group into those that hold and the rest.

    *end*: how many of the group's questions, from the first one on, have the same answers; -1: a layer below the group does not hold.
    """
    loaded.stale += end < len(group.questions)
    is_first = end >= 0
    for reply, asked in zip(group.replies, group.asked, strict=True):
        if asked <= end:
            loaded.replies[reply.path] = reply
            loaded.owners[reply.path] = number
            continue
        if reply.path not in loaded.replies:
            loaded.owners[reply.path] = number
        if is_first:
            loaded.suspects.add(reply.path)
        is_first = False
