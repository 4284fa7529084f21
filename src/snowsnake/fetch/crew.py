"""Threads that do the same kind of work at once, while the main thread can still be interrupted.

In: functions to call.  Out: their results, in the order in which they finish.  The program does not wait for the threads when it ends.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

_POLL_S = 0.1

Item = TypeVar("Item")


class Crew:
    """At most *size* threads.  A thread that waits for results calls *check* often, which may raise an error to stop it."""

    def __init__(self, size: int, check: Callable[[], None] = lambda: None) -> None:
        self._size = max(1, size)
        self._check = check
        self._work: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Any, Any, BaseException | None]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.waiting = 0

    def submit(self, key: object, function: Callable[[], object], then: Callable[[], None] | None = None, most: int | None = None) -> None:
        """Calls *function* in a thread; `result` returns its result with *key*.  The thread then calls *then*.  *most*: no new thread if there are this many."""
        self.waiting += 1
        self._work.put((key, function, then))
        if len(self._threads) < min(self._size, self.waiting, most or self._size):
            thread = threading.Thread(target=self._run, daemon=True, name="crew")
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while True:
            task = self._work.get()
            if task is None:
                return
            key, function, then = task
            try:
                self._done.put((key, function(), None))
            except BaseException as error:
                # The method `result` returns the error.
                self._done.put((key, None, error))
            if then is not None:
                then()

    def result(self) -> tuple[Any, Any, BaseException | None]:
        """Waits for a function that has finished, and returns its (key, result, error)."""
        while True:
            try:
                found = self._done.get(timeout=_POLL_S)
            except queue.Empty:
                self._check()
                continue
            self.waiting -= 1
            self._check()
            return found

    @property
    def has_result(self) -> bool:
        """Whether `result` would return at once."""
        return not self._done.empty()

    def map(self, function: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
        """(item, result) of each item, in the order in which they finish; raises the first error."""
        for item in items:
            self.submit(item, lambda item=item: function(item))      # type: ignore[misc]
        while self.waiting:
            key, found, error = self.result()
            if error is not None:
                raise error
            yield key, found

    def close(self) -> None:
        """Ends the threads; those that wait for a server end when it answers."""
        # The loop drops the work that no thread has begun.
        while True:
            try:
                self._work.get_nowait()
            except queue.Empty:
                break
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join(_POLL_S)
        self._threads.clear()
