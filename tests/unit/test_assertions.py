"""Messages of failed assertions: the condition, or the first difference of a comparison and the way to it; recorded from C++ Nix 2.34."""

import pytest

import snowsnake

FAILED = [
    ("assert false; 1", "assertion 'false' failed"),
    ("let b = false; in assert b; 1", "assertion 'b' failed"),
    ("assert 1 != 1; 1", "assertion '(1 != 1)' failed"),
    ("assert !(1 == 1); 2", "assertion '(! (1 == 1))' failed"),
    ("assert 1 == 2 && true; 1", "assertion '((1 == 2) && true)' failed"),
    ("assert 1 == 2; 1", "an integer with value '1' is not equal to an integer with value '2'"),
    ("assert 1 == 1.5; 1", "an integer with value '1' is not equal to a float with value '1.5'"),
    ('assert 1 == "a"; 1', "an integer of value '1' is not equal to a string of value '\"a\"'"),
    ("assert null == false; 1", "null of value 'null' is not equal to a Boolean of value 'false'"),
    ("assert true == false; 1", "boolean 'true' is not equal to boolean 'false'"),
    ('assert "a" == "b"; 1', "string '\"a\"' is not equal to string '\"b\"'"),
    ("assert /a == /b; 1", "path '/a' is not equal to path '/b'"),
    (
        "assert [ 1 2 ] == [ 1 ]; 1",
        "list of size '2' is not equal to list of size '1', left hand side is '[ 1 2 ]', right hand side is '[ 1 ]'",
    ),
    (
        "assert { a = 1; b = 2; } == { a = 1; }; 1",
        "attribute names of attribute set '{ a = 1; b = 2; }' differs from attribute set '{ a = 1; }'",
    ),
    ("assert { a = 1; } == { b = 1; }; 1", "attribute name 'a' is contained in '{ a = 1; }', but not in '{ b = 1; }'"),
    (
        "assert (x: x) == (x: x); 1",
        "distinct functions and immediate comparisons of identical functions compare as unequal",
    ),
    ('assert { x = [ 1 { y = "a"; } ]; } == { x = [ 1 { y = "b"; } ]; }; 1', "string '\"a\"' is not equal to string '\"b\"'"),
]


def failure(program: str, level: int = 1, stress: bool = False) -> snowsnake.EvaluationError:
    nix = snowsnake.interpreter.Interpreter(level=level, stress=stress)
    with pytest.raises(snowsnake.EvaluationError) as caught:
        nix.evaluate(program.encode(), "/").force()
    return caught.value


@pytest.mark.parametrize(("program", "message"), FAILED)
def test_message_is_the_recorded_one(program: str, message: str) -> None:
    assert failure(program).message == message
    assert failure(program, stress=True).message == message
    assert failure(program, level=0).message == message
    assert failure(program).code == "assertion" == failure(program, level=0).code
    assert snowsnake.evaluate(f"(builtins.tryEval ({program})).success").to_python() is False


def test_a_failed_assertion_names_the_way_to_the_difference() -> None:
    error = failure('assert { x = [ 1 { y = "a"; } ]; } == { x = [ 1 { y = "b"; } ]; }; 1')
    assert [frame.description for frame in error.trace if frame.kind == "text"] == [
        'while evaluating the condition of the assertion \'({ x = [ (1) ({ y = "a"; }) ]; } == { x = [ (1) ({ y = "b"; }) ]; })\'',
        "while comparing attribute 'x'",
        "where left hand side is",
        "where right hand side is",
        "while comparing list element 1",
        "while comparing attribute 'y'",
        "where left hand side is",
        "where right hand side is",
    ]


def test_derivations_are_compared_by_path() -> None:
    one, other = (f'{{ type = "derivation"; outPath = "{path}"; broken = throw "not looked at"; }}' for path in "ab")
    assert snowsnake.evaluate(f"assert {one} == {one}; true").to_python() is True
    error = failure(f"assert [ {one} ] == [ {other} ]; 1")
    assert "while comparing a derivation by its 'outPath' attribute" in [frame.description for frame in error.trace]


def test_a_difference_may_be_100_000_lists_deep() -> None:
    nested = "builtins.foldl' (inner: n: [ inner ]) %d (builtins.genList (n: n) 100000)"
    error = failure(f"assert {nested % 1} == {nested % 2}; 1")
    assert error.message == "an integer with value '1' is not equal to an integer with value '2'"
    assert error.trace[0].description.startswith("while evaluating the condition of the assertion")


@pytest.mark.parametrize("level", [0, 1])
def test_equal_values_pass(level: int) -> None:
    nix = snowsnake.Evaluator(optimise=level)
    assert nix.evaluate("let a = [ { b = x: x; } ]; in assert a == a; assert { } == { }; 1").to_python() == 1
    assert nix.evaluate('let f = n: if n == 0 then "end" else assert n == n; f (n - 1); in f 100000').to_python() == "end"


def test_errors_inside_are_not_differences() -> None:
    assert failure("assert [ 1 (1 / 0) ] == [ 1 2 ]; 1").code == "division-by-zero"
    error = failure('assert [ 1 (throw "x") ] == [ 2 2 ]; 1')
    assert (error.code, error.message) == ("assertion", "an integer with value '1' is not equal to an integer with value '2'")


@pytest.mark.parametrize(
    "program",
    [
        *(program for program, _ in FAILED), "let c = 1 == 2; in assert c; 1", "assert let x = 1; in x == 2; 1", "assert if true then false else 1 == 2; 1",
        "assert if false then false else 1 == 2; 1", "assert with { a = 1; }; a == 2; 1", "assert (1 == 2); 1", "assert (assert 1 == 2; 1) == 1; 2",
        "let f = x: y: assert x == y; 1; in f { a = [ 1 ]; } { a = [ 2 ]; }", "with { a = { outPath = 1; type = \"derivation\"; }; }; assert a == a // { outPath = 2; }; 1",
        "assert (x: x == 2) 1; 1", "assert builtins.all (x: x == 2) [ 1 ]; 1", "assert true -> 1 == 2; 1", "assert true && 1 == 2; 1",
    ],
)  # fmt: skip
def test_level_0_says_the_same(program: str) -> None:
    """`Equal` at level 0 does not say what its result is for; the thunk that waits for the result does."""
    default, plain, stressed = failure(program), failure(program, level=0), failure(program, level=0, stress=True)
    assert plain.message == default.message == stressed.message
    assert plain.code == default.code
