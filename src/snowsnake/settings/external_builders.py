"""The setting `external-builders`: programs that build derivations for other systems.

In: its JSON text.  Out: its builders; ValueError in C++ Nix's words for JSON of another form.
"""

from typing import Any, TypeVar

from snowsnake.foundation import light_json
from snowsnake.foundation.json_names import TYPE_NAMES, type_fault

_T = TypeVar("_T")


def parse_external_builders(text: str) -> tuple[dict[str, object], ...]:
    """The builders, each with its `systems`, `program` and `args`.

    >>> parse_external_builders('[{"systems": ["b", "a"], "program": "/p", "args": []}]')
    ({'args': [], 'program': '/p', 'systems': ['a', 'b']},)
    """
    return tuple(_builder(one) for one in _typed(light_json.loads(text), list))


def _builder(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"error: Expected JSON value to be of type 'object' but it is of type '{TYPE_NAMES[type(value)]}': {_shown(value)}")
    systems = _words(_at(value, "systems"))
    program = _typed(_at(value, "program"), str)
    return {"args": _words(_at(value, "args")), "program": program, "systems": sorted(set(systems))}


def _at(value: dict[str, Any], key: str) -> Any:
    if key not in value:
        raise ValueError(f"error: Expected JSON object to contain key '{key}' but it doesn't: {_shown(value)}")
    return value[key]


def _words(value: object) -> list[str]:
    return [_typed(word, str) for word in _typed(value, list)]


def _typed(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise ValueError(type_fault(value, kind))
    return value


def _shown(value: object) -> str:
    return light_json.dumps(value, is_compact=True, is_ascii=False, sorts_keys=True)
