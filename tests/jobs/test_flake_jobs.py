"""Jobs of flakes: incremental runs, another revision, many machines; each beside a full run in one process."""

import json
import os
import random
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from flake_world import FlakeWorld

from snowsnake.cli.job_diff import flake_at
from snowsnake.cli.main import main
from snowsnake.cli.options import UsageError
from snowsnake.jobs.evaluation import JobRoot

NEEDS_PROGRAMS = ("git",)
ROUNDS = int(os.environ.get("SNOWSNAKE_INCREMENTAL_ROUNDS", "12"))
EVALUATED = re.compile(r"(\d+) of (\d+) attributes were evaluated")


@pytest.fixture
def world(tmp_path, monkeypatch) -> FlakeWorld:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    world = FlakeWorld(tmp_path / "world")
    monkeypatch.chdir(world.top)
    assert main(["flake", "lock"]) == 0
    world.git(world.top, "add", "flake.lock")
    world.commit(world.top, "-a")
    return world


@pytest.fixture
def jobs(capfdbinary):
    """Runs the command here; returns its exit code, its lines, and what it said."""

    def run(*words: str) -> tuple[int, bytes, str]:
        code = main(["jobs", "--json", "--no-instantiate", *words])
        found, log = capfdbinary.readouterr()
        return code, found, log.decode()

    return run


@pytest.mark.parametrize("seed", range(2))
def test_after_random_changes_of_a_flake_a_run_prints_what_a_full_run_prints(seed, world, jobs, monkeypatch):
    chance = random.Random(seed)
    reused = evaluated = different = 0
    before = b""
    for number in range(ROUNDS):
        monkeypatch.setattr("snowsnake.jobs.run._LEAST_IN_GROUP", chance.choice((1, 3, 100)))
        changes = [world.change(chance) for _ in range(chance.choice((0, 0, 1, 1, 1, 2)))]
        expected = jobs(".#jobs", "--workers", "1", "--no-write-lock-file")[:2]
        code, found, log = jobs(".#jobs", "--workers", chance.choice("12"), "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
        assert (code, found) == expected, (number, changes)
        different += found != before
        before = found
        if match := EVALUATED.search(log):
            evaluated += int(match[1])
            reused += int(match[2]) - int(match[1])
    assert reused and evaluated and different > ROUNDS / 4


@pytest.mark.parametrize("flake", [".#jobs", "path:.#jobs"])
def test_a_run_after_no_change_evaluates_only_the_root(flake, world, jobs):
    words = (flake, "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
    # Results of files that were changed just now are not kept.
    time.sleep(0.1)
    found = jobs(*words)[1]
    code, again, log = jobs(*words)
    # These are the root, and an error that depends on files that are not tracked.
    assert (code, again) == (0, found) and f"\n{1 if 'path:' in flake else 3} of 18 attributes" in log, log


@pytest.mark.parametrize("change", ["empty commit", "amend", "commit of what was changed"])
def test_another_commit_with_the_same_files_is_evaluated_again(change, world, jobs):
    """Nothing that is read has changed, but `rev`, `revCount` or `lastModified` have."""
    words = (".#jobs", "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
    if change == "commit of what was changed":
        (world.top / "data/d0").write_text("1")
    time.sleep(0.1)
    before = jobs(*words)[1]
    world.commit(world.top, *{"empty commit": ("-a",), "amend": ("--amend",)}.get(change, ("-a",)))
    assert jobs(*words)[1] == jobs(".#jobs", "--no-write-lock-file")[1] != before


@pytest.mark.parametrize("flake", [".#jobs", "path:.#jobs"])
@pytest.mark.parametrize("file", ["packages/p1.nix", "data/d0", "data"])
def test_results_of_files_that_are_edited_meanwhile_are_not_kept(flake, file, world, jobs, monkeypatch):
    """A worker reads another content than the one that was hashed, and nobody sees it afterwards: its results are not kept."""
    look = JobRoot.look
    place = world.top / file

    def meddling(self, path):
        if path != ("p1",):
            return look(self, path)
        aside = world.top.parent / "aside"
        # The file keeps its times when it is moved.
        shutil.move(place, aside)
        if aside.is_dir():
            shutil.copytree(aside, place)
            (place / "d0").write_text("edited")
        else:
            place.write_text(aside.read_text().replace("n1", "edited").replace("0", "9"))
        try:
            return look(self, path)
        finally:
            (shutil.rmtree if place.is_dir() else os.unlink)(place)
            shutil.move(aside, place)

    words = (flake, "--no-write-lock-file", "--workers", "1")
    time.sleep(0.1)
    expected = jobs(*words)[1]
    with monkeypatch.context() as patch:
        patch.setattr(JobRoot, "look", meddling)
        assert jobs(*words, "--incremental", "--results", "../r.sqlite")[1] != expected
    again = jobs(*words, "--incremental", "--results", "../r.sqlite")[1]
    assert again == jobs(*words)[1]


def test_a_source_that_could_not_be_fetched_is_tried_again(world, jobs):
    """What failed because a source was missing is evaluated again when it is there."""
    words = (".#jobs", "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
    expected = jobs(".#jobs")[1]
    world.place.rename(world.place.parent / "away")
    assert jobs(*words)[1] == jobs(".#jobs")[1] != expected
    (world.place.parent / "away").rename(world.place)
    assert jobs(*words)[1] == expected


def test_a_locked_folder_that_changed_is_an_error(world, jobs):
    """The folder is not available any more, and a run says so, whatever was kept."""
    words = (".#jobs", "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
    time.sleep(0.1)
    before = jobs(*words)[1]
    assert jobs(*words)[1] == before and "\n3 of 18 attributes" in jobs(*words)[2]
    (world.place / "late.nix").write_text('"changed"')
    found = jobs(*words)[1]
    assert found == jobs(".#jobs", "--no-write-lock-file")[1] and b"NAR hash mismatch" in found


def test_errors_about_untracked_files_are_not_kept(world, jobs):
    """The words of an error depend on whether the file is there."""
    words = (".#jobs", "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
    time.sleep(0.1)
    before = jobs(*words)[1]
    assert b"is not tracked by Git" in before
    (world.top / "untracked.nix").unlink()
    time.sleep(0.1)
    assert jobs(*words)[1] == jobs(".#jobs", "--no-write-lock-file")[1] != before


def test_changed_settings_are_another_request(world, jobs, monkeypatch):
    """The settings of a configuration file are part of the request."""
    (world.top / "packages/p0.nix").write_text('{ make, ... }: import (make "ifd" { })')
    words = (".#jobs", "--no-write-lock-file", "--incremental", "--results", "../r.sqlite")
    time.sleep(0.1)
    monkeypatch.setenv("NIX_CONFIG", "allow-import-from-derivation = false")
    jobs(*words)
    # An attribute that was not built is evaluated again, beside the root and what is evaluated in each run.
    assert "\n4 of 18 attributes" in jobs(*words)[2]
    monkeypatch.setenv("NIX_CONFIG", "allow-import-from-derivation = true\nmax-call-depth = 5000")
    assert "\n18 of 18 attributes" in jobs(*words)[2]


def test_the_difference_from_a_revision_of_a_flake_is_printed(world, capfdbinary):
    (world.top / "packages/p0.nix").write_text('{ make, ... }: make "other" { }')
    (world.top / "packages/p1.nix").unlink()
    (world.top / "packages/q.nix").write_text('{ make, ... }: throw "new"')
    world.git(world.top, "add", "packages/q.nix")

    def run(*words: str) -> tuple[int, str]:
        code = main(["jobs", ".#jobs", "--no-instantiate", "--no-write-lock-file", *words])
        return code, capfdbinary.readouterr()[0].decode()

    data = json.loads(run("--diff", "HEAD", "--diff-format", "json")[1])
    assert [job["attr"] for job in data["added"]] == ["q"] and [job["attr"] for job in data["removed"]] == ["p1"]
    changed = {job["attr"] for job in data["changed"]}
    assert "p0" in changed and "rev" in changed and not changed & {"plain", "late", "placed"}
    world.commit(world.top, "-a")
    assert run("--diff", "main") == (0, "nothing changed\n")
    code, text = run("--changed-since", "main~1", "--incremental", "--results", "../r.sqlite")
    assert code == 0 and {json.loads(line)["attr"] for line in text.splitlines()} == {"q"} | changed | {"count", "time"}
    assert run("--diff", "no-such-revision")[0] == 1


def test_a_diff_of_a_flake_without_revisions_is_refused(world):
    with pytest.raises(UsageError, match="has no revisions"):
        flake_at("path:.#jobs", "HEAD", str(world.top))
    with pytest.raises(UsageError, match="has no revisions"):
        flake_at("https://x.org/a.tar.gz#jobs", "HEAD", str(world.top))
    commit = "0123456789" * 4
    assert flake_at("git+https://x.org/r?ref=main#a%20b", commit, "/") == f"git+https://x.org/r?rev={commit}#a%20b"
    assert flake_at("flake:nixpkgs#x", "24.05", "/") == "flake:nixpkgs/24.05#x"


def test_a_cluster_prints_the_same_of_a_flake_as_one_process(world, jobs, monkeypatch):
    """The same bytes as in one process: facts about the source, lazy inputs, an input that is gone, files that are missing in two ways; whichever worker is killed."""
    pytest.importorskip("distributed")
    for number in range(60):
        (world.top / f"packages/m{number}.nix").write_text('{ make, dep, ... }: make "m" { v = dep.rev; w = toString self; }'.replace("...", "self, ..."))
    world.git(world.top, "add", "packages")
    (world.top / "packages/dir.nix").write_text("{ make, ... }: make \"broken\" { v = import ./none.nix; }")
    world.git(world.top, "add", "packages/dir.nix")
    expected = jobs(".#jobs", "--workers", "1")[1]
    assert jobs(".#jobs", "--dask", "2")[1] == expected
    (world.place / "late.nix").write_text('"changed"')
    expected = jobs(".#jobs", "--workers", "1")[1]
    assert b"NAR hash mismatch" in expected
    over = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not over.is_set() and not killed:
            for pid in _dask_workers():
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    break
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    from snowsnake.jobs.cluster import ClusterRun

    finish = ClusterRun._finish

    def noticed(self, reply):
        if not threads:
            threads.append(threading.Thread(target=kill))
            threads[0].start()
        finish(self, reply)

    threads: list[threading.Thread] = []
    monkeypatch.setattr(ClusterRun, "_finish", noticed)
    try:
        assert jobs(".#jobs", "--dask", "3")[1] == expected
    finally:
        over.set()
        threads[0].join()
    assert killed


def _dask_workers() -> list[int]:
    """The processes of the cluster of this process: children and grandchildren, except those that only watch others."""
    found, work = [], [os.getpid()]
    while work:
        pid = work.pop()
        try:
            below = [int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()]
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        work += below
        if pid != os.getpid() and b"spawn_main" in words:
            found.append(pid)
    return found
