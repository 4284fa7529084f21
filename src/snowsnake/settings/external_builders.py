"""The setting `external-builders`: programs that build derivations for other systems.

In: its JSON text.  Out: its builders; ValueError in C++ Nix's words for JSON of another form.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from snowsnake.foundation import light_json
from snowsnake.foundation.json_faults import as_type, type_fault, value_at

_T = TypeVar("_T")


def parse_external_builders(text: str) -> tuple[dict[str, object], ...]:
    """The builders, each with its `systems`, `program` and `args`.

    >>> parse_external_builders('[{"systems": ["b", "a"], "program": "/p", "args": []}]')
    ({'args': [], 'program': '/p', 'systems': ['a', 'b']},)
    """
    return tuple(_builder(one) for one in _typed(light_json.loads(text), list))


def _builder(value: object) -> dict[str, object]:
    given = _checked(as_type, value, dict)
    systems = _words(_checked(value_at, given, "systems"))
    program = _typed(_checked(value_at, given, "program"), str)
    return {"args": _words(_checked(value_at, given, "args")), "program": program, "systems": sorted(set(systems))}


def _checked(check: Callable[..., Any], *given: object) -> Any:
    """C++ Nix shows the error of such a check inside another one, with its title."""
    try:
        return check(*given)
    except ValueError as error:
        raise ValueError(f"error: {error}") from None


def _words(value: object) -> list[str]:
    return [_typed(word, str) for word in _typed(value, list)]


def _typed(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise ValueError(type_fault(value, kind))
    return value
