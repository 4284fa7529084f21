"""Checks whether questions still have the same answers; each is asked once in a run.

In: questions as JSON, and the stamp of the file that was read: its times, inode and size.  Out: yes or no.  A file with the same stamp has
not changed since, as in Git's index: whoever writes to a file changes its status time, which nobody can set.  A file that was
changed less than two seconds before has no stamp, because clocks of file systems are coarse.
"""

import json
import os
import stat
import time
from typing import Any

from snowsnake.dependencies import Dependencies, Dependency, file_type, stamp_text

_YOUNG_NS = 2_000_000_000


class Asking:
    """`stamps`: known ones, besides those that are given; `learned`: those that were found."""

    def __init__(self, dependencies: Dependencies, *, trusts_stamps: bool = True) -> None:
        self.stamps: dict[str, str] = {}
        self.learned: dict[str, str] = {}
        self._dependencies = dependencies
        self._trusts_stamps = trusts_stamps
        self._answers: dict[str, bool] = {}
        self._looks: dict[str, os.stat_result] = {}    # at the paths themselves: most are asked about twice

    def first_changed(self, questions: list[str], stamps: list[str]) -> int:
        """The number of the first question whose answer has changed; the number of questions if none has."""
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
            found = self._look(self._dependencies.place(name))
            return found is not None and file_type(found.st_mode) == value
        entry = Dependency.of_list(question)
        if kind not in ("file", "tree") or state != "found" or not self._trusts_stamps:
            return self._dependencies.holds(entry)
        place = self._dependencies.place(name)
        found = self._look(place)
        before = _stamp(place, kind, found) if found is not None else ""
        if before and before in (stamp, self.stamps.get(text)):
            return True
        before, asked_at = _stamp(place, kind), time.time_ns()
        if not self._dependencies.holds(entry):
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
    """The stamp of a file, also one that was copied unchanged; empty for anything else.  `looked`: what `os.lstat` has said."""
    try:
        found = os.lstat(place) if looked is None else looked
        return stamp_text(os.stat(place) if kind == "file" and stat.S_ISLNK(found.st_mode) else found)
    except (OSError, ValueError):
        return ""


def _latest(stamp: str) -> int:
    modified, changed = stamp.split(" ", 2)[:2]
    return max(int(modified), int(changed))
