"""A database of results that can be computed again.  Several processes use it at once, and a kill leaves it intact; a damaged one is replaced.

In: a path, tables.  Out: an open SQLite connection, and the sizes of what it keeps.
"""

import os
import stat
import time

from snowsnake.foundation.sqlite import FAULTS, sqlite3

_RETRY_S = 0.005
# How long a request to stop may wait for SQLite.
_LOOK_MS = 100
# SQLite's mark for the files of one program ("Snow"), and where the head of a file has it.
_APPLICATION_ID = 0x536E6F77
_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID_AT = 68


def refusal_of(path: str) -> str | None:
    """Why a file that a user names cannot be a database of results: it is not ours, or cannot be written.  None: it is ours or empty; one that is absent is made.

    `open_results` replaces what it cannot read, so this is asked before it, about each path that is not below a folder of our own.

    >>> refusal_of("/dev/null")
    'it is not a regular file'
    """
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            return "it is not a regular file"
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            head = os.pread(fd, 100, 0)
        finally:
            os.close(fd)
    except OSError as error:
        return str(error.strerror)
    mark = int.from_bytes(head[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4], "big")
    return None if not head or head.startswith(_MAGIC) and mark == _APPLICATION_ID else "it is not a file of results"


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
            # The first page has the mark from the first moment: a log that is written ahead would keep it from the file.
            database.execute(f"pragma application_id = {_APPLICATION_ID}")
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


def write_patiently(database: sqlite3.Connection, query: str, parameters: tuple[object, ...], busy_s: float) -> sqlite3.Cursor:
    """Writes; waits up to *busy_s* for another process that writes, which may have been stopped.

    A signal counts meanwhile: SQLite's own waiting would let Python's handlers run only at its end.
    """
    until = time.monotonic() + busy_s
    database.execute(f"pragma busy_timeout = {_LOOK_MS}")
    try:
        while True:
            try:
                return database.execute(query, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
    finally:
        database.execute(f"pragma busy_timeout = {int(busy_s * 1000)}")


def used_bytes(database: sqlite3.Connection) -> int:
    """The size of what the database holds."""
    (pages,) = database.execute("pragma page_count").fetchone()
    (free,) = database.execute("pragma freelist_count").fetchone()
    (size,) = database.execute("pragma page_size").fetchone()
    return int((pages - free) * size)
