"""Evaluating without blocking: the thread behind the `_async` methods, and a pool of evaluators.

In: a call.  Out: its result, made in a thread of the evaluator's own.  A task that stops waiting stops the machine, too.
"""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from snowsnake.foundation.arguments import a_function, a_list
from snowsnake.foundation.record import Belonging

if TYPE_CHECKING:
    from snowsnake.runner import Runner

T = TypeVar("T")
# The time between two requests to stop: one is not enough, because the machine may not have started yet.
_LOOK_S = 0.002
# Most machines are at rest after this time; one that collects a large heap is not.
_PATIENCE_S = 0.02
_MOST_EVALUATORS = 1000


class Job:
    """A call in an evaluator's thread, which other threads can stop."""

    def __init__(self, call: "Callable[[], Any]", machine: "Runner") -> None:
        self._call = call
        self._machine = machine
        self._lock = threading.Lock()
        # This is the thread that the call runs in, while it runs.
        self._thread: int | None = None

    def run(self) -> Any:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return self._call()
        finally:
            with self._lock:
                self._thread = None

    def stop(self) -> None:
        """Asks the machine to stop, if it works for this call, and not for the next one in the same thread."""
        with self._lock:
            if self._thread is not None:
                self._machine.cancel()

    def leave_behind(self, future: "Future[Any]") -> None:
        """Goes on asking the machine to stop, in a thread, until *future* is done.  Other threads that use the machine wait until then."""
        is_done = threading.Event()

        def gate(thread: int) -> None:
            if thread != self._thread:
                is_done.wait()

        def open_gate(_: object) -> None:
            if self._machine.gate is gate:
                self._machine.gate = None
            is_done.set()

        def ask() -> None:
            while not is_done.wait(_LOOK_S):
                self.stop()

        self._machine.gate = gate
        future.add_done_callback(open_gate)
        threading.Thread(target=ask, name="snowsnake-stop", daemon=True).start()


class EvaluatorThread:
    """The thread of one evaluator.  It starts with the first call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "snowsnake")

    async def run(self, call: "Callable[[], T]", machine: "Runner") -> T:
        """Returns what a call returns.  A task that is cancelled, for example by `asyncio.timeout`, stops the machine before it goes on."""
        job = Job(call, machine)
        future: Future[T] = self._pool.submit(job.run)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            until = time.monotonic() + _PATIENCE_S
            while not future.done():
                job.stop()
                if time.monotonic() > until:
                    job.leave_behind(future)
                    break
                try:
                    await asyncio.sleep(_LOOK_S)
                except asyncio.CancelledError:
                    # The task was cancelled twice.
                    continue
            raise

    def close(self) -> None:
        """Ends the thread after the call that runs; calls that wait are cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class EvaluatorPool(Belonging):
    """Evaluators for many threads: each is used by one at a time, and keeps what it imported for the next.

    `make()` makes one: `EvaluatorPool(4, lambda: Evaluator(pure=True, timeout_s=5))`.  What a function returns should be plain: a `Value` belongs to its
    evaluator, which somebody else uses afterwards.

    >>> from snowsnake import Evaluator
    >>> with EvaluatorPool(2, Evaluator) as pool:
    ...     pool.map(lambda nix, n: nix.evaluate("n: n * n")(n).to_python(), range(4))
    [0, 1, 4, 9]
    """

    def __init__(self, size: int, make: "Callable[[], object]") -> None:
        if not isinstance(size, int) or not 1 <= size <= _MOST_EVALUATORS:
            raise ValueError(f"the size of a pool is a number from 1 to {_MOST_EVALUATORS}, not {size!r}")
        self._make = make
        self._size = size
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(size):
            # An evaluator is made when it is first needed.
            self._idle.put(None)
        self._threads: ThreadPoolExecutor | None = None
        self._is_closed = False

    @contextmanager
    def evaluator(self) -> "Iterator[Any]":
        """One evaluator for the time of the block; waits while all are in use."""
        self._check_open()
        with self._lent(self._idle.get()) as nix:
            yield nix

    @contextmanager
    def _lent(self, nix: object) -> "Iterator[Any]":
        """Lends what was taken out of the queue: an evaluator, or None for one that is yet to be made.  It goes back afterwards."""
        try:
            if nix is None:
                nix = self._make()
            yield nix
        finally:
            self._idle.put(nix)

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("this pool is closed")

    def _pool(self) -> ThreadPoolExecutor:
        self._check_open()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._size, "snowsnake-pool")
        return self._threads

    def _call(self, function: "Callable[..., T]", *arguments: object) -> T:
        with self.evaluator() as nix:
            return function(nix, *arguments)

    def map(self, function: "Callable[[Any, Any], T]", items: "Iterable[Any]") -> list[T]:
        """`function(evaluator, item)` of each item, in order.  When all are done, the first exception is raised, in the order of the items."""
        a_function("function", function)
        futures = [self._pool().submit(self._call, function, item) for item in a_list("items", items, "arguments")]
        wait(futures)
        return [future.result() for future in futures]

    async def run_async(self, function: "Callable[..., T]", *arguments: object) -> T:
        """`function(evaluator, *arguments)`, awaited; a task that is cancelled stops that evaluator."""
        a_function("function", function)
        async with self._borrowed() as nix:
            result: T = await nix._run_async(lambda: function(nix, *arguments))
            return result

    @asynccontextmanager
    async def _borrowed(self) -> "AsyncIterator[Any]":
        self._check_open()
        while True:
            try:
                nix = self._idle.get_nowait()
                break
            except queue.Empty:
                await asyncio.sleep(_LOOK_S)
        with self._lent(nix) as made:
            yield made

    def close(self) -> None:
        """Refuses further calls, and waits for those that run."""
        threads, self._is_closed = self._threads, True
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "EvaluatorPool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
