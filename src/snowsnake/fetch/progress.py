"""Progress: activities with a text, a kind and numbers.

In: starts, progress and ends.  Out: calls of `Progress` methods; this class shows only messages.  Subclasses draw a line on a terminal, or
write C++ Nix's internal-json.
"""

from __future__ import annotations

import sys

from snowsnake.foundation.log_numbers import UNKNOWN, new_activity


class Activity:
    """An activity that takes a while.  `kind`: one of those in foundation/log_numbers.py, which has the levels, too."""

    __slots__ = ("number", "_progress", "done", "expected", "text", "kind")

    def __init__(self, owner: Progress, number: int, text: str, kind: int) -> None:
        self._progress = owner
        self.number = number
        self.text = text
        self.kind = kind
        self.done = 0
        self.expected = 0

    def progress(self, done: int, expected: int = 0) -> None:
        """Notes the bytes that are done, and how many there are altogether, 0 if that is unknown."""
        self.done, self.expected = done, expected
        self._progress.on_progress(self)

    def stop(self) -> None:
        self._progress.on_stop(self)


class LateActivity:
    """An activity of which nothing may be left to do: `begin` starts it when there is something.  Used as a context manager, it ends with the block."""

    __slots__ = ("_progress", "_level", "_text", "_running")

    def __init__(self, progress: Progress, level: int, text: str) -> None:
        self._progress = progress
        self._level = level
        self._text = text
        self._running: Activity | None = None

    def begin(self) -> None:
        if self._running is None:
            self._running = self._progress.start(self._level, self._text, UNKNOWN, ())

    def __enter__(self) -> LateActivity:
        return self

    def __exit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.stop()


class Progress:
    """Starts activities, and calls its own methods `on_…`, which subclasses override."""

    def start(self, level: int, text: str, kind: int, fields: tuple[str | int, ...]) -> Activity:
        activity = Activity(self, new_activity(), text, kind)
        self.on_start(activity, level, fields)
        return activity

    def message(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def warning(self, text: str) -> None:
        self.message(f"warning: {text}")

    def remark(self, level: int, text: str) -> None:
        """Shows a message to users who want this level; here nobody does."""

    def on_start(self, activity: Activity, level: int, fields: tuple[str | int, ...]) -> None: ...

    def on_progress(self, activity: Activity) -> None: ...

    def on_stop(self, activity: Activity) -> None: ...


class Silence(Progress):
    """Shows nothing at all."""

    def message(self, text: str) -> None: ...
