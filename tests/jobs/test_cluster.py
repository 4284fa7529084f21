"""A real Dask cluster of processes: the same replies as from one process, whichever of its workers is killed."""

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from cases import ROOTS

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.fetch.trees import DiskTree
from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.reply import Reply
from snowsnake.jobs.run import Run
from snowsnake.jobs.shipping import ArchiveTree, TooMuch, open_shipped, pack_root
from snowsnake.source import Position

distributed = pytest.importorskip("distributed")
from snowsnake.jobs.cluster import ClusterRun, NoWorkers  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/roots.nix").write_text(Path(ROOTS).read_text())
    (tmp_path / "set/default.nix").write_text("{ name, extra ? 1 }: (import ./roots.nix).${name}")
    return tmp_path / "set"


def shown(reply: Reply) -> dict:
    """The parts of a reply that are compared: the trace of an error depends on what its worker evaluated before."""
    return reply.fields | ({"error": True} if reply.error is not None else {})


def in_one_process(shipped, archive) -> list[dict]:
    return [shown(reply) for reply in Run(open_shipped(shipped, archive), RunOptions()).replies()]


@pytest.mark.parametrize("name", ["plain", "inputs", "many"])
def test_a_cluster_replies_what_one_process_replies(name, cluster, folder):
    shipped, archive = pack_root(str(folder), JobOptions(input_drvs=True), (("argstr", "name", name),))
    with distributed.Client(cluster) as client:
        found = [shown(reply) for reply in ClusterRun(client, shipped, archive).replies()]
    assert found == in_one_process(shipped, archive)
    assert len(found) >= 3


def test_killed_workers_of_a_cluster_change_no_reply(cluster, folder):
    shipped, archive = pack_root(str(folder), JobOptions(), (("argstr", "name", "many"),))
    expected = in_one_process(shipped, archive)
    killed = []
    with distributed.Client(cluster) as client:
        run = ClusterRun(client, shipped, archive)
        is_over = threading.Event()

        def kill() -> None:
            chance = random.Random(1)
            while not is_over.is_set() and len(killed) < 3:
                pids = [worker.pid for worker in cluster.workers.values() if worker.pid and worker.pid not in killed]
                if pids and run.queue.done > 20 * len(killed):
                    pid = chance.choice(pids)
                    try:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                    except ProcessLookupError:
                        pass
                time.sleep(0.05)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            found = [shown(reply) for reply in run.replies()]
        finally:
            is_over.set()
            thread.join()
    assert killed
    assert found == expected


def test_an_archive_reads_as_its_folder(tmp_path):
    """Asks each question at every path of the tree and at some paths that are not there."""
    top = tmp_path / "top"
    (top / "a/b").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "a/file").write_bytes(b"contents" * 9)
    (top / "a/b/tool").write_bytes(b"")
    (top / "a/b/tool").chmod(0o755)
    (top / "link").symlink_to("a/file")
    (top / "default.nix").write_text("1")
    shipped, archive = pack_root(str(top), JobOptions())
    expected, found = DiskTree(str(top)), ArchiveTree(archive)
    for path in (b"", b"a", b"a/b", b"a/file", b"a/b/tool", b"link", b"empty", b"default.nix", b"none", b"a/none", b"a/file/none"):
        assert found.kind(path) == expected.kind(path), path
        for ask in ("read", "list", "link"):
            try:
                answer = getattr(expected, ask)(path)
            except OSError:
                with pytest.raises(OSError):
                    getattr(found, ask)(path)
                continue
            if ask == "read" and expected.kind(path) == "symlink":
                # The evaluator follows links itself.
                continue
            other = getattr(found, ask)(path)
            assert (sorted(other), sorted(answer)) == (sorted(answer), sorted(answer)) if ask == "list" else other == answer, path


def test_a_folder_that_is_too_large_is_not_shipped(folder, monkeypatch, run_command):
    """A file in a folder with everything does not ship that folder."""
    (folder / "large").write_bytes(b"x" * 3_000_000)
    monkeypatch.setattr("snowsnake.jobs.shipping.MOST_BYTES", 1 << 20)
    with pytest.raises(TooMuch, match="more than 1 MiB.*a folder of its own"):
        pack_root(str(folder), JobOptions())
    (folder / "large").unlink()
    pack_root(str(folder), JobOptions())
    os.mkfifo(folder / "pipe")
    result = run_command("main", "jobs", str(folder), "--dask", "1", "--json")
    assert result.returncode == 1 and b"pipe' is not a file, a folder or a link" in result.stderr and b"Traceback" not in result.stderr


def test_a_cluster_prints_the_same_lines_as_this_machine(run_command, folder):
    """The system, and errors with their places, are those of the machine that asks."""
    (folder / ".git").mkdir()
    (folder / "lib").mkdir()
    (folder / "lib/flake.nix").write_text("{ }")
    (folder / "lib/default.nix").write_text("rec {\n  one = two + \"\";\n  two = three + \"\";\n  three = \"\" + throw \"no\";\n}")
    (folder / "own.nix").write_text("""
let lib = import ./lib; make = name: derivation { inherit name; builder = "b"; system = builtins.currentSystem; }; in {
  good = make "good"; own = throw "own"; library = make lib.one.v.v; other = { recurseForDerivations = true; x = make "x"; y = make; };
}""")
    words = ["jobs", str(folder / "own.nix"), "--json", "--no-instantiate"]
    here, there = run_command("main", *words), run_command("main", *words, "--dask", "2")
    assert here.returncode == there.returncode == 0, there.stderr
    assert there.stdout == here.stdout


def test_libraries_in_an_archive_are_folded_in_traces(folder):
    """A source tree inside the folder is one inside the archive, too, so that the same frames are folded."""
    (folder / "lib").mkdir()
    (folder / "lib/flake.nix").write_text("{ }")
    (folder / "default.nix").write_text("{ }")
    shipped, archive = pack_root(str(folder), JobOptions())
    places = [Position(f"{shipped.store_path}/{name}", b"x", 0, 1) for name in ("default.nix", "lib/default.nix", "other/default.nix")]
    error = EvaluationError("throw", "no", trace=[Frame("attribute", "a", place) for place in places])
    open_shipped(shipped, archive)._render(error)
    assert [frame.library for frame in error.trace] == ["", f"{shipped.store_path}/lib", ""]


def test_a_worker_that_has_grown_opens_its_root_again(folder):
    """A worker that has grown opens its root again, and loses nothing."""
    shipped, archive = pack_root(str(folder), JobOptions(), (("argstr", "name", "many"),))
    expected = in_one_process(shipped, archive)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit="200MiB") as cluster,
        distributed.Client(cluster) as client,
    ):
        assert [shown(reply) for reply in ClusterRun(client, shipped, archive).replies()] == expected


LARGE = """
let
  job = name: derivation { inherit name; system = "s"; builder = "b"; };
  # Some 30 MiB that live as long as the root does, and of the last one 100 MiB.
  made = number: count: builtins.genList (x: { a = [ (x + number) ]; }) count;
  lists = builtins.genList (number: made number (if number == 9 then 900000 else 270000)) 10;
  sum = builtins.foldl' (sum: one: sum + builtins.head one.a) 0;
  kept = number: job "kept-${toString (sum (builtins.elemAt lists number) + builtins.length (builtins.elemAt lists number))}";
  doubled = builtins.foldl' (text: _: text + text) "x" (builtins.genList (x: x) 50);
  longer = list: if builtins.length list > 1000000000 then list else longer (list ++ list);
in
builtins.listToAttrs (builtins.genList (number: { name = "kept${toString number}"; value = kept number; }) 10)
// { a = job "a"; list = job (toString (builtins.length (longer [ 1 ]))); text = job doubled; z = job "z"; }
"""


@pytest.mark.parametrize("form", ["file", "flake"])
def test_the_memory_limit_of_a_worker_holds_within_an_attribute(form, tmp_path, run_command):
    """An attribute that grows for ever is an error, and one that does not fit beside its neighbours succeeds; no worker ends because of them."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set/default.nix").write_text(LARGE)
    (tmp_path / "set/flake.nix").write_text("{ outputs = { self }: { jobs = import ./default.nix; }; }")
    words = [str(tmp_path / "set")] if form == "file" else [f"path:{tmp_path}/set#jobs"]
    result = run_command("main", "jobs", *words, "--json", "--dask", "2", "--max-memory-size", "600")
    jobs = [json.loads(line) for line in result.stdout.splitlines()]
    assert [job["attr"] for job in jobs] == ["a", *(f"kept{number}" for number in range(10)), "list", "text", "z"], result.stderr
    failed = {job["attr"]: job["error"] for job in jobs if "error" in job}
    assert failed.keys() == {"list", "text"}
    assert all("out of memory" in text for text in failed.values())
    assert result.returncode == 1


def test_a_path_that_lacks_memory_is_evaluated_in_a_new_root(folder, monkeypatch):
    """Only what fails in a root that was opened for it is an error, and nothing is evaluated after it in the same root."""
    from snowsnake.jobs import cluster as worker

    (folder / "default.nix").write_text(LARGE)
    opened = []
    monkeypatch.setattr(worker, "_roots", {})
    monkeypatch.setattr(worker, "_growth_bytes", lambda: opened.append(1) or 150 << 20)
    shipped, archive = pack_root(str(folder), JobOptions())
    paths = [(name,) for name in ("a", "list", *(f"kept{number}" for number in range(10)), "text", "z")]
    replies = worker.look_at(shipped, {shipped.store_path: archive}, worker.Answers(), paths)
    assert [reply.path for reply in replies] == paths
    assert [reply.path[0] for reply in replies if reply.error] == ["list", "text"]
    assert all(reply.is_broken for reply in replies if reply.error)
    # The first one, a new one for each of the two that fail, and others for what follows and for what did not fit.
    assert 6 <= len(opened) <= 12


def test_a_run_asks_for_workers_when_none_is_left(folder, monkeypatch):
    """A run asks the cluster that was started for it for other workers."""
    # Later attempts follow after 2 s, 4 s …: a worker needs a second to start, several at once more.
    monkeypatch.setattr("snowsnake.jobs.cluster._AWAY_S", 1.0)
    shipped, archive = pack_root(str(folder), JobOptions(), (("argstr", "name", "inputs"),))
    with (
        distributed.LocalCluster(n_workers=0, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = ClusterRun(client, shipped, archive, lambda: cluster.scale(len(cluster.worker_spec) + 1)).replies()
        assert [shown(reply) for reply in found] == in_one_process(shipped, archive)


def test_a_run_ends_if_no_worker_starts(cluster, folder, monkeypatch):
    """A run ends with an error if no worker comes."""
    monkeypatch.setattr("snowsnake.jobs.cluster._AWAY_S", 0.01)
    calls = []
    shipped, archive = pack_root(str(folder), JobOptions())
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=None) as empty, distributed.Client(empty) as client:
        with pytest.raises(NoWorkers, match="no other one starts"):
            list(ClusterRun(client, shipped, archive, lambda: calls.append(1)).replies())
    assert len(calls) == 4


def test_a_root_that_fails_is_an_error(cluster, folder):
    (folder / "default.nix").write_text("throw \"no root\"")
    shipped, archive = pack_root(str(folder), JobOptions())
    with distributed.Client(cluster) as client:
        (reply,) = ClusterRun(client, shipped, archive).replies()
    assert reply.path == () and "no root" in reply.error


def test_the_command_starts_a_cluster(run_command, folder):
    words = ["jobs", str(folder), "--argstr", "name", "inputs", "--json", "--dask", "2"]
    result = run_command("main", *words)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3
    assert run_command("main", "jobs", "-E", "1", "--dask", "2").returncode == 1
