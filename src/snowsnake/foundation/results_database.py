"""A database of results that can be computed again.  Several processes use it at once, and a kill leaves it intact; a damaged one is replaced.

In: a path, tables.  Out: an open SQLite connection, and the sizes of what it keeps.
"""

import os
import time

from snowsnake.foundation.sqlite import FAULTS, sqlite3

_RETRY_S = 0.005


def open_results(path: str, schema: str, version: int, busy_s: float) -> sqlite3.Connection:
    """Opens the database; replaces one that is damaged or of another version.  Raises one of `FAULTS` or OSError if neither works.

    *schema*: statements that may be carried out again.  *busy_s*: how long to wait for other processes.  Any thread may use the connection, one at a time.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        return _connect(path, schema, version, busy_s)
    except sqlite3.OperationalError:
        raise
    except FAULTS:
        # All that the database holds can be computed again.
        for ending in ("", "-wal", "-shm"):
            try:
                os.unlink(path + ending)
            except FileNotFoundError:
                pass
        return _connect(path, schema, version, busy_s)


def _connect(path: str, schema: str, version: int, busy_s: float) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        found = database.execute("pragma user_version").fetchone()[0]
        if found not in (0, version):
            raise sqlite3.DatabaseError("results of another version")
        # A kill of the process loses nothing, and a cache may lose results when the machine crashes.
        database.execute("pragma synchronous = off")
        database.execute("pragma foreign_keys = on")
        if found != version:
            database.execute("pragma auto_vacuum = incremental")
            _write_ahead(database, busy_s)
            database.executescript(f"begin immediate; {schema} pragma user_version = {version}; commit;")
    except BaseException:
        database.close()
        raise
    return database


def _write_ahead(database: sqlite3.Connection, busy_s: float) -> None:
    """Changes the mode of the journal.  SQLite's own timeout does not hold here: it reads first, and refuses at once if another process has begun to write."""
    until = time.monotonic() + busy_s
    while True:
        try:
            database.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_RETRY_S)


def used_bytes(database: sqlite3.Connection) -> int:
    """The size of what the database holds."""
    (pages,) = database.execute("pragma page_count").fetchone()
    (free,) = database.execute("pragma freelist_count").fetchone()
    (size,) = database.execute("pragma page_size").fetchone()
    return int((pages - free) * size)
