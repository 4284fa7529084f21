"""Checks answers that were read from sources in the users' own folders, which somebody may have edited meanwhile.

In: the record of an evaluation, and when it began.  Out: the same record, in which some answers are disputed now.

Such a source is named by the store path of the contents that it had when it was hashed, and the record takes it for granted that its files are
what the store path says.  That is true only of a file that nobody has changed since.  The status times (`ctime`) of the file and of the folders
above it show that: no program can set them, and renaming changes them, too.
"""

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from snowsnake.dependencies import Dependencies, Dependency

if TYPE_CHECKING:
    from snowsnake.interpreter import Interpreter

# The times of files may lag this far behind the clock.
_CLOCK_NS = 50_000_000
# The times lag further on file systems that keep no parts of a second.
_COARSE_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000


class Since(NamedTuple):
    """A moment, by the clock of files and by a clock that nobody can set."""

    clock_ns: int
    monotonic_ns: int

    def earliest_ns(self) -> int:
        """A file has not changed since this moment if its time is before this one; that holds even if somebody has set the clock back meanwhile."""
        return min(self.clock_ns, time.time_ns() - (time.monotonic_ns() - self.monotonic_ns))


def doubted(evaluator: "Interpreter", found: Dependencies, since: Since) -> Dependencies:
    """Makes an answer disputed if the hash of a source fixes it, but it may have been read from other contents.

    `since` is a moment before anything was fetched.  A source in a folder that was asked for with its hash becomes a question about that
    folder: if the folder changes, the source cannot be fetched any more.
    """
    looks = _Looks(evaluator, since.earliest_ns(), found.store_folders)
    found.entries = tuple(looks.checked(entry) for entry in found.entries)
    return found


def now() -> Since:
    """The current moment, as `doubted` takes it."""
    return Since(time.time_ns(), time.monotonic_ns())


class _Looks:
    """Looks at the places of sources, at each once, and remembers what it found."""

    def __init__(self, evaluator: "Interpreter", since_ns: int, store_folders: tuple[str, ...]) -> None:
        self._evaluator = evaluator
        self._since_ns = since_ns
        self._store_folders = store_folders
        self._places: dict[bytes, bool] = {}
        self._paths: dict[tuple[str, bool], bool] = {}

    def checked(self, entry: Dependency) -> Dependency:
        if entry.state != "fixed":
            return entry
        if entry.kind != "source":
            return entry if self._is_certain(entry) else Dependency(entry.kind, entry.name, "disputed")
        place = self._evaluator.fetcher.place_of(entry.name)
        return entry if place is None else Dependency("tree", place[0], "found", (place[1], None))

    def _is_certain(self, entry: Dependency) -> bool:
        key = entry.name, entry.kind == "tree"
        known = self._paths.get(key)
        if known is None:
            known = self._paths[key] = self._is_old(*key)
        return known

    def _is_old(self, path: str, is_whole: bool) -> bool:
        """Whether what is at a path has not changed since `since_ns`; with *is_whole*, everything below it, too."""
        from snowsnake.fetch.trees import places_below, places_of

        place, tree, inner = self._evaluator.lies_at(path)
        if tree is not None:
            place = tree.disk_path(inner)
            if place is not None and not os.path.lexists(place):
                # The file existed when the source was hashed, so it was removed since.
                return False
            places = places_of(tree, inner, is_whole)
        elif place is None:
            return False
        else:
            below = os.fsencode(path)[len(self._store_folders[0]) + 1 :].partition(b"/")[2]
            root = place[: len(place) - len(below)].rstrip(b"/") if below and place.endswith(b"/" + below) else place
            if root.startswith(self._kept_places):
                return True
            places = places_below(root, place[len(root) + 1 :], is_whole)
            if not self._is_place_old(root):
                return False
        try:
            return all(map(self._is_place_old, places))
        except OSError:
            return False

    @cached_property
    def _kept_places(self) -> tuple[bytes, ...]:
        """The folders of sources that nobody edits, because their names are determined by their contents."""
        folders = [self._evaluator.fetcher.cache.folder, *self._store_folders]
        return tuple(os.fsencode(os.path.realpath(folder)).rstrip(b"/") + b"/" for folder in folders)

    def _is_place_old(self, place: bytes) -> bool:
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = self._looks_old(place)
        return known

    def _looks_old(self, place: bytes) -> bool:
        try:
            changed = os.lstat(place).st_ctime_ns
        except (FileNotFoundError, NotADirectoryError):
            # If it was removed, the time of the folder above it shows that, and that is checked, too.
            return True
        return changed + (_CLOCK_NS if changed % _SECOND_NS else _COARSE_NS) < self._since_ns
