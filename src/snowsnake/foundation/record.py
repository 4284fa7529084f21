"""Base classes of public objects: they say what they lack, and are not copied where they cannot be; and immutable records.

Records are compared field by field like those of `dataclass(frozen=True, order=True)`, whose import takes as long as a small evaluation.
"""

from _operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self


class Whole:
    """An object that was made without its `__init__` says so where it is used: ValueError, and no AttributeError of a name that nobody knows."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            # Python asks this for what it does not find.  Its own protocols ask for names with two underscores.
            if not name.startswith("__") and not _has_state(self):
                raise ValueError(f"this {type(self).__name__} was made without __init__")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


def _has_state(thing: object) -> bool:
    if getattr(thing, "__dict__", None):
        return True
    for cls in type(thing).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            try:
                object.__getattribute__(thing, name)
            except AttributeError:
                continue
            return True
    return False


class Belonging(Whole):
    """An object that has a machine, files or connections: it is neither copied nor pickled."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> "Any":
        raise TypeError(f"{type(self).__name__} can be neither copied nor pickled: make another one")


class Record(Whole):
    """The `__slots__` of a subclass are its fields, at least two, in the order in which they are compared; its `__init__` calls `_set`."""

    __slots__: "tuple[str, ...]" = ()
    _fields_of: "Callable[[Any], tuple[Any, ...]]"

    def __init_subclass__(cls) -> None:
        cls._fields_of = staticmethod(attrgetter(*cls.__slots__))

    def _set(self, *values: object) -> None:
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r}")

    def __reduce__(self) -> "tuple[Any, ...]":
        return type(self), self._fields_of(self)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self.__slots__, self._fields_of(self), strict=True))
        return f"{type(self).__qualname__}({shown})"

    def __hash__(self) -> int:
        return hash(self._fields_of(self))

    def __eq__(self, other: object) -> bool:
        return self._fields_of(self) == self._fields_of(other) if isinstance(other, Record) and type(other) is type(self) else NotImplemented

    def __lt__(self, other: "Self") -> bool:
        return self._fields_of(self) < self._fields_of(other) if type(other) is type(self) else NotImplemented

    def __le__(self, other: "Self") -> bool:
        return self._fields_of(self) <= self._fields_of(other) if type(other) is type(self) else NotImplemented

    def __gt__(self, other: "Self") -> bool:
        return self._fields_of(self) > self._fields_of(other) if type(other) is type(self) else NotImplemented

    def __ge__(self, other: "Self") -> bool:
        return self._fields_of(self) >= self._fields_of(other) if type(other) is type(self) else NotImplemented
