"""Each public function with arguments that nobody should pass: odd types and sizes, cycles, values of other evaluators and threads, re-entry, mutation.

The table is generated: every callable of the public faces, every method of their objects, each of their parameters, each odd value.  The outcome is
a result, or an exception that a caller can understand: never one that shows a fault of our code, and never the end of the process.
"""

import asyncio
import atexit
import functools
import importlib
import inspect
import io
import itertools
import os
import pickle
import re
import tempfile
import threading

import pytest

import snowsnake
from snowsnake import bytecode, flake, options, syntax
from snowsnake.store import Hash, LocalStore, StorePath

STUMBLED = (AttributeError, SystemError, AssertionError, NameError, RecursionError, NotImplementedError, snowsnake.InternalFault, StopIteration, BufferError)
# Words of CPython or of the inside of a library, which do not say what callers should pass.
UNCLEAR = re.compile(r"to convert to C|__\w+__\(\)|CustomType|object is not (iterable|subscriptable|callable)|update sequence|has no attribute|\bunpack\b")


def cycle_of_lists() -> list:
    made: list = []
    made.append(made)
    return made


def cycle_of_dicts() -> dict:
    made: dict = {}
    made["a"] = [made]
    return made


class Liar:
    """Raises in each of its methods."""

    def _no(self, *_):
        raise ZeroDivisionError("asked")

    __iter__ = __len__ = __fspath__ = __str__ = __index__ = __bool__ = __eq__ = _no
    __hash__ = object.__hash__


ODD = {
    "None": lambda: None,
    "True": lambda: True,
    "an int": lambda: -1,
    "a huge int": lambda: 2**200,
    "nan": lambda: float("nan"),
    "no text": lambda: "",
    "NUL": lambda: "a\0b",
    "a surrogate": lambda: "a\ud800b",
    "bytes": lambda: b"\xff\xfe",
    "a long text": lambda: "(" * 100_000,
    "a list": lambda: [],
    "a dict": lambda: {1: 2},
    "a set": lambda: {1, "a"},
    "a cyclic list": cycle_of_lists,
    "a cyclic dict": cycle_of_dicts,
    "an object": object,
    "a type": lambda: dict,
    "a function": lambda: lambda *x: x,
    "a generator": lambda: (x for x in ()),
    "a file": io.BytesIO,
    "a value": lambda: snowsnake.evaluate("{ a = x: x; b = throw \"no\"; }"),
    "a value that fails": lambda: snowsnake.evaluate('throw "no"'),
    "an evaluator": snowsnake.Evaluator,
    "a liar": Liar,
}

# The values whose methods are called, as Nix text.
VALUES = {
    "a set": "{ a = 1; b.c = [ 1 ]; }", "a list": "[ 1 { } ]", "a string": '"text"', "a function": "x: x", "a pattern": "{ a ? 1 }: a",
    "a number": "1.5", "null": "null", "a failure": 'throw "no"',
}  # fmt: skip
# Methods that wait for others, or end their own object.
LEFT_OUT = {"close", "jobs", "flake", "flake_async", "cancel"}


@functools.cache
def local_store() -> LocalStore:
    """One store for all calls, because to make one takes milliseconds; the folder is removed when the process ends."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return LocalStore(folder.name, durable=False)


def functions() -> dict[str, object]:
    """Every public function by name; the objects are made again for each call."""
    found = {}
    for name in ("snowsnake", "snowsnake.syntax", "snowsnake.bytecode", "snowsnake.flake", "snowsnake.options", "snowsnake.store"):
        module = importlib.import_module(name)
        for key in getattr(module, "__all__", None) or [key for key, value in vars(module).items() if getattr(value, "__module__", "") == name]:
            value = getattr(module, key)
            if callable(value) and not key.startswith("_") and not (inspect.isclass(value) and issubclass(value, Exception)) and key != "EvaluatorPool":
                found[f"{name}.{key}"] = lambda value=value: value
    made = {
        "Evaluator": snowsnake.Evaluator,
        "Edits": lambda: syntax.Edits("{ a = 1; }"),
        "Tree": lambda: syntax.parse("{ a = 1; }"),
        "Node": lambda: syntax.parse("{ a = 1; }").root,
        "Visitor": syntax.Visitor,
        "Chunk": lambda: bytecode.compile("x: x"),
        "Option": lambda: options.Option(snowsnake.evaluate("{ }"), ()),
        "Hash": lambda: Hash.parse("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        "StorePath": lambda: StorePath.of_text("greeting", b"hello"),
        "EvaluatorPool": lambda: snowsnake.EvaluatorPool(1, snowsnake.Evaluator),
        "Flakes": lambda: flake.Flakes(settings={}),
        "LocalStore": local_store,
        "Reference": lambda: flake.Reference.of_attributes({"type": "path", "path": "/nowhere"}),
    }
    made |= {f"Value ({what})": lambda text=text: snowsnake.evaluate(text) for what, text in VALUES.items()}
    for name, make in made.items():
        for key in dir(type(make())):
            member = inspect.getattr_static(type(make()), key)
            if (not key.startswith("_") or key in ("__call__", "__getitem__", "__eq__", "__contains__")) and callable(member) and key not in LEFT_OUT:
                found[f"{name}.{key}"] = lambda make=make, key=key: getattr(make(), key)
    return found


FUNCTIONS = functions()


def outcome(call, *given, **named):
    """None for a result, the exception otherwise; lazy results are looked at."""
    try:
        result = call(*given, **named)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        if inspect.isgenerator(result):
            for _, _ in zip(range(3), result, strict=False):
                pass
        if isinstance(result, snowsnake.Value):
            result.to_nix()
        return None
    except BaseException as error:
        return error


def is_understandable(error: BaseException | None, odd: str) -> bool:
    if error is None:
        return True
    if odd == "a liar" and isinstance(error, ZeroDivisionError):
        # The caller's own code raises these.
        return True
    if odd == "a type" and str(error) in ("'Evaluator' object is not iterable", "dictionary update sequence element #0 has length 1; 2 is required"):
        # A pool or a store called `dict`, as it was asked to.
        return True
    return isinstance(error, Exception) and not isinstance(error, STUMBLED) and bool(str(error)) and not UNCLEAR.search(str(error))


def fault_of(make, what: str, parameter: inspect.Parameter, given: list, named: dict) -> list[str]:
    error = outcome(make(), *given, **named)
    return [] if is_understandable(error, what) else [f"{what} as {parameter.name}: {type(error).__name__}: {error}"[:300]]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_odd_inputs_are_answered_or_a_clear_error(name, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    make = FUNCTIONS[name]
    try:
        parameters = list(inspect.signature(make()).parameters.values())
    except (TypeError, ValueError):
        parameters = [inspect.Parameter("only", inspect.Parameter.POSITIONAL_ONLY)]
    faults = []
    needed = [parameter for parameter in parameters if parameter.default is parameter.empty and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)]
    for what, odd in ODD.items():
        for parameter in needed:
            given = [odd() if one is parameter else "1" for one in needed]
            faults += fault_of(make, what, parameter, given, {})
        for parameter in parameters:
            if parameter not in needed and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                faults += fault_of(make, what, parameter, ["1"] * len(needed), {parameter.name: odd()})
    for descriptor in range(3):
        # A number or a Boolean as a path is not the number of an open file, which would be closed.
        os.fstat(descriptor)
    assert not faults, "\n".join(faults)


# ---- sizes, sharing, mutation, re-entry, threads -----------------------------------------------------------------


def test_what_is_shared_is_made_once() -> None:
    """Forty levels of two references each are 2^40 leaves, and forty lists."""
    made: list = ["leaf"]
    for _ in range(40):
        made = [made, made]
    nix = snowsnake.Evaluator()
    value = nix.value(made)
    for _ in range(40):
        value = value[1]
    assert value == ["leaf"]
    named: dict = {}
    for _ in range(40):
        named = {"a": named, "b": (named, named)}
    assert nix.value(named)["b"][1]["a"]["b"][0].type == "set"


def test_temporary_objects_are_not_confused() -> None:
    """A list that a generator yields may be at the address of the list before it."""
    wanted = [[number, str(number), {"n": [number]}] for number in range(1000)]
    found = snowsnake.Evaluator().value([number, str(number), {"n": [number]}] for number in range(1000))
    assert found.to_python() == wanted


@pytest.mark.parametrize("wrapped", [lambda items: items, lambda items: [{"a": items}], lambda items: lambda: items])
@pytest.mark.parametrize("limits", [{"timeout_s": 0.2}, {"memory_limit_bytes": 8 << 20}])
def test_iterables_without_end_reach_a_limit(wrapped, limits) -> None:
    nix = snowsnake.Evaluator(**limits)
    with pytest.raises(snowsnake.LimitReached):
        nix.value(wrapped(itertools.count())).force(deep=True)
    with pytest.raises(snowsnake.LimitReached), nix.deadline(0.2):
        nix.value(wrapped(itertools.count())).force(deep=True)
    assert nix.evaluate("1 + 1") == 2


def test_integers_beyond_64_bits_are_refused() -> None:
    nix = snowsnake.Evaluator()
    for number in (-(2**63), 2**63 - 1):
        assert nix.value(number) == number
    for number in (-(2**63) - 1, 2**63, 10**6000):
        with pytest.raises(OverflowError, match="no Nix form"):
            nix.value([number])


@pytest.mark.parametrize("text", ["1", "{ }", "[ ]", "x: x", 'throw "no"'])
def test_values_are_not_pickled(text) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            pickle.dumps(snowsnake.evaluate(text), protocol)


@pytest.mark.parametrize("size", [0, 1, 399, 400, 401, 100_000])
def test_large_data_goes_in_and_comes_out(size) -> None:
    nix = snowsnake.Evaluator()
    data = {"list": list(range(size)), "set": {str(i): [i] for i in range(size)}, "text": "x" * size, "é": "é" * size}
    assert nix.value(data).to_python() == data


@pytest.mark.parametrize("level", [398, 399, 400, 499, 501, 100_000])
def test_deep_data_goes_in_or_is_refused(level) -> None:
    made: object = 1
    for _ in range(level):
        made = [made]
    nix = snowsnake.Evaluator()
    if level > 500:
        with pytest.raises(ValueError, match="more than 500 levels deep, or one that contains itself"):
            nix.value(made)
    else:
        assert nix.value(made).to_python() == made


def test_odd_texts_go_in_or_are_refused() -> None:
    nix = snowsnake.Evaluator()
    for text in ("", "a", "é", "\U0001f40d", "a\udcff", "x" * 10_000):
        assert nix.value(text).to_python() == text
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        nix.value({"a": "\ud800"})
    for wrong in ("a\0", "é\0", {"a\0": 1}, ["\0"]):
        with pytest.raises(ValueError, match="NUL"):
            nix.value(wrong)


class Changing(dict):
    """Changes while somebody reads it."""

    def items(self):
        for number in range(3):
            self[f"new{number}"] = number
            yield f"new{number}", number


def test_data_that_changes_while_it_is_read_does_no_harm() -> None:
    nix = snowsnake.Evaluator()
    assert set(nix.value(Changing(a=1))) <= {"a", "new0", "new1", "new2"}
    growing: list = [1]

    def more():
        for item in list(growing):
            growing.append(item)
            yield item

    assert nix.value([more(), growing]).to_python()[0] == [1]
    value = nix.evaluate("{ a = 1; b = 2; }")
    for name in value:
        assert nix.changed([]) is False and value[name].to_python()


def test_a_function_of_python_may_use_its_evaluator() -> None:
    """A function of Python uses the evaluator that called it, and the value that is being evaluated."""
    nix = snowsnake.Evaluator()
    held = {}

    def again(x: int) -> int:
        return int(nix.evaluate("x: x + 1")(x)) if x < 50 else int(held["value"]["known"])

    held["value"] = nix.evaluate('f: { known = 7; all = map f [ 1 2 60 ]; }')(again)
    assert held["value"]["all"] == [2, 3, 7]
    def itself(_):
        return held["loop"]

    held["loop"] = nix.evaluate("f: { x = f null; }")(itself)
    assert held["loop"]["x"]["x"].type == "set"


def test_values_of_another_evaluator_are_refused() -> None:
    one, two = snowsnake.Evaluator(), snowsnake.Evaluator()
    foreign = one.evaluate("{ a = 1; }")
    calls = [
        lambda: two.value([foreign]),
        lambda: two.evaluate("x: x")(foreign),
        lambda: two.evaluate("x", scope={"x": foreign}),
        lambda: two.evaluate("{ }: 1")(x=foreign),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="a value of another evaluator"):
            call()


def test_two_threads_at_one_evaluator_are_refused_or_wait() -> None:
    """The second one is refused in words, or waits for its turn; both can go on."""
    nix = snowsnake.Evaluator()
    told = []

    def work() -> None:
        try:
            told.append(nix.evaluate("builtins.foldl' (a: b: a + b) 0 (builtins.genList (n: n) 300000)").to_python())
        except Exception as error:
            told.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    right = [found for found in told if found == 44999850000]
    assert right and all(found in right or isinstance(found, RuntimeError) and "thread" in str(found) for found in told), told
    assert nix.evaluate("1 + 1").to_python() == 2


def test_names_that_no_attribute_can_have_are_missing():
    value = snowsnake.evaluate("{ a = 1; }")
    name = "\ud800"
    assert name not in value and value.get(name, default=2) == 2
    with pytest.raises(snowsnake.MissingAttribute):
        value[name]
    with pytest.raises(KeyError) as missing:
        value.position(name)
    assert missing.value.args == (name,)


@pytest.mark.parametrize("reader", [snowsnake.evaluate, snowsnake.parse, snowsnake.compile, snowsnake.from_nix, syntax.parse, bytecode.compile])
def test_sources_of_other_types_are_refused(reader):
    with pytest.raises(TypeError, match=r"is a text \(str or bytes\), not int"):
        reader(5)
    with pytest.raises(ValueError, match="with half of a surrogate pair has no bytes"):
        reader('"\ud800"')


@pytest.mark.parametrize("reference", [5, None, 1.5, b".", ["."], object(), cycle_of_lists()])
def test_references_to_flakes_are_texts_or_paths(reference, tmp_path):
    evaluator = snowsnake.Evaluator(settings={"experimental-features": "nix-command flakes"})
    with pytest.raises(TypeError, match="a reference to a flake is a str or a path"):
        evaluator.flake(reference)
    (tmp_path / "flake.nix").write_text("{ outputs = _: { x = 1; }; }")
    assert evaluator.flake(tmp_path)["x"] == 1


def test_a_functor_that_returns_its_set_ends_a_command(capfd) -> None:
    """The command calls the result again and again; C++ Nix does not end."""
    from snowsnake.cli.instantiate import main

    assert main(["--eval", "-E", "let s = { __functor = self: s; }; in s", "--argstr", "a", "b"]) == 1
    assert "stack overflow" in capfd.readouterr().err
