"""The standard library's `sqlite3` without what it imports for dates and for one function, which takes a tenth of a start of `nix eval`.

Out: `sqlite3`, whose functions and classes are those of its module in C.  Who wants dates imports the real one.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from typing import Any


def _lru_cache(maxsize: int) -> "Callable[[Any], Any]":
    """`functools.lru_cache`, as far as `_sqlite3` uses it, for its statements."""
    from _functools import _lru_cache_wrapper

    return lambda function: _lru_cache_wrapper(function, maxsize, False, None)


def _import_alone() -> None:
    """Imports `_sqlite3`, which imports `functools` for that one name.  With other threads, which might see the stand-in, it gets the real module."""
    import _thread

    if "functools" in sys.modules or _thread._count() > 0:
        import _sqlite3  # noqa: F401

        return
    stand_in: Any = type(sys)("functools")
    stand_in.lru_cache = _lru_cache
    sys.modules["functools"] = stand_in
    try:
        import _sqlite3  # noqa: F401, F811
    finally:
        del sys.modules["functools"]


if not TYPE_CHECKING:
    try:
        _import_alone()
        import _sqlite3 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["sqlite3"]
