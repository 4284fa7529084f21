"""Walks along the references of store objects: closures, orders, and why one object needs another.

In: a `Store`, store paths.  Out: store paths.  Nothing recurses: closures may be deep.
"""

from __future__ import annotations

from snowsnake.store.interface import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def reachable(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """*start* and everything that *following* leads to, directly or not.

    >>> sorted(reachable(["a"], {"a": "b", "b": "ac", "c": "", "d": "a"}.__getitem__))
    ['a', 'b', 'c']
    """
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(following(path))
    return found


class Cycle(ValueError):
    """Objects refer to each other in a circle: *user* to *path*, which leads back to *user*."""

    def __init__(self, path: str, user: str) -> None:
        super().__init__(f"cycle detected in the references of '{path}' from '{user}'")
        self.path = path
        self.user = user


def closure(
    store: Store, start: Iterable[str], *, follows_referrers: bool = False, includes_outputs: bool = False, includes_derivers: bool = False
) -> set[str]:
    """*start* and everything that it refers to, or that refers to it; NotValid for a path that the store does not have.

    *includes_outputs*: valid outputs of derivations (with *follows_referrers*: valid derivers of outputs).
    *includes_derivers*: valid derivers of outputs (with *follows_referrers*: valid outputs of derivations).
    """

    def following(path: str) -> Iterator[str]:
        info = store.known(path)
        if follows_referrers:
            yield from store.referrers(path)
            if includes_outputs:
                yield from store.valid_derivers(path)
            if includes_derivers:
                yield from _valid_outputs(store, path)
        else:
            yield from info.references
            if includes_outputs:
                yield from _valid_outputs(store, path)
            if includes_derivers and info.deriver and store.is_valid(info.deriver):
                yield info.deriver

    return reachable(start, following)


def _valid_outputs(store: Store, path: str) -> list[str]:
    if not path.endswith(".drv"):
        return []
    return [output for output in store.outputs(path).values() if store.is_valid(output)]


def references_of(store: Store) -> Callable[[str], list[str]]:
    """The references of objects; nothing for objects that are not valid."""

    def references(path: str) -> list[str]:
        info = store.info(path)
        return sorted(info.references) if info is not None else []

    return references


def sort_topologically(paths: Iterable[str], references: Callable[[str], Iterable[str]]) -> list[str]:
    """Sorts objects before those that they refer to, in 2.34's order; Cycle if there is no such order.

    >>> sort_topologically(["a", "b", "c"], {"a": "b", "b": "", "c": "ab"}.__getitem__)
    ['c', 'a', 'b']
    """
    wanted = set(paths)
    done: list[str] = []
    seen: set[str] = set()
    open_: dict[str, None] = {}
    for root in sorted(wanted):
        if root in seen:
            continue
        seen.add(root)
        open_[root] = None
        work = [(root, iter(references(root)))]
        while work:
            path, rest = work[-1]
            for child in rest:
                if child == path or child not in wanted:
                    continue
                if child in open_:
                    raise Cycle(child, path)
                if child not in seen:
                    seen.add(child)
                    open_[child] = None
                    work.append((child, iter(references(child))))
                    break
            else:
                work.pop()
                del open_[path]
                done.append(path)
    done.reverse()
    return done


def sorted_paths(store: Store, paths: Iterable[str]) -> list[str]:
    """Valid paths and others, each before those that it refers to."""
    return sort_topologically(paths, references_of(store))


def distances(start: str, referrers: dict[str, list[str]]) -> dict[str, int]:
    """The number of steps from each object to *start*, among those that need it."""
    found = {start: 0}
    waiting = [start]
    for path in waiting:
        for user in referrers[path]:
            if user not in found:
                found[user] = found[path] + 1
                waiting.append(user)
    return found
