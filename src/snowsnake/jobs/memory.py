"""Results of jobs from one run to the next, each with everything that it depended on.

In: what the root depends on now; groups of replies with what they depended on beyond that.  Out: replies that still hold.

A *base* is what was asked and how, and every question that the evaluation of the root asked, with the answers: its key is a hash of all that,
so a root that would be evaluated differently is another base.  A *group* belongs to a base and has the questions that its attributes asked
beyond it; it holds if each of them is answered as it was (`Dependencies.changed`). Between them are *layers*: what was evaluated before the
worker was forked, each on another one; a group holds if those below it do.  SQLite; a group is one transaction.  What cannot be read or
written is no error: it is evaluated again.
"""

from __future__ import annotations

import array
import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from snowsnake.cache.results import open_results, sealed, unsealed, used_bytes
from snowsnake.dependencies import Dependencies, Dependency
from snowsnake.jobs.reply import Group, Path, Question, Reply

_VERSION = 2
_BUSY_S = 20.0
_SCHEMA = """
create table if not exists bases (id integer primary key, key text unique not null, used integer not null);
create table if not exists questions (id integer primary key, text text unique not null);
create table if not exists layers (
    id integer primary key autoincrement, base integer not null references bases(id) on delete cascade, questions blob not null
);
create table if not exists groups (id integer primary key, base integer not null references bases(id) on delete cascade, questions blob not null);
create table if not exists replies (
    base integer not null references bases(id) on delete cascade, path text not null,
    owner integer not null references groups(id) on delete cascade, reply text not null, primary key (base, path)
) without rowid;
create index if not exists layers_of_base on layers(base);
create index if not exists groups_of_base on groups(base);
create index if not exists replies_of_group on replies(owner);
"""
_UNCHECKABLE = ("disputed",)


class JobMemory:
    """`request`: everything that says what is evaluated and how.  `is_there(reply)`: whether what a reply names still exists."""

    def __init__(self, path: str, request: Any, *, limit_bytes: int = 512 << 20, is_there: Any = None) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self.stale = 0                 # groups that do not hold any more
        self.layer: int | None = 0     # what workers are forked from: 0, the base; None: what cannot be kept
        self._request = request
        self._is_there = is_there
        self._database: sqlite3.Connection | None = None
        self._base = 0
        self._replies: dict[str, tuple[int, str]] = {}
        self._groups: dict[int, bytes] = {}
        self._layers: dict[int, bytes] = {}
        self._standing: dict[int, bool] = {0: True}        # layers, and whether their questions are answered as they were
        self._holds: dict[int, bool] = {}
        self._answers: dict[int, bool] = {}
        self._dependencies: Dependencies | None = None

    # --- the base

    def begin(self, dependencies: Dependencies) -> None:
        """The root was evaluated: what is known of runs in which it depended on the same."""
        self._dependencies = dependencies
        entries = [list(entry) for entry in dependencies]
        salt = secrets.token_hex() if any(entry.state in _UNCHECKABLE for entry in dependencies) else ""
        text = json.dumps([_VERSION, self._request, dependencies.settings, entries, salt], sort_keys=True)
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            self._load(key)
        except (sqlite3.Error, OSError):
            self._database = None

    def _load(self, key: str) -> None:
        database = self._database = open_results(self.path, _SCHEMA, _VERSION, _BUSY_S)
        database.execute("insert into bases (key, used) values (?, ?) on conflict (key) do update set used = excluded.used", (key, int(time.time())))
        (self._base,) = database.execute("select id from bases where key = ?", (key,)).fetchone()
        rows = database.execute("select path, owner, reply from replies where base = ?", (self._base,))
        self._replies = {path: (owner, reply) for path, owner, reply in rows}
        self._groups = dict(database.execute("select id, questions from groups where base = ?", (self._base,)).fetchall())
        self._layers = dict(database.execute("select id, questions from layers where base = ?", (self._base,)).fetchall())

    # --- asking

    def known(self, path: Path) -> Reply | None:
        """The reply of an earlier run, if evaluation would give the same now."""
        found = self._replies.get(json.dumps(path))
        if found is None or not self._group_holds(found[0]):
            return None
        try:
            kept_path, owner, *facts = json.loads(unsealed(found[1]))
        except ValueError:
            return None
        if (tuple(kept_path), owner) != (path, found[0]):
            return None
        reply = Reply(path, *facts)
        return reply if self._is_there is None or self._is_there(reply) else None

    def _group_holds(self, group: int) -> bool:
        if group not in self._holds:
            try:
                layer, *questions = array.array("q", unsealed(self._groups[group]))
                holds = self._layer_holds(layer) and self._ask(questions)
            except (sqlite3.Error, KeyError, ValueError, TypeError):
                holds = False
            self._holds[group] = holds
            self.stale += not holds
        return self._holds[group]

    def _layer_holds(self, layer: int) -> bool:
        """KeyError, ValueError if it is not there (any more) or damaged."""
        above = []
        while layer not in self._standing:
            below, *questions = array.array("q", unsealed(self._layers[layer]))
            if below >= layer:
                raise ValueError("layers in a circle")
            above.append((layer, questions))
            layer = below
        holds = self._standing[layer]
        for layer, questions in reversed(above):
            holds = self._standing[layer] = holds and self._ask(questions)
        return holds

    def _ask(self, questions: Sequence[int]) -> bool:
        """Whether all these questions have their old answers; each is asked once in a run."""
        assert self._database is not None and self._dependencies is not None
        for number in questions:
            if number not in self._answers:
                (text,) = self._database.execute("select text from questions where id = ?", (number,)).fetchone()
                self._answers[number] = self._dependencies.holds(Dependency.of_json(unsealed(text)))
            if not self._answers[number]:
                return False
        return True

    # --- keeping

    def keep_layer(self, questions: Sequence[Question]) -> None:
        """More was evaluated before workers were forked: what it asked belongs to groups that are kept with this layer."""
        below, self.layer = self.layer, None
        database = self._database
        entries = [entry for entry in questions if entry[2] != "fixed"]
        if database is None or below is None or any(entry[2] in _UNCHECKABLE for entry in entries):
            return
        try:
            database.execute("begin immediate")
            row = (self._base, self._numbers(database, below, entries))
            self.layer = database.execute("insert into layers (base, questions) values (?, ?)", row).lastrowid
            database.execute("commit")
        except sqlite3.Error:
            self.layer = None
            if database.in_transaction:
                database.execute("rollback")

    def keep(self, group: Group, layer: int | None = 0) -> None:
        """Remember a group; in vain if the place cannot be written to."""
        if self._database is None or layer is None or any(reply.is_broken for reply in group.replies):
            return                     # a limit that was reached is one of this machine, today
        entries = [entry for entry in group.questions if entry[2] != "fixed"]
        if any(entry[2] in _UNCHECKABLE for entry in entries):
            return
        try:
            self._insert(self._database, entries, group.replies, layer)
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("rollback")

    def _numbers(self, database: sqlite3.Connection, below: int, questions: Sequence[Question]) -> bytes:
        """What is kept of a layer or a group: the layer below it and its questions."""
        numbers = array.array("q", [below])
        for entry in questions:
            text = sealed(json.dumps(entry))
            row = database.execute("select id from questions where text = ?", (text,)).fetchone()
            if row is None:
                row = database.execute("insert into questions (text) values (?) returning id", (text,)).fetchone()
            numbers.append(row[0])
        return sealed(numbers.tobytes())

    def _insert(self, database: sqlite3.Connection, questions: Sequence[Question], replies: list[Reply], layer: int) -> None:
        database.execute("begin immediate")
        row = (self._base, self._numbers(database, layer, questions))
        owner = database.execute("insert into groups (base, questions) values (?, ?)", row).lastrowid
        database.executemany(
            "insert or replace into replies values (?, ?, ?, ?)",
            [
                (self._base, json.dumps(r.path), owner, sealed(json.dumps([r.path, owner, r.attrs, r.fields, r.report, r.cause, r.is_broken])))
                for r in replies
            ],
        )
        database.execute("commit")

    def close(self) -> None:
        """Let go of the database, after what is too much was removed: the bases that were not used for longest, and groups without replies."""
        database, self._database = self._database, None
        if database is None:
            return
        try:
            database.execute("delete from groups where id not in (select owner from replies)")
            if used_bytes(database) > self.limit_bytes:
                self._shrink(database)
        except (sqlite3.Error, ValueError):
            pass
        finally:
            database.close()

    def _shrink(self, database: sqlite3.Connection) -> None:
        bases = [row[0] for row in database.execute("select id from bases where id != ? order by used", (self._base,))]
        for base in [*bases, self._base]:
            database.execute("begin immediate")
            database.execute("delete from bases where id = ?", (base,))
            blobs = database.execute("select questions from groups union all select questions from layers")
            used = {number for (blob,) in blobs for number in array.array("q", unsealed(blob))[1:]}
            kept = [row[0] for row in database.execute("select id from questions")]
            database.executemany("delete from questions where id = ?", [(number,) for number in kept if number not in used])
            database.execute("commit")
            database.execute("pragma incremental_vacuum").fetchall()
            if used_bytes(database) <= self.limit_bytes // 2:
                return
