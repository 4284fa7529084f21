"""Writing that ends at a deadline, for `--timeout`: a reader that does not read must not keep a command for ever."""

import os
import select
import time

from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

# A pipe that is ready to be written to takes at least this many bytes at once.
_PIPE_BYTES = 4096
# A message may take this long after the deadline, because most messages say that it has passed.
_MESSAGE_S = 1.0


def write_until(descriptor: int, data: bytes, deadline: float) -> bool:
    """Writes bytes to a file or a pipe; returns whether that was done before `time.monotonic()` was *deadline*."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    view = memoryview(data)
    while view:
        left = deadline - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            return False
        view = view[os.write(descriptor, view[:_PIPE_BYTES]) :]
    return True


def output_until(deadline: float) -> "Callable[[bytes], None]":
    """A function that writes results to stdout, and raises the error of the time limit."""

    def write(data: bytes) -> None:
        if not write_until(1, data, deadline):
            raise EvaluationError("timeout", "the evaluation took longer than its time limit")

    return write


def message_until(deadline: float, stream: "TextIO") -> "Callable[[bytes], int | bool]":
    """A function that writes a piece of one message to *stream*, which may also be no file."""
    end = max(deadline, time.monotonic() + _MESSAGE_S)
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return stream.buffer.write
    return lambda data: write_until(descriptor, data, end)
