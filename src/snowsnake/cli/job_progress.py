"""A progress bar for a run of jobs: how many are done, how fast, how long the rest takes.

In: counts.  Out: a line on a terminal, drawn again and again from the loop that counts: workers are forked from this process, so it has no second thread.
"""

import sys
import time

from snowsnake.cli.output import Reporter

_EVERY_S = 0.2


class NoProgress:
    """Shows no bar: standard error is not a terminal."""

    is_shown = False

    def show(self, done: int, found: int, failed: int) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """Does nothing."""


class BarProgress(NoProgress):
    """Shows a bar on a terminal, with the library `rich`."""

    is_shown = True

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("evaluating"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]:.0f}/s"),
            TextColumn("{task.fields[failed]} errors"), TimeRemainingColumn(), console=Console(stderr=True), auto_refresh=False, transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None, rate=0.0, failed=0)
        self._progress.start()
        self._started = time.monotonic()
        self._shown = 0.0
        self._is_open = True

    def show(self, done: int, found: int, failed: int) -> None:
        now = time.monotonic()
        if now - self._shown < _EVERY_S:
            return
        self._shown = now
        rate = done / max(now - self._started, 0.001)
        self._progress.update(self._task, completed=done, total=found, rate=rate, failed=failed, refresh=True)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._progress.stop()


def progress_for(reporter: Reporter) -> NoProgress:
    """A bar if a person can see it, and if `rich` is installed."""
    if reporter.log_format not in ("text", "bar", "bar-with-logs") or not sys.stderr.isatty():
        return NoProgress()
    try:
        return BarProgress()
    except ImportError:
        return NoProgress()
