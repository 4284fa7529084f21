"""`finalize` of the standard library's `weakref`, which imports `types` and defines six classes: a tenth of what a small command executes.

In: an object, and a function to call once the object is gone.  At the end of the program, the functions of objects that still exist are called, the newest
first.
"""

import atexit
import sys
from _weakref import ref
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_waiting: "dict[int, tuple[object, Callable[..., object], tuple[Any, ...]]]" = {}
_numbers = count()


def finalize(watched: object, function: "Callable[..., object]", *arguments: "Any") -> None:
    """Calls a function with its arguments once an object is gone, or when the program ends.

    >>> class Thing:
    ...     pass
    >>> thing = Thing()
    >>> finalize(thing, print, "gone")
    >>> del thing
    gone
    """
    number = next(_numbers)
    if number == 0:
        atexit.register(_end)

    def call(gone: object) -> None:
        _call(number)

    _waiting[number] = (ref(watched, call), function, arguments)


def _call(number: int) -> None:
    found = _waiting.pop(number, None)
    if found is not None:
        _, function, arguments = found
        function(*arguments)


def _end() -> None:
    while _waiting:
        try:
            _call(max(_waiting))
        except Exception:
            # The others must be called all the same.
            sys.excepthook(*sys.exc_info())
