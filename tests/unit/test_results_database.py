"""Databases of results that can be computed again: several processes may make one at once, and a damaged one is replaced."""

import os
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from conftest import SOURCE

from snowsnake.foundation.results_database import open_results, used_bytes

SCHEMA = "create table if not exists facts (name text primary key, value integer);"
MAKER = f"""
SCHEMA = {SCHEMA!r}
import sys, time
from snowsnake.foundation.results_database import open_results
path, start, number = sys.argv[1:]
time.sleep(max(0, float(start) - time.time()))
for place in range(40):
    database = open_results(path + str(place), SCHEMA, 1, 60.0)
    database.execute("insert into facts values (?, ?)", (number, place))
    database.close()
"""


def test_another_process_has_begun_to_write(tmp_path):
    """Whatever the timeout is, SQLite itself refuses at once to change the mode of the journal."""
    writer = sqlite3.connect(tmp_path / "results", isolation_level=None, check_same_thread=False)
    writer.execute("begin immediate")
    timer = threading.Timer(0.3, writer.rollback)
    timer.start()
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        open_results(f"{tmp_path}/results", SCHEMA, 1, 0.1)
    open_results(f"{tmp_path}/results", SCHEMA, 1, 60.0).close()
    timer.join()
    writer.close()


def test_processes_that_make_a_database_at_once(tmp_path):
    words = [sys.executable, "-c", MAKER, f"{tmp_path}/made", str(time.time() + 1)]
    running = [subprocess.Popen([*words, str(number)], env=os.environ | {"PYTHONPATH": SOURCE}, stderr=subprocess.PIPE, text=True) for number in range(6)]
    for process in running:
        with process:
            assert (process.stderr.read(), process.wait()) == ("", 0)
    for place in range(40):
        database = open_results(f"{tmp_path}/made{place}", SCHEMA, 1, 1.0)
        assert database.execute("select count(*), min(value), max(value) from facts").fetchone() == (6, place, place)
        database.close()


@pytest.mark.parametrize("contents", [b"no database at all, but longer than the head of one" * 9, b"SQLite format 3\0" + bytes(4096)])
def test_a_damaged_database_is_replaced(tmp_path, contents):
    (tmp_path / "results").write_bytes(contents)
    database = open_results(f"{tmp_path}/results", SCHEMA, 1, 1.0)
    assert database.execute("select * from facts").fetchall() == [] and used_bytes(database) > 0
    database.close()


def test_a_database_of_another_version_is_replaced(tmp_path):
    for version in (1, 2):
        database = open_results(f"{tmp_path}/results", SCHEMA, version, 1.0)
        database.execute("insert into facts values ('a', ?)", (version,))
        assert database.execute("select value from facts").fetchall() == [(version,)]
        database.close()
