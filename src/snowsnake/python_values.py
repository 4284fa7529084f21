"""Python data as Nix values: everything that has a Nix form becomes plain data, of which `building.pyx` makes words.

In: what a program passes.  Out: None, bool, int, float, str, bytes, list, dict, handles, and objects that represent paths and functions.  This is where
code of the program's classes runs (iterators, properties, `__fspath__`); afterwards the value is built without it.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from snowsnake.building import LEVELS_OF_DATA, TOO_DEEP, PathText, is_plain
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import exact
from snowsnake.foundation.record import Whole
from snowsnake.values import Value

if TYPE_CHECKING:
    # This stands for `api.Evaluator`, whose module imports this one.
    Evaluator = Any

_WORD_BYTES = 8
_SCALARS = frozenset((type(None), bool, int, float, str, bytes))
UNORDERED = (set, frozenset)


class Raw(Whole):
    """Nix code among Python data: its value.

    >>> from snowsnake import Evaluator
    >>> Evaluator().value({"a": Raw("1 + 1"), "b": "1 + 1"}).to_nix()
    '{ a = 2; b = "1 + 1"; }'
    """

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        text = exact(code)
        if type(text) is not str:
            raise TypeError(f"Raw is made of a text of Nix code, not of {type(code).__name__}")
        self.code = text

    def __repr__(self) -> str:
        return f"Raw({self.code!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Raw) and other.code == self.code

    def __hash__(self) -> int:
        return hash(self.code)


def has_nix_form(value: object) -> bool:
    """Whether `plain` would take a value, as far as its type says.  It is False for functions, because this is asked before a comparison."""
    return isinstance(value, _KNOWN) or any(hasattr(value, name) for name in _MARKS)


def plain(value: object, evaluator: "Evaluator") -> Any:
    """Returns the plain data that a value means; small data that is plain already is returned as it is.

    Raises TypeError for data without a Nix form, and ValueError for more than 500 levels, which a value that contains itself has.
    """
    return value if is_plain(value) else _plain(value, evaluator, 0, {})


def _plain(value: Any, evaluator: "Evaluator", level: int, made: dict[int, Any]) -> Any:
    """Does the work of `plain`.

    `made` has the plain form of each list and dict by its `id`, so that shared data stays shared.  It keeps the list or dict as well: no other
    object can have the same `id` meanwhile.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if level > LEVELS_OF_DATA:
        raise ValueError(TOO_DEEP)
    if kind is list or kind is tuple or kind is dict:
        known = made.get(id(value))
        if known is not None:
            return known[0]
    if kind is list or kind is tuple:
        # A loop fills this list: a comprehension would need another frame of Python for each level.
        items = list(value)
        for i, item in enumerate(items):
            if type(item) not in _SCALARS:
                items[i] = _plain(item, evaluator, level + 1, made)
        made[id(value)] = items, value
        return items
    if kind is dict:
        found = {}
        for key, item in tuple(value.items()):
            found[attribute_name(key)] = item if type(item) in _SCALARS else _plain(item, evaluator, level + 1, made)
        made[id(value)] = found, value
        return found
    if isinstance(value, Value):
        return value._handle
    return _other(value, evaluator, level, made)


def attribute_name(key: object) -> "str | bytes":
    """The name of an attribute for a key of a mapping: a text, a `Value`, or an enum whose value is a text."""
    if type(key) is str or type(key) is bytes:
        return key
    if isinstance(key, Value):
        return str(key)
    from enum import Enum

    # An enum has its text in `value`; another class may call anything so.
    name: str | bytes = exact(cast(Enum, key).value if issubclass(type(key), Enum) else key)
    if type(name) is str or type(name) is bytes:
        return name
    raise TypeError(f"an attribute is named by a str, not by {type(key).__name__} {key!r}")


def _other(value: object, evaluator: "Evaluator", level: int, made: dict[int, Any]) -> Any:
    """The plain form of an object that is neither a scalar, a list, a tuple, a dict nor a `Value`."""
    from enum import Enum

    # The class itself is asked, because an object may say that it has another one, as lazy texts of frameworks do.
    kind = type(value)
    if issubclass(kind, Enum):
        return _plain(cast(Enum, value).value, evaluator, level + 1, made)
    known = exact(value)
    if type(known) in _SCALARS:
        return known
    if issubclass(kind, bytearray | memoryview):
        return b"".join((cast(bytearray, value),))
    if issubclass(kind, list | tuple | frozenset | set):
        return _elements(value, evaluator, level, made)
    if isinstance(value, Raw):
        return evaluator.evaluate(value.code)._handle
    if isinstance(value, os.PathLike) and not issubclass(kind, dict):
        return PathText(os.path.abspath(os.fsencode(os.fspath(value))))
    if issubclass(kind, Mapping) or isinstance(value, Mapping) and hasattr(kind, "items"):
        pairs = cast(Mapping[object, object], value).items()
        return {attribute_name(key): _plain(item, evaluator, level + 1, made) for key, item in tuple(pairs)}
    fields = fields_of(value)
    if fields is not None:
        return {name: _plain(item, evaluator, level + 1, made) for name, item in fields}
    # A `StorePath` is known by the name of its module, because few programs import that.
    if type(value).__module__ == "snowsnake.store.path":
        return str(value)
    if callable(value):
        return evaluator._function_number(value)
    if isinstance(value, Iterable):
        return _elements(value, evaluator, level, made)
    if hasattr(value, "__index__"):
        return int(value.__index__())
    raise TypeError(f"{type(value).__name__} has no Nix form: pass a str, number, list, dict, dataclass, path or function")


def _elements(value: Any, evaluator: "Evaluator", level: int, made: dict[int, Any]) -> list[Any]:
    items = in_order(value) if issubclass(type(value), UNORDERED) else _under_limits(value, evaluator)
    return [_plain(item, evaluator, level + 1, made) for item in items]


def _under_limits(items: "Iterable[Any]", evaluator: "Evaluator") -> "Iterator[Any]":
    """Iterates over items that may never end, as long as the limits of time and memory allow: each will need at least a word in a list."""
    seconds, most_bytes = evaluator._machine.limits()
    until = time.monotonic() + seconds
    for count, item in enumerate(items, 1):
        if not count % 1024:
            if time.monotonic() > until:
                raise EvaluationError("timeout", "the evaluation took longer than its time limit")
            if count * _WORD_BYTES > most_bytes:
                raise EvaluationError("memory", f"out of memory: the evaluation needs more than its limit of {most_bytes >> 20} MiB")
        yield item


def fields_of(value: Any) -> "list[tuple[str, Any]] | None":
    """The names and values of the fields of a dataclass, or of an object of msgspec, pydantic or attrs; None for any other object."""
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return [(name, getattr(value, name)) for name, field in kind.__dataclass_fields__.items() if field._field_type.name == "_FIELD"]
    if hasattr(kind, "__struct_fields__"):
        fields = list(zip(kind.__struct_encode_fields__, (getattr(value, name) for name in kind.__struct_fields__), strict=True))
        config = kind.__struct_config__
        return [(config.tag_field, config.tag), *fields] if config.tag_field else fields
    if hasattr(kind, "__pydantic_validator__"):
        return list(value.model_dump(by_alias=True).items())
    if hasattr(kind, "__attrs_attrs__"):
        return [(field.name, getattr(value, field.name)) for field in kind.__attrs_attrs__]
    return None


def in_order(values: "set[Any] | frozenset[Any]") -> list[object]:
    """The elements of a set of Python in their order; raises TypeError if they have none."""
    try:
        return sorted(values)
    except TypeError:
        raise TypeError("a set whose elements have no order has no Nix form: pass a list") from None


_KNOWN = (*_SCALARS, list, tuple, dict, Mapping, bytearray, memoryview, os.PathLike, set, frozenset, range, Raw)
_MARKS = ("__dataclass_fields__", "__struct_fields__", "__pydantic_validator__", "__attrs_attrs__", "__index__", "_value_")
