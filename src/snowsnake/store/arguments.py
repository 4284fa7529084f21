"""Wrong arguments of methods: each is a TypeError that names the parameter, what it takes and what was passed.

In: a method whose parameters are annotated, and the arguments with which it failed.  Out: an exception, if one of them does not fit.  The methods of stores
import this when they fail (`say_what_they_take` in interface.py).
"""

from __future__ import annotations

# Type checkers take this for true.  Otherwise every command would import `typing`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The annotations of the methods: whether a value fits, and the words for what does.
_KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a str"),
    "bytes": (lambda value: isinstance(value, bytes | bytearray | memoryview), "bytes"),
    "int": (lambda value: isinstance(value, int) and not isinstance(value, bool) and -1 << 31 <= value < 1 << 31, "a small int"),
    "BinaryIO": (lambda value: hasattr(value, "read"), "an open binary file"),
    "bytes | BinaryIO": (lambda value: isinstance(value, bytes) or hasattr(value, "read"), "bytes or an open binary file"),
    "str | PathLike[str]": (lambda value: isinstance(value, str) or hasattr(value, "__fspath__"), "a str or a path"),
}


def _fits(value: object, annotation: str) -> tuple[bool, str]:
    if annotation.endswith(" | None"):
        fits, words = _fits(value, annotation.removesuffix(" | None"))
        return value is None or fits, words + " or None"
    if annotation in _KINDS:
        check, words = _KINDS[annotation]
        return check(value), words
    if annotation.startswith(("Iterable[", "Sequence[")):
        kind, _, item = annotation[:-1].partition("[")
        return _is_iterable_of(value, item), f"{'an iterable' if kind == 'Iterable' else 'a sequence'} of {item}"
    if annotation.startswith("Callable["):
        return callable(value), "a function"
    if annotation.isidentifier():
        # A class is known by its name, because the module of the method imports it for type checkers only.
        return any(base.__name__ == annotation for base in type(value).__mro__), f"a {annotation}"
    return True, ""


def _is_iterable_of(value: object, annotation: str) -> bool:
    if isinstance(value, list | tuple | set | frozenset | dict):
        return all(_fits(item, annotation)[0] for item in value)
    # An iterator that was consumed says nothing any more.
    return not isinstance(value, str | bytes | bytearray) and hasattr(type(value), "__iter__")


def explain(method: Callable[..., Any], given: tuple[object, ...], named: dict[str, object]) -> None:
    """Raises a TypeError for the first argument that does not fit its parameter."""
    code = method.__code__
    parameters = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    for name, value in [*zip(parameters, given, strict=False), *named.items()]:
        fits, words = _fits(value, str(method.__annotations__.get(name, "")))
        if not fits:
            raise TypeError(f"{method.__name__} takes {words} as {name}, not {_shown(value)}") from None


def _shown(value: object) -> str:
    if isinstance(value, list | tuple | set | frozenset | dict):
        return f"a {type(value).__name__} of other things"
    return f"{type(value).__name__} {value}" if type(value) is int and -1 << 64 < value < 1 << 64 else f"{type(value).__name__}"
