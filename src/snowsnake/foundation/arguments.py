"""Checks arguments of the library before they are used: a TypeError says which argument must have which type.

In: an argument and its name.  Out: the same argument, of the type that the code behind it relies on.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


def a_text(what: str, value: "str | bytes", hint: str = "") -> bytes:
    """Returns the bytes of a source, which need not be UTF-8: a surrogate escape in a str becomes the byte that it means.

    >>> a_text("a source", "1 + 1")
    b'1 + 1'
    >>> a_text("a source", 5)
    Traceback (most recent call last):
    TypeError: a source is a text (str or bytes), not int
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{what} is a text (str or bytes), not {type(value).__name__}{hint}")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"{what} with half of a surrogate pair has no bytes") from None


def a_level(value: int) -> None:
    """Checks a level of optimisation.

    >>> a_level(2)
    Traceback (most recent call last):
    ValueError: optimise is 0 or 1, not 2
    """
    if value not in (0, 1):
        raise ValueError(f"optimise is 0 or 1, not {value!r}")


def a_list(name: str, value: "Iterable[Any]", of: str) -> "Iterable[Any]":
    """Accepts a list, tuple, generator …, but not a single text, which is iterable, too.

    >>> a_list("features", "flakes", "names")
    Traceback (most recent call last):
    TypeError: features is a list of names, not str
    """
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__") or isinstance(value, type):
        raise TypeError(f"{name} is a list of {of}, not {type(value).__name__}")
    return value


def a_mapping(name: str, value: "Mapping[str, Any]", of: str) -> "Mapping[str, Any]":
    """Accepts a mapping; the code that uses its keys and values checks these.

    >>> a_mapping("scope", 5, "names to values")
    Traceback (most recent call last):
    TypeError: scope is a mapping of names to values, not int
    """
    if not hasattr(value, "keys") or not hasattr(value, "__getitem__") or isinstance(value, type):
        raise TypeError(f"{name} is a mapping of {of}, not {type(value).__name__}")
    return value
