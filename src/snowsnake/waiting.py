"""Evaluating without blocking: twins of methods for `asyncio`, and a pool of evaluators.

In: a call.  Out: its result, made in a thread of the evaluator's own; whoever stops waiting stops the machine, too.
"""

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK_S = 0.002                           # between two requests to stop: the machine may not have started yet
_MOST_EVALUATORS = 1000


class Worker:
    """The thread of one evaluator: made when something is first waited for."""

    def __init__(self, cancel: "Callable[[], None]") -> None:
        self._cancel = cancel
        self._pool = ThreadPoolExecutor(1, "snowsnake")

    async def run(self, call: "Callable[[], T]") -> T:
        """What a call returns.  A task that is cancelled, by `asyncio.timeout` too, stops the machine before it goes on."""
        future = self._pool.submit(call)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            while not future.done():
                self._cancel()
                try:
                    await asyncio.sleep(_LOOK_S)
                except asyncio.CancelledError:
                    continue              # asked twice: the machine has to be at rest before anybody uses it again
            raise

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class EvaluatorPool:
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
            self._idle.put(None)              # made when they are first needed
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
        """What was taken out of the queue, made if it is not yet; it goes back afterwards."""
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
        """`function(evaluator, item)` of each item, in order; the first exception is raised when all are done."""
        futures = [self._pool().submit(self._call, function, item) for item in items]
        return [future.result() for future in futures]

    async def run_async(self, function: "Callable[..., T]", *arguments: object) -> T:
        """`function(evaluator, *arguments)`, awaited; a task that is cancelled stops that evaluator."""
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
        """No more calls; those that run come to their end."""
        self._is_closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "EvaluatorPool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
