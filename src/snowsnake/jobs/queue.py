"""The queue of attribute paths: paths are taken in order, and their replies are returned in the order of the paths.

In: replies in any order.  Out: paths to evaluate; replies, each as soon as all those before it are there.  Paths are compared name by name, so a
set comes before its contents.

Attributes of one set share much (a kernel, an interpreter, the set itself), which each worker that takes some of them would evaluate again.
So a *family*, everything below names of the root that begin alike (`linuxPackages.x`, `linuxPackages_6_12.x`), belongs to the worker that took its
first path, and others help only if nothing else waits.  A root may be a flat set whose names have dots: they make families, too.
"""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from snowsnake.jobs.reply import Path, Reply

if TYPE_CHECKING:
    from snowsnake.jobs.ledger import Segment


class JobQueue:
    """The paths that wait, the paths that were taken, and the replies that wait for those before them.

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
        # A function that returns the reply to a path that need not be evaluated, otherwise None.
        self.known = known
        self.reused = 0
        self.waiting = 0
        # For each family, a heap of its paths, which is never empty; "" is the family of the root's names without a dot, which belong to no worker.
        self._waiting: dict[str, list[Path]] = {}
        # For each family, the worker that it belongs to.
        self._takers: dict[str, int] = {}
        # The paths that were taken.
        self._out: set[Path] = set()
        # A heap of replies that wait for those before them.
        self._held: list[tuple[Path, int, Reply | Segment]] = []
        self.done = 0
        self.found = 1
        self._wait(())

    def _wait(self, path: Path) -> None:
        heapq.heappush(self._waiting.setdefault(_family(path), []), path)
        self.waiting += 1

    @property
    def is_empty(self) -> bool:
        """Whether no path waits, and none was taken."""
        return not self.waiting and not self._out

    def take(self, most: int, taker: int | None = None) -> list[Path]:
        """Takes the first paths that wait; they count as taken until `finish` or `put_back`.

        `taker`: the number of a worker.  The families that it began are kept for it; it gets paths of others' families only if nothing else waits.
        """
        families = [family for family in self._waiting if self._takers.get(family, taker) == taker or taker is None]
        heads = [(self._waiting[family][0], family) for family in families or self._waiting]
        heapq.heapify(heads)
        taken: list[Path] = []
        while heads and len(taken) < most:
            family = heads[0][1]
            paths = self._waiting[family]
            taken.append(heapq.heappop(paths))
            if paths:
                heapq.heapreplace(heads, (paths[0], family))
            else:
                heapq.heappop(heads)
                del self._waiting[family]
            if family and taker is not None:
                self._takers.setdefault(family, taker)
        self.waiting -= len(taken)
        self._out.update(taken)
        return taken

    def put_back(self, paths: list[Path]) -> None:
        """Puts back paths that were taken and that nobody will answer."""
        for path in paths:
            self._out.remove(path)
            self._wait(path)

    def finish_root(self, reply: Reply, pieces: "Iterable[Segment | Path]") -> None:
        """Enters the reply to the root, when the rest of the run is known except for some paths.  *pieces*: known segments and those paths, in order."""
        self._out.remove(reply.path)
        self.done += 1
        for piece in pieces:
            if isinstance(piece, tuple):
                self.found += 1
                self._enter([*self._come_to(piece)])
            else:
                self.found += len(piece)
                self.done += len(piece)
                self.reused += len(piece)
                heapq.heappush(self._held, (piece.path, self.done, piece))

    def finish(self, reply: Reply, taker: int | None = None) -> None:
        """Enters the reply to a path that was taken.  The contents of a set become a family of the worker that entered it."""
        self._out.remove(reply.path)
        if reply.attrs and taker is not None and len(reply.path) == 1:
            self._takers.setdefault(_family((reply.path[0], "")), taker)
        self._enter([reply])

    def _enter(self, work: list[Reply]) -> None:
        while work:
            reply = work.pop()
            self.done += 1
            if reply.attrs is None:
                heapq.heappush(self._held, (reply.path, self.done, reply))
                continue
            self.found += len(reply.attrs)
            for name in reply.attrs:
                work += self._come_to((*reply.path, name))

    def _come_to(self, path: Path) -> tuple[Reply, ...]:
        """Lets a path wait that was found, and returns nothing; or returns its reply, if that is known."""
        known = self.known(path) if self.known is not None else None
        if known is None:
            self._wait(path)
            return ()
        self.reused += 1
        return (known,)

    def ready(self) -> "list[Reply | Segment]":
        """Removes and returns the replies that need not wait any more, because all before them are there."""
        first = min((paths[0] for paths in self._waiting.values()), default=None)
        if self._out and (first is None or min(self._out) < first):
            first = min(self._out)
        found: list[Reply | Segment] = []
        while self._held and (first is None or self._held[0][0] < first):
            found.append(heapq.heappop(self._held)[2])
        return found


def each(found: "Iterable[Reply | Segment]") -> Iterator[Reply]:
    """The replies, one by one, also those in segments."""
    for reply in found:
        if isinstance(reply, Reply):
            yield reply
        else:
            yield from reply


def _family(path: Path) -> str:
    """The name of the family of a path.

    >>> _family(("linuxPackages_6_12", "zfs")), _family(("linuxPackages_6_12",)), _family(("linuxPackages_6_12.zfs",))
    ('linuxPackages', '', 'linuxPackages')
    """
    if not path or (len(path) == 1 and "." not in path[0]):
        return ""
    name = path[0]
    return re.split(r"[-_.\d]", name, maxsplit=1)[0] or name
