"""Fetched sources and facts about them, in a folder that many processes share, any of which may be killed at any time.

In: facts (short texts by domain and key), trees and files by their hash.  Out: the same, later.
Layout below the folder:
    index.sqlite    facts with the time when they were learnt; trees and files with their size and last use
    trees/HASH      unpacked sources and downloaded files; HASH is that of their NAR
    gitv3/ hg/      repositories that were fetched from
    locks/          a file for each name that `FetchCache.locked` locks
    work/           a folder for each process that is writing, which holds a lock on it; folders without a lock are removed

Unless the user chose the folder, facts and repositories are in Nix's own: `~/.cache/nix`.  If a user removes that folder,
everything is requested again.  Trees are only found by their hashes, so they can stay (docs/decisions/fetch-cache.md).

A tree is written in `work/` and renamed into place: everything under `trees/` is complete.  The indexes may be lost at any time.
"""

from __future__ import annotations

import os
import time

from snowsnake.fetch.errors import FetchFailure
from snowsnake.foundation import light_json
from snowsnake.foundation.record import Belonging
from snowsnake.foundation.results_database import open_results
from snowsnake.foundation.sqlite import FAULTS, fault_text, sqlite3
from snowsnake.store.removal import remove_if_possible
from snowsnake.store.scratch import Scratch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import contextmanager, suppress
    from typing import Any
else:
    from snowsnake.foundation.scopes import contextmanager, suppress

_SCHEMA = """
create table if not exists facts (domain text, key text, value text not null, time real not null, primary key (domain, key));
create table if not exists trees (name text primary key, size_bytes integer not null, used real not null);
"""
_REPOSITORIES = ("gitv3", "hg")
# The names of our repositories end like this where C++ Nix's own are beside them.
_OURS = "-snowsnake"
_VERSION = 1
_BUSY_S = 60.0
# The last use is recorded at most once in this time.
_USED_STEP_S = 3600.0


def _chosen_folder(environ: Mapping[str, str]) -> str:
    own = environ.get("SNOWSNAKE_CACHE_DIR", "")
    return os.path.join(os.path.abspath(own), "fetch") if own else ""


def default_folder(environ: dict[str, str] | os._Environ[str] = os.environ) -> str:
    """`fetch` in `$SNOWSNAKE_CACHE_DIR`, otherwise in `snowsnake` of `$XDG_CACHE_HOME` or `~/.cache`."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return _chosen_folder(environ) or os.path.join(base, "snowsnake", "fetch")


def _changing_folder(environ: Mapping[str, str]) -> str:
    from snowsnake.store.binary_cache.place import nix_cache_folder

    return os.path.abspath(nix_cache_folder(environ))


class Fact(dict[str, "Any"]):
    """A recorded fact, and its age."""

    age_s = 0.0


class FetchCache(Belonging):
    """The cache in *folder*, or in the folder that the environment chooses.

    *limit_bytes* is for all trees together; the least recently used trees are removed first; 0 means no limit.
    """

    def __init__(self, folder: str | None = None, limit_bytes: int = 0) -> None:
        chosen = folder or _chosen_folder(os.environ)
        self.folder = chosen or default_folder()
        # Facts and repositories, which may be different tomorrow, are in this folder.
        self.changing = chosen or _changing_folder(os.environ)
        self.limit_bytes = limit_bytes
        self._indexes: dict[str, sqlite3.Connection] = {}
        self._scratch: Scratch | None = None
        self._process = 0

    # ---- facts --------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        """The index of trees."""
        return self._index(self.folder, "index.sqlite")

    def _facts(self) -> sqlite3.Connection:
        return self._open() if self.changing == self.folder else self._index(self.changing, "fetcher-cache-snowsnake-1.sqlite")

    def _index(self, folder: str, name: str) -> sqlite3.Connection:
        """This process's database of this name: a child must not use the parent's connections."""
        if self._process != os.getpid():
            self._indexes = {}
            self._process = os.getpid()
        known = self._indexes.get(name)
        if known is not None:
            return known
        path = os.path.join(folder, name)
        try:
            made = open_results(path, _SCHEMA, _VERSION, _BUSY_S)
        except (OSError, *FAULTS) as error:
            raise _unusable(folder, error) from None
        self._indexes[name] = made
        return made

    def _rows(self, database: sqlite3.Connection, query: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        try:
            return database.execute(query, parameters).fetchall()
        except FAULTS as error:
            raise _unusable(self.folder, error) from None

    def fact(self, domain: str, key: str) -> Fact | None:
        """The fact that `note` recorded last, whatever its age."""
        facts = self._facts()
        try:
            rows = self._rows(facts, "select value, time from facts where domain = ? and key = ?", (domain, key))
            if not rows:
                return None
            found = Fact(light_json.loads(rows[0][0]))
            found.age_s = time.time() - rows[0][1]
        except (FetchFailure, ValueError, TypeError):
            return None
        return found

    def note(self, domain: str, key: str, value: dict[str, str | int | bool]) -> None:
        """Records a fact.  A cache that cannot be written to does not cause an error: the fact is learnt again when it is needed."""
        facts = self._facts()
        with suppress(FetchFailure):
            self._rows(facts, "insert or replace into facts values (?, ?, ?, ?)", (domain, key, light_json.dumps(value), time.time()))

    def forget(self, domain: str, key: str) -> None:
        facts = self._facts()
        with suppress(FetchFailure):
            self._rows(facts, "delete from facts where domain = ? and key = ?", (domain, key))

    # ---- trees --------------------------------------------------------------------------------------------------

    def tree(self, name: str) -> str | None:
        """The path of the tree with this hash (nix32), if the cache has it."""
        path = os.path.join(self.folder, "trees", name)
        if not os.path.lexists(path):
            return None
        now = time.time()
        with suppress(FetchFailure):
            self._rows(self._open(), "update trees set used = ? where name = ? and used < ?", (now, name, now - _USED_STEP_S))
        return path

    def tree_of(self, fact: dict[str, Any]) -> str | None:
        """The path of the tree whose hash a fact has as its `narHash`, if the cache has the tree."""
        from snowsnake.store.hash import Hash

        return self.tree(Hash.parse(str(fact["narHash"])).nix32)

    def new_path(self) -> str:
        """A free path in this process's own folder."""
        return self._own_scratch().new_folder() + "/new"

    def _own_scratch(self) -> Scratch:
        self._open()
        if self._scratch is None or self._scratch.process != os.getpid():
            self._scratch = Scratch(os.path.join(self.folder, "work"))
        return self._scratch

    def add_tree(self, path: str, name: str, size_bytes: int) -> str:
        """Takes over the tree at *path*, from `new_path`, as the tree with this hash."""
        target = os.path.join(self.folder, "trees", name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            try:
                os.rename(path, target)
            except OSError:
                if not os.path.lexists(target):
                    raise
        self.discard(path)
        index = self._open()
        with suppress(FetchFailure):
            self._rows(index, "insert or replace into trees values (?, ?, ?)", (name, size_bytes, time.time()))
        if self.limit_bytes:
            self.shrink(self.limit_bytes, keeps=name)
        return target

    def discard(self, path: str) -> None:
        """Removes the contents of a `new_path`."""
        if self._scratch is not None and path.startswith(self._scratch.folder + "/"):
            remove_if_possible(os.path.dirname(path))

    def shrink(self, limit_bytes: int, keeps: str = "") -> int:
        """Removes the least recently used trees until the others have at most *limit_bytes*; returns the number of bytes removed."""
        freed = 0
        with self.locked("shrink"):
            total = 0
            for name, size, _ in self.trees():
                total += size
                if total > limit_bytes and name != keeps:
                    freed += size
                    self.remove(name)
        return freed

    def remove(self, name: str) -> None:
        """Removes a tree.  It is renamed first, so that nobody finds half of it."""
        path = os.path.join(self.folder, "trees", name)
        going = self.new_path()
        with suppress(FileNotFoundError):
            os.rename(path, going)
        remove_if_possible(os.path.dirname(going))
        self._rows(self._open(), "delete from trees where name = ?", (name,))

    def trees(self) -> list[tuple[str, int, float]]:
        """(hash, bytes, time of the last use), the most recent first."""
        rows = self._rows(self._open(), "select name, size_bytes, used from trees order by used desc")
        # A damaged file may have anything in a row.
        return [(name, size, used) for name, size, used in rows if isinstance(name, str) and name.isalnum() and isinstance(size, int)]

    def repositories(self) -> list[str]:
        """The folders of fetched repositories."""
        found = []
        for kind in _REPOSITORIES:
            folder = os.path.join(self.changing, kind)
            if os.path.isdir(folder):
                names = (name for name in sorted(os.listdir(folder)) if self._is_ours(name))
                found += [os.path.join(folder, name) for name in names]
        return found

    def damaged(self) -> list[str]:
        """The trees whose contents do not have the hash in their name."""
        from snowsnake.store.hash import Hash

        folder = os.path.join(self.folder, "trees")
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        found = []
        for name in names:
            try:
                is_whole = Hash.of_path(os.path.join(folder, name)).nix32 == name
            except (OSError, ValueError):
                is_whole = False
            if not is_whole:
                found.append(name)
        return found

    def clear(self) -> None:
        """Removes all facts, trees and repositories.  The working folders of other processes stay."""
        self._open()
        for name in os.listdir(os.path.join(self.folder, "trees")) if os.path.isdir(os.path.join(self.folder, "trees")) else ():
            self.remove(name)
        self._rows(self._facts(), "delete from facts")
        for repository in self.repositories():
            # The new name is beside the old one, because our folders may be on two file systems.
            going = repository + ".going"
            with suppress(FileNotFoundError):
                os.rename(repository, going)
            remove_if_possible(going)

    # ---- paths --------------------------------------------------------------------------------------------------

    def place(self, *parts: str) -> str:
        """A path in the folder; its parents exist."""
        return _made(os.path.join(self.folder, *parts), self.folder)

    def repository(self, kind: str, name: str) -> str:
        """The path of our copy of a repository, which may not exist yet: *kind* is `gitv3` or `hg`.  Its parent exists."""
        return _made(os.path.join(self.changing, kind, name + ("" if self.changing == self.folder else _OURS)), self.changing)

    def _is_ours(self, name: str) -> bool:
        return self.changing == self.folder or name.endswith((_OURS, _OURS + ".going"))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Holds the lock of this name: only one process at a time is in a block with the same name."""
        import fcntl

        path = self.place("locks", name)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def close(self) -> None:
        if self._process == os.getpid():
            for index in self._indexes.values():
                index.close()
        self._indexes = {}
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None


def _made(path: str, folder: str) -> str:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None
    return path


def _unusable(folder: str, error: Exception) -> FetchFailure:
    return FetchFailure(f"cannot use the cache of fetched sources in '{folder}': {fault_text(error)}")
