"""The queue of attribute paths: given out in order, taken back, and their replies in the order of the paths.

In: replies in any order.  Out: paths to look at; replies, each as soon as all those before it are there.  The order is the one in which a
single worker that always takes the least path would come to them: a set before what is inside it.
"""

import heapq
from collections.abc import Callable

from snowsnake.jobs.reply import Path, Reply


class JobQueue:
    """Paths that wait, that are out, and replies that wait for those before them.

    >>> queue = JobQueue()
    >>> queue.take(1)
    [()]
    >>> queue.finish(Reply((), attrs=["b", "a"]))
    >>> queue.take(2)
    [('a',), ('b',)]
    >>> queue.finish(Reply(("b",), fields={"name": "b"}))
    >>> queue.ready()
    []
    >>> queue.finish(Reply(("a",), fields={"name": "a"}))
    >>> [reply.path for reply in queue.ready()], queue.is_empty
    ([('a',), ('b',)], True)
    """

    def __init__(self, known: Callable[[Path], Reply | None] | None = None) -> None:
        self.known = known             # replies that need no evaluation
        self.reused = 0
        self._waiting: list[Path] = [()]
        self._out: set[Path] = set()
        self._held: list[tuple[Path, int, Reply]] = []
        self.done = 0
        self.found = 1

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do, and nobody at it."""
        return not self._waiting and not self._out

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, most: int) -> list[Path]:
        """The first paths that wait; they are out until `finish` or `put_back`."""
        taken = [heapq.heappop(self._waiting) for _ in range(min(most, len(self._waiting)))]
        self._out.update(taken)
        return taken

    def put_back(self, paths: list[Path]) -> None:
        """Paths that were taken and that nobody will answer for."""
        for path in paths:
            self._out.remove(path)
            heapq.heappush(self._waiting, path)

    def finish(self, reply: Reply) -> None:
        """The reply to a path that is out."""
        self._out.remove(reply.path)
        work = [reply]
        while work:
            reply = work.pop()
            self.done += 1
            if reply.attrs is None:
                heapq.heappush(self._held, (reply.path, self.done, reply))
                continue
            self.found += len(reply.attrs)
            for name in reply.attrs:
                path = (*reply.path, name)
                known = self.known(path) if self.known is not None else None
                if known is None:
                    heapq.heappush(self._waiting, path)
                else:
                    self.reused += 1
                    work.append(known)

    def ready(self) -> list[Reply]:
        """Replies before which nothing is missing any more."""
        first = min(self._out, default=None)
        if self._waiting and (first is None or self._waiting[0] < first):
            first = self._waiting[0]
        found = []
        while self._held and (first is None or self._held[0][0] < first):
            found.append(heapq.heappop(self._held)[2])
        return found
