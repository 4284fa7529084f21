"""`dataclass`, `field` and `replace` of the standard library's `dataclasses`, for classes that every command needs.

In: a class with annotated fields.  Out: the same class with `__init__`, `__repr__`, `__eq__`, and `__hash__` if it is frozen.  To import
`dataclasses` takes as long as a small evaluation, and each class a fifth of that; here a class costs one `exec`, when its first object is made.  Code
that asks for the fields (`asdict`, `is_dataclass`) has imported `dataclasses`, which then makes them.

A module imports the names from `dataclasses` under `TYPE_CHECKING`, and from here otherwise: type checkers know the real ones.
"""

from __future__ import annotations

from _operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Made:
    """A default that is made again for each object."""

    def __init__(self, default_factory: Callable[[], Any]) -> None:
        self.default_factory = default_factory


field = _Made


class _Fields:
    """`__dataclass_fields__`, made by the real `dataclass` when somebody first asks for it."""

    def __init__(self, defaults: dict[str, Any], is_frozen: bool) -> None:
        self._defaults = defaults
        self._is_frozen = is_frozen

    def __get__(self, instance: object, owner: type) -> Any:
        import dataclasses

        made = {
            name: dataclasses.field(default_factory=value.default_factory) if isinstance(value, _Made) else value
            for name, value in self._defaults.items()
        }
        twin = type(owner.__name__, (), {"__annotations__": owner.__annotations__, "__module__": owner.__module__, **made})
        found = dataclasses.dataclass(frozen=self._is_frozen)(twin).__dataclass_fields__     # type: ignore[attr-defined]
        owner.__dataclass_fields__ = found     # type: ignore[attr-defined]
        return found


class _Signature:
    """`__signature__`, for `inspect.signature`."""

    def __init__(self, *given: Any) -> None:
        self._given = given

    def __get__(self, instance: object, owner: type) -> Any:
        import inspect

        found = inspect.signature(_initialiser(*self._given))
        return found.replace(parameters=list(found.parameters.values())[1:])


def dataclass(cls: Any = None, *, frozen: bool = False) -> Any:
    """Works with or without `(frozen=True)`; no other option, no inheritance, at least two fields."""
    if cls is None:
        return lambda cls: _completed(cls, frozen)
    return _completed(cls, frozen)


def replace(record: Any, **values: Any) -> Any:
    """A copy with other values of some fields."""
    if not values.keys() <= set(type(record).__match_args__):
        raise TypeError(f"{type(record).__qualname__} has no fields {', '.join(sorted(values.keys() - set(type(record).__match_args__)))}")
    made = object.__new__(type(record))
    made.__dict__.update(record.__dict__, **values)
    return made


def _completed(cls: Any, is_frozen: bool) -> Any:
    names = tuple(cls.__annotations__)
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    for name, value in defaults.items():
        if isinstance(value, _Made):
            delattr(cls, name)
    fields_of = attrgetter(*names)

    has_check = hasattr(cls, "__post_init__")

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        cls.__init__ = _initialiser(names, defaults, is_frozen, has_check)
        cls.__init__(self, *values, **named)

    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in zip(names, fields_of(self), strict=True))})"

    def __eq__(self: Any, other: object) -> bool:
        return bool(fields_of(self) == fields_of(other)) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(fields_of(self))

    def _refuse(self: Any, name: str, value: object = None) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    cls.__init__ = __init__
    cls.__signature__ = _Signature(names, defaults, is_frozen)
    cls.__match_args__ = names  # type: ignore[misc]
    cls.__repr__ = __repr__
    cls.__eq__ = __eq__
    cls.__hash__ = __hash__ if is_frozen else None
    if is_frozen:
        cls.__setattr__ = cls.__delattr__ = _refuse
    cls.__dataclass_fields__ = _Fields(defaults, is_frozen)
    return cls


def _initialiser(names: tuple[str, ...], defaults: dict[str, Any], is_frozen: bool, has_check: bool = False) -> Any:
    """The `__init__` of a class; *has_check*: it ends with `__post_init__`."""
    scope: dict[str, Any] = {"_set": object.__setattr__, "_none": _Made, **{f"_default_{name}": value for name, value in defaults.items()}}
    words, lines = [], []
    for name in names:
        value = defaults.get(name)
        words.append(name if name not in defaults else f"{name}=_none" if isinstance(value, _Made) else f"{name}=_default_{name}")
        text = f"_default_{name}.default_factory() if {name} is _none else {name}" if isinstance(value, _Made) else name
        lines.append(f"    _set(self, {name!r}, {text})" if is_frozen else f"    self.{name} = {text}")
    if has_check:
        lines.append("    self.__post_init__()")
    exec(f"def __init__(self, {', '.join(words)}):\n" + "\n".join(lines), scope)
    return scope["__init__"]
