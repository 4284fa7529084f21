"""Checks whether questions still have the same answers; each is asked once in a run.

In: questions as JSON, and the stamp of the file that was read: its times, inode and size.  Out: yes or no.  A file with the same stamp has
not changed since, as in Git's index: whoever writes to a file changes its status time, which nobody can set.  A file that was
changed less than two seconds before has no stamp, because clocks of file systems are coarse.
"""

import os
import time

from snowsnake.dependencies import Dependencies, Dependency, stamp_text

_YOUNG_NS = 2_000_000_000


class Asking:
    """`stamps`: known ones, besides those that are given; `learned`: those that were found."""

    def __init__(self, dependencies: Dependencies, *, trusts_stamps: bool = True) -> None:
        self.stamps: dict[str, str] = {}
        self.learned: dict[str, str] = {}
        self._dependencies = dependencies
        self._trusts_stamps = trusts_stamps
        self._answers: dict[str, bool] = {}

    def first_changed(self, questions: list[str], stamps: list[str]) -> int:
        """The number of the first question whose answer has changed; the number of questions if none has."""
        answers = self._answers
        for number, text in enumerate(questions):
            holds = answers.get(text)
            if holds is None:
                holds = answers[text] = self._holds(text, stamps[number])
            if not holds:
                return number
        return len(questions)

    def _holds(self, text: str, stamp: str) -> bool:
        entry = Dependency.of_json(text)
        if entry.kind not in ("file", "tree") or entry.state != "found" or not self._trusts_stamps:
            return self._dependencies.holds(entry)
        before = self._stamp(entry)
        if before and before in (stamp, self.stamps.get(text)):
            return True
        asked_at = time.time_ns()
        if not self._dependencies.holds(entry):
            return False
        if before and before == self._stamp(entry) and _latest(before) + _YOUNG_NS < asked_at:
            self.learned[text] = before
        return True

    def _stamp(self, entry: Dependency) -> str:
        """The stamp of a file, also one that was copied unchanged; empty for anything else."""
        place = self._dependencies.place(entry.name)
        try:
            found = os.stat(place) if entry.kind == "file" else os.lstat(place)
        except (OSError, ValueError):
            return ""
        return stamp_text(found)


def _latest(stamp: str) -> int:
    modified, changed = stamp.split(" ", 2)[:2]
    return max(int(modified), int(changed))
