"""The public names: their stubs are right, each is documented, and none costs anything before it is used."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import snowsnake
from snowsnake.faces import FACES

PACKAGE = Path(snowsnake.__file__).parent
FACE_MODULES = ("snowsnake", "snowsnake.bytecode", "snowsnake.flake", "snowsnake.options", "snowsnake.store", "snowsnake.syntax")


def public_names(module) -> list[str]:
    """The names of a face: what it lists, or what it defines."""
    listed = getattr(module, "__all__", None)
    return listed or [name for name, value in vars(module).items() if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__]


def undocumented(module) -> list[str]:
    found = []
    for name in public_names(module):
        value = getattr(module, name)
        if not str(getattr(value, "__module__", "")).startswith("snowsnake"):
            # Data has no documentation of its own.
            continue
        if not inspect.getdoc(value):
            found.append(name)
        for method in [method for method in vars(value) if not method.startswith("_")] if inspect.isclass(value) else []:
            member = inspect.getattr_static(value, method)
            if (callable(member) or isinstance(member, property)) and not inspect.getdoc(getattr(value, method)):
                found.append(f"{name}.{method}")
    return found


@pytest.mark.parametrize("name", FACE_MODULES)
def test_every_public_name_is_documented(name) -> None:
    module = importlib.import_module(name)
    assert inspect.getdoc(module) and ">>>" in inspect.getdoc(module), "a face begins with an example, which test_doctests runs"
    assert undocumented(module) == []


# What functions with an example return.
RESULTS = {
    "snowsnake.bytecode": {"Capture", "Chunk", "Constant", "Keys", "Op", "Operand", "Operation", "Span"},
    "snowsnake.flake": {"LockFile", "LockedFlake", "Metadata", "Output"},
    "snowsnake.store": {"DerivationOutput"},
    "snowsnake.syntax": {"Comment"},
}


@pytest.mark.parametrize("name", FACE_MODULES)
def test_every_public_function_and_class_has_an_example(name) -> None:
    """test_doctests runs the examples; errors have theirs in the catalogue."""
    module = importlib.import_module(name)
    lacking = {
        key for key in public_names(module)
        if callable(value := getattr(module, key)) and not (inspect.isclass(value) and issubclass(value, Exception))
        and str(getattr(value, "__module__", "")).startswith("snowsnake") and ">>>" not in (inspect.getdoc(value) or "")
    }  # fmt: skip
    assert lacking == RESULTS.get(name, set())


@pytest.mark.parametrize("package", sorted(FACES))
def test_stub_and_table_agree(package) -> None:
    stub = PACKAGE / package.removeprefix("snowsnake.") / "__init__.pyi"
    typed = {
        (node.module, alias.name)
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {(f"snowsnake.{module}", name) for module, names in FACES[package].items() for name in names}
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(name for _, name in typed)
    with pytest.raises(AttributeError, match="has no attribute 'nosuch'"):
        module.nosuch  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module(f"{package}.nosuch")


def test_star_import_of_a_face() -> None:
    names: dict[str, object] = {}
    exec("from snowsnake.syntax import *", names)
    assert {"parse", "Visitor", "Edits"} <= names.keys()


def test_a_face_is_imported_when_it_is_used() -> None:
    code = (
        "import sys, snowsnake; snowsnake.evaluate('1').to_python(); early = 'snowsnake.faces' in sys.modules; "
        "from snowsnake.syntax import Visitor; print(early, 'snowsnake.faces' in sys.modules, 'snowsnake.editing' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True False\n"


STUBS = sorted(path for path in PACKAGE.rglob("*.pyi") if path.name != "__init__.pyi")


def parameters_of(function: "ast.FunctionDef | ast.AsyncFunctionDef") -> list[str]:
    given = function.args
    stars = [argument for argument in (given.vararg, given.kwarg) if argument is not None]
    return [argument.arg for argument in (*given.posonlyargs, *given.args, *stars[:1], *given.kwonlyargs, *stars[1:]) if argument.arg != "self"]


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_stubs_of_compiled_modules_are_true(stub) -> None:
    """Every function and method that a stub names is there, and takes these parameters."""
    module = importlib.import_module("snowsnake." + ".".join(stub.relative_to(PACKAGE).with_suffix("").parts))
    checked = 0
    for node in ast.parse(stub.read_text()).body:
        inner = [(node.name, one) for one in node.body] if isinstance(node, ast.ClassDef) else [("", node)]
        for owner, one in inner:
            if not isinstance(one, ast.FunctionDef):
                continue
            holder = getattr(module, owner) if owner else module
            checked += 1
            if one.name == "__init__" or any(isinstance(word, ast.Name) and word.id == "property" for word in one.decorator_list):
                assert hasattr(holder, one.name)
                continue
            found = [name for name in inspect.signature(getattr(holder, one.name)).parameters if name != "self"]
            assert found == parameters_of(one), f"{owner}.{one.name}"
    assert checked > 0


COMPILED = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in PACKAGE.rglob("*.pyx")}
IMPORTED = re.compile(r"^ *from (snowsnake[.\w]*) import (?:\(([^)]*)\)|(.*))", re.M)


def imported_from_python() -> set[str]:
    """The compiled modules that files of Python import, or that public names come from."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for module, listed, line in IMPORTED.findall(path.read_text()):
            names = re.findall(r"\w+", listed or line.partition("#")[0])
            found |= {module, *(f"{module}.{name}" for name in names)} & COMPILED
    return found


def own_names(module) -> set[str]:
    """The functions and classes that a compiled module defines for others."""
    return {name for name, value in vars(module).items() if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__ and callable(value)}


@pytest.mark.parametrize("name", sorted(imported_from_python()))
def test_what_python_imports_and_is_compiled_has_a_whole_stub(name) -> None:
    """A stub for each compiled face, with every function and class that the module has."""
    stub = (PACKAGE.parent / name.replace(".", "/")).with_suffix(".pyi")
    assert stub.exists(), f"{name} has no stub"
    named = {node.name for node in ast.parse(stub.read_text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert own_names(importlib.import_module(name)) <= named


@pytest.mark.parametrize("name", ["snowsnake", "snowsnake.bytecode", "snowsnake.fetch", "snowsnake.flake", "snowsnake.store", "snowsnake.syntax"])
def test_completion_finds_the_public_names(name) -> None:
    """`dir` has the names that are imported when they are first used, as `help` and completion in an editor or notebook need, and nothing else."""
    module = importlib.import_module(name)
    assert dir(module) == sorted(module.__all__) != []


def test_what_is_public_and_compiled_has_a_stub() -> None:
    for name in FACE_MODULES:
        module = importlib.import_module(name)
        for key in public_names(module):
            home = str(getattr(getattr(module, key), "__module__", ""))
            source = PACKAGE.parent / (home.replace(".", "/") + ".pyx")
            assert not home.startswith("snowsnake.") or not source.exists() or source.with_suffix(".pyi").exists(), f"{name}.{key} is compiled in {home}"
