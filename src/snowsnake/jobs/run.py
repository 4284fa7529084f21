"""A run: the queue and its workers.

In: a root, options.  Out: replies in the order of their paths, as they come.  A worker that ends is replaced, and its unanswered paths are
evaluated again, each alone; a path that ends its worker repeatedly becomes a reply with an error.
"""

import os
import selectors
import signal
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING

from snowsnake.foundation.record import Belonging
from snowsnake.jobs.evaluation import JobRoot
from snowsnake.jobs.in_place import doubted
from snowsnake.jobs.memory import JobMemory
from snowsnake.jobs.options import RunOptions
from snowsnake.jobs.queue import JobQueue, each
from snowsnake.jobs.reply import Group, Path, Reply, failed, printed, worker_of
from snowsnake.jobs.worker import RENEW, JobWorker, Recorded, TooLarge, resident_bytes

if TYPE_CHECKING:
    from snowsnake.jobs.ledger import Segment

# A worker gets at most this many paths at once: many, because neighbours share much, and two workers that need the same both evaluate it.
_MOST_AT_ONCE = 64
# How many paths a worker gets if results are kept: _LEAST_IN_GROUP, and _MORE_IN_GROUP for each earlier group, up to _MOST_IN_GROUP.  A worker evaluates
# one group, and ends it earlier when it has worked long enough (worker.py: _GROUP_S).  The first groups are small, so that it is soon known what
# others will need, too.
_LEAST_IN_GROUP, _MORE_IN_GROUP, _MOST_IN_GROUP = 8, 1, 48
# When results were used again and at most _FEW paths wait, a worker gets at most _MOST_AGAIN of them.
_MOST_AGAIN, _FEW = 48, 192
# An attribute that asked more than _WIDE questions of its own needed much that was not evaluated yet.  The parent evaluates it, too, if at least
# _WORTH other paths wait, which will probably need the same.
_WIDE, _WORTH = 50, 160
# A path that was evaluated alone and has ended its worker this often is an error.  A crash repeats itself; a kill comes from outside, perhaps because
# memory was short, and perhaps not because of the path.  A kill after more than _LONG_S counts as _LONG_KILLS.
_MOST_CRASHES, _MOST_KILLS = 2, 16
_LONG_S, _LONG_KILLS = 1.0, 5
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Run:
    """The queue of one run and its workers.  `deaths`: how many workers ended unexpectedly.  `broken`: the replies with `is_broken`."""

    def __init__(self, root: JobRoot, options: RunOptions, memory: JobMemory | None = None) -> None:
        self.root = root
        self.options = options
        self.memory = memory
        self.queue = JobQueue(memory.known if memory is not None else None)
        self.deaths = 0
        # The number of workers that ended because they had grown too large, or had done their group.
        self.renewals = 0
        self.broken: list[Reply] = []
        self._workers: list[JobWorker] = []
        # Workers that end because no path is left.
        self._leaving: list[JobWorker] = []
        # Whether the evaluator is prepared for forks.  That pays for many workers; without kept results, only few are forked.
        self._is_settled = memory is None
        self._groups = 0
        # If results are kept, the number of questions that were asked before the next worker is forked.
        self._asked: int | None = None
        # How often, by weight, a worker ended while it evaluated only this path.
        self._ends: dict[Path, int] = {}
        self._suspects: set[Path] = set()
        # Paths that need more memory than the limit of a worker.  Each gets a new worker, without that limit, and there is one such worker at a time.
        self._large: list[Path] = []

    def replies(self) -> Iterator[Reply]:
        """All jobs, in order.  Errors of the root itself are raised."""
        for found in self.steps(None):
            yield from each(found)

    async def replies_as_they_come(self) -> AsyncIterator[Reply]:
        """The replies of `replies`; other tasks of the event loop run while this run waits for its workers."""
        import asyncio

        loop = asyncio.get_running_loop()
        steps = self.steps(0)
        try:
            for found in steps:
                for reply in each(found):
                    yield reply
                heard = asyncio.Event()
                ears = [worker.channel.fileno() for worker in self._workers]
                for ear in ears:
                    loop.add_reader(ear, heard.set)
                try:
                    if not self.queue.is_empty:
                        await heard.wait()
                finally:
                    for ear in ears:
                        loop.remove_reader(ear)
        finally:
            steps.close()

    def steps(self, patience_s: float | None) -> "Generator[list[Reply | Segment], None, None]":
        """Yields replies that have come, each time after waiting for some: for ever (None), or not at all (0)."""
        self._start()
        self.root.evaluator.flush_cache()
        try:
            while True:
                self._give_out()
                found = self._ready()
                if self.queue.is_empty:
                    self._dismiss()
                yield found
                if self.queue.is_empty:
                    if self.memory is not None:
                        self.memory.is_complete = True
                    return
                with self._selector() as ears:
                    heard = [key.data for key, _ in ears.select(patience_s)]
                for worker in heard:
                    self._listen(worker)
        finally:
            self._stop()

    def _selector(self) -> selectors.BaseSelector:
        ears = selectors.DefaultSelector()
        for worker in self._workers:
            ears.register(worker.channel, selectors.EVENT_READ, worker)
        return ears

    def _ready(self) -> "list[Reply | Segment]":
        found = self.queue.ready()
        self.broken += [reply for reply in found if isinstance(reply, Reply) and reply.is_broken]
        return found

    def _start(self) -> None:
        """Evaluates the root in this process, so that all workers have its value."""
        (path,) = self.queue.take(1)
        self.root.root.force()
        reply = self.root.look(path)
        self.root.flush([reply])
        if self.memory is not None:
            evaluator = self.root.evaluator
            self._asked = evaluator.record_count()
            record = evaluator.record_sum()
            self._is_settled = False
            if not self.memory.begin_as_before(record, evaluator.dependencies(self._asked)):
                found = doubted(evaluator, evaluator.dependencies(), self.memory.since)
                self.memory.begin(found, evaluator.fetcher.facts() if any(entry.kind == "source" for entry in found) else None, record)
            pieces = self.memory.pieces(reply)
            if pieces is not None:
                self.queue.finish_root(reply, pieces)
                return
        self.queue.finish(reply)

    def _give_out(self) -> None:
        """Sends work to every idle worker, and starts as many workers as there is work for."""
        for worker in self._workers:
            if not worker.open and self.queue.waiting:
                worker.ask(self._next(worker))
        while len(self._workers) < self.options.workers:
            may_be_large = self._large and not any(worker.is_for_large for worker in self._workers)
            if may_be_large:
                self._new_worker(is_for_large=True).ask([self._large.pop(0)])
            elif self.queue.waiting:
                worker = self._new_worker()
                worker.ask(self._next(worker))
            else:
                break

    def _new_worker(self, *, is_for_large: bool = False) -> JobWorker:
        if not self._is_settled:
            self.root.evaluator.prepare_forks()
            self._is_settled = True
        number = min(set(range(self.options.workers)) - {other.number for other in self._workers})
        worker = JobWorker(self.root, self.options.memory_bytes, self._workers, self._recorded, number, is_for_large=is_for_large)
        worker.layer = self.memory.layer if self.memory is not None else None
        self._workers.append(worker)
        return worker

    @property
    def _recorded(self) -> Recorded | None:
        return None if self.memory is None or self._asked is None else Recorded(self._asked, self.memory.since)

    def _next(self, worker: JobWorker) -> list[Path]:
        """A fair share of the waiting paths; a suspect path is evaluated alone."""
        if self.memory is None:
            paths = self.queue.take(min(self.queue.waiting // (4 * self.options.workers) + 1, _MOST_AT_ONCE), worker.number)
        else:
            # A whole group goes to one worker: two workers would both evaluate what its paths share.
            paths = self._next_group(self.memory)
        for number, path in enumerate(paths):
            if path in self._suspects and len(paths) > 1:
                self.queue.put_back(paths[number or 1 :])
                return paths[: number or 1]
        return paths

    def _next_group(self, memory: JobMemory) -> list[Path]:
        queue = self.queue
        if not queue.reused or queue.waiting > _FEW:
            return memory.in_order(queue.take(min(_LEAST_IN_GROUP + _MORE_IN_GROUP * self._groups, _MOST_IN_GROUP)))
        # The paths whose replies no longer hold are evaluated by as few workers as possible, because each worker evaluates again what leads to them.
        others, suspects = memory.parted(queue.take(queue.waiting))
        if len(others) + len(suspects) > _MOST_AGAIN or (others and suspects and self.options.workers > 1):
            group = (suspects or others)[:_MOST_AGAIN]
        else:
            group = others + suspects
        taken = set(group)
        queue.put_back([path for path in others + suspects if path not in taken])
        return group

    def _listen(self, worker: JobWorker) -> None:
        messages = worker.channel.receive_some()
        if messages is None:
            self._workers.remove(worker)
            self._replace(worker, worker.end())
            return
        for message in messages:
            if message == RENEW:
                worker.is_renewed = True
                continue
            if isinstance(message, TooLarge):
                worker.open.remove(message.path)
                self._large.append(message.path)
                continue
            if isinstance(message, Group):
                if self.memory is not None:
                    self._groups += 1
                    self.memory.keep(message, worker.layer)
                    self._grow(self.memory, message)
                message = message.replies
            for found in message:
                reply = printed(found) if isinstance(found, tuple) else found
                worker.open.remove(reply.path)
                self._suspects.discard(reply.path)
                self.queue.finish(reply, worker.number if self.memory is None else None)

    def _grow(self, memory: JobMemory, group: Group) -> None:
        """Evaluates the wide attributes of a group in this process, too: workers that are forked from now on have them, and depend on them."""
        before = 0
        for reply, asked in zip(group.replies, group.asked, strict=True):
            own, before = asked - before, asked
            if own <= _WIDE or reply.is_broken or self.queue.waiting < _WORTH or resident_bytes() > self.options.memory_bytes // 2:
                continue
            self.root.flush([self.root.look(reply.path)])
            evaluator = self.root.evaluator
            assert self._asked is not None
            memory.keep_layer(doubted(evaluator, evaluator.dependencies(self._asked), memory.since))
            self._asked = evaluator.record_count()
            self._is_settled = False

    def _replace(self, worker: JobWorker, status: int) -> None:
        """Takes back the unanswered paths of a worker that has ended."""
        if worker.is_renewed:
            self.renewals += 1
        else:
            self.deaths += 1
            self._suspects.update(worker.open)
            if len(worker.open) == 1:
                (path,) = worker.open
                is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in _FROM_OUTSIDE
                weight = _LONG_KILLS if is_killed and time.monotonic() - worker.asked_at > _LONG_S else 1
                ends = self._ends[path] = self._ends.get(path, 0) + weight
                if ends >= (_MOST_KILLS if is_killed else _MOST_CRASHES):
                    self.queue.finish(failed(path, f"error: {_what_ended(path, status)}", is_broken=True))
                    return
        self.queue.put_back(worker.open)

    def _dismiss(self) -> None:
        """Lets all workers end at the same time, while the last replies are printed: to give a large heap back to the system takes each of them a while."""
        for worker in self._workers:
            worker.channel.socket.close()
        self._leaving += self._workers
        self._workers = []

    def _stop(self) -> None:
        self._dismiss()
        for worker in self._leaving:
            if not worker.open:
                # An idle worker ends when its socket is closed.
                worker.end()
            else:
                worker.stop()
        self._leaving = []


class Jobs(Belonging):
    """A run as an iterable, for `for` and `async for`."""

    def __init__(self, root: JobRoot, options: RunOptions) -> None:
        self.run = Run(root, options)

    def __iter__(self) -> Iterator[Reply]:
        return self.run.replies()

    def __aiter__(self) -> AsyncIterator[Reply]:
        return self.run.replies_as_they_come()


def _what_ended(path: Path, status: int) -> str:
    """Says how a worker ended while it evaluated a path, in nix-eval-jobs' words; *status* is that of `os.waitpid`."""
    who = worker_of(path)
    if not os.WIFSIGNALED(status):
        code = os.waitstatus_to_exitcode(status)
        if code == 1:
            return f"{who} exited with exit code 1, (possible infinite recursion)"
        return f"{who} exited with {code}"
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL:
        return f"{who} got killed by SIGKILL, maybe memory limit reached?"
    if number == signal.SIGSEGV:
        return f"{who} got killed by SIGSEGV, (possible infinite recursion)"
    return f"{who} got killed by signal {number} ({signal.Signals(number).name})"
