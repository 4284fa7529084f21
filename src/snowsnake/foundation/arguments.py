"""Checks arguments of the library before they are used: a TypeError says which argument must have which type.

In: an argument and its name.  Out: the same argument, of the type that the code behind it relies on.
"""

# Importing `typing` would cost a start more than everything else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


def exact(value: "Any") -> "Any":
    """Returns a text, bytes or a number as an object of Python's own class, because a subclass may have other methods; any other object as it is.

    >>> class Loud(str):
    ...     def __str__(self):
    ...         return "LOUD"
    ...     encode = None
    >>> exact(Loud("quiet")), exact(True), exact([1])
    ('quiet', True, [1])
    """
    kind = type(value)
    if kind is str or kind is bool or kind is int:
        return value
    # Its own class is asked: an object may say that it has another one.
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, bytes):
        return b"".join((value,))
    if issubclass(kind, int):
        return int.__int__(value)
    return float.__float__(value) if issubclass(kind, float) else value


def a_text(what: str, value: "str | bytes", hint: str = "") -> bytes:
    """Returns the bytes of a source, which need not be UTF-8: a surrogate escape in a str becomes the byte that it means.

    >>> a_text("a source", "1 + 1")
    b'1 + 1'
    >>> a_text("a source", 5)
    Traceback (most recent call last):
    TypeError: a source is a text (str or bytes), not int
    """
    text = exact(value)
    if type(text) is bytes:
        return text
    if type(text) is not str:
        raise TypeError(f"{what} is a text (str or bytes), not {type(value).__name__}{hint}")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"{what} with half of a surrogate pair has no bytes") from None


def a_str(what: str, value: str) -> str:
    """Accepts a str only.

    >>> a_str("a reference to a flake", b".")
    Traceback (most recent call last):
    TypeError: a reference to a flake is a str, not bytes
    """
    text: str = exact(value)
    if type(text) is not str:
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    return text


def an_instance(what: str, value: "Any", kind: "type[Any]") -> None:
    """Checks that a value is an object of a class, whatever it says of itself.

    >>> an_instance("a comment's place", 5, str)
    Traceback (most recent call last):
    TypeError: a comment's place is a str, not int
    """
    if not issubclass(type(value), kind):
        raise TypeError(f"{what} is a {kind.__name__}, not {type(value).__name__}")


def a_path(what: str, value: "str | os.PathLike[str]") -> str:
    """Returns a path as a str.  A number is none: `open` would take it for an open file, and close that.

    >>> a_path("a file", 1)
    Traceback (most recent call last):
    TypeError: a file is a path (str or os.PathLike), not int
    """
    path = exact(value)
    if type(path) is not str:
        ask: Any = getattr(type(value), "__fspath__", None)
        path = exact(ask(value)) if ask is not None else None
    if type(path) is not str:
        raise TypeError(f"{what} is a path (str or os.PathLike), not {type(value).__name__}")
    return path


def a_function(what: str, value: "Callable[..., Any]") -> None:
    """Checks that a value can be called.

    >>> a_function("read", 5)
    Traceback (most recent call last):
    TypeError: read is a function, not int
    """
    if not callable(value):
        raise TypeError(f"{what} is a function, not {type(value).__name__}")


def a_level(value: int) -> int:
    """Returns a level of optimisation, which is 0 or 1.

    >>> a_level(2)
    Traceback (most recent call last):
    ValueError: optimise is 0 or 1, not 2
    """
    level: int = exact(value)
    if type(level) not in (int, bool) or level not in (0, 1):
        raise ValueError(f"optimise is 0 or 1, not {value!r}")
    return level


def a_list(name: str, value: "Iterable[Any]", of: str) -> "Iterable[Any]":
    """Accepts a list, tuple, generator …, but not a single text, which is iterable, too.

    >>> a_list("features", "flakes", "names")
    Traceback (most recent call last):
    TypeError: features is a list of names, not str
    """
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__") or isinstance(value, type):
        raise TypeError(f"{name} is a list of {of}, not {type(value).__name__}")
    return value


def a_mapping(name: str, value: "Mapping[str, Any]", of: str) -> "dict[str, Any]":
    """Returns a mapping as a dict, whose keys are exact texts; the code that uses its keys and values checks these.

    >>> a_mapping("scope", 5, "names to values")
    Traceback (most recent call last):
    TypeError: scope is a mapping of names to values, not int
    """
    if not hasattr(value, "keys") or not hasattr(value, "__getitem__") or isinstance(value, type):
        raise TypeError(f"{name} is a mapping of {of}, not {type(value).__name__}")
    return {exact(key): value[key] for key in value.keys()}
