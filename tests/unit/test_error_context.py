"""addErrorContext adds its line to every kind of error that passes it."""

import pytest

import snowsnake

# From a kind of error to an expression that fails with it; all lines are those of C++ Nix 2.34.8.
ERRORS = {
    "throw": 'throw "t"',
    "abort": 'abort "t"',
    "assert": "assert false; 1",
    "assert equal": "assert 1 == 2; 1",
    "infinite recursion": "x + 1",
    "infinite recursion of sets": "(rec { a = b; b = a; }).a",
    "infinite recursion of lists": "builtins.head (let l = builtins.tail l; in l)",
    "type": "1 + { }",
    "missing attribute": "{ }.a",
    "missing argument": "({ a }: a) { }",
    "unexpected argument": "({ }: 1) { a = 1; }",
    "not a function": "1 2",
    "coercion": '"${{ }}"',
    "division": "1 / 0",
    "overflow": "9223372036854775807 + 1",
    "index": "builtins.elemAt [ ] 0",
    "empty list": "builtins.head [ ]",
    "comparison": "1 < { }",
    "pattern": 'builtins.match "(" "a"',
    "JSON": 'builtins.fromJSON "{"',
    "TOML": 'builtins.fromTOML "="',
    "file": "import /nowhere/at/all",
    "folder": "builtins.readDir /nowhere/at/all",
    "search path": "<nowhere-at-all>",
    "parse": 'import (builtins.toFile "x.nix" "(")',
    "store path": 'builtins.storePath "/nowhere"',
    "derivation": 'builtins.derivationStrict { name = "x"; }',
    "path": '/a + "${{ }}"',
}


@pytest.mark.parametrize("kind", ERRORS)
def test_each_kind_of_error_gets_the_line(kind):
    nix = snowsnake.Evaluator()
    with pytest.raises(snowsnake.EvaluationError) as caught:
        nix.evaluate(f'let x = builtins.addErrorContext ("inner " + toString 1) ({ERRORS[kind]}); in builtins.addErrorContext "outer" x').force()
    lines = [frame.name for frame in caught.value.trace if frame.kind == "context"]
    assert lines == ["outer", "inner 1"]


def test_an_error_of_the_message_takes_the_place_of_infinite_recursion():
    with pytest.raises(snowsnake.EvaluationError, match="of the message"):
        snowsnake.evaluate('let x = builtins.addErrorContext (throw "of the message") (x + 1); in x').force()


def test_after_infinite_recursion_the_message_may_ask_for_what_took_part():
    """Its thunks are suspended again, so that the message may succeed where the value failed."""
    with pytest.raises(snowsnake.EvaluationError, match="infinite recursion") as caught:
        snowsnake.evaluate("let s = { a = builtins.addErrorContext (toString (builtins.attrNames s)) (s.a + 1); b = 1; }; in s.a").force()
    assert [frame.name for frame in caught.value.trace if frame.kind == "context"] == ["a b"]
