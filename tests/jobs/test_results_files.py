"""Files that `snowsnake jobs --results` is given: those of others stay as they are."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = 'builtins.listToAttrs (map (name: { inherit name; value = derivation { inherit name; system = "s"; builder = "b"; }; }) [ "a" "b" "c" ])\n'


@pytest.fixture
def jobs(tmp_path) -> Path:
    path = tmp_path / "jobs.nix"
    path.write_text(ROOT)
    return path


def _foreign_files(folder: Path) -> dict[str, Path]:
    """Files that are not ours, by what they are."""
    places = {
        name: folder / f"foreign-{name}" for name in ("database", "versioned", "text", "short", "folder", "below")
    }
    for name, version in (("database", 0), ("versioned", 3)):
        database = sqlite3.connect(places[name])
        database.executescript(
            f"create table bases (mine); insert into bases values (7); pragma user_version = {version};"
        )
        database.close()
    places["text"].write_text("a letter\n" * 99)
    places["short"].write_text("x")
    places["folder"].mkdir()
    places["below"] = places["text"] / "results.sqlite"
    return places


@pytest.mark.parametrize("kind", ["database", "versioned", "text", "short", "folder", "below"])
def test_files_of_others_are_not_overwritten(kind, jobs, tmp_path, run_command):
    place = _foreign_files(tmp_path)[kind]
    before = place.read_bytes() if place.is_file() else None
    result = run_command(
        "main", "jobs", str(jobs), "--json", "--incremental", "--results", str(place), "--workers", "1"
    )
    assert (result.returncode, result.stdout) == (
        1,
        b"",
    ) and f"results cannot be kept in '{place}' (--results): ".encode() in result.stderr
    assert before == (place.read_bytes() if place.is_file() else None)


def test_an_empty_file_and_one_of_another_version_become_ours(jobs, tmp_path, run_command):
    place = tmp_path / "results"
    place.write_bytes(b"")
    words = ("jobs", str(jobs), "--json", "--incremental", "--results", str(place), "--workers", "1")
    expected = run_command("main", *words).stdout
    database = sqlite3.connect(place)
    database.execute("pragma user_version = 1")
    database.commit()
    database.close()
    assert len(expected.splitlines()) == 3 and run_command("main", *words).stdout == expected
    database = sqlite3.connect(place)
    assert database.execute("pragma user_version").fetchone() != (1,) and database.execute(
        "select count(*) from bases"
    ).fetchone() == (1,)
    database.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_waits_for_another_process_can_be_stopped(number, jobs, tmp_path, run_command):
    place = tmp_path / "results"
    words = ["jobs", str(jobs), "--json", "--incremental", "--results", str(place), "--workers", "1"]
    run_command("main", *words)
    database = sqlite3.connect(place, isolation_level=None)
    database.execute("begin immediate")
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from snowsnake.cli.main import main; raise SystemExit(main())"
    waiting = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.5)
    assert waiting.poll() is None
    waiting.send_signal(number)
    assert waiting.wait(8) != 0
    database.close()
