"""Values become objects of types: only attributes that a type names are evaluated, and an error says where a value does not fit."""

import dataclasses
import datetime
import decimal
import enum
import pickle
import uuid
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Required, TypedDict, TypeVar

import msgspec
import pytest

import snowsnake
from snowsnake import DecodeError, Evaluator, Value, evaluate
from snowsnake.store import StorePath

T = TypeVar("T")


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2
    tags: list[str] = dataclasses.field(default_factory=lambda: ["none"])


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    name: str


@dataclasses.dataclass
class Checked:
    n: int
    double: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError("n is negative")
        self.double = 2 * self.n


@dataclasses.dataclass
class Node:
    value: int
    next: "Node | None" = None


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Lenient(enum.Enum):
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Lenient":
        return cls.OTHER


class Named(msgspec.Struct, rename="camel"):
    long_name: str
    color: Color = Color.RED


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str = "b"


class Box(msgspec.Struct, Generic[T]):
    item: T


class Pair(NamedTuple):
    a: int
    b: str = "z"


class Some(TypedDict, total=False):
    q: Required[int]
    r: str


class Most(TypedDict):
    q: int
    r: NotRequired[str]


Port = NewType("Port", int)
Small = Annotated[int, msgspec.Meta(ge=0, lt=10)]
DERIVATION = 'derivation { name = "x"; system = "s"; builder = "b"; }'
OUT = "/nix/store/gwwjwi08fyrbrz2d8zkfvy65nzzq2czp-x"

DECODED = [
    ("1", int, 1), ("9223372036854775807", int, 2**63 - 1), ("1", float, 1.0), ("1.5", float, 1.5), ("true", bool, True), ("null", None, None),
    ('"ä"', str, "ä"), ('"\\t"', bytes, b"\t"), ("/a/b", str, "/a/b"), ("/a/b", Path, Path("/a/b")), ('"/a"', Path, Path("/a")),
    (DERIVATION, str, OUT), (DERIVATION, StorePath, StorePath.parse(OUT)), ("{ outPath = 1; }.outPath", int, 1),
    ('{ __toString = self: "s"; }', str, "s"), ("1", Any, 1), ("{ a = [ 1 null ]; }", Any, {"a": [1, None]}), ("1", object, 1),
    ("[ 1 2 ]", list[int], [1, 2]), ("[ 1 2 ]", tuple[int, ...], (1, 2)), ("[ 1 1 ]", set[int], {1}), ("[ 1 ]", frozenset[int], frozenset([1])),
    ('[ 1 "a" ]', tuple[int, str], (1, "a")), ("[ ]", list, []), ("{ }", dict, {}), ("{ b = 1; a = 2; }", dict[str, int], {"a": 2, "b": 1}),
    ('{ "1" = "x"; }', dict[int, str], {1: "x"}), ('{ red = 1; }', dict[Color, int], {Color.RED: 1}), ('{ a = 1; }', dict[Literal["a", "b"], int], {"a": 1}),
    ("{ x = 1; }", Point, Point(1)), ("{ x = 1; y = 5; tags = [ ]; }", Point, Point(1, 5, [])), ('{ name = "n"; }', Frozen, Frozen("n")),
    ("{ n = 4; }", Checked, Checked(4)), ("{ value = 1; next.value = 2; }", Node, Node(1, Node(2))), ('"red"', Color, Color.RED),
    ("2", Level, Level.HIGH), ('"zzz"', Lenient, Lenient.OTHER), ('{ longName = "n"; color = "blue"; }', Named, Named("n", Color.BLUE)),
    ('[ { type = "cat"; lives = 9; } { type = "dog"; name = "d"; } ]', list[Cat | Dog], [Cat(9), Dog("d")]), ("{ lives = 3; }", Cat, Cat(3)),
    ("{ a = 1; }", Strict, Strict(1)), ('[ 1 ]', Row, Row(1)), ('[ 1 "x" ]', Row, Row(1, "x")), ('{ item = 1; }', Box[int], Box(1)),
    ("[ 1 ]", Pair, Pair(1)), ('{ a = 1; b = "y"; }', Pair, Pair(1, "y")), ("{ q = 1; }", Some, {"q": 1}), ('{ q = 1; r = "x"; }', Most, {"q": 1, "r": "x"}),
    ('"a"', Literal["a", 1, None], "a"), ("1", Literal["a", 1, None], 1), ("null", Literal["a", 1, None], None), ("8080", Port, 8080), ("9", Small, 9),
    ("null", int | None, None), ("1", int | str | None, 1), ("1", int | float, 1), ("1.0", int | float, 1.0), ("[ 1 ]", int | list[int], [1]),
    ("{ x = 1; }", Point | dict[str, str], Point(1)), ('{ x = "1"; }', Point | dict[str, str], {"x": "1"}), ('{ name = "n"; }', Point | Frozen, Frozen("n")),
    (DERIVATION, str | None, OUT), ('"2024-01-02"', datetime.date, datetime.date(2024, 1, 2)), ('"1.5"', decimal.Decimal, decimal.Decimal("1.5")),
    ('"2024-01-02T03:04:05Z"', datetime.datetime, datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
    ('"12345678-1234-5678-1234-567812345678"', uuid.UUID, uuid.UUID("12345678-1234-5678-1234-567812345678")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "target", "wanted"), DECODED)
def test_values_are_decoded_into_types(text, target, wanted):
    found = evaluate(text).decode(target)
    assert found == wanted and type(found) is type(wanted)


# Nix text, type, path of the fault, and parts of the message.
FAULTS = [
    ('"x"', int, (), ["an integer", 'a string: "x"']), ("1.5", int, (), ["an integer", "a float"]), ("true", int, (), ["a Boolean: true"]),
    ("1", bool, (), ["a Boolean"]), ("1", str, (), ["a string"]), ("null", int, (), ["null"]), ("{ }", str, (), ["a string"]), ("x: x", str, (), ["a function"]),
    ("1", list[int], (), ["a list"]), ('[ 1 "a" ]', list[int], (1,), ['a string: "a"']), ("[ 1 ]", tuple[int, int], (), ["a list of 2 elements"]),
    ("[ 1 2 3 ]", tuple[int, int], (), ["2 elements"]), ('{ a."b c" = [ 1 true ]; }', dict[str, dict[str, list[int]]], ("a", "b c", 1), ['a."b c"[1]']),
    ("{ y = 1; z = 3; }", Point, (), ["attribute 'x' of Point", "'y', 'z'"]), ('{ x = 1; y = "1"; }', Point, ("y",), ["an integer"]),
    ("{ n = -1; }", Checked, (), ["n is negative"]), ('"green"', Color, (), ['"red", "blue"', "Color"]), ('"1"', Level, (), ["1, 2"]),
    ('{ longname = "x"; }', Named, (), ["longName"]), ('{ type = "cow"; }', Cat | Dog, (), ["Cat or Dog"]), ('{ type = "dog"; lives = 1; }', Cat, (), ["'cat'"]),
    ("{ a = 1; b = 2; }", Strict, ("b",), ["no other attribute", "'b'"]), ("10", Small, (), ["≥ 0 and < 10"]), ("(-1)", Small, (), ["-1"]),
    ('"ab"', Annotated[str, msgspec.Meta(pattern="^a$")], (), ["matches '^a$'"]), ("[ ]", Annotated[list[int], msgspec.Meta(min_length=1)], (), ["at least 1"]),
    ('"x"', Annotated[str, msgspec.Meta(min_length=2, max_length=3)], (), ["2 to 3 characters"]), ("7", Annotated[int, msgspec.Meta(multiple_of=2)], (), ["multiple of 2"]),
    ('"x"', StorePath, (), ["a store path"]), ("1", Path, (), ["a path"]), ('"no"', datetime.date, (), ["a date"]), ('{ a = 1; }', dict[int, int], ("a",), ["'a'"]),
    ("true", Literal[1], (), ["1"]), ("1", Literal[True], (), ["true"]), ("1", str | None, (), ["a string or null"]), ("{ next = { }; value = 1; }", Node, ("next",), ["'value'"]),
    ('{ x = "1"; }', Point | Frozen, ("x",), ["integer"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "target", "path", "parts"), FAULTS)
def test_a_value_that_does_not_fit_says_where(text, target, path, parts):
    nix = Evaluator()
    with pytest.raises(DecodeError) as caught:
        nix.evaluate(text).decode(target)
    error = caught.value
    assert error.path == path and error.expected and error.found and isinstance(error, snowsnake.TypeMismatch)
    for part in parts:
        assert part in error.message, error.message
    assert error.message in error.render() and nix.evaluate("1 + 1").decode(int) == 2
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.path) == (error.message, error.path)


def test_an_error_of_decoding_has_its_place_in_the_source(tmp_path):
    (tmp_path / "default.nix").write_text('{\n  servers = [\n    { port = 80; }\n    { port = "http"; }\n  ];\n}\n')
    with pytest.raises(DecodeError) as caught:
        snowsnake.evaluate_file(tmp_path).decode(dict[str, list[dict[str, int]]])
    assert str(caught.value.position) == f"{tmp_path}/default.nix:4:7" and caught.value.path == ("servers", 1, "port")
    assert '{ port = "http"; }' in caught.value.render()


def test_only_what_the_type_names_is_evaluated():
    source = '{ x = 1; z = throw "no"; tags = [ "a" ]; lazy = throw "later"; }'

    class Lazily(msgspec.Struct):
        x: int
        lazy: Value

    found = evaluate(source).decode(Lazily)
    assert found.x == 1 and not found.lazy.is_evaluated and evaluate(source).decode(Point).tags == ["a"]
    with pytest.raises(snowsnake.Throw, match="later"):
        found.lazy.force()
    with pytest.raises(snowsnake.Throw) as caught:
        evaluate('{ a = [ 1 (throw "no") ]; }').decode(dict[str, list[int]])
    assert "while decoding a[1]" in caught.value.render()


@pytest.mark.parametrize("target", [complex, lambda: 1, "no type", 3, type("Own", (), {}), dict[complex, int], list[complex], print])
def test_types_that_values_cannot_have_are_refused(target):
    with pytest.raises(TypeError):
        evaluate("{ a = [ 1 ]; }").decode(target)


def test_a_value_that_contains_itself_is_an_error():
    with pytest.raises(DecodeError, match="contains itself"):
        evaluate("let x = { value = 1; next = x; }; in x").decode(Node)
    deep = evaluate("builtins.foldl' (next: value: { inherit next value; }) null (builtins.genList (i: i) 900)").decode(Node)
    assert deep.value == 899
    assert evaluate("builtins.foldl' (a: i: [ a ]) 1 (builtins.genList (i: i) 100000)").decode(Value).type == "list"


LONG = "(let r = builtins.genList (i: i) 10000; sum = builtins.foldl'; in sum (a: i: sum (b: j: sum (c: k: c + k) b r) a r) 0 r)"


def test_a_limit_ends_decoding():
    nix = Evaluator(timeout_s=0.1)
    with pytest.raises(snowsnake.LimitReached):
        nix.evaluate(f"{{ x = {LONG}; }}").decode(Point)
    with pytest.raises(snowsnake.LimitReached):
        nix.evaluate(f"{{ x = {LONG}; }}").query("x")
    assert nix.evaluate("{ x = 3; }").decode(Point) == Point(3)


def test_collections_while_decoding_change_nothing():
    """The collector moves everything that the decoder holds."""
    source = """let f = n: builtins.foldl' (a: i: a + builtins.length (builtins.genList (j: { inherit i j; }) 200)) 0 (builtins.genList (i: i) 200);
      in builtins.genList (i: { x = f i; y = i; tags = map (t: "${t}${toString (f i)}") [ "a" "b" ]; rest = throw "no"; }) 60"""
    assert evaluate(source).decode(list[Point]) == [Point(40000, i, ["a40000", "b40000"]) for i in range(60)]
    found = evaluate(source).query("*.{x,tags.*}")
    assert found.values == [{"x": 40000, "tags.*": ["a40000", "b40000"]}] * 60 and not found.faults


def test_pydantic_models_are_decoded():
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        port: int = pydantic.Field(ge=1)

    class Outer(pydantic.BaseModel):
        name: str
        number: int = pydantic.Field(alias="num", default=7)
        inner: Inner | None = None
        more: list[Inner] = []

    class Forbids(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid")
        a: int

    source = '{ name = "n"; num = 3; inner.port = 80; more = [ { port = 1; } ]; other = throw "not looked at"; }'
    assert evaluate(source).decode(Outer) == Outer(name="n", num=3, inner=Inner(port=80), more=[Inner(port=1)])
    assert evaluate(f"[ ({source}) ]").decode(list[Outer])[0].number == 3
    for text, path in (('{ name = "n"; inner.port = 0; }', ("inner", "port")), ("{ }", ("name",)), ('{ name = "n"; more = [ { port = "x"; } ]; }', ("more", 0, "port"))):
        with pytest.raises(DecodeError) as caught:
            evaluate(text).decode(Outer)
        assert caught.value.path == path
    with pytest.raises(DecodeError):
        evaluate("{ a = 1; b = 2; }").decode(Forbids)


# Selector, values, paths of faults; all of one set.
SET = '{ a = { n = 1; v = "x"; }; b = { n = throw "no"; v = "y"; }; c = [ { n = 3; } { } 5 ]; "d.e" = 7; f = x: x; }'
QUERIES = [
    ("a.n", 1, []), ("a", {"n": 1, "v": "x"}, []), ("zzz", None, ["zzz"]), ("?zzz", None, []), ('"d.e"', 7, []), ("c.0.n", 3, []), ("c.7", None, ['"7"']),
    ("c.?7", None, []), ("{a,?b,?z}.v", {"a": "x", "b": "y"}, []), ("{a.n,b.v}", {"a.n": 1, "b.v": "y"}, []), ("c.*.?n", [3, None, None], ["c[2]"]),
    ("c.*.n", [3, None, None], ["c[1].n", "c[2]"]), ("{a,b}.{n,v}", {"a": {"n": 1, "v": "x"}, "b": {"v": "y"}}, ["b.n"]), ("a.n.x", None, ["a.n"]),
    (" a . n ", 1, []),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "values", "faults"), QUERIES)
def test_queries_return_values_and_faults(selector, values, faults):
    found = evaluate(SET).query(selector)
    assert found.values == values
    assert [path.removeprefix("c.") for path in found.faults] == faults


def test_queries_decode_into_a_type():
    found = evaluate('{ a.x = 1; b.x = "no"; c.x = 2; }').query("*", Point)
    assert found.values == {"a": Point(1), "c": Point(2)} and isinstance(found.faults["b.x"], DecodeError)
    assert found.faults["b.x"].path == ("b", "x") and str(found.faults["b.x"].position) == "«string»:1:12"


@pytest.mark.parametrize("selector", ["", ".", "a.", ".a", "a..b", "{a", "{}", "{a,}", '"a', "a b", "*x", "a,b", "{" * 5000, "a.{b", "?", "a.?",
                                      ".".join("a" * 3000), ".".join(["*"] * 3000), ".".join(["{" + ".".join("a" * 100) + "}"] * 100)])  # fmt: skip
def test_malformed_selectors_are_clear_errors(selector):
    with pytest.raises(ValueError, match="selector"):
        evaluate("{ }").query(selector)


def test_a_selector_is_a_text():
    with pytest.raises(TypeError):
        evaluate("{ }").query(3)


def test_a_root_that_fails_is_raised():
    with pytest.raises(snowsnake.Throw):
        evaluate('throw "no"').query("a")
    with pytest.raises(DecodeError):
        evaluate("1").query("a")


def test_a_store_path_goes_into_nix_as_its_text() -> None:
    """The text comes back as an equal store path."""
    from snowsnake.store import StorePath

    path = StorePath.parse("/nix/store/00000000000000000000000000000000-hello")
    assert evaluate("x: { inherit x; }")(path)["x"].decode(StorePath) == path


def test_a_function_that_decoding_calls_may_decode() -> None:
    """A decoder may be used again while it is at work; Python's collector is on afterwards, and while the program runs."""
    import gc

    nix = Evaluator()
    inner = nix.evaluate("[ { n = 1; f = x: x; } ]")
    seen = []

    def again(_: object) -> int:
        seen.append(gc.isenabled())
        return len(inner.decode(list[dict[str, Value]]))

    found = nix.evaluate("f: [ { n = f null; v = 1 + 1; } { n = f 1; v = [ ]; } ]")(again).decode(list[dict[str, Value]])
    assert [row["n"].to_python() for row in found] == [1, 1] and found[0]["v"] == 2 and gc.isenabled()
    assert nix.evaluate("f: [ (f null) (f 1) ]")(again).decode(list[int]) == [1, 1] and all(seen)
    with pytest.raises(DecodeError):
        nix.evaluate('[ 1 "x" ]').decode(list[int])
    assert gc.isenabled()
    gc.disable()
    try:
        nix.evaluate("[ (1 + 1) ]").decode(list[int])
        assert not gc.isenabled()
    finally:
        gc.enable()


class Chained(msgspec.Struct, array_like=True):
    number: int
    rest: "Chained | None" = None


class Linked(NamedTuple):
    number: int
    rest: "Linked | None" = None


@pytest.mark.parametrize(
    ("wanted", "expression"),
    [
        (Chained, "[ 1 [ 2 null ] ]"),
        (Linked, "[ 1 [ 2 ] ]"),
        (Linked, "{ number = 1; rest = [ 2 ]; }"),
        (Linked, "[ 1 { number = 2; } ]"),
    ],
)
def test_a_class_of_a_list_may_name_itself(wanted, expression) -> None:
    assert evaluate(expression).decode(wanted) == wanted(1, wanted(2))

