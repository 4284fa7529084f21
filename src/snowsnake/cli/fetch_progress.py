"""Progress of fetching: a line on a terminal, or C++ Nix's internal-json events.

In: activities of `fetch/progress.py`.  Out: standard error.  Imported when something is fetched, and not before.
"""

from __future__ import annotations

import sys
import time

from snowsnake.cli.activities import as_line
from snowsnake.fetch.progress import Activity, Progress
from snowsnake.foundation import light_json
from snowsnake.foundation.log_numbers import PROGRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import contextmanager
    from typing import Any

    from snowsnake.cli.output import Reporter
else:
    from snowsnake.foundation.scopes import contextmanager

_STEP_S = 0.1


class FetchProgress(Progress):
    """Passes messages to the reporter, which knows the format."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self.reporter = reporter

    def message(self, text: str) -> None:
        self.reporter.note(text)

    def warning(self, text: str) -> None:
        self.reporter.warning(text)

    def on_start(self, activity: Activity, level: int, fields: tuple[str | int, ...]) -> None:
        if level <= self.reporter.verbosity:
            self.reporter.note(activity.text + "...")

    def remark(self, level: int, text: str) -> None:
        if level <= self.reporter.verbosity:
            self.reporter.note(text)


class JsonProgress(FetchProgress):
    """`@nix {…}`, one line for each event."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(reporter)
        self._last: dict[int, float] = {}

    def _event(self, **facts: object) -> None:
        self.reporter.write_event("@nix " + light_json.dumps(dict(sorted(facts.items())), is_ascii=False, is_compact=True))

    def on_start(self, activity: Activity, level: int, fields: tuple[str | int, ...]) -> None:
        facts = {"fields": list(fields)} if fields else {}
        self._event(action="start", id=activity.number, level=level, parent=0, text=activity.text, type=activity.kind, **facts)

    def on_progress(self, activity: Activity) -> None:
        now = time.monotonic()
        if now - self._last.get(activity.number, 0.0) >= _STEP_S or activity.done == activity.expected:
            self._last[activity.number] = now
            self._event(action="result", fields=[activity.done, activity.expected, 0, 0], id=activity.number, type=PROGRESS)

    def on_stop(self, activity: Activity) -> None:
        self._last.pop(activity.number, None)
        self._event(action="stop", id=activity.number)


class TerminalProgress(FetchProgress):
    """Shows one line for the current activity, with bytes and rate; the line is removed before anything else is written."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(reporter)
        from rich.console import Console

        from snowsnake.cli.progress_line import ProgressLine

        self._bars = ProgressLine(Console(file=sys.stderr))
        self._tasks: dict[int, Any] = {}

    def on_start(self, activity: Activity, level: int, fields: tuple[str | int, ...]) -> None:
        if not self._tasks:
            self._bars.start()
        self._tasks[activity.number] = self._bars.add_task(as_line(activity.text), total=None)

    def on_progress(self, activity: Activity) -> None:
        self._bars.update(self._tasks[activity.number], completed=activity.done, total=activity.expected or None)

    def on_stop(self, activity: Activity) -> None:
        task = self._tasks.pop(activity.number, None)
        if task is not None:
            self._bars.remove_task(task)
        if not self._tasks:
            self._bars.stop()

    def message(self, text: str) -> None:
        with self._without_bars():
            super().message(text)

    def warning(self, text: str) -> None:
        with self._without_bars():
            super().warning(text)

    @contextmanager
    def _without_bars(self) -> Iterator[None]:
        if self._tasks:
            self._bars.stop()
        yield
        if self._tasks:
            self._bars.start()


def progress_for(reporter: Reporter) -> FetchProgress:
    """The kind of progress for the format, and for what standard error is."""
    if reporter.log_format == "internal-json":
        return JsonProgress(reporter)
    if reporter.log_format in ("text", "bar", "bar-with-logs") and not reporter.is_quiet and sys.stderr.isatty():
        try:
            return TerminalProgress(reporter)
        except ModuleNotFoundError:
            # `rich` is not installed, so only messages are shown.
            pass
    return FetchProgress(reporter)
