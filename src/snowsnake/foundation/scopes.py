"""`contextmanager` and `suppress` of the standard library's `contextlib`, for modules that every start of a command on a flake imports.

`contextlib` imports `functools` and `collections` for its other names, which takes a tenth of such a start.  A module imports the names
from `contextlib` for type checkers (`TYPE_CHECKING`), and from here otherwise.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class _Scope:
    """What `with` enters: a generator that yields once."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Iterator[Any]) -> None:
        self._steps: Any = steps

    def __enter__(self) -> Any:
        return next(self._steps)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        try:
            if error is None:
                next(self._steps)
            else:
                self._steps.throw(error)
        except StopIteration as end:
            return end is not error
        except RuntimeError as found:
            if found.__cause__ is error and isinstance(error, StopIteration):
                # The generator turned the error of the block into this one.
                return False
            if found is not error:
                raise
            return False
        except BaseException as found:
            if found is not error:
                raise
            return False
        raise RuntimeError("the scope yields twice")


class suppress:
    """Ends a `with` block without an error if one of these kinds was raised in it.

    >>> with suppress(ValueError, KeyError):
    ...     int("a")
    """

    __slots__ = ("_kinds",)

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)


def contextmanager(steps: Callable[..., Iterator[Any]]) -> Callable[..., _Scope]:
    """Makes a function for `with` of a generator function that yields once.

    >>> @contextmanager
    ... def doubled(number):
    ...     yield 2 * number
    >>> with doubled(2) as found:
    ...     found
    4
    """

    def entered(*words: Any, **names: Any) -> _Scope:
        return _Scope(steps(*words, **names))

    entered.__doc__ = steps.__doc__
    entered.__name__ = steps.__name__
    return entered
