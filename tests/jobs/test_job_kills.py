"""Workers killed in the middle, and the whole run ended: nothing lost, nothing twice, nobody left behind."""

import faulthandler
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cases import expression

from snowsnake.jobs.options import JobOptions, RunOptions
from snowsnake.jobs.queue import JobQueue
from snowsnake.jobs.reply import Reply

CODE = "from snowsnake.cli.eval_jobs import main; from snowsnake.cli.output import leave; leave(main)"
JOBS = "from snowsnake.cli.main import main; from snowsnake.cli.output import leave; leave(main)"
KILLS = 24


def start(*words: str, cwd: Path, code: str = CODE) -> subprocess.Popen:
    source = str(Path(sys.modules["snowsnake"].__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-c", code, *words, *expression("many")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
        env=os.environ | {"PYTHONPATH": source}, start_new_session=True,
    )  # fmt: skip


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("undisturbed")
    return start("--workers", "2", "--store", "./store", cwd=folder).communicate(timeout=300)[0]


_SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.skipif(_SANITIZED, reason="the sanitizer reports the signal itself"))],
)
def test_killed_workers_change_no_line(number, undisturbed, tmp_path):
    process = start("--workers", "2", "--store", "./store", cwd=tmp_path)
    killed = []

    def kill() -> None:
        chance = random.Random(int(number))
        while process.poll() is None and len(killed) < KILLS:
            workers = [pid for pid in children(process.pid) if pid not in killed]
            if workers:
                time.sleep(chance.random() * 0.06)
                pid = chance.choice(workers)
                try:
                    os.kill(pid, number)
                    killed.append(pid)
                except ProcessLookupError:
                    pass

    thread = threading.Thread(target=kill)
    thread.start()
    found, log = process.communicate(timeout=300)
    thread.join()
    assert killed
    # A crash counts against the attribute that it comes back with.
    if number == signal.SIGKILL:
        assert (process.returncode, found) == (0, undisturbed), log[-2000:]
    assert len(found.splitlines()) == len(undisturbed.splitlines())
    assert len(undisturbed.splitlines()) == 300


def test_killed_incremental_runs_leave_right_results(undisturbed, tmp_path):
    """Workers and whole runs are killed; the results that others kept are right, and the next run uses them."""
    words = ["jobs", "--json", "--incremental", "--results", "r.sqlite", "--workers", "2", "--store", "./store"]
    chance = random.Random(7)
    kills = 0

    def disturb(process: subprocess.Popen, is_whole: bool, most: int) -> None:
        nonlocal kills
        while process.poll() is None and kills < most:
            workers = children(process.pid)
            time.sleep(chance.random() * 0.1)
            if workers:
                try:
                    os.kill(process.pid if is_whole else chance.choice(workers), signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass

    while kills < KILLS:
        is_whole = kills % 3 == 0
        process = start(*words, cwd=tmp_path, code=JOBS)
        thread = threading.Thread(target=disturb, args=(process, is_whole, min(kills + (1 if is_whole else 5), KILLS)))
        thread.start()
        found, log = process.communicate(timeout=300)
        thread.join()
        if not is_whole:
            assert found == undisturbed, log[-2000:]
        if b"\n1 of 301 attributes were evaluated" in log:
            # All results were kept, so the next run would have nothing to evaluate.
            (tmp_path / "r.sqlite").unlink()
    found, log = start(*words, cwd=tmp_path, code=JOBS).communicate(timeout=300)
    assert found == undisturbed, log[-2000:]
    found, log = start(*words, cwd=tmp_path, code=JOBS).communicate(timeout=300)
    assert found == undisturbed and b"\n1 of 301 attributes were evaluated" in log, log[-2000:]


def run_to_first_line(cwd: Path) -> tuple[subprocess.Popen, list[int]]:
    process = start("--workers", "2", "--store", "./store", cwd=cwd)
    process.stdout.readline()
    return process, children(process.pid)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_told_to_end_ends_its_workers(number, code, tmp_path):
    process, workers = run_to_first_line(tmp_path)
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert workers
    assert not any(map(is_alive, workers))
    left = [path.name for path in (tmp_path / "store/nix/var/snowsnake/tmp").iterdir()]
    # The next run removes the files of this one.
    assert all(name.startswith(f"{process.pid}-") for name in left)


def test_a_worker_that_is_interrupted_while_it_ends_removes_its_files(tmp_path):
    """A worker whose parent has gone is already ending when a signal asks it to."""
    from snowsnake.interpreter import Interpreter
    from snowsnake.jobs.evaluation import JobRoot
    from snowsnake.jobs.worker import JobWorker

    class Evaluator:
        def close_store(self):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            (tmp_path / "closed").write_text("")

        def __getattr__(self, name):
            return getattr(evaluator, name)

    evaluator = Interpreter()
    root = JobRoot(evaluator, evaluator.evaluate(b"{ }", "/"), JobOptions())
    root.evaluator = Evaluator()
    assert JobWorker(root, 1 << 40, []).end() == 0
    assert (tmp_path / "closed").exists()


def test_a_killed_run_leaves_no_worker(tmp_path):
    process, workers = run_to_first_line(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    for _ in range(600):
        if not any(map(is_alive, workers)):
            break
        time.sleep(0.05)
    assert not any(map(is_alive, workers))


def test_a_run_ends_when_its_reader_goes_away(tmp_path):
    process, workers = run_to_first_line(tmp_path)
    process.stdout.close()
    process.stderr.read()
    process.wait(timeout=60)
    assert process.returncode == 141
    assert not any(map(is_alive, workers))


def test_workers_run_under_the_first_process_of_a_container(tmp_path):
    """The parent of workers may have the number 1; that does not mean that it has ended."""
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("needs user namespaces")
    source = str(Path(sys.modules["snowsnake"].__file__).parent.parent)
    done = subprocess.run(
        [*unshare, sys.executable, "-c", JOBS, "jobs", "--json", "--workers", "2", *expression("many")], capture_output=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": source}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 300 and b"evaluation worker" not in done.stdout, done.stderr[-2000:]


def test_a_path_that_crashes_its_worker_becomes_an_error():
    """A path that crashes its worker is not tried for ever, and only that path has the error."""
    from snowsnake.interpreter import Interpreter
    from snowsnake.jobs.evaluation import JobRoot
    from snowsnake.jobs.run import Run

    class Crashing(JobRoot):
        def look(self, path):
            if path == ("j17",):
                # pytest's own handler would report the crash.
                faulthandler.disable()
                os.kill(os.getpid(), signal.SIGABRT)
            return super().look(path)

    source = b"""builtins.listToAttrs (builtins.genList (i: { name = "j${toString i}"; value = derivation {
        name = "n${toString i}"; system = "s"; builder = "b"; }; }) 40)"""
    evaluator = Interpreter()
    run = Run(Crashing(evaluator, evaluator.evaluate(source, "/"), JobOptions()), RunOptions(workers=2))
    replies = list(run.replies())
    assert len(replies) == 40
    assert [reply.path for reply in replies] == sorted(reply.path for reply in replies)
    assert [reply.path for reply in run.broken] == [("j17",)]
    assert "killed by signal 6 (SIGABRT)" in run.broken[0].error
    assert sum(reply.error is None for reply in replies) == 39
    assert run.deaths >= 2


def test_replies_leave_the_queue_in_the_order_of_paths():
    """Replies leave the queue in the order of one worker, whatever the order of the answers."""
    tree = {"a": {"x": None, "y": {"deep": None}}, "a-b": None, "b": None, "empty": {}}

    def answer(path):
        node = tree
        for name in path:
            node = node[name]
        return Reply(path) if node is None else Reply(path, attrs=list(node))

    expected = None
    for seed in range(200):
        chance, queue, out, found = random.Random(seed), JobQueue(), [], []
        while not queue.is_empty:
            out += queue.take(chance.randint(0, 3), chance.choice((None, 0, 1)))
            if out and chance.random() < 0.2:
                queue.put_back([out.pop(chance.randrange(len(out)))])
            elif out:
                queue.finish(answer(out.pop(chance.randrange(len(out)))), chance.choice((None, 0, 1)))
            found += queue.ready()
        paths = [reply.path for reply in found]
        expected = expected or paths
        assert paths == expected == [("a", "x"), ("a", "y", "deep"), ("a-b",), ("b",)]


def test_members_of_a_family_go_to_one_worker():
    queue = JobQueue()
    queue.finish(Reply(queue.take(1)[0], attrs=["linux", "linux_6", "other", "z"]))
    assert queue.take(3, 0) == [("linux",), ("linux_6",), ("other",)]
    for name in ("linux", "linux_6"):
        queue.finish(Reply((name,), attrs=["a", "b"]), 0)
    assert queue.take(4, 1) == [("z",)], "the sets are for the worker that entered them"
    queue.finish(Reply(("z",), attrs=["c", "d"]), 1)
    assert queue.take(3, 0) == [("linux", "a"), ("linux", "b"), ("linux_6", "a")]
    assert queue.take(1, 1) == [("z", "c")]
    assert queue.take(4, 2) == [("linux_6", "b"), ("z", "d")], "a worker with nothing else to do helps"
    assert queue.waiting == 0 and not queue.is_empty
    queue.put_back([("z", "d")])
    assert queue.take(4, 0) == [("z", "d")], "of which is also what another one gave back"


def test_a_family_is_everything_that_begins_with_its_word():
    queue = JobQueue()
    names = ["linuxKernel.packages.a", "linuxPackages_6.a", "linux_6", "other", "perl540Packages.x", "perlPackages.x"]
    queue.finish(Reply(queue.take(1)[0], attrs=names))
    assert queue.take(1, 0) == [("linuxKernel.packages.a",)]
    assert queue.take(2, 1) == [("other",), ("perl540Packages.x",)], "names of the root belong to a family that another worker has begun"
    assert queue.take(3, 0) == [("linuxPackages_6.a",), ("linux_6",)]
    assert queue.take(3, 1) == [("perlPackages.x",)]


def test_a_worker_without_work_helps_at_the_end_of_a_family():
    """In the middle of a run, it takes the first paths instead, so that lines are not held back for long."""
    queue = JobQueue()
    queue.finish(Reply(queue.take(1)[0], attrs=[f"a.{number:02}" for number in range(40)]))
    assert queue.take(1, 0) == [("a.00",)]
    assert queue.take(2, 1) == [("a.01",), ("a.02",)]
    assert len(queue.take(28, 0)) == 28
    assert queue.take(2, 1) == [("a.38",), ("a.39",)]
    assert queue.take(2, 0) == [("a.31",), ("a.32",)]
    queue.put_back([("a.38",)])
    assert queue.take(40, 2) == [(f"a.{number}",) for number in (*range(33, 39),)]
    assert not queue.waiting and queue.take(3, 1) == []


def test_nothing_is_lost_with_many_families():
    """Whatever is taken, given back, answered and found below, in any order, all replies leave the queue once and in order."""
    for seed in range(150):
        chance, queue, out, found, made = random.Random(seed), JobQueue(), [], [], []
        queue.finish(Reply(queue.take(1)[0], attrs=sorted({f"{chance.choice('ab')}{chance.choice(['', '-1', '.x', '_y', '2', 'P', 'a.z'])}" for _ in range(12)})))
        while not queue.is_empty:
            waiting, most = queue.waiting, chance.randint(1, 5)
            taken = queue.take(most, chance.choice((None, 0, 1, 2)))
            assert bool(taken) == bool(waiting) and len(taken) <= most and queue.waiting == waiting - len(taken)
            out += taken
            if out and chance.random() < 0.2:
                queue.put_back([out.pop(chance.randrange(len(out)))])
            elif out:
                path = out.pop(chance.randrange(len(out)))
                is_set = len(path) < 3 and chance.random() < 0.4
                queue.finish(Reply(path, attrs=["x", "y"][: chance.randint(0, 2)]) if is_set else Reply(path), chance.choice((None, 0, 1, 2)))
                made += [] if is_set else [path]
            found += queue.ready()
        assert [reply.path for reply in found] == sorted(made)
