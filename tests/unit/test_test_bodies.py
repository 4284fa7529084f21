"""Tests can fail: what a parser finds in the bodies of tests that always pass, and of helpers that nobody calls.

pytest itself refuses a parametrisation without rows (`empty_parameter_set_mark` in pyproject.toml), and ruff a comparison without `assert`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SOURCES = {path.relative_to(TESTS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}
# Pairs of tests of one form: each is about the cases of its own module.
SAME_BODY = {("test_commands_on_built_stores_do_what_nix_does", "test_commands_on_computed_outputs_do_what_nix_does")}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def own_statements(function: Function) -> list[ast.stmt]:
    """The body without its docstring."""
    return function.body[ast.get_docstring(function) is not None :]


def is_test(function: Function) -> bool:
    return function.name.startswith("test_")


def checks_itself(function: Function) -> bool:
    """Whether the body can fail: it asserts, expects an error, or lets only the errors pass that it names."""
    return any(isinstance(node, ast.Assert | ast.ExceptHandler) for node in ast.walk(function)) or bool(
        re.search(r"\b(raises|pytest\.fail|check=True|check_call|check_output)\b", ast.unparse(function))
    )


def called_names(function: Function) -> set[str]:
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {call.id if isinstance(call, ast.Name) else call.attr for call in calls if isinstance(call, ast.Name | ast.Attribute)}


def checking_names() -> set[str]:
    """The names of all functions of the tests that check something, themselves or by a function that they call."""
    functions = [function for tree in TREES.values() for function in functions_of(tree)]
    found = {function.name for function in functions if checks_itself(function)}
    while more := {function.name for function in functions if function.name not in found and called_names(function) & found}:
        found |= more
    return found


def always_holds(test: ast.expr) -> bool:
    """Whether an asserted expression is true whatever the program does."""
    if isinstance(test, ast.Constant | ast.JoinedStr | ast.Lambda | ast.GeneratorExp) or isinstance(test, ast.Tuple | ast.List | ast.Dict):
        return True
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(always_holds(value) for value in test.values)
    if isinstance(test, ast.BoolOp):
        return all(always_holds(value) for value in test.values)
    if not isinstance(test, ast.Compare) or not all(isinstance(operator, ast.Eq | ast.LtE | ast.GtE | ast.Is) for operator in test.ops):
        return False
    operands = [ast.dump(value) for value in (test.left, *test.comparators)]
    # Two calls may answer differently.
    calls = any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(test))
    return len(set(operands)) == 1 and not calls or ast.unparse(test).startswith("len(") and ast.unparse(test).endswith(" >= 0")


def swallows(node: ast.Try) -> bool:
    """Whether a failed assertion in the body would be caught and forgotten."""
    if not any(isinstance(inner, ast.Assert) for statement in node.body for inner in ast.walk(statement)):
        return False
    return any(
        (handler.type is None or re.search(r"\b(Exception|BaseException|AssertionError)\b", ast.unparse(handler.type)))
        and not any(isinstance(inner, ast.Raise | ast.Assert) or "fail" in ast.unparse(inner) for statement in handler.body for inner in ast.walk(statement))
        for handler in node.handlers
    )


def leaves_unchecked(function: Function) -> list[int]:
    """The lines of `if …: return`, by which a case passes that nothing is asked of."""
    inner = {id(node) for one in functions_of(function) if one is not function for node in ast.walk(one)}
    branches = [node for node in ast.walk(function) if isinstance(node, ast.If) and id(node) not in inner]
    return [branch.lineno for branch in branches if len(branch.body) == 1 and isinstance(branch.body[0], ast.Return)]


def repeated(rows: list[ast.expr]) -> list[str]:
    texts = [ast.unparse(row) for row in rows]
    return sorted({text for text in texts if texts.count(text) > 1})


def faults_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of a module of tests."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and always_holds(node.test):
            yield node.lineno, f"always holds: {ast.unparse(node)[:80]}"
        elif isinstance(node, ast.Try) and swallows(node):
            yield node.lineno, "a failed assertion is caught"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.parametrize" and isinstance(node.args[1], ast.List | ast.Tuple):
            for text in repeated(node.args[1].elts):
                yield node.lineno, f"the same row twice: {text[:80]}"
        elif isinstance(node, ast.With) and any(re.search(r"\braises\((Base)?Exception\)", ast.unparse(item.context_expr)) for item in node.items):
            yield node.lineno, "any exception will do, a mistake in the test, too"
        elif isinstance(node, Function) and is_test(node) and leaves_unchecked(node):
            yield leaves_unchecked(node)[0], "a case returns without a check"
        elif isinstance(node, Function) and any(ast.unparse(statement).startswith("pytest.skip(") for statement in own_statements(node)[:1]):
            yield node.lineno, "always skipped"


@pytest.mark.parametrize("name", TREES)
def test_assertions_can_fail(name: str) -> None:
    assert list(faults_of(TREES[name])) == []


def test_every_test_checks_something() -> None:
    checking = checking_names()
    idle = [f"{name}: {function.name}" for name, tree in TREES.items() for function in functions_of(tree) if is_test(function) and function.name not in checking]
    assert idle == []


def test_no_two_tests_have_the_same_body() -> None:
    bodies: dict[str, list[str]] = {}
    for tree in TREES.values():
        for function in functions_of(tree):
            if is_test(function):
                whole = [*function.decorator_list, function.args, *own_statements(function)]
                bodies.setdefault("\n".join(map(ast.unparse, whole)), []).append(function.name)
    assert {tuple(names) for names in bodies.values() if len(names) > 1} == SAME_BODY


def test_every_helper_is_used() -> None:
    text = "\n".join(SOURCES.values())
    words: dict[str, int] = {}
    for word in re.findall(r"\w+", text):
        words[word] = words.get(word, 0) + 1
    idle = [
        f"{name}: {node.name}"
        for name, tree in TREES.items()
        for node in tree.body
        if isinstance(node, Function | ast.ClassDef) and words[node.name] == 1 and not node.name.startswith(("test_", "Test", "pytest_"))
        and not any("autouse" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]  # fmt: skip
    assert idle == []


@pytest.mark.parametrize("body", [
    "assert True", "assert (found, 1)", "assert x == x", "assert x or 'text'", "assert len(found) >= 0",
    "try:\n        assert x\n    except Exception:\n        pass", "pytest.skip('no time')",
    "with pytest.raises(Exception):\n        run()", "if not found: return\n    assert found[0]", "for _ in parametrize: pytest.mark.parametrize('a', [1, 2, 1])",
])  # fmt: skip
def test_the_faults_are_found(body: str) -> None:
    assert len(list(faults_of(ast.parse(f"def test_it():\n    {body}\n")))) == 1


@pytest.mark.parametrize("body", [
    "assert x != x", "assert first() == first()", "assert x", "assert x == y == x", "assert x or y",
    "try:\n        assert x\n    except ValueError:\n        pass", "if slow: pytest.skip('no time')", "def inner():\n        if x: return\n    assert inner()", "with pytest.raises(ValueError):\n        run()",
])  # fmt: skip
def test_what_can_fail_is_let_be(body: str) -> None:
    assert list(faults_of(ast.parse(f"def test_it():\n    {body}\n"))) == []
