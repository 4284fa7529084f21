"""The line of a terminal that shows what is being fetched: bytes, rate and text, as far as the terminal is wide enough.

In: rich's tasks.  Out: rich's tables, one line for each task.  Imported with `rich`, when something is fetched at a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, SpinnerColumn, Task, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

# With fewer columns, there is neither a bar nor a rate; with fewer than the second number, there is only the text.
_NARROW, _TINY = 64, 20
# What the columns beside the text take: "999.9/999.9 MB" and a space; all of them.
_BYTES_WIDTH, _ALL_WIDTH = 15, 50


def shortened(text: str, width: int) -> str:
    """A text of at most *width* characters, which keeps its end: the name of a file says more than the name of its server.

    >>> shortened("downloading 'https://example.org/a/long/way/to/nixpkgs.tar.xz'", 30)
    "downloading …o/nixpkgs.tar.xz'"
    >>> shortened("hashing", 5)
    'ha…ng'
    """
    if len(text) <= width:
        return text
    start = min(12, (width - 1) // 2)
    return f"{text[:start]}…{text[len(text) - (width - 1 - start) :]}" if width > 1 else "…"[:width]


class _Text(ProgressColumn):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def render(self, task: Task) -> Text:
        width = self._console.width
        beside = 0 if width < _TINY else _BYTES_WIDTH if width < _NARROW else _ALL_WIDTH
        return Text(shortened(task.description, width - beside))


class ProgressLine(Progress):
    """Chooses the columns by the width of the terminal, whenever the line is written."""

    def __init__(self, console: Console) -> None:
        # `Progress` makes the first table before it has a console.
        self._terminal = console
        text = _Text(console)
        self._tiny = (text,)
        self._narrow = (text, DownloadColumn())
        self._wide = (SpinnerColumn(), text, BarColumn(bar_width=20), DownloadColumn(), TransferSpeedColumn())
        super().__init__(console=console, transient=True)

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        width = self._terminal.width
        self.columns = self._tiny if width < _TINY else self._narrow if width < _NARROW else self._wide
        return super().make_tasks_table(tasks)
