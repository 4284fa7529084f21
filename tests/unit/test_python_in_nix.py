"""Python data and functions as Nix values; Python data as Nix text and back."""

import asyncio
import dataclasses
import enum
import gc
import math
import threading
from collections import OrderedDict, UserDict, deque
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snowsnake
from snowsnake import Evaluator, Raw, Value, evaluate, from_nix, to_nix
from snowsnake import interpreter as machine


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: int
    y: "Point | None" = None


class Named(msgspec.Struct, rename="camel", tag="named"):
    long_name: str


class Index:
    def __index__(self) -> int:
        return 7


class Text(str):
    pass


# Python data, and its Nix text.
DATA = [
    (None, "null"), (True, "true"), (-3, "-3"), (2**63 - 1, "9223372036854775807"), (1.5, "1.5"), ("a\n${b}", '"a\\n\\${b}"'), (b"x", '"x"'),
    (Text("t"), '"t"'), ([1, [2]], "[ 1 [ 2 ] ]"), ((1, 2), "[ 1 2 ]"), (range(3), "[ 0 1 2 ]"), ({3, 1, 2}, "[ 1 2 3 ]"), (frozenset("a"), '[ "a" ]'),
    ((n * n for n in range(3)), "[ 0 1 4 ]"), (deque([1]), "[ 1 ]"), ({"b": 1, "a": 2}, "{ a = 2; b = 1; }"), (OrderedDict(z=1), "{ z = 1; }"),
    (UserDict(a=1), "{ a = 1; }"), (MappingProxyType({"a": 1}), "{ a = 1; }"), ({Color.RED: 1}, "{ red = 1; }"), (Color.RED, '"red"'), (Level.HIGH, "2"),
    (Point(1, Point(2)), "{ x = 1; y = { x = 2; y = null; }; }"), (Named("n"), '{ longName = "n"; type = "named"; }'), (Path("/a/b"), "/a/b"),
    (PurePosixPath("/a"), "/a"), (Index(), "7"), (bytearray(b"y"), '"y"'), ({"a b": {"c.d": 1}}, '{ "a b" = { "c.d" = 1; }; }'), ({}, "{ }"), ([], "[ ]"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), [pair for pair in DATA if not hasattr(pair[0], "gi_frame")], ids=lambda item: str(item)[:20])
def test_data_as_values_and_as_text(data, text):
    nix = Evaluator()
    assert nix.value(data).to_nix() == text
    assert nix.evaluate(to_nix(data)).to_nix() == text
    assert nix.evaluate(to_nix(data, indent=2)).to_nix() == text
    assert nix.evaluate(f"[ {to_nix([data])} ]").to_nix() == f"[ [ {text} ] ]" if not text.startswith("-") else True


def test_generators_become_lists():
    nix = Evaluator()
    assert nix.value(n * n for n in range(3)) == [0, 1, 4] and to_nix(n for n in (1, 2)) == "[ 1 2 ]"
    assert nix.value(map(str, [1, 2])) == ["1", "2"]


def test_values_and_raw_code_inside():
    nix = Evaluator()
    inner = nix.evaluate('{ f = x: x + 1; l = throw "lazy"; }')
    assert nix.value({"f": inner["f"], "l": inner["l"], "r": Raw("1 + 1")}).select("r") == 2
    assert nix.value([inner["f"]])[0](1) == 2
    assert to_nix({"a": nix.evaluate("[ 1 (1 + 1) ]"), "b": Raw("x: x")}) == "{ a = [ 1 2 ]; b = (x: x); }"
    with pytest.raises(ValueError, match="another evaluator"):
        nix.value([evaluate("1")])
    with pytest.raises(TypeError):
        Raw(3)
    with pytest.raises(snowsnake.SyntaxFault):
        nix.value(Raw("1 +"))


def cycle() -> list:
    found: list = []
    found.append(found)
    return found


class Strange:
    def __getattr__(self, name):
        raise RuntimeError("no attribute here")


WRONG = [
    (object(), TypeError), (1 << 70, OverflowError), (1j, TypeError), ({1: 2}, TypeError), ({None: 1}, TypeError), ("a\0b", ValueError), ({"a\0": 1}, ValueError),
    (cycle(), ValueError), ({1, "a"}, TypeError), (Path("/a\0b"), ValueError), (type("Own", (), {})(), TypeError), ([[object()]], TypeError),
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind"), WRONG)
def test_objects_without_a_nix_form_are_refused(data, kind):
    nix = Evaluator()
    for action in (nix.value, to_nix):
        with pytest.raises(kind):
            action(data)
    assert nix.evaluate("1 + 1") == 2


def test_data_that_fails_while_it_is_read_raises_its_exception():
    nix = Evaluator()

    class Broken(UserDict):
        def items(self):
            raise OSError("broken")

    def numbers():
        yield 1
        raise OSError("broken")

    for data in (Broken(a=1), numbers()):
        with pytest.raises(OSError, match="broken"):
            nix.value(data)
    with pytest.raises((RuntimeError, TypeError)):
        nix.value(Strange())
    changing = {"a": 1}

    class Changes(UserDict):
        def __iter__(self):
            changing["b"] = 2
            return iter({"x": 1})

        def __getitem__(self, name):
            # The machine runs while a value is read.
            nix.evaluate("builtins.genList (i: i) 10000").force(deep=True)
            return nix.evaluate(f'"{name}"')

    assert nix.value([changing, Changes()]) == [{"a": 1}, {"x": "x"}]


# ---- text -------------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False) | st.text(
    st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])
)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12))
def test_python_data_survives_nix_text(data):
    text = to_nix(data)
    assert from_nix(text) == data and evaluate(text).to_python() == data and from_nix(to_nix(data, indent=4)) == data


@pytest.mark.parametrize("path", ["/a b", "/", "/a'b", "/ä", "/a${x}", "/a/b.nix", "/a+b"])
def test_paths_become_nix_text(path):
    found = evaluate(to_nix([Path(path)]))[0]
    assert found.type == "path" and str(found) == path


@pytest.mark.parametrize("data", [math.nan, math.inf, -math.inf, 5e-324])
def test_floats_without_a_text_are_refused(data):
    with pytest.raises(ValueError):
        to_nix(data)


@pytest.mark.parametrize("text", ["1 + 1", "x: x", '"${"a"}"', "rec { a = 1; }", "{ inherit (x) a; }", "map", "<nixpkgs>", "let a = 1; in a", "", "{ a = ; }", "[ 1 2"])
def test_text_that_is_not_a_constant_is_refused(text):
    with pytest.raises(snowsnake.EvaluationError) as caught:
        from_nix(text)
    assert caught.value.position is not None


def test_from_nix_reads_constants():
    assert from_nix("{ a = ''\n  x\n''; b.c = [ (-1) ./p true null ]; }") == {"a": "x\n", "b": {"c": [-1, Path("p"), True, None]}}
    with pytest.raises(TypeError):
        from_nix(3)


@pytest.mark.parametrize("levels", [20_000, 100_000])
def test_constants_that_nest_too_deep(levels):
    for text in ("[" * levels + "]" * levels, "{ a = " * levels + "1" + "; }" * levels):
        with pytest.raises(snowsnake.LimitReached):
            from_nix(text)


# ---- functions --------------------------------------------------------------------------------------------------


def add(a: int, b: list[int]) -> int:
    return a + sum(b)


def named(*, a: int, b: int = 5) -> int:
    return a * b


def rest(*, a, **more):
    return {"a": a, "names": sorted(more)}


class Callable:
    def __call__(self, n: int) -> int:
        return n + 1


class Unknown:
    """A callable whose annotation names a type that does not exist gets the lazy value, as such a function does."""

    def __call__(self, n: "NoSuchType") -> int:  # noqa: F821
        return n.to_python() + 1


CALLS = [
    ("f: f 1 2", lambda a, b: [b, a], [2, 1]), ("f: map (f 1) [ [ 2 ] [ 3 4 ] ]", add, [3, 8]), ("f: f { a = 2; }", named, 10),
    ("f: f.__functionArgs", named, {"a": False, "b": True}), ("f: f { a = 1; c = 2; d = 3; }", rest, {"a": 1, "names": ["c", "d"]}), ("f: f 4", Callable(), 5),
    ("f: f 4", Unknown(), 5), ("f: f 4", Callable().__call__, 5), ("f: f", lambda: {"made": [1]}, {"made": [1]}), ("f: f [ 1 2 ]", len, 2), ("f: f \"a\"", str.upper, "A"),
    ("f: (f 1) 2 3", lambda a: lambda b: lambda c: [a, b, c], [1, 2, 3]), ("f: f { x = 1; y = null; }", lambda p: p.decode(Point), {"x": 1, "y": None}),
    ("f: builtins.typeOf f", lambda x: x, "lambda"), ("f: f 1", lambda x, unused=3: unused, 3), ("f: f (throw \"lazy\")", lambda x: "not looked at", "not looked at"),
    ("f: f 3 4", pow, 81),
]  # fmt: skip


@pytest.mark.parametrize("stress", [False, True])
@pytest.mark.parametrize(("text", "function", "wanted"), CALLS)
def test_functions_of_python_are_called(text, function, wanted, stress):
    nix = Evaluator()
    if stress:
        nix._machine = machine.Interpreter(stress=True)
    assert nix.evaluate(text)(function).to_python() == wanted


@pytest.mark.parametrize("function", [lambda *a: 1, asyncio.sleep, lambda a, *, b: 1])
def test_functions_that_nix_cannot_call(function):
    with pytest.raises(TypeError):
        Evaluator().value(function)


class Own(Exception):
    pass


def test_exceptions_come_out_unchanged():
    nix = Evaluator()
    own = Own("mine")

    def fail(x):
        raise own

    for text in ("f: 1 + f 1", "f: builtins.tryEval (f 1)", "f: builtins.deepSeq [ { a = f 1; } ] 1", "f: builtins.addErrorContext \"c\" (f 1)", "f: map f [ 1 ]"):
        with pytest.raises(Own) as caught:
            nix.evaluate(text)(fail).force(deep=True)
        assert caught.value is own
    value = nix.evaluate("f: { a = f 1; }")(fail)
    # A second look at the value calls the function again.
    for _ in range(2):
        with pytest.raises(Own):
            value["a"].force()
    with pytest.raises(KeyboardInterrupt):
        nix.evaluate("f: f 1")(lambda x: (_ for _ in ()).throw(KeyboardInterrupt()))
    assert nix.evaluate("1 + 1") == 2


def test_errors_of_nix_pass_through_python():
    nix = Evaluator()
    thrown = nix.evaluate('throw "t"')
    assert nix.evaluate("f: (builtins.tryEval (f 1)).success")(lambda x: thrown.force()) == False  # noqa: E712
    with pytest.raises(snowsnake.Throw) as caught:
        nix.evaluate("f: f 1")(lambda x: thrown.force())
    assert caught.value.message == "t"

    def catching(x):
        try:
            return x.force()
        except snowsnake.Throw:
            return "caught"

    assert nix.evaluate('f: f (throw "no")')(catching) == "caught"
    with pytest.raises(snowsnake.DecodeError) as decoded:
        nix.evaluate('f: f 1 [ 2 "x" ]')(add)
    assert decoded.value.path == (1,)
    for text, kind in (("f: f { }", snowsnake.ArgumentMismatch), ("f: f { a = 1; z = 1; }", snowsnake.ArgumentMismatch), ("f: f 3", snowsnake.TypeMismatch)):
        with pytest.raises(kind):
            nix.evaluate(text)(named)


def test_results_that_have_no_nix_form():
    nix = Evaluator()
    other = evaluate("1")
    for result, kind in ((object(), TypeError), (1 << 80, OverflowError), (other, ValueError), (cycle(), ValueError)):
        with pytest.raises(kind):
            nix.evaluate("f: f 1")(lambda x, result=result: result)
    assert nix.evaluate("1") == 1


FIX = """overlays:
  let fix = f: let x = f x; in x;
      extends = o: f: final: let prev = f final; in prev // o final prev;
      base = final: { a = 1; b = final.a + 1; call = f: f 10; list = [ 1 final.a ]; };
  in fix (builtins.foldl' (f: o: extends o f) base overlays)"""


@pytest.mark.parametrize("stress", [False, True])
def test_overlays_may_be_written_in_python(stress):
    nix = Evaluator()
    if stress:
        nix._machine = machine.Interpreter(stress=True)
    overlays = [
        lambda final, prev: {"a": int(prev["a"]) + 10, "c": final["b"], "d": final["call"](lambda x: int(x) + 1), "e": lambda: final["c"]},
        lambda final, prev: {"z": final["e"], "first": final["list"][1], "nested": {"x": [final["a"]]}},
    ]
    assert nix.evaluate(FIX)(overlays).to_python() | {"call": 0} == {
        "a": 11, "b": 12, "c": 12, "d": 11, "e": 12, "z": 12, "first": 11, "nested": {"x": [11]}, "list": [1, 11], "call": 0,
    }  # fmt: skip


def test_an_overlay_that_needs_itself_is_an_infinite_recursion():
    nix = Evaluator()
    with pytest.raises(snowsnake.InfiniteRecursion):
        nix.evaluate(FIX)([lambda final, prev: {"n": len(final)}])["a"]
    with pytest.raises(snowsnake.InfiniteRecursion):
        nix.evaluate(FIX)([lambda final, prev: {"n": int(final["a"])}])["n"]


def test_python_and_nix_may_call_each_other_in_turn():
    nix = Evaluator()

    def factorial(n: int):
        return 1 if n == 0 else n * int(nix.evaluate("f: n: f (n - 1)")(factorial, n))

    assert factorial(15) == math.factorial(15)
    with pytest.raises(RecursionError):
        factorial(100_000)
    assert nix.evaluate("1 + 1") == 2


def test_collections_while_python_runs_change_nothing():
    nix = Evaluator()

    def make(i: int, value):
        nix.evaluate("builtins.foldl' (a: i: a // { \"n${toString i}\" = i; }) { } (builtins.genList (i: i) 200)").force(deep=True)
        gc.collect()
        return {"i": i, "value": value, "same": [value["x"], value["y"]]}

    text = 'f: map (i: f i { x = "x${toString i}"; y = [ i ]; }) (builtins.genList (i: i) 40)'
    found = nix.evaluate(text)(make).to_python()
    assert found == [{"i": i, "value": {"x": f"x{i}", "y": [i]}, "same": [f"x{i}", [i]]} for i in range(40)]


def test_other_threads_do_not_disturb():
    nix = Evaluator()
    said: list[str] = []

    def use() -> None:
        try:
            nix.evaluate("1")
        except RuntimeError as error:
            said.append(str(error))

    def call(x):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        return 1

    assert nix.evaluate("f: f 1")(call) == 1
    assert len(said) == 1 and "another thread" in said[0]


def test_own_builtins_and_names_in_scope_can_be_used():
    nix = Evaluator(builtins={"port": lambda name: {"http": 80}[str(name)], "config": {"a": [1]}})
    assert nix.evaluate('[ (builtins.port "http") builtins.config.a (builtins ? port) (builtins.builtins ? port) ]') == [80, [1], True, True]
    with pytest.raises(KeyError):
        nix.evaluate('builtins.port "ftp"').force()
    assert nix.evaluate("x + f y", scope={"x": 1, "f": lambda n: int(n) * 2, "y": Raw("1 + 1")}) == 5
    with pytest.raises(snowsnake.UndefinedVariable):
        nix.evaluate("x")
    with pytest.raises(ValueError, match="builtins.map"):
        Evaluator(builtins={"map": 1})
    with pytest.raises(snowsnake.Throw) as caught:
        nix.evaluate('throw "x"', name="config.nix").force()
    assert str(caught.value.position) == "config.nix:1:1"
    for wrong in (3, None, ["1"]):
        with pytest.raises(TypeError):
            nix.evaluate(wrong)
    with pytest.raises(ValueError):
        nix.evaluate("1", name="a\0")


def test_a_million_calls_leave_nothing_behind():
    nix = Evaluator(memory_limit_bytes=400 << 20)
    total = nix.evaluate("f: builtins.foldl' (a: i: a + f i) 0 (builtins.genList (i: i) 200000)")(lambda x: 1)
    assert total == 200_000 and nix.statistics()["handles"] < 1000


def test_a_limit_ends_what_python_asked_for():
    nix = Evaluator(timeout_s=0.2)
    long = "let r = builtins.genList (i: i) 10000; sum = builtins.foldl'; in sum (a: i: sum (b: j: sum (c: k: c + k) b r) a r) 0 r"
    with pytest.raises(snowsnake.LimitReached):
        nix.evaluate("f: f 1")(lambda x: nix.evaluate(long))
    assert isinstance(nix.evaluate("1 + 1"), Value)
