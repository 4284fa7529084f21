"""Checks of JSON that has another form than is asked for: their faults have the words of C++ Nix.

In: values of JSON.  Out: what was asked for; ValueError.  It costs a start nothing, because it is imported where JSON is checked.
"""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null", int: "number", float: "number"}


def compact(value: object) -> str:
    """The text of a value as C++ Nix shows it: names sorted, no blanks."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def as_type(value: object, kind: type) -> "Any":
    """The value; ValueError if it is of another type.

    >>> as_type([1], str)
    Traceback (most recent call last):
    ValueError: Expected JSON value to be of type 'string' but it is of type 'array': [1]
    """
    if type(value) is not kind:
        raise ValueError(f"Expected JSON value to be of type '{TYPE_NAMES[kind]}' but it is of type '{TYPE_NAMES[type(value)]}': {compact(value)}")
    return value


def value_at(given: "dict[str, Any]", key: str) -> "Any":
    """The value of a name; ValueError if an object does not have it."""
    if key not in given:
        raise ValueError(f"Expected JSON object to contain key '{key}' but it doesn't: {compact(given)}")
    return given[key]


def type_fault(value: object, kind: type) -> str:
    """Says that a value is of another type, in the words of the JSON library that C++ Nix uses: what it says where it does not check itself.

    >>> type_fault(None, str)
    '[json.exception.type_error.302] type must be string, but is null'
    """
    return f"[json.exception.type_error.302] type must be {TYPE_NAMES[kind]}, but is {TYPE_NAMES[type(value)]}"
