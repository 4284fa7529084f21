"""A run on many machines: a Dask cluster evaluates, this process keeps the queue and the order.

In: a shipped root or flake, a `dask.distributed` client.  Out: replies in the order of their paths.  Each archive is a task of its own, named by
its content: the scheduler keeps it, and sends it once to each worker, also to workers that replace lost ones.  Dask handles workers that are lost,
too slow or out of memory; the paths of a task that it gives up are submitted again, each in its own task.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.jobs.evaluation import JobRoot, look_until_full
from snowsnake.jobs.queue import JobQueue, each
from snowsnake.jobs.reply import Path, Reply, failed, worker_of
from snowsnake.jobs.shipped_flake import Answers, FlakeSources, FlakeWorker, Needs, ShippedFlake, failed_root
from snowsnake.jobs.shipping import ShippedRoot, open_shipped
from snowsnake.jobs.worker import available_bytes, resident_bytes

if TYPE_CHECKING:
    from snowsnake.jobs.ledger import Segment

# A task has at most this many paths.
_MOST_AT_ONCE = 32
# A path gets at most this many tasks of its own; Dask tries each task several times.
_MOST_ATTEMPTS = 4
_POLL_S = 0.2
# If there is no worker for this long, others are requested; the time doubles with each request.
_AWAY_S = 15.0
# After this many requests for workers in a row without any success, the run ends.
_MOST_CALLS = 4


class ClusterRun:
    """Does what `jobs.run.Run` does, with the same replies.

    `add_workers` is called if all workers have been away for a while: a local cluster does not replace one that dies while it starts.  Without
    `add_workers`, the run waits for others.  For a flake, `archive` has the archives by store path, and `sources` fetches its inputs.
    """

    def __init__(
        self,
        client: Any,
        shipped: ShippedRoot | ShippedFlake,
        archive: bytes | dict[str, bytes],
        add_workers: Callable[[], None] | None = None,
        sources: FlakeSources | None = None,
    ) -> None:
        self.client = client
        self.shipped = shipped
        self.sources = sources
        self.queue = JobQueue()
        self.broken: list[Reply] = []
        # The number of tasks that Dask gave up.
        self.retries = 0
        self._archives = archive if isinstance(archive, dict) else {shipped.store_path: archive} if isinstance(shipped, ShippedRoot) else {}
        # The archives on the cluster, by store path.
        self._futures: dict[str, Any] = {}
        self._answers = Answers()
        self._attempts: dict[Path, int] = {}
        self._out: dict[Any, list[Path]] = {}
        self._add_workers = add_workers
        # The last time at which there were workers, or at which others were requested.
        self._last_seen = time.monotonic()
        # The number of requests for workers since there last was one.
        self._calls = 0
        # The paths of failed tasks: each gets a task of its own.
        self._alone: list[Path] = []

    def replies(self) -> Iterator[Reply]:
        """All jobs, in order."""
        for found in self.steps(None):
            yield from each(found)

    def steps(self, patience_s: float | None) -> Generator[list[Reply | Segment], None, None]:
        """Yields replies that have come, each time after waiting for some."""
        for store_path, archive in self._archives.items():
            self._send(store_path, archive)
        try:
            while True:
                self._give_out()
                found = self.queue.ready()
                self.broken += [reply for reply in each(found) if reply.is_broken]
                yield found
                if self.queue.is_empty:
                    return
                self._listen()
        finally:
            for future in self._out:
                future.cancel()
            self._out = {}

    def _send(self, store_path: str, archive: bytes) -> None:
        self._futures[store_path] = self.client.submit(_same, archive, key="source-" + os.path.basename(store_path), pure=True)

    def _answer(self, needs: Needs) -> None:
        """Finds out on this machine what a worker asks for; all workers get the answer from now on."""
        assert self.sources is not None
        self._answers, archives = self.sources.answer(needs, self._answers)
        for store_path, archive in archives.items():
            if store_path not in self._futures:
                self._send(store_path, archive)

    def _give_out(self) -> None:
        """Submits as many tasks as keep the workers busy; requests other workers if there are none."""
        threads = sum(self.client.nthreads().values())
        now = time.monotonic()
        if threads:
            self._last_seen = now
            self._calls = 0
        elif self._add_workers is not None and now - self._last_seen > _AWAY_S * 2**self._calls:
            if self._calls == _MOST_CALLS:
                raise NoWorkers("no worker of the cluster that was started for this run is left, and no other one starts")
            self._last_seen = now
            self._calls += 1
            self._add_workers()
        threads = threads or 1
        while len(self._out) < 2 * threads and (self._alone or self.queue.waiting):
            if self._alone:
                paths = [self._alone.pop()]
            else:
                paths = self.queue.take(min(self.queue.waiting // (4 * threads) + 1, _MOST_AT_ONCE))
            future = self.client.submit(look_at, self.shipped, self._futures, self._answers, paths, pure=False)
            self._out[future] = paths

    def _listen(self) -> None:
        from distributed import wait

        try:
            wait(list(self._out), timeout=_POLL_S, return_when="FIRST_COMPLETED")  # type: ignore[no-untyped-call]
        except TimeoutError:
            return
        for future in [future for future in self._out if future.done()]:
            paths = self._out.pop(future)
            if future.status == "finished":
                try:
                    result = future.result()
                    if isinstance(result, Needs):
                        self._answer(result)
                        self.queue.put_back(paths)
                    else:
                        for reply in result:
                            self._finish(reply)
                    continue
                except Exception as error:
                    # The worker that had the result ended before the result was fetched.
                    if not _is_lost(error):
                        raise
            self._again(paths, "it was given up" if future.status != "error" else str(future.exception()))

    def _finish(self, reply: Reply) -> None:
        """Enters a reply; its error names the files of this machine instead of those in the archive."""
        if reply.error is not None and isinstance(self.shipped, ShippedRoot) and self.shipped.folder:
            there, here = self.shipped.store_path, self.shipped.folder
            reply.fields["error"] = reply.error.replace(there, here)
            reply.report, reply.cause = reply.report.replace(there, here), reply.cause.replace(there, here)
        self.queue.finish(reply)

    def _again(self, paths: list[Path], reason: str) -> None:
        """Notes that the paths of a failed task must be evaluated again, each in a task of its own."""
        self.retries += 1
        if len(paths) == 1:
            (path,) = paths
            self._attempts[path] = self._attempts.get(path, 0) + 1
            if self._attempts[path] >= _MOST_ATTEMPTS:
                self.queue.finish(failed(path, f"error: {worker_of(path)} was lost: {reason}", is_broken=True))
                return
        self._alone += paths


class NoWorkers(Exception):
    """The cluster has no workers."""


def _is_lost(error: Exception) -> bool:
    from concurrent.futures import CancelledError

    return isinstance(error, CancelledError | OSError) or type(error).__module__.startswith("distributed")


def _same(archive: bytes) -> bytes:
    return archive


# ---- on the workers ---------------------------------------------------------------------------------------------

_roots: dict[ShippedRoot | ShippedFlake, JobRoot | FlakeWorker | EvaluationError] = {}
# An evaluator is for one thread at a time.
_lock = threading.Lock()
# A worker may use this part of its memory: Dask pauses one that uses 0.8, and ends it at 0.95.
_MOST_OF_MEMORY = 0.5
# The values of a root may take this much, however little memory is left.
_LEAST_GROWTH_BYTES = 32 << 20


def look_at(shipped: ShippedRoot | ShippedFlake, archives: dict[str, bytes], answers: Answers, paths: list[Path]) -> list[Reply] | Needs:
    """The task: returns replies to some paths below a root, or what this worker needs first.

    A worker opens a root once, and again when it has grown too large.  An attribute for which the values of a worker would grow too much is evaluated
    again in a root that was opened for it, so that nothing is in the way of it; only then it is an error.  `archives` has the archives by store path.
    """
    replies: list[Reply] = []
    with _lock:
        while len(replies) < len(paths):
            is_new = shipped not in _roots or _is_large()
            if is_new:
                # A worker's memory suffices for one root at a time.
                _roots.clear()
                gc.collect()
                _roots[shipped] = _open(shipped, archives, answers)
            root, rest = _roots[shipped], paths[len(replies) :]
            if isinstance(root, EvaluationError):
                return [failed_root(path, root) for path in paths]
            if isinstance(root, JobRoot):
                found = list(look_until_full(root, rest))
            else:
                root.give(archives, answers)
                asked = root.look(rest)
                if isinstance(asked, Needs):
                    if root.is_over:
                        del _roots[shipped]
                    return asked
                found = asked
            lacked_memory = root.lacked_memory
            if not isinstance(root, JobRoot) and root.is_over or lacked_memory:
                del _roots[shipped]
            # Otherwise this reference would keep the values while the root is opened again.
            del root
            if lacked_memory and not (is_new and len(found) == 1):
                found.pop()
            replies += found
    return replies


def _open(shipped: ShippedRoot | ShippedFlake, archives: dict[str, bytes], answers: Answers) -> JobRoot | FlakeWorker | EvaluationError:
    if isinstance(shipped, ShippedFlake):
        return FlakeWorker(shipped, archives, answers, _growth_bytes())
    try:
        return open_shipped(shipped, archives[shipped.store_path], _growth_bytes())
    except EvaluationError as error:
        return error


def _limit_bytes() -> int:
    """The memory limit of this worker, or 0."""
    from distributed import get_worker

    try:
        return int(get_worker().memory_manager.memory_limit or 0)
    except (ValueError, AttributeError):
        return 0


def _is_large() -> bool:
    limit = _limit_bytes()
    return limit > 0 and resident_bytes() > _MOST_OF_MEMORY * limit


def _growth_bytes() -> int:
    """How large the values of a root that is opened now may become: two fifths of the memory that is left, because a collection needs as much again for its copy."""
    limit = _limit_bytes()
    free = min(limit - resident_bytes(), available_bytes()) if limit else available_bytes()
    return max(free // 5 * 2, _LEAST_GROWTH_BYTES)
