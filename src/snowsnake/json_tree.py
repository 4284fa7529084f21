"""JSON that nests deeper than Python's parser follows: the tree of a source may be a million levels deep.

In: JSON of objects, lists and scalars, as `Syntax.to_json` writes it.  Out: dicts and lists, made without recursion.
"""

import json
import re
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = json.JSONDecoder().raw_decode


def load(text: str) -> Any:
    """The data of a text of JSON, at any depth."""
    try:
        return json.loads(text)
    except RecursionError:
        return load_deep(text)


def load_deep(text: str) -> Any:
    """The data of a text of JSON, at any depth; several times as slow as `json.loads`.

    >>> found = load_deep("[" * 100_000 + "]" * 100_000)
    >>> load_deep('{"a": [1, "x", {"b": null}], "c": {}}')
    {'a': [1, 'x', {'b': None}], 'c': {}}
    """
    # This holds the containers that are being filled, each with the name of its next value.
    stack: list[tuple[Any, str | None]] = []
    at = 0
    while True:
        at = _after_space(text, at)
        if text[at] in "[{" and text[_after_space(text, at + 1)] not in "]}":
            is_list = text[at] == "["
            at += 1
            name = None
            if not is_list:
                name, at = _name(text, at)
            stack.append(([] if is_list else {}, name))
            continue
        value: object
        if text[at] in "[{":
            value = [] if text[at] == "[" else {}
            at = _after_space(text, at + 1) + 1
        else:
            value, at = _SCALAR(text, at)
        while stack:
            container, name = stack.pop()
            if name is None:
                container.append(value)
            else:
                container[name] = value
            at = _after_space(text, at)
            if text[at] == ",":
                at += 1
                if name is not None:
                    name, at = _name(text, at)
                stack.append((container, name))
                break
            # This skips the bracket that closes the container.
            at += 1
            value = container
        else:
            return value


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _name(text: str, at: int) -> tuple[str, int]:
    """The name that begins at a place, and the place after its colon."""
    name, at = _SCALAR(text, _after_space(text, at))
    return name, _after_space(text, at) + 1
