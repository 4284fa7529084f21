"""Objects of compiled classes, used in all ways that Python allows: copied, pickled, made without __init__, initialised twice.

Each class runs in a process of its own, which must end by itself: an exception is right, a crash is not.
"""

import copy
import json
import os
import pickle
import subprocess
import sys

import pytest

from snowsnake import Evaluator, evaluate
from snowsnake.interpreter import Interpreter as Machine

# Every class of a module that the shared object holds; only the evaluator calls functions that take the address of a machine.
CLASSES = """
import importlib, os, pkgutil, re, sys
import snowsnake
from pathlib import Path

def classes():
    root = Path(os.path.realpath(importlib.import_module("snowsnake.version").__file__)).parent
    for path in sorted(root.rglob("*.pyx")):
        name = ".".join(("snowsnake", *path.relative_to(root).with_suffix("").parts))
        if not re.search(r"^cdef class", path.read_text() + "".join(p.read_text() for p in path.parent.glob("*.pxi")), re.M):
            continue
        module = importlib.import_module(name)
        for key, value in sorted(vars(module).items()):
            if isinstance(value, type) and value.__module__ == name and not value.__flags__ & (1 << 9):
                yield value
"""
USE = (
    CLASSES
    + """
import copy, pickle
wanted = sys.argv[1]
(kind,) = [c for c in classes() if c.__module__ + "." + c.__qualname__ == wanted]

def attempt(action, *words):
    try:
        return action(*words)
    except Exception:
        return None

def use(thing):
    for name in dir(type(thing)):
        if name in ("__init__", "__class__", "__init_subclass__", "__subclasshook__", "__new__", "__getstate__", "machine_address"):
            continue
        member = attempt(getattr, thing, name)
        if callable(member):
            for words in ((), (None,), (0,), (b"x",), ("x",), ([],), (thing,), (None, None), (1, 1), (b"x", "/"), (0, 0, 0)):
                attempt(member, *words)
    attempt(copy.copy, thing)
    attempt(copy.deepcopy, thing)
    attempt(pickle.dumps, thing)
    attempt(lambda: list(thing))

for words in ((), (None,), (b"a",), ("sha256",), ([],), (b"/proc/nonexistent", 0), ("/proc/nonexistent",)):
    thing = attempt(kind.__new__, kind, *words)
    if thing is not None:
        use(thing)
        attempt(thing.__init__, *words)
        attempt(thing.__init__, *words)
        use(thing)
        del thing
print("used")
"""
)


def names() -> list[str]:
    code = CLASSES + "print([c.__module__ + '.' + c.__qualname__ for c in classes()])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.replace("'", '"'))


# Only the evaluator makes objects of these classes, because they take the address of a machine.
WITH_ADDRESS = {"snowsnake.traces.pending.Places", "snowsnake.host.store_writer.StoreWriter"}


@pytest.mark.parametrize("name", [name for name in names() if name not in WITH_ADDRESS])
def test_a_class_in_every_way(tmp_path, name):
    done = subprocess.run([sys.executable, "-c", USE, name], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("used\n"), (done.returncode, done.stderr[-2000:])


def test_the_classes_are_found():
    found = {name.rpartition(".")[2] for name in names()}
    assert {"Interpreter", "Handle", "Runner", "ParsedTree", "CompiledPattern", "HashStream", "Inspection"} <= found


def test_values_are_not_copied():
    value = evaluate("{ a = 1; }")
    for action in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            action(value._handle)
    # The copy is the library's object, with the same handle.
    assert copy.copy(value).to_python() == {"a": 1}
    with pytest.raises(TypeError, match="neither copied nor pickled"):
        copy.copy(Machine())


def test_no_object_without_a_machine():
    with pytest.raises(TypeError, match="from an evaluator"):
        type(evaluate("1")._handle)()
    bare = Machine.__new__(Machine)
    for action in (lambda: bare.evaluate(b"1", "/"), bare.collect, bare.records, bare.statistics, bare.census, bare.chunks, bare.flush_cache):
        with pytest.raises(ValueError, match="made without __init__"):
            action()


def test_an_evaluator_is_initialised_once():
    machine = Machine()
    value = machine.evaluate(b"1 + 1", "/")
    with pytest.raises(RuntimeError, match="initialised once"):
        machine.__init__()
    assert value.to_python() == 2


def test_options_that_are_wrong_leave_no_evaluator():
    machine = Machine.__new__(Machine)
    with pytest.raises(TypeError):
        machine.__init__(pure=True, allowed_paths=[5])
    with pytest.raises(ValueError, match="made without __init__"):
        machine.evaluate(b"1", "/")


# ---- fork -----------------------------------------------------------------------------------------------------------------------

def in_a_child(action) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(action())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    return said


def test_a_child_leaves_the_store_of_its_parent_alone(tmp_path):
    nix = Evaluator(store=str(tmp_path))
    first = nix.evaluate('builtins.toFile "first" "1"').to_python()
    store = nix._machine.store
    scratch = store._scratch.folder
    assert os.path.isdir(scratch)

    def use_and_close():
        try:
            nix.evaluate('builtins.toFile "second" "2"').to_python()
            return "written"
        except Exception as error:
            store.close()
            return str(error)

    said = in_a_child(use_and_close)
    assert "before a fork" in said
    assert os.path.isdir(scratch)
    third = nix.evaluate('builtins.toFile "third" "3"').to_python()
    nix.flush()
    assert store.is_valid(first) and store.is_valid(third) and not store.verify()


def test_a_child_that_ends_by_itself(tmp_path):
    """The exit of the child runs the functions that were registered for the end of the program."""
    code = """
import os, sys
from snowsnake import Evaluator
nix = Evaluator(store=sys.argv[1])
path = nix.evaluate('builtins.toFile "a" "1"').to_python()
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
assert os.path.isdir(nix._machine.store._scratch.folder)
nix.flush()
print(open(sys.argv[1] + path).read())
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_child_evaluates_for_itself():
    nix = Evaluator()
    value = nix.evaluate("let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 1000")
    assert in_a_child(lambda: value.to_python()) == "1000"
    assert value.to_python() == 1000
