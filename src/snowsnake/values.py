"""Values for Python: they are lazy, and an evaluated value behaves like a mapping, sequence, text, number or callable.

In: handles of an evaluator.  Out: objects of the class `Value` and its subclasses; `EvaluationError`s.

A value has the class `Value` until it is evaluated.  Then a set has the class `SetValue`, which is a `collections.abc.Mapping`, and a list the
class `ListValue`, which is a `Sequence`.  `isinstance` evaluates the value to find out; `match` cannot do that, so call `value.force()` first.

Over 600 lines: the three classes share their methods, and a value changes its class.
"""

import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, cast, overload

from snowsnake import looking
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import a_str, an_instance
from snowsnake.foundation.record import Whole

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable
    from typing import Self, TypeVar

    from snowsnake.decoding.query import QueryResult
    from snowsnake.handle import Handle
    from snowsnake.source import Position

    T = TypeVar("T")
    # This stands for `api.Evaluator`, whose module imports this one.
    Evaluator = Any

_set_class = object.__dict__["__class__"].__set__
# Errors with these codes say nothing about the value: the same evaluation may succeed at another time.
_TRANSIENT = frozenset(("interrupt", "timeout", "memory", "depth"))
_PLAIN = (bool, int, float, str, bytes, type(None), Mapping, list, tuple, os.PathLike)


def _bytes(name: str) -> bytes:
    try:
        return str.encode(name, "utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # The name holds half of a surrogate pair.  No attribute has such a name, and none has the name with a NUL that is returned.
        return b"\0" + str.encode(name, "utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def wrap(handle: "Handle", evaluator: "Evaluator") -> "Value":
    """Makes the value of a handle, of the class that is known so far."""
    value = object.__new__(_CLASSES[looking.shape(handle)])
    value._handle = handle
    value._evaluator = evaluator
    return value


class Value:
    """A Nix value.  It is lazy: an operation evaluates it as far as the operation needs, and only once.

    Every operation can raise an `EvaluationError`: one of the program, or a type error if the value is not a set, list or function.

    * `bool(value)`: whether it is `true`, a number that is not 0, or a text, list or set that is not empty; `null` is false, paths and functions are true.
    * `str(value)`: the text of a string or path, the digits of a number; Nix text of anything else.
    * `value == other`: what Nix's `==` says, with another value or plain data of Python.  TypeError for what Nix cannot compare: functions,
      objects without a Nix form, and a path with a str (compare with a `pathlib.Path`, or `str(value)`).
    * `hash(value)`: strings, numbers, Booleans, null and paths can be keys of a dict; sets, lists and functions cannot.

    >>> from snowsnake import evaluate
    >>> value = evaluate('{ a.b = [ 1 2 ]; f = x: x + 1; bad = throw "no"; }')
    >>> value["a"]["b"][1].to_python()
    2
    >>> value["f"](41) == 42, value["a"] == {"b": [1, 2]}
    (True, True)
    >>> value["bad"].force()
    Traceback (most recent call last):
    snowsnake.diagnostics.kinds.Throw: no (at «string»:1:38)
    """

    __slots__ = ("_handle", "_evaluator", "__weakref__")

    _handle: "Handle"
    _evaluator: "Evaluator"
    _is_settled = False

    def __new__(cls, handle: "Handle | None" = None, evaluator: "Evaluator" = None) -> "Self":
        if not hasattr(handle, "to_nix") or not hasattr(evaluator, "evaluate"):
            raise TypeError("values come from an evaluator: `evaluator.value(…)` makes one of Python data")
        value = object.__new__(cls)
        value._handle = cast("Handle", handle)
        value._evaluator = evaluator
        return value

    # ---- what it is ---------------------------------------------------------------------------------------------

    @property  # type: ignore[misc]
    def __class__(self) -> "type[Any]":
        """The class of the value once it is evaluated, for `isinstance`; a value that cannot be evaluated is only a `Value`."""
        if not self._is_settled:
            try:
                self._settle()
            except EvaluationError as error:
                if error.code in _TRANSIENT:
                    raise
        return type(self)

    def _settle(self) -> None:
        """Evaluates the value, and changes this object's class to that of the result."""
        self._handle.force()
        cls = _CLASSES[looking.shape(self._handle)]
        if type(self) is not cls:
            _set_class(self, cls)

    @property
    def type(self) -> str:
        """`int`, `float`, `string`, `bool`, `null`, `path`, `list`, `set` or `lambda`, as `builtins.typeOf` says."""
        return self._handle.type_name()

    @property
    def is_evaluated(self) -> bool:
        """Whether the value is known.  This evaluates nothing.

        >>> from snowsnake import evaluate
        >>> value = evaluate("1 + 1")
        >>> value.is_evaluated, value.force().is_evaluated
        (False, True)
        """
        return looking.shape(self._handle) != looking.UNKNOWN

    def force(self, *, deep: bool = False) -> "Value":
        """Evaluates to the outermost constructor, or (`deep`) to the leaves.  Returns the same value, which `match` now understands.

        >>> from snowsnake import evaluate
        >>> match evaluate('{ kind = "disk"; sizes = [ 1 2 ]; }').force(deep=True):
        ...     case {"kind": "disk", "sizes": [first, *_]}:
        ...         int(first)
        1
        """
        if deep:
            self._handle.deep_force()
        self._settle()
        return self

    @property
    def context(self) -> list[str]:
        """The store paths that a string refers to; `DRV!OUTPUT` is an output of a derivation, `=DRV` a derivation with everything that it needs.

        >>> from snowsnake import evaluate
        >>> evaluate('"${derivation { name = "x"; system = "s"; builder = "b"; }}"').context
        ['/nix/store/5wq5jx7219pmi3xklyhl77fjbqvy6qaj-x.drv!out']
        """
        found: dict[str, dict[str, Any]] = wrap(looking.apply_builtin(self._handle, b"getContext"), self._evaluator).to_python()
        named: list[str] = []
        for path, how in found.items():
            named += [path] if how.get("path") else []
            named += [f"={path}"] if how.get("allOutputs") else []
            named += [f"{path}!{output}" for output in how.get("outputs", ())]
        return named

    @property
    def doc(self) -> str | None:
        """The documentation of a function: its `/** … */` comment, or the manual's text of a builtin; None if it has neither.

        >>> from snowsnake import evaluate
        >>> evaluate('/** Adds one. */ x: x + 1').doc, evaluate("builtins.head").doc[:17]
        ('Adds one.', 'Returns the first')
        """
        from snowsnake.documentation import documentation

        return documentation(self._handle)

    @property
    def derivation(self) -> "DerivationView | None":
        """The value as a `DerivationView`; None if it is not a derivation.

        >>> from snowsnake import evaluate
        >>> found = evaluate('derivation { name = "x"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; }').derivation
        >>> found.name, found.drv_path.rpartition("-")[2], list(found.outputs)
        ('x', 'x.drv', ['out', 'dev'])
        """
        if self.type != "set" or "type" not in self or self["type"] != "derivation":
            return None
        return DerivationView(self)

    def position(self, name: str | None = None) -> "Position | None":
        """Where an attribute of a set is defined, or (without a name) a function; None if that is not known.

        Raises KeyError for a missing attribute.

        >>> from snowsnake import evaluate
        >>> str(evaluate('{\\n  version = "1";\\n}').position("version"))
        '«string»:2:3'
        """
        from snowsnake.source import Position

        if name is not None:
            name = a_str("the name of an attribute", name)
            try:
                place = looking.attribute_place(self._handle, _bytes(name))
            except KeyError:
                raise KeyError(name) from None
        else:
            self._handle.force()
            found = self._handle.code()
            place = found[0] if found is not None else None
        return None if place is None else Position(*place)

    def _wrap(self, handle: "Handle") -> "Value":
        return wrap(handle, self._evaluator)

    # ---- as plain data ------------------------------------------------------------------------------------------

    def to_python(self) -> "Any":
        """The whole value as None, bool, int, float, str, list and dict; a path as str, a function as a `Value`, which can be called.

        Everything is forced.  Strings that are not UTF-8 have surrogate escapes; contexts are lost.  The cost is linear: a list or set that
        occurs several times in the value becomes one object in Python.

        >>> from snowsnake import evaluate
        >>> found = evaluate('{ n = [ 1 2.5 null ]; double = x: 2 * x; }').to_python()
        >>> found["n"], found["double"](21).to_python()
        ([1, 2.5, None], 42)
        """
        return self._handle.to_python(self._wrap)

    @overload
    def decode(self, target: "builtins.type[T]") -> "T": ...

    @overload
    def decode(self, target: Any) -> Any: ...

    def decode(self, target: Any) -> Any:
        """The value as an object of a type.  Only the attributes that the type names are evaluated; this is faster than a detour through JSON.

        The type may be made of dataclasses, `msgspec.Struct`, `TypedDict`, `NamedTuple`, enums, unions, `Literal`,
        `Annotated[int, msgspec.Meta(ge=0)]`, collections, pydantic models, `pathlib.Path`, `snowsnake.store.StorePath`, and `Value` for parts
        that stay lazy.  A missing attribute has the type's default; attributes that the type does not name are not evaluated.  Where the type
        wants a text, a derivation is the path of its output.  A `DecodeError` (a `TypeMismatch`) has the path in the value, what was expected
        and found, and where it is defined.

        >>> from snowsnake import evaluate
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Package:
        ...     name: str
        ...     version: str | None = None
        >>> evaluate('{ name = "hello"; broken = throw "not looked at"; }').decode(Package)
        Package(name='hello', version=None)
        >>> evaluate('[ { name = "a"; } { name = 1; } ]').decode(list[Package])
        Traceback (most recent call last):
        snowsnake.decoding.error.DecodeError: expected a string but found an integer: 1, at [1].name (at «string»:1:21)
        """
        return self._evaluator._decoder(target).decode(self._handle, self._wrap)

    def query(self, selector: str, target: Any = object) -> "QueryResult":
        """Selects many attributes in one pass: `query("packages.*.{name,?version}")`.  A part that fails does not stop the others.

        In a selector, `a.b` is a name (in quotes if it has dots), `3` an element, `*` every attribute or element, and `{a,?b.c}` some of them
        (`?`: it may be missing).  The `values` are dicts and lists in the shape of the selector, with plain data or objects of the type
        `target` at the ends; `faults` has the errors by their paths.

        >>> from snowsnake import evaluate
        >>> found = evaluate('{ a = { n = 1; v = "x"; }; b = { n = throw "no"; v = "y"; }; c = { n = 3; }; }').query("*.{n,?v}")
        >>> found.values
        {'a': {'n': 1, 'v': 'x'}, 'b': {'v': 'y'}, 'c': {'n': 3}}
        >>> found.faults
        {'b.n': Throw('no')}
        """
        from snowsnake.decoding.error import path_text
        from snowsnake.decoding.query import QueryResult, unwrapped

        values, faults = self._evaluator._querier(selector, target).query(self._handle, self._wrap)
        return QueryResult(unwrapped(values), {path_text(path): error for path, error in faults})

    def to_json(self) -> str:
        """The whole value as JSON, as `builtins.toJSON` writes it; a function in it is an error.

        >>> from snowsnake import evaluate
        >>> evaluate('{ b = [ 1 "x" ]; a = { outPath = "y"; z = 2; }; }').to_json()
        '{"a":"y","b":[1,"x"]}'
        """
        return _text(self._handle.to_json(strict=True))

    def to_nix(self, *, strict: bool = True) -> str:
        """The value as Nix text, as `nix-instantiate --eval` prints it.  If not `strict`, nothing more is evaluated, and unevaluated parts are `<CODE>`.

        >>> from snowsnake import evaluate
        >>> value = evaluate('{ a = "b" + "c"; f = x: x; }')
        >>> value.to_nix(strict=False), value.to_nix()
        ('{ a = <CODE>; f = <LAMBDA>; }', '{ a = "bc"; f = <LAMBDA>; }')
        """
        return _text(self._handle.to_nix(strict=strict))

    def to_xml(self, *, location: bool = True) -> str:
        """The whole value as the XML that `nix-instantiate --xml --strict` prints.

        `location`: with the places of attributes and functions.
        """
        return _text(self._handle.to_xml(strict=True, location=location))

    def __bool__(self) -> bool:
        kind = self.type
        if kind in ("set", "list"):
            return len(self._handle) > 0
        return kind in ("path", "lambda") or bool(self.to_python())

    def __str__(self) -> str:
        kind = self.type
        if kind in ("string", "path"):
            return str(self.to_python())
        return self.to_nix(strict=False)

    def __format__(self, form: str) -> str:
        """Formats a number as a number, anything else as its text: `f"{value:>8.2f}"`."""
        if form and self.type in ("int", "float"):
            return format(self.to_python(), form)
        return format(str(self), form)

    def __int__(self) -> int:
        return int(self._number("int", "int", "float"))

    def __float__(self) -> float:
        return float(self._number("float", "int", "float"))

    def _number(self, wanted: str, *kinds: str) -> "Any":
        if self.type not in kinds:
            raise TypeError(f"{wanted}() of a Nix {self.type}: it must be a number; to_python() converts any value")
        return self.to_python()

    def __fspath__(self) -> str:
        """The text of a path or string: `open(value)` works."""
        if self.type not in ("path", "string"):
            raise TypeError(f"a Nix {self.type} is not the path of a file")
        return str(self.to_python())

    def __bytes__(self) -> bytes:
        """The bytes of a string or path."""
        return _bytes(self.__fspath__())

    def __eq__(self, other: object) -> bool:
        if self is other:
            return self.type != "lambda" or self._cannot_compare("functions")
        if isinstance(other, Value):
            return looking.equal(self._handle, other._handle)
        if not isinstance(other, _PLAIN) and not self._evaluator._has_nix_form(other):
            self._cannot_compare(f"a {type(other).__name__} of Python")
        kind = self.type
        if kind == "lambda":
            self._cannot_compare("functions")
        if kind == "path" and isinstance(other, str | bytes):
            raise TypeError("a Nix path is not compared with a text: compare it with a pathlib.Path, or compare str(value)")
        try:
            built = self._evaluator.value(other)
        except OverflowError:
            # The int does not fit 64 bits: no Nix value equals it.
            return False
        return looking.equal(self._handle, built._handle)

    def _cannot_compare(self, what: str) -> bool:
        raise TypeError(f"Nix values are not compared with {what}: use `is`, or compare what to_python() returns")

    def __copy__(self) -> "Value":
        return wrap(self._handle, self._evaluator)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a value of an evaluator can be neither copied nor pickled: pass on what to_python() or decode() returns")

    def __hash__(self) -> int:
        kind = self.type
        if kind in ("set", "list", "lambda"):
            raise TypeError(f"a Nix {kind} cannot be hashed: use id(value), or a key made of what is in it")
        plain = self.to_python()
        if kind == "path":
            from pathlib import Path

            return hash(Path(plain))
        return hash(plain)

    # ---- sets and lists -----------------------------------------------------------------------------------------

    def keys(self) -> list[str]:
        """Names of the attributes of a set, sorted."""
        return [_text(name) for name in self._handle.keys()]

    def values(self) -> "list[Value]":
        """The attributes of a set, in the order of their names; none of them is evaluated."""
        return [wrap(self._handle.select(name), self._evaluator) for name in self._handle.keys()]

    def items(self) -> "list[tuple[str, Value]]":
        """Names and attributes of a set, in the order of their names; only the set itself is forced."""
        return list(zip(self.keys(), self.values(), strict=True))

    def get(self, name: str | int, default: object = None) -> "Any":
        """An attribute (or an element), or the default if the value does not have it.  The attribute is not evaluated.

        >>> from snowsnake import evaluate
        >>> value = evaluate('{ a = throw "not looked at"; }')
        >>> value.get("b", default=3), value.get("a").is_evaluated
        (3, False)
        """
        # This is evaluated outside the `try`: an error of the program is not a missing name.
        self._handle.force()
        try:
            return self[name]
        except LookupError:
            return default

    def select(self, path: str) -> "Value":
        """Follows a selection path such as `a.b.0."c d"`; functions with defaults on the way are called.

        Raises EvaluationError if there is nothing at the path.

        >>> from snowsnake import evaluate
        >>> evaluate('{ a = [ { "b.c" = 5; } ]; }').select('a.0."b.c"').to_python()
        5
        """
        from snowsnake.selection import Selector

        return wrap(Selector(self._evaluator._machine, {}).select(self._handle, path), self._evaluator)

    def __getitem__(self, key: "str | int | slice") -> "Value":
        """An attribute of a set, an element of a list (negative: from its end) or a part of it; not forced.

        Raises KeyError (a `MissingAttribute`, with names that look alike) or IndexError if it is not there.

        >>> from snowsnake import evaluate
        >>> evaluate("[ 1 2 3 4 ]")[1:-1] == [2, 3]
        True
        """
        if self._evaluator._calls and looking.is_running(self._handle):
            return later(looking.select_later(self._handle, _key(key)), self._evaluator)
        if isinstance(key, str):
            key = a_str("the name of an attribute", key)
            try:
                found = self._handle.select(_bytes(key))
            except KeyError as error:
                if isinstance(error, EvaluationError):
                    raise
                raise self._missing(key) from None
            return wrap(found, self._evaluator)
        if isinstance(key, slice):
            return wrap(looking.part_of_list(self._handle, *key.indices(self._list_size())), self._evaluator)
        if not hasattr(key, "__index__"):
            raise TypeError(f"attributes have names (str) and elements indices (int), not {type(key).__name__}")
        size = self._list_size()
        index = operator.index(key)
        place = index + size if index < 0 else index
        if not 0 <= place < size:
            raise IndexError(f"list index {index} is out of range for a list of {size}")
        return wrap(self._handle.index(place), self._evaluator)

    def _list_size(self) -> int:
        if self.type != "list":
            # This raises the error that says which type it has.
            self._handle.index(0)
        return len(self._handle)

    def _missing(self, name: str) -> EvaluationError:
        from snowsnake.diagnostics.suggestions import nearest

        alike = nearest(name, self.keys())
        return EvaluationError("missing-attribute", f"attribute '{name}' missing", suggestions=alike)

    def __contains__(self, item: object) -> bool:
        """Whether a set has the attribute, a list has an equal element, or a string contains the text."""
        kind = self.type
        if kind == "list":
            return any(element is item or element == item for element in self)
        if kind == "string":
            return str(item) in self.to_python() if isinstance(item, str | Value) else False
        name = str(item) if isinstance(item, Value) and item.type == "string" else item
        return isinstance(name, str) and _bytes(name) in self._handle.keys()

    def __iter__(self) -> "Iterator[Any]":
        """Iterates over the names of a set or the elements of a list.  No attribute and no element is evaluated.

        >>> from snowsnake import evaluate
        >>> value = evaluate('{ xs = [ (throw "no") 2 ]; y = throw "no"; }')
        >>> list(value), [element.to_python() for element in list(value["xs"])[1:]]
        (['xs', 'y'], [2])
        """
        if self.type == "set":
            return iter(self.keys())
        return (wrap(self._handle.index(i), self._evaluator) for i in range(len(self._handle)))

    def __reversed__(self) -> "Iterator[Any]":
        if self.type == "set":
            return reversed(self.keys())
        return (wrap(self._handle.index(i), self._evaluator) for i in reversed(range(len(self._handle))))

    def __len__(self) -> int:
        """Number of attributes or elements."""
        return len(self._handle)

    # ---- functions ----------------------------------------------------------------------------------------------

    def __call__(self, *arguments: object, **attributes: object) -> "Value":
        """Calls a function with Python values or `Value`s, one after the other; keywords become one set.  The result is forced.

        Without any argument, a function with a set pattern is called with an empty set, so that its defaults are used.

        >>> from snowsnake import evaluate
        >>> evaluate("a: { b, c ? 3 }: a + b + c")(1, b=2).to_python()
        6
        >>> evaluate("{ n ? 5 }: n")().to_python()
        5
        """
        if not arguments and not attributes:
            return self._call_empty()
        values = [*arguments, attributes] if attributes else list(arguments)
        handles = [self._evaluator.value(value)._handle for value in values]
        return wrap(self._handle.call(*handles), self._evaluator)

    def _call_empty(self) -> "Value":
        if self.type == "set" and "__functor" in self:
            return self["__functor"](self)()
        if self.type == "lambda" and self._handle.formals() is None:
            raise TypeError("this Nix function takes one argument and has no set pattern: call it with a value")
        return wrap(self._handle.call(self._evaluator.value({})._handle), self._evaluator)

    def formals(self) -> "dict[str, bool] | None":
        """Arguments of a function with a set pattern, and whether they have defaults; None for other functions."""
        formals = self._handle.formals()
        return None if formals is None else {_text(name): has for name, has in formals.items()}

    # ---- awaited ------------------------------------------------------------------------------------------------

    async def _run_async(self, call: "Callable[[], Any]") -> Any:
        return await self._evaluator._run_async(call, self._handle.machine)

    async def force_async(self, *, deep: bool = False) -> "Value":
        """`force`, in the evaluator's thread: leaving `asyncio.timeout` stops the machine."""
        return cast(Value, await self._run_async(lambda: self.force(deep=deep)))

    async def to_python_async(self) -> Any:
        """`to_python`, awaited."""
        return await self._run_async(self.to_python)

    async def to_json_async(self) -> str:
        """`to_json`, awaited."""
        return str(await self._run_async(self.to_json))

    async def decode_async(self, target: Any) -> Any:
        """`decode`, awaited."""
        return await self._run_async(lambda: self.decode(target))

    async def query_async(self, selector: str, target: Any = object) -> "QueryResult":
        """`query`, awaited."""
        return cast("QueryResult", await self._run_async(lambda: self.query(selector, target)))

    async def call_async(self, *arguments: object, **attributes: object) -> "Value":
        """`value(…)`, awaited."""
        return cast(Value, await self._run_async(lambda: self(*arguments, **attributes)))

    # ---- shown --------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Value {self._handle.describe()}>"

    def _repr_html_(self) -> str:
        """What notebooks show: a tree to unfold.  The value itself is evaluated; its parts are shown as far as they are evaluated already."""
        from snowsnake.value_page import tree

        return tree(self)


class SetValue(Value):
    """A value that is known to be a set: a `collections.abc.Mapping` of names to values.

    >>> import snowsnake
    >>> value = snowsnake.evaluate('{ a = 1; b = throw "not looked at"; }').force()
    >>> type(value).__name__, list(value), {**value}["a"].to_python()
    ('SetValue', ['a', 'b'], 1)
    """

    __slots__ = ()
    _is_settled = True


class ListValue(Value):
    """A value that is known to be a list: a `collections.abc.Sequence` of values.

    >>> import snowsnake
    >>> value = snowsnake.evaluate("[ 1 2 (1 + 2) ]").force()
    >>> type(value).__name__, value.index(2), [item.to_python() for item in value[1:]]
    ('ListValue', 1, [2, 3])
    """

    __slots__ = ()
    _is_settled = True

    def index(self, item: object, start: int = 0, stop: int | None = None) -> int:
        """The index of the first equal element; ValueError if there is none."""
        for i in range(*slice(start, stop).indices(len(self))):
            if self[i] == item:
                return i
        raise ValueError("no element of this list equals the value")

    def count(self, item: object) -> int:
        """How many elements are equal."""
        return sum(1 for element in self if element == item)


def _key(key: object) -> "bytes | int":
    if isinstance(key, str):
        return _bytes(key)
    if isinstance(key, int):
        return key
    raise TypeError(f"attributes have names (str) and elements indices (int), not {type(key).__name__}")


def later(handle: "Handle", evaluator: "Evaluator") -> "LaterValue":
    """Makes the value of a handle that can only be evaluated later."""
    value = object.__new__(LaterValue)
    value._handle = handle
    value._evaluator = evaluator
    return value


class LaterValue(Value):
    """A part of a value that is being computed while a function of Python runs: `final["name"]` in an overlay.

    It cannot be evaluated before the function returns; so selections from it, and calls of it, are values for later, too.
    """

    __slots__ = ()

    def _is_for_later(self) -> bool:
        return bool(self._evaluator._calls) and looking.shape(self._handle) == looking.UNKNOWN

    def __getitem__(self, key: "str | int | slice") -> Value:
        if self._is_for_later():
            return later(looking.select_later(self._handle, _key(key)), self._evaluator)
        return super().__getitem__(key)

    def __call__(self, *arguments: object, **attributes: object) -> Value:
        if not self._is_for_later():
            return super().__call__(*arguments, **attributes)
        values = [*arguments, attributes] if attributes or not arguments else list(arguments)
        return later(looking.call_later(self._handle, [self._evaluator.value(value)._handle for value in values]), self._evaluator)


# `match` recognises registered classes as mappings and sequences, too.
Mapping.register(SetValue)
Sequence.register(ListValue)
_CLASSES = (Value, SetValue, ListValue, Value)


class DerivationView(Whole):
    """The fields of a derivation: each is evaluated when it is read.

    >>> import snowsnake
    >>> found = snowsnake.evaluate('derivation { name = "x"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; }').derivation
    >>> found.name, found.output_names, found.drv_path
    ('x', ['out', 'dev'], '/nix/store/040xifk5w527swvfrd2g2gyfihfbyn4w-x.drv')
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        an_instance("the value of a derivation", value, Value)
        self.value = value

    @property
    def name(self) -> str:
        """The attribute `name`: package and version."""
        return str(self.value["name"])

    @property
    def system(self) -> str:
        """The system on which it is built, such as `x86_64-linux`."""
        return str(self.value["system"])

    @property
    def drv_path(self) -> str:
        """The path of the `.drv` file; it is written if the evaluator has a store."""
        return str(self.value["drvPath"])

    @property
    def out_path(self) -> str:
        """The path of the output that the value selects: the first one, unless an output was selected by name."""
        return str(self.value["outPath"])

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs in their order; `out` if the derivation does not list its outputs."""
        return [str(name) for name in self.value.get("outputs", ["out"])]

    @property
    def outputs(self) -> dict[str, str]:
        """Store paths of the outputs, by name."""
        return {name: str(self.value[name]["outPath"] if name in self.value else self.value["outPath"]) for name in self.output_names}

    def __repr__(self) -> str:
        return f"<DerivationView {self.drv_path}>"
