"""Public classes in ways that nobody should use: made of wrong things, without `__init__`, copied, pickled.  The table is made of the public names, so a new one is in it.

The outcome is a result, or an exception that says what is wrong; no AttributeError or KeyError of a name from the inside.
"""

import copy
import importlib
import inspect
import pickle
import tempfile
from collections.abc import Iterator

import pytest

import snowsnake
from snowsnake import bytecode, flake, syntax
from snowsnake.fetch import FetchCache
from snowsnake.store import LocalStore

FACES = ("snowsnake", "snowsnake.syntax", "snowsnake.bytecode", "snowsnake.flake", "snowsnake.options", "snowsnake.store", "snowsnake.fetch")
WRONG = {"an int": 5, "None": None, "a dict": {}, "a list": [], "a text": "x", "bytes": b"x", "an object": object()}
STUMBLED = (AttributeError, KeyError, IndexError, SystemError, AssertionError, NameError, RecursionError, NotImplementedError)
PROTOCOLS = (
    "__repr__", "__str__", "__eq__", "__hash__", "__len__", "__iter__", "__getitem__", "__contains__", "__call__", "__bool__", "__bytes__", "__fspath__",
)  # fmt: skip


def classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for name in FACES:
        module = importlib.import_module(name)
        for key in getattr(module, "__all__", None) or [key for key, value in vars(module).items() if getattr(value, "__module__", "") == name]:
            value = getattr(module, key)
            if inspect.isclass(value) and not issubclass(value, BaseException):
                found.setdefault(f"{name}.{key}", value)
    return found


CLASSES = classes()


def required(call: object) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(call).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    return [one for one in parameters if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


def call_with(call, value: object) -> object:
    parameters = required(call)
    named = {one.name: value for one in parameters if one.kind is one.KEYWORD_ONLY}
    return call(*[value for one in parameters if one.kind is not one.KEYWORD_ONLY], **named)


def members(cls: type) -> list[str]:
    return [name for name in dir(cls) if name in PROTOCOLS or not name.startswith("_")]


def use(thing: object, name: str) -> None:
    member = getattr(thing, name)
    if callable(member):
        result = call_with(member, "x") if not inspect.ismethod(member) or member.__self__ is thing else None
        if inspect.iscoroutine(result):
            result.close()


def faults_of(make, cls: type) -> Iterator[str]:
    for name in members(cls):
        try:
            use(make(), name)
        except STUMBLED as error:
            # `node["x"]` and `edits.set("x", …)` name what is missing.
            if not isinstance(error, snowsnake.EvaluationError) and not (isinstance(error, KeyError) and name == "__getitem__"):
                yield f"{name}: {type(error).__name__}: {error}"[:200]
        except Exception as error:
            if not str(error):
                yield f"{name}: {type(error).__name__} without words"


@pytest.mark.parametrize("name", CLASSES)
def test_objects_of_wrong_things_are_refused_or_work(name: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    cls = CLASSES[name]
    faults = []
    for what, value in WRONG.items():
        if not required(cls):
            continue
        try:
            call_with(cls, value)
        except STUMBLED as error:
            faults.append(f"{what}: {type(error).__name__}: {error}"[:200])
        except Exception as error:
            assert str(error)
        else:
            faults += [f"made of {what}: {fault}" for fault in faults_of(lambda value=value: call_with(cls, value), cls)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", CLASSES)
def test_objects_without_their_init_say_so(name: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    cls = CLASSES[name]
    try:
        cls.__new__(cls)
    except TypeError as error:
        assert str(error)
        return
    # Methods of a fetcher that take its own objects are not for users.
    faults = [fault for fault in faults_of(lambda: cls.__new__(cls), cls) if "'str' object has no attribute" not in fault]
    assert not faults, "\n".join(faults)


def test_what_has_a_machine_files_or_threads_is_neither_copied_nor_pickled() -> None:
    nix = snowsnake.Evaluator()
    with tempfile.TemporaryDirectory() as folder:
        things = [
            nix, nix._machine, snowsnake.EvaluatorPool(1, snowsnake.Evaluator), flake.Flakes(settings={}), FetchCache(folder), LocalStore(folder, durable=False),
        ]  # fmt: skip
        for thing in things:
            for action in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match="neither copied nor pickled"):
                    action(thing)
    value = nix.evaluate("{ a = [ 1 ]; }")
    assert copy.copy(value) == {"a": [1]}
    for action in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            action(value)


def test_data_is_copied_and_pickled() -> None:
    source = "{ a = 1; # one\n}"
    things = [snowsnake.Raw("1"), syntax.parse(source).comments[0], bytecode.compile("x: x"), flake.Reference.of_attributes({"type": "path", "path": "/x"})]
    for thing in things:
        for made in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert type(made) is type(thing) and repr(made) == repr(thing)
