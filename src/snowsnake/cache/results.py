"""A database of results that can be computed again.  Several processes use it at once, and a kill leaves it intact; a damaged one is replaced.

In: a path, tables.  Out: an open SQLite connection, and the sizes of what it keeps.
"""

import os
import sqlite3


def open_results(path: str, schema: str, version: int, busy_s: float) -> sqlite3.Connection:
    """Opens the database; replaces one that is damaged or of another version.  Raises sqlite3.Error or OSError if neither works."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        return _connect(path, schema, version, busy_s)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        # All that the database holds can be computed again.
        for ending in ("", "-wal", "-shm"):
            if os.path.exists(path + ending):
                os.unlink(path + ending)
        return _connect(path, schema, version, busy_s)


def _connect(path: str, schema: str, version: int, busy_s: float) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        found = database.execute("pragma user_version").fetchone()[0]
        if found not in (0, version):
            raise sqlite3.DatabaseError("results of another version")
        # A kill of the process loses nothing, and a cache may lose results when the machine crashes.
        database.execute("pragma synchronous = off")
        database.execute("pragma foreign_keys = on")
        if found != version:
            database.execute("pragma auto_vacuum = incremental")
            database.execute("pragma journal_mode = wal")
            database.executescript(f"begin immediate; {schema} pragma user_version = {version}; commit;")
    except BaseException:
        database.close()
        raise
    return database


def used_bytes(database: sqlite3.Connection) -> int:
    """The size of what the database holds."""
    (pages,) = database.execute("pragma page_count").fetchone()
    (free,) = database.execute("pragma freelist_count").fetchone()
    (size,) = database.execute("pragma page_size").fetchone()
    return int((pages - free) * size)
