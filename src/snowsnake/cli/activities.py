"""What a command is doing at the moment, for people and programs that watch it.

In: texts.  Out: lines on standard error, with `--log-format internal-json` C++ Nix's events; on a terminal one line that is written over.
"""

import os
import sys
import time

from snowsnake.foundation.log_numbers import INFORMATION, UNKNOWN, new_activity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snowsnake.cli.output import Reporter

_STEP_S = 0.1
_WIDTH = 100
_last_shown_s = 0.0
# Whether the terminal shows a line that the next one replaces.
_line = False


def open_log(path: str, tell: "Callable[[str], None]") -> "Any":
    """Opens the file (at its end) or the socket for the events of `json-log-path`; returns None if that is not possible."""
    import socket
    import stat

    try:
        if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            return connection.makefile("wb", buffering=0)
        return open(path, "ab", buffering=0)
    except OSError as error:
        tell(f'error (ignored): opening log file "{path}": {error.strerror}')
        return None


def are_lines(reporter: "Reporter") -> bool:
    """Whether the start of each activity is a line of its own: not on a terminal, and not for programs."""
    return reporter.log_format != "internal-json" and not (reporter.log_format == "text" and reporter.is_on_terminal())


def clear_line() -> None:
    """Removes the line of an activity, before something else is written on the terminal."""
    global _line
    if _line:
        _line = False
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def as_line(text: str) -> str:
    """A text as one line that changes nothing on a terminal, whatever an address has in it."""
    from snowsnake.diagnostics.terminal_text import filtered

    return " ".join(filtered(text, False).split())


def _fitting(text: str) -> str:
    """The beginning of a text that fits in a line of the terminal."""
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns - len("...")
    except (OSError, ValueError):
        width = _WIDTH
    return as_line(text)[: max(0, min(width - 1, _WIDTH) if width > 0 else _WIDTH)]


class ShownActivity:
    """An activity.  One that begins inside another does not name it, as in C++ Nix."""

    def __init__(self, reporter: "Reporter", text: str, level: int = INFORMATION) -> None:
        self._reporter = reporter
        self._text = text
        self._level = level
        self._is_event = reporter.is_followed
        self._is_line = False
        self._number = 0

    def __enter__(self) -> "ShownActivity":
        reporter = self._reporter
        if self._is_event:
            self._number = new_activity()
            reporter.event({"action": "start", "id": self._number, "level": self._level, "parent": 0, "text": self._text, "type": UNKNOWN})
        if not are_lines(reporter):
            if reporter.log_format == "text" and reporter.verbosity >= self._level:
                self._show()
        elif reporter.verbosity >= self._level:
            reporter.say(self._text + "...")
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_event:
            self._reporter.event({"action": "stop", "id": self._number})
        if self._is_line:
            clear_line()

    def _show(self) -> None:
        """Writes the text on the terminal, only as often as somebody can read it."""
        global _last_shown_s, _line
        now = time.monotonic()
        if now - _last_shown_s >= _STEP_S:
            _last_shown_s = now
            self._is_line = _line = True
            sys.stderr.write(f"\r\x1b[K{_fitting(self._text)}...")
            sys.stderr.flush()
