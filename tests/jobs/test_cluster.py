"""A real Dask cluster of processes: the same replies as from one process, whoever of its workers is killed."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from cases import ROOTS

from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.reply import Reply
from snowsnake.jobs.run import Run
from snowsnake.jobs.shipping import open_shipped, pack_root, unpack

distributed = pytest.importorskip("distributed")
from snowsnake.jobs.cluster import ClusterRun  # noqa: E402


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
    """Traces of errors depend on what their worker evaluated before."""
    return reply.fields | ({"error": True} if reply.error is not None else {})


def in_one_process(shipped, archive, tmp_path) -> list[dict]:
    unpack(archive, str(tmp_path / "unpacked"))
    return [shown(reply) for reply in Run(open_shipped(shipped, str(tmp_path / "unpacked")), RunOptions()).replies()]


@pytest.mark.parametrize("name", ["plain", "inputs", "many"])
def test_same_replies(name, cluster, folder, tmp_path):
    shipped, archive = pack_root(str(folder), JobOptions(input_drvs=True), (("argstr", "name", name),))
    with distributed.Client(cluster) as client:
        found = [shown(reply) for reply in ClusterRun(client, shipped, archive).replies()]
    assert found == in_one_process(shipped, archive, tmp_path)
    assert len(found) >= 3


def test_killed_workers(cluster, folder, tmp_path):
    shipped, archive = pack_root(str(folder), JobOptions(), (("argstr", "name", "many"),))
    expected = in_one_process(shipped, archive, tmp_path)
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


def test_root_that_fails(cluster, folder):
    (folder / "default.nix").write_text("throw \"no root\"")
    shipped, archive = pack_root(str(folder), JobOptions())
    with distributed.Client(cluster) as client:
        (reply,) = ClusterRun(client, shipped, archive).replies()
    assert reply.path == () and "no root" in reply.error


def test_command(run_command, folder):
    words = ["jobs", str(folder), "--argstr", "name", "inputs", "--json", "--dask", "2"]
    result = run_command("main", *words)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 3
    assert run_command("main", "jobs", "-E", "1", "--dask", "2").returncode == 1
