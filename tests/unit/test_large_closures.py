"""Closures and thunks that capture thousands of variables, whose words are reserved before they are written."""

import pytest

from snowsnake import Evaluator, LimitReached

COUNT = 5000
# A pattern has at most 65 535 names.
MOST_FORMALS = 60_000
BIG = "let big = builtins.concatStringsSep \"\" (builtins.genList (i: \"" + 100 * "x" + "\") 40000); in builtins.seq big "


def capturing(count: int, body: str) -> str:
    """A program whose `f` is a function that captures so many variables; `body` may also use `s`, the argument of the function around it."""
    names = [f"v{i}" for i in range(count)]
    parts = [names[start : start + MOST_FORMALS] for start in range(0, count, MOST_FORMALS)]
    patterns = " ".join(f"{{ {', '.join(part)} }}:" for part in parts)
    function = f"({patterns} s: {body.replace('CLOSURE', '(y: [ ' + ' '.join(names) + ' ])')})"
    arguments = (f"{{ {' '.join(f'{name} = {name[1:]};' for name in part)} }}" for part in parts)
    return f"{function} {' '.join(arguments)} "


@pytest.mark.parametrize("count", [4097, COUNT, 70_000])
def test_every_captured_variable_is_there(count):
    """A reservation of more than 65 536 words is made in the old space."""
    source = capturing(count, "let f = CLOSURE; in builtins.foldl' builtins.add 0 (builtins.concatLists [ (f 1) (f s) ])")
    assert Evaluator().evaluate(source + "2").to_python() == count * (count - 1)


def test_the_memory_limit_is_met_by_a_closure():
    """The text before the closure takes more and more of the memory under the limit, so at some size there is no room for the closure."""
    text = '"' + 8 * "${s}" + 'q"'
    source = BIG + "(" + capturing(COUNT, f'builtins.isFunction (if {text} == "" then 1 else CLOSURE)')
    outcomes = []
    for size in range(3_500_000, 3_700_000, 2500):
        try:
            outcomes.append(Evaluator(memory_limit_bytes=32 << 20).evaluate(f"{source} (builtins.substring 0 {size} big))").to_python())
        except LimitReached as error:
            outcomes.append(error.code)
    assert outcomes == sorted(outcomes, key=str) and {*outcomes} == {True, "memory"}
