"""The queue of attribute paths: paths are taken in order, and their replies are returned in the order of the paths.

In: replies in any order.  Out: paths to evaluate; replies, each as soon as all those before it are there.  Paths are compared name by name, so a
set comes before its contents.

Attributes of one set share much (a kernel, an interpreter, the set itself), which each worker that takes some of them would evaluate again.
So a *family*, everything below names of the root that begin with the same word (`linuxPackages.x`, `linuxKernel.packages.x`), belongs to the worker
that took its first path, and others help only if nothing else waits.  A root may be a flat set whose names have dots: they make families, too.  A
name of the root itself (`linux_testing`) belongs to a family only if a worker has begun that.
"""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from snowsnake.jobs.reply import Path, Reply

if TYPE_CHECKING:
    from snowsnake.jobs.ledger import Segment


_WORD = re.compile("[a-z]+")
# The end of a run is when fewer than one in _END of the paths wait.
_END = 4


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
        # For each worker, a heap of its families by their first paths; None: the families that belong to no worker.  Entries that are not true any more
        # remain until they come first (`_head`).  There may be as many families as paths.
        self._heads: dict[int | None, list[tuple[Path, str]]] = {}
        # The paths that were taken.
        self._out: set[Path] = set()
        # A heap of replies that wait for those before them.
        self._held: list[tuple[Path, int, Reply | Segment]] = []
        self.done = 0
        self.found = 1
        self._wait(())

    def _wait(self, path: Path) -> None:
        self._file(path, _family(path))
        self.waiting += 1

    def _file(self, path: Path, family: str) -> None:
        paths = self._waiting.setdefault(family, [])
        heapq.heappush(paths, path)
        if paths[0] == path:
            self._show(family)

    def _show(self, family: str) -> None:
        """Enters a family that has paths among those of its worker."""
        heapq.heappush(self._heads.setdefault(self._takers.get(family), []), (self._waiting[family][0], family))

    def _head(self, owner: int | None) -> tuple[Path, str] | None:
        """The first path that waits in a family of this worker, and the family; None if there is none."""
        heads = self._heads.get(owner, [])
        while heads:
            path, family = heads[0]
            paths = self._waiting.get(family)
            if paths and paths[0] == path and self._takers.get(family) == owner:
                return heads[0]
            heapq.heappop(heads)
        return None

    def _first(self, owners: Iterable[int | None]) -> tuple[Path, str] | None:
        return min((head for owner in owners if (head := self._head(owner)) is not None), default=None)

    @property
    def is_empty(self) -> bool:
        """Whether no path waits, and none was taken."""
        return not self.waiting and not self._out

    def take(self, most: int, taker: int | None = None) -> list[Path]:
        """Takes the first paths that wait; they count as taken until `finish` or `put_back`.

        `taker`: the number of a worker.  The families that it began are kept for it; it gets paths of others' families only if nothing else waits.
        """
        taken = self._take_first(most, taker, self._heads if taker is None else (None, taker))
        if not taken and self.waiting:
            # The last paths would be printed last, so in the middle of a run the first ones are taken.
            taken = self._take_last(most) if self.waiting * _END < self.found else self._take_first(most, taker, self._heads)
        self.waiting -= len(taken)
        self._out.update(taken)
        return taken

    def _take_first(self, most: int, taker: int | None, owners: Iterable[int | None]) -> list[Path]:
        """Takes the first paths of these workers' families."""
        taken: list[Path] = []
        while len(taken) < most and (head := self._first(owners)) is not None:
            family = head[1]
            paths = self._waiting[family]
            heapq.heappop(self._heads[self._takers.get(family)])
            other = self._first(owners)
            while True:
                path = heapq.heappop(paths)
                if taker is not None and not family and path and self._takers.get(_word(path[0]), taker) != taker:
                    # This name of the root belongs to a family that another worker has begun.
                    self._file(path, _word(path[0]))
                    break
                taken.append(path)
                if not paths or len(taken) == most or (other is not None and other[0] < paths[0]):
                    break
            if family and taker is not None:
                self._takers.setdefault(family, taker)
            if paths:
                self._show(family)
            else:
                del self._waiting[family]
        return taken

    def _take_last(self, most: int) -> list[Path]:
        """Takes the last paths of the largest families: the workers that they belong to go on with the first ones, and all have neighbours."""
        taken: list[Path] = []
        while len(taken) < most and self._waiting:
            family, paths = max(self._waiting.items(), key=lambda item: (len(item[1]), item[0]))
            # A sorted list is a heap.
            paths.sort()
            start = max(0, len(paths) - (most - len(taken)))
            taken += paths[start:]
            del paths[start:]
            if not paths:
                del self._waiting[family]
        return sorted(taken)

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
        if reply.attrs is None:
            self.done += 1
            heapq.heappush(self._held, (reply.path, self.done, reply))
            return
        if reply.attrs and taker is not None and len(reply.path) == 1:
            family = _family((reply.path[0], ""))
            if family not in self._takers:
                self._takers[family] = taker
                if family in self._waiting:
                    self._show(family)
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
        head = self._first(self._heads)
        first = head[0] if head is not None else None
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
    """The name of the family of a path; "" for a name of the root without a dot.

    >>> _family(("linuxPackages_6_12", "zfs")), _family(("linuxPackages_6_12",)), _family(("linuxKernel.packages.linux_6_12.zfs",))
    ('linux', '', 'linux')
    """
    return _word(path[0]) if path and (len(path) > 1 or "." in path[0]) else ""


def _word(name: str) -> str:
    """The first word of a name: `perlPackages`, `perl540Packages` and `perl` have the same.

    >>> _word("perl540Packages"), _word("perlPackages.Moose"), _word("_1password"), _word("SDL2.x")
    ('perl', 'perl', '_1password', 'SDL2')
    """
    found = _WORD.match(name)
    return found[0] if found else name.partition(".")[0]
