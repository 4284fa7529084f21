"""Signals that end a command.

In: SIGTERM and SIGHUP.  Out: an exception like that of Ctrl-C, so that a command ends with a message, and no builder goes on.
"""

# The module `signal` would import `enum` for the names of signals.
import _signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class EndedBySignal(KeyboardInterrupt):
    """A signal other than that of Ctrl-C ends the program."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class ended_by_signals:  # noqa: N801  # used like a function
    """SIGTERM and SIGHUP end what happens inside the `with` like Ctrl-C."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def __enter__(self) -> None:
        try:
            for number in (_signal.SIGTERM, _signal.SIGHUP):
                # `nohup` makes a command ignore SIGHUP, and this stays so.
                if _signal.getsignal(number) == _signal.SIG_DFL:
                    _signal.signal(number, _end)
                    self._numbers.append(number)
        except ValueError:
            # Only the main thread may handle signals.
            pass

    def __exit__(self, *exception: object) -> None:
        for number in self._numbers:
            _signal.signal(number, _signal.SIG_DFL)


def _end(number: int, frame: "FrameType | None") -> None:
    raise EndedBySignal(number)
