"""The queue of attribute paths: paths are taken in order, and their replies are returned in the order of the paths.

In: replies in any order.  Out: paths to evaluate; replies, each as soon as all those before it are there.  The order is the one in which a
single worker that always takes the least path would reach them: a set before its contents.
"""

import heapq
from collections.abc import Callable

from snowsnake.jobs.reply import Path, Reply


class JobQueue:
    """Paths that wait, paths that were taken, and replies that wait for those before them.

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
        """Whether no path waits, and none was taken."""
        return not self._waiting and not self._out

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, most: int) -> list[Path]:
        """Takes the first paths that wait; they count as taken until `finish` or `put_back`."""
        taken = [heapq.heappop(self._waiting) for _ in range(min(most, len(self._waiting)))]
        self._out.update(taken)
        return taken

    def put_back(self, paths: list[Path]) -> None:
        """Puts back paths that were taken and that nobody will answer."""
        for path in paths:
            self._out.remove(path)
            heapq.heappush(self._waiting, path)

    def finish(self, reply: Reply) -> None:
        """Enters the reply to a path that was taken."""
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
        """Replies before which none is missing any more."""
        first = min(self._out, default=None)
        if self._waiting and (first is None or self._waiting[0] < first):
            first = self._waiting[0]
        found = []
        while self._held and (first is None or self._held[0][0] < first):
            found.append(heapq.heappop(self._held)[2])
        return found
