"""Logs of builders: they are shown line by line, their last lines are remembered, and the whole log is kept where `nix log` finds it."""

from __future__ import annotations

import bz2
import os
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

_MOST_LINE_BYTES = 16 << 20


class BuildLog:
    """The log of one builder.  *folder*: Nix's folder of logs; None if the log is not kept.  *line_count*: how many last lines are remembered.
    *compresses*: the log is kept as a `.bz2`.

    *on_line* gets each line; a line of more than 16 MiB is passed on in pieces of about that size, so that a builder cannot fill our memory.
    *understands* is called with what follows `@nix ` in a line, and returns whether that was a message for us: such lines do not reach *on_line*.

    >>> log = BuildLog("x.drv", None, 10, print)
    >>> log.write(b"one\\ntw"); log.write(b"o\\nthree")
    one
    two
    >>> log.close(shows_rest=False)
    """

    def __init__(
        self, drv_path: str, folder: str | None, line_count: int, on_line: Callable[[str], None], *, compresses: bool = True,
        understands: Callable[[str], bool] = lambda text: True,
    ) -> None:  # fmt: skip
        self.tail: deque[str] = deque(maxlen=line_count)
        self.size = 0
        self._on_line = on_line
        self._understands = understands
        # This holds the beginning of a line that has not ended.
        self._rest = bytearray()
        self._file: BinaryIO | bz2.BZ2File | None = None
        if folder is not None:
            name = os.path.basename(drv_path)
            path = os.path.join(folder, "drvs", name[:2], name[2:])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = bz2.BZ2File(path + ".bz2", "wb") if compresses else open(path, "wb")

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._rest += line
            self._end_line()
        self._rest += rest
        if len(self._rest) > _MOST_LINE_BYTES:
            self._end_line()

    def close(self, *, shows_rest: bool = True) -> None:
        """Closes the file.  *shows_rest*: a last line without a newline is passed on as well."""
        if self._rest and shows_rest:
            self._end_line()
        self._rest.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end_line(self) -> None:
        text = self._rest.rpartition(b"\r")[2].decode("utf-8", "surrogateescape")
        self._rest.clear()
        if text.startswith("@nix ") and self._understands(text[5:]):
            return
        self.tail.append(text)
        self._on_line(text)
