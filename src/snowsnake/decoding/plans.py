"""Makes a plan of a type.

In: a type.  `msgspec.inspect` describes dataclasses, `msgspec.Struct`, `TypedDict`, `NamedTuple`, enums, unions, `Literal`, `Annotated`
constraints and collections; this module itself knows pydantic models, `StorePath`, `pathlib.Path` and `Value`.  Out: the root of a plan.
"""

import operator
import re
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from snowsnake.decoding.containers import Items, Table, Tuple
from snowsnake.decoding.decoder import BOOL, FLOAT, INT, NULL_KIND, STRING, Decoder, Plan
from snowsnake.decoding.records import Either, RecordPlan
from snowsnake.decoding.scalars import Anything, Boolean, Choice, Convert, Float, Int, Lazy, Null, String

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import inspect

    # Values of these types have a number of elements, which constraints may limit.
    Sized = inspect.CollectionType | inspect.DictType | inspect.StrType | inspect.BytesType | inspect.ByteArrayType

_KINDS: dict[type, int] = {str: STRING, int: INT, bool: BOOL, float: FLOAT, type(None): NULL_KIND}
# These are the constraints of `msgspec.Meta`, each with its name, the comparison, and the sign in a message.
_NUMBER = (("gt", operator.gt, ">"), ("ge", operator.ge, "≥"), ("lt", operator.lt, "<"), ("le", operator.le, "≤"))


def plan_of(decoder: "Decoder", target: object, value_class: type) -> "Plan":
    """The plan of the type `target`.  TypeError for a type into which no value can be decoded."""
    # `Value` itself needs no msgspec.
    if target is value_class:
        return Lazy(decoder)
    try:
        import msgspec.inspect
    except ImportError:
        raise ImportError("decoding into types needs msgspec: pip install msgspec") from None
    try:
        # `type_info` would refuse types that JSON cannot tell apart, such as a union of two dataclasses, whose members we try in turn.
        return _Planner(decoder, value_class).plan(msgspec.inspect._Translator((target,)).translate(target))  # type: ignore[no-untyped-call]
    except (TypeError, NameError) as error:
        raise TypeError(f"cannot decode into {target!r}: {error}") from error


class _Planner:
    """Makes plans of all types that one type names.  Each type has one plan, because a type may name itself."""

    def __init__(self, decoder: "Decoder", value_class: type) -> None:
        self.decoder = decoder
        self.value_class = value_class
        self.known: dict[int, Plan] = {}
        # This keeps the descriptions alive whose ids are keys of `known`: no other description can get one of these ids.
        self.kept: list[object] = []

    def plan(self, info: "inspect.Type") -> "Plan":
        """The plan of a type as msgspec describes it.  The description of class `X` is for the method `plan_X`."""
        name = type(info).__name__
        make: Callable[[Any], Plan] | None = getattr(self, f"plan_{name}", None)
        if make is None:
            return self.converted(info)
        return make(info)

    def plan_Metadata(self, info: "inspect.Metadata") -> "Plan":
        return self.plan(info.type)

    # ---- scalars ------------------------------------------------------------------------------------------------

    def plan_AnyType(self, info: "inspect.AnyType") -> "Plan":
        return Anything(self.decoder)

    def plan_NoneType(self, info: "inspect.NoneType") -> "Plan":
        return Null(self.decoder)

    def plan_BoolType(self, info: "inspect.BoolType") -> "Plan":
        return Boolean(self.decoder)

    def plan_IntType(self, info: "inspect.IntType") -> "Plan":
        return Int(self.decoder, *_number("an integer", info))

    def plan_FloatType(self, info: "inspect.FloatType") -> "Plan":
        return Float(self.decoder, *_number("a float", info))

    def plan_StrType(self, info: "inspect.StrType") -> "Plan":
        return String(self.decoder, *_sized("a string", info, "characters"))

    def plan_BytesType(self, info: "inspect.BytesType") -> "Plan":
        return String(self.decoder, *_sized("a string", info, "bytes"), is_bytes=True)

    def plan_ByteArrayType(self, info: "inspect.ByteArrayType") -> "Plan":
        return String(self.decoder, *_sized("a string", info, "bytes"), make=bytearray, is_bytes=True)

    def plan_EnumType(self, info: "inspect.EnumType") -> "Plan":
        members = {(type(member.value) is bool, member.value): member for member in info.cls}
        missing = info.cls if getattr(info.cls._missing_, "__func__", None) is not _NO_MISSING else None
        expected = f"one of {_listed(member.value for member in info.cls)} ({info.cls.__name__})"
        return Choice(self.decoder, expected, members, _kinds(member.value for member in info.cls), missing)

    def plan_LiteralType(self, info: "inspect.LiteralType") -> "Plan":
        members = {(type(value) is bool, value): value for value in info.values}
        return Choice(self.decoder, f"one of {_listed(info.values)}", members, _kinds(info.values))

    # ---- types of other libraries -------------------------------------------------------------------------------

    def plan_CustomType(self, info: "inspect.CustomType") -> "Plan":
        target = info.cls
        if not isinstance(target, type):
            return self.converted(info)
        if issubclass(target, self.value_class):
            return Lazy(self.decoder)
        if issubclass(target, PurePath):
            return String(self.decoder, "a path", make=Path if target is PurePath else target)
        if _is_store_path(target):
            return String(self.decoder, "a store path", make=getattr(target, "parse"))  # noqa: B009
        if hasattr(target, "__pydantic_validator__"):
            return self.pydantic(target)
        if target is object:
            return Anything(self.decoder)
        raise TypeError(f"no value can be decoded into {target.__name__}")

    def pydantic(self, target: Any) -> "Plan":
        """The plan decodes the attributes that the model names to plain data; the model checks the data and makes the object."""
        expected = target.__name__
        # A dataclass of pydantic has no `model_fields`.
        if not hasattr(target, "model_fields"):
            return Convert(self.decoder, expected, Anything(self.decoder), target.__pydantic_validator__.validate_python)
        if target.model_config.get("extra") in ("allow", "forbid") or getattr(target, "__pydantic_root_model__", False):
            return Convert(self.decoder, expected, Anything(self.decoder), target.model_validate)
        known = self.known.get(id(target))
        if known is not None:
            return known
        inner = RecordPlan(self.decoder, expected, dict)
        plan = self.known[id(target)] = Convert(self.decoder, expected, inner, target.model_validate)
        self.add_fields(inner, target)
        return plan

    def add_fields(self, plan: "RecordPlan", model: Any) -> None:
        """Adds the attributes under which a pydantic model looks for its fields."""
        for name, field in model.model_fields.items():
            for alias in dict.fromkeys(_aliases(name, field, model)):
                plan.add(alias.encode(), alias, self.pydantic_field(field.annotation), False)

    def pydantic_field(self, annotation: Any) -> "Plan":
        """The plan of a field, which decodes to plain data; of a model in a model, only the attributes that it names are decoded."""
        if hasattr(annotation, "model_fields") and hasattr(annotation, "__pydantic_validator__"):
            inner = RecordPlan(self.decoder, annotation.__name__, dict)
            if annotation.model_config.get("extra") not in ("allow", "forbid") and id(annotation) not in self.known:
                self.add_fields(inner, annotation)
                return inner
        return Anything(self.decoder)

    def converted(self, info: "inspect.Type") -> "Plan":
        """The plan of a date, a UUID, a decimal, or another type that msgspec makes of a text or a number."""
        import msgspec

        targets = {"DateTimeType": "datetime:datetime", "DateType": "datetime:date", "TimeType": "datetime:time",
                   "TimeDeltaType": "datetime:timedelta", "UUIDType": "uuid:UUID", "DecimalType": "decimal:Decimal"}  # fmt: skip
        name = type(info).__name__
        if name not in targets:
            raise TypeError("pass the type itself, not its name" if isinstance(getattr(info, "cls", None), str) else "no value can be decoded into it")
        module, _, attribute = targets[name].partition(":")
        target = getattr(__import__(module), attribute)
        return Convert(
            self.decoder, f"a {attribute}", Anything(self.decoder), lambda plain: msgspec.convert(plain, target, strict=False)
        )

    # ---- collections --------------------------------------------------------------------------------------------

    def plan_UnionType(self, info: "inspect.UnionType") -> "Plan":
        plans = [self.plan(inner) for inner in info.types]
        expected = " or ".join(dict.fromkeys(plan.expected for plan in plans))
        return Either(self.decoder, expected, plans)

    def items(self, info: "inspect.CollectionType", make: "Callable[[list[object]], object] | None") -> "Plan":
        expected, check = _counted("a list", info, "elements")
        return Items(self.decoder, expected, self.plan(info.item_type), make, check)

    def plan_ListType(self, info: "inspect.ListType") -> "Plan":
        return self.items(info, None)

    plan_CollectionType = plan_ListType

    def plan_SetType(self, info: "inspect.SetType") -> "Plan":
        return self.items(info, set)

    def plan_FrozenSetType(self, info: "inspect.FrozenSetType") -> "Plan":
        return self.items(info, frozenset)

    def plan_VarTupleType(self, info: "inspect.VarTupleType") -> "Plan":
        return self.items(info, tuple)

    def plan_TupleType(self, info: "inspect.TupleType") -> "Plan":
        plans = tuple(self.plan(inner) for inner in info.item_types)
        return Tuple(self.decoder, f"a list of {len(plans)} elements", plans)

    def plan_DictType(self, info: "inspect.DictType") -> "Plan":
        expected, check = _counted("a set", info, "attributes")
        item = self.plan(info.value_type)
        key_type: Any = info.key_type
        kind = type(key_type).__name__
        if kind in ("StrType", "AnyType"):
            return Table(self.decoder, expected, item, None, check)
        import msgspec

        keys = {"IntType": int, "FloatType": float}
        target = keys.get(kind) or (key_type.cls if kind == "EnumType" else None)
        if kind == "LiteralType":
            wanted = set(key_type.values)

            def key(name: str) -> str:
                if name not in wanted:
                    raise ValueError
                return name

            return Table(self.decoder, f"{expected} of {_listed(key_type.values)}", item, key, check)
        if target is None:
            raise TypeError("names of attributes are str, int, float, an enum or a Literal")
        return Table(
            self.decoder, f"{expected} of {target.__name__}", item, lambda name: msgspec.convert(name, target, strict=False), check
        )

    # ---- classes ------------------------------------------------------------------------------------------------

    def record(
        self,
        info: "inspect.DataclassType | inspect.StructType | inspect.TypedDictType | inspect.NamedTupleType",
        make: "Callable[[dict[str, object]], object]",
        name: str,
        *,
        closed: bool = False,
        tag: "tuple[str, str | int | None] | None" = None,
    ) -> "RecordPlan":
        """The plan of a class with its fields.  `known` has the plan before the fields are planned, because a field may name the class."""
        plan = RecordPlan(self.decoder, name, make, closed, tag)
        self._know(info, plan)
        self._add_fields(plan, info)
        return plan

    def _know(self, info: object, plan: "Plan") -> None:
        self.kept.append(info)
        self.known[id(info)] = plan

    def _add_fields(
        self, plan: "RecordPlan", info: "inspect.DataclassType | inspect.StructType | inspect.TypedDictType | inspect.NamedTupleType"
    ) -> None:
        outside = _made_by_the_class(info.cls)
        for field in info.fields:
            if field.name in outside:
                continue
            plan.add(field.encode_name.encode("utf-8", "surrogateescape"), field.name, self.plan(field.type), field.required)
            if field.default is not _no_default():
                plan.add_default(field.default, False)
            elif field.default_factory is not _no_default():
                plan.add_default(field.default_factory, True)

    def _sequence(self, info: "inspect.StructType | inspect.NamedTupleType", expected: str, by_name: "RecordPlan | None" = None) -> "Plan":
        """The plan of a class whose fields are the elements of a list, in their order; with *by_name*, a set is taken, too."""
        plan = Tuple(self.decoder, expected, (), info.cls, sum(field.required for field in info.fields), by_name)
        self._know(info, plan)
        if by_name is not None:
            self._add_fields(by_name, info)
        plan.fill(tuple(self.plan(field.type) for field in info.fields))
        return plan

    def plan_DataclassType(self, info: "inspect.DataclassType") -> "Plan":
        target = info.cls
        known = self.known.get(id(info))
        if known is not None:
            return known
        if hasattr(target, "__pydantic_validator__"):
            return self.pydantic(target)
        plan = self.record(info, lambda found: target(**found), target.__name__)
        if _is_plain_dataclass(target, info.fields):
            plan.build(target, True, getattr(target, "__post_init__", None))
        return plan

    def plan_StructType(self, info: "inspect.StructType") -> "Plan":
        target = info.cls
        known = self.known.get(id(info))
        if known is not None:
            return known
        tag = None if info.tag_field is None else (info.tag_field, info.tag)
        if info.array_like:
            return self._sequence(info, f"a list for {target.__name__}")
        plan = self.record(info, lambda found: target(**found), target.__name__, closed=info.forbid_unknown_fields, tag=tag)
        plan.build(target, False)
        return plan

    def plan_TypedDictType(self, info: "inspect.TypedDictType") -> "Plan":
        return self.known.get(id(info)) or self.record(info, lambda found: found, info.cls.__name__)

    def plan_NamedTupleType(self, info: "inspect.NamedTupleType") -> "Plan":
        known = self.known.get(id(info))
        if known is not None:
            return known
        target = info.cls
        by_name = RecordPlan(self.decoder, target.__name__, lambda found: target(**found))
        return self._sequence(info, f"{by_name.expected} or a list for it", by_name)


def _no_missing() -> object:
    from enum import Enum

    return getattr(Enum._missing_, "__func__", None)


_NO_MISSING = _no_missing()


def _made_by_the_class(target: type) -> set[str]:
    """The fields that are not arguments of the class: it sets them itself."""
    own = getattr(target, "__dataclass_fields__", None) or {}
    return {name for name, field in own.items() if not field.init} | {
        field.name for field in getattr(target, "__attrs_attrs__", ()) if not field.init
    }


def _no_default() -> object:
    import msgspec

    return msgspec.NODEFAULT


def _is_plain_dataclass(target: object, fields: "tuple[inspect.Field, ...]") -> bool:
    """Whether its __init__ only sets the fields and calls __post_init__: then `dataclass` wrote it."""
    init = vars(target).get("__init__")
    own = vars(target).get("__dataclass_fields__")
    if own is None or getattr(getattr(init, "__code__", None), "co_filename", "") != "<string>" or target.__new__ is not object.__new__:
        return False
    return [name for name, field in own.items() if field.init and field._field_type.name == "_FIELD"] == list(own) == [f.name for f in fields]


def _is_store_path(target: type) -> bool:
    """Compares names, so that a program that decodes no store path does not import the store."""
    return target.__module__ == "snowsnake.store.path" and target.__name__ == "StorePath"


def _listed(values: "Iterable[object]") -> str:
    import json

    return ", ".join("null" if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in values)


def _kinds(values: "Iterable[object]") -> int:
    kinds = 0
    for value in values:
        kinds |= next((bit for kind, bit in _KINDS.items() if type(value) is kind), 0) or (
            STRING if isinstance(value, str) else INT if isinstance(value, int) else 0
        )
    return kinds


def _aliases(name: str, field: Any, model: Any) -> list[str]:
    """Names under which pydantic looks for a field."""
    alias = field.validation_alias or field.alias
    if alias is None:
        return [name]
    choices = getattr(alias, "choices", None) or [alias]
    names = [choice if isinstance(choice, str) else str(choice.path[0]) for choice in choices]
    config = model.model_config
    return [*names, name] if config.get("populate_by_name") or config.get("validate_by_name") else names


Check = Callable[[Any], bool]


def _number(expected: str, info: "inspect.IntType | inspect.FloatType") -> "tuple[str, Check | None]":
    """What a number must be, in words and as a function that checks it (None: any number)."""
    wanted = [(ask, getattr(info, name), f"{sign} {getattr(info, name)}") for name, ask, sign in _NUMBER if getattr(info, name) is not None]
    texts = [text for *_, text in wanted]
    if info.multiple_of is not None:
        texts.append(f"a multiple of {info.multiple_of}")
    if not texts:
        return expected, None

    def check(number: float) -> bool:
        return all(ask(number, limit) for ask, limit, _ in wanted) and (info.multiple_of is None or number % info.multiple_of == 0)

    return f"{expected} {' and '.join(texts)}", check


def _counted(expected: str, info: "Sized", unit: str) -> "tuple[str, Check | None]":
    least, most = info.min_length, info.max_length
    if least is None and most is None:
        return expected, None
    size = f"{least or 0} to {most}" if most is not None else f"at least {least}"
    return f"{expected} of {size} {unit}", lambda n: (least is None or n >= least) and (most is None or n <= most)


def _sized(expected: str, info: "Sized", unit: str) -> "tuple[str, Check | None]":
    text, fits = _counted(expected, info, unit)
    pattern = getattr(info, "pattern", None)
    if pattern is None:
        return text, None if fits is None else (lambda found: fits(len(found)))
    matches = re.compile(pattern).search
    return f"{text} that matches {pattern!r}", lambda found: matches(found) is not None and (fits is None or fits(len(found)))
