"""Checks whether questions still have the same answers; each question is asked once in a run.

In: questions as JSON, and for each the stamp that its file had when it was read: times, inode and size.  Out: yes or no.  As in Git's index, a
file with the same stamp has not changed since: a program that writes to a file changes its status time, which nobody can set.  A file that was
changed less than two seconds before it was read has no stamp, because the clocks of file systems are coarse.
"""

import json
import os
import stat
import time
from typing import Any

from snowsnake.dependencies import Dependencies, Dependency, file_type, stamp_text

_YOUNG_NS = 2_000_000_000


class Asking:
    """Asks questions again, and remembers the answers.

    `stamps`: further known stamps, by question.  `learned`: the stamps of files whose contents were read again and had not changed, by question.
    """

    def __init__(self, dependencies: Dependencies, *, trusts_stamps: bool = True) -> None:
        self.stamps: dict[str, str] = {}
        self.learned: dict[str, str] = {}
        self.dependencies = dependencies
        self.trusts_stamps = trusts_stamps
        self._answers: dict[str, bool] = {}
        # The results of `os.lstat`, by path: there are two questions about most paths.
        self._looks: dict[str, os.stat_result] = {}

    def first_changed(self, questions: list[str], stamps: list[str]) -> int:
        """The index of the first question whose answer has changed; the number of questions if none has."""
        answers = self._answers
        new = [number for number, text in enumerate(questions) if text not in answers]
        entries = json.loads(f"[{','.join([questions[number] for number in new])}]") if new else []
        asked = dict(zip(new, entries, strict=True))
        for number, text in enumerate(questions):
            holds = answers.get(text)
            if holds is None:
                holds = answers[text] = self._holds(text, asked[number], stamps[number])
            if not holds:
                return number
        return len(questions)

    def _holds(self, text: str, question: list[Any], stamp: str) -> bool:
        kind, name, state, value = question
        if state == "found" and kind == "status":
            found = self._look(self.dependencies.place(name))
            return found is not None and file_type(found.st_mode) == value
        entry = Dependency.of_list(question)
        if kind not in ("file", "tree") or state != "found" or not self.trusts_stamps:
            return self.dependencies.holds(entry)
        place = self.dependencies.place(name)
        found = self._look(place)
        before = _stamp(place, kind, found) if found is not None else ""
        if before and before in (stamp, self.stamps.get(text)):
            return True
        before, asked_at = _stamp(place, kind), time.time_ns()
        if not self.dependencies.holds(entry):
            return False
        if before and before == _stamp(place, kind) and _latest(before) + _YOUNG_NS < asked_at:
            self.learned[text] = before
        return True

    def _look(self, place: str) -> os.stat_result | None:
        found = self._looks.get(place)
        if found is None:
            try:
                found = self._looks[place] = os.lstat(place)
            except (OSError, ValueError):
                return None
        return found


def _stamp(place: str, kind: str, looked: os.stat_result | None = None) -> str:
    """The stamp of a file that was read, or copied as a tree; empty for anything else.  `looked`: the result of `os.lstat`, if it is known."""
    try:
        found = os.lstat(place) if looked is None else looked
        return stamp_text(os.stat(place) if kind == "file" and stat.S_ISLNK(found.st_mode) else found)
    except (OSError, ValueError):
        return ""


def _latest(stamp: str) -> int:
    """The later of the two times in a stamp (`dependencies.stamp_text`), in nanoseconds."""
    modified, changed = stamp.split(" ", 2)[:2]
    return max(int(modified), int(changed))
