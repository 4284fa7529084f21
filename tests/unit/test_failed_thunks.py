"""The text of an error does not depend on what was evaluated before: a failed thunk that is asked again fails with the same text as the first time."""

import itertools

import pytest

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

# Programs whose `x` is a thunk that fails.
FAILURES = {
    "throw": 'throw "no"',
    "inside": '1 + (throw "no")',
    "tail call": 'let f = a: a + (throw "no"); in f 1',
    "tail calls": 'let f = n: if n == 0 then throw "no" else f (n - 1); in f 30',
    "deep": 'let f = n: if n == 0 then throw "no" else 1 + f (n - 1); in f 400',
    "chain": 'let a = b; b = c; c = id (throw "no"); id = v: v; in a',
    "context": 'builtins.addErrorContext "while we try" (1 + builtins.addErrorContext "deeper" (throw "no"))',
    "context far out": 'let f = n: if n == 0 then throw "no" else 1 + f (n - 1); in builtins.addErrorContext "here" (f 400)',
    "abort": 'abort "no"',
    "assertion": "assert 1 == 2; 3",
    "difference": "assert { a = [ 1 2 ]; } == { a = [ 1 3 ]; }; 3",
    "type": '1 + "a"',
    "missing attribute": "{ abc = 1; }.abd",
    "missing attribute, far": "let s = { abc = { d = 1; }; }; in s.abc.e.f",
    "variable": "with { a = 1; }; b",
    "missing argument": "let f = { a, b }: a; g = v: f v; in g { a = 1; }",
    "unexpected argument": "let f = { a }: a; in f { a = 1; c = 2; }",
    "no function": "let f = 1; in f 2",
    "functor": "{ __functor = self: v: v + self.n; n = { }; } 2",
    "division": "1 / 0",
    "circle": "let a = b + 1; b = a + 1; in a",
    "attribute": 'let s = { t = throw "no"; }; in s.t',
    "inherited attribute": 'let s = { inherit ({ t = throw "no"; }) t; }; in s.t',
    "map": 'builtins.elemAt (map (v: v + (throw "no")) [ 1 2 ]) 1',
    "filter": 'builtins.filter (v: v + 1) [ 1 ]',
    "sort": 'builtins.sort (a: b: a < b) [ 1 "a" ]',
    "fold": "builtins.foldl' (a: b: a + b) 0 [ 1 { } ]",
    "elements": 'builtins.concatStringsSep "," [ "a" 1 ]',
    "json": 'builtins.toJSON { a = [ 1 (throw "no") ]; }',
    "deep sequence": 'builtins.deepSeq { a = [ 1 (throw "no") ]; } 1',
    "attributes": 'builtins.listToAttrs [ { name = "a"; } ]',
    "derivation": 'derivation { name = "a"; system = "x"; builder = throw "no"; }.drvPath',
    "interpolation": '"a${throw "no"}b"',
    "caught inside": 'if (builtins.tryEval (throw "in")).success then 1 else throw "out"',
    "search path": "<nowhere/at/all>",
    "parsing": 'builtins.fromJSON "{"',
    "regular expression": 'builtins.match "(" "a"',
    "syntax": 'import (builtins.toFile "a.nix" "{ a = ")',
    "import": 'import (builtins.toFile "b.nix" "let f = v: v + (throw \\"no\\"); in f 1")',
}
# Expressions that need `x`.
ASKERS = (
    "x",
    "1 + x",
    "x + 1",
    "-x",
    "x.a",
    "x.a or 1",
    "x 1",
    '"a${x}"',
    "if x then 1 else 2",
    "!x && true",
    "with x; a",
    "assert x; 1",
    "x // { }",
    "[ 1 x ]",
    "{ a.b = x; }",
    "let y = x; in y",
    "id x",
    "id (id x) + 1",
    "1 + id x",
    "(v: v + 1) x",
    "late x",
    "(v: [ (assert v; 1) ]) x",
    "(v: [ (v 1) (!v) ]) x",
    "builtins.seq x 1",
    "builtins.deepSeq [ x ] 1",
    "builtins.toString x",
    "builtins.toJSON { a = [ x ]; }",
    "builtins.attrNames x",
    "builtins.length [ x ] + builtins.length x",
    "map (v: v + 1) [ x ]",
    "map id x",
    "builtins.foldl' (a: b: a + b) 0 [ 1 x ]",
    "builtins.elem 1 [ x ]",
    "[ 1 x ] == [ 1 2 ]",
    "1 < x",
    'builtins.addErrorContext "while someone asks" x',
    "{ __functor = self: v: v + 1; } x",
    "{ inherit (x) a; }",
    "derivation { name = x; system = \"s\"; builder = \"b\"; }",
    "(builtins.tryEval x).value",
    "builtins.tryEval (late x)",
    "builtins.seq (builtins.tryEval x) (x + 1)",
    "y",
    "1 + y",
    "id z",
    "[ (1 + z) ]",
    "builtins.length y",
    "s.t",
    "1 + s.v",
    "[ (id s.u) ]",
    "{ inherit (s) v; }",
    "builtins.seq (builtins.tryEval (builtins.addErrorContext \"in a try\" (id x))) x",
)  # fmt: skip
FIRST = ("x", "1 + id x", "builtins.tryEval x", "builtins.tryEval [ (late x + 1) ]", 'builtins.addErrorContext "first" [ x ]', "[ (id y) ]", "1 + y", "[ s.v ]")


def program(failure: str, askers: list[str]) -> bytes:
    attributes = " ".join(f"a{number} = {asker};" for number, asker in enumerate(askers))
    return f"let id = v: v; late = v: [ (v + 1) ]; x = {FAILURES[failure]}; y = id x; z = y; s = {{ t = id x; u = s.t; v = s.u; }}; in {{ {attributes} }}".encode()


def texts(source: bytes, names: list[str], folder: str, *, collects: bool = False, **options: object) -> list[str]:
    """The report of each attribute's error, one after the other in one evaluator."""
    evaluator = Interpreter(**options)
    root = evaluator.evaluate(source, folder)
    found = []
    for name in names:
        try:
            found.append(root.select(name.encode()).to_json())
        except EvaluationError as error:
            found.append(error.render(show_trace=True))
        if collects:
            evaluator.collect()
    return found


@pytest.mark.parametrize("failure", FAILURES)
def test_text_is_the_same_again(failure, tmp_path):
    """Each asker asks alone, and again, and after others in several orders."""
    source = program(failure, [*ASKERS, *FIRST])
    names = [f"a{number}" for number in range(len(ASKERS))]
    first = [f"a{len(ASKERS) + number}" for number in range(len(FIRST))]
    alone = {name: texts(source, [name], str(tmp_path))[0] for name in names}
    for before in first:
        for name in names:
            _, text, again = texts(source, [before, name, name], str(tmp_path))
            assert text == alone[name], (FIRST[first.index(before)], ASKERS[names.index(name)])
            assert again == text
    for order in (names, names[::-1]):
        assert dict(zip(order, texts(source, order, str(tmp_path)), strict=True)) == alone


@pytest.mark.parametrize("failure", FAILURES)
def test_collections_do_not_change_the_text_of_an_error(failure, tmp_path):
    source = program(failure, list(ASKERS))
    names = [f"a{number}" for number in range(len(ASKERS))]
    alone = {name: texts(source, [name], str(tmp_path))[0] for name in names}
    assert dict(zip(names, texts(source, names, str(tmp_path), collects=True), strict=True)) == alone
    for name in itertools.islice(names, 0, None, 5):
        assert texts(source, [name], str(tmp_path), stress=True) == [alone[name]], ASKERS[names.index(name)]


def test_a_failure_outlives_the_code_that_it_names():
    """Expressions are forgotten, except those that the trace of a failed thunk names."""
    evaluator = Interpreter()
    kept = evaluator.evaluate(b"let f = v: v + (throw \"no\"); in [ (f 1) ]", "/")
    with pytest.raises(EvaluationError) as first:
        kept.index(0).force()
    for number in range(300):
        evaluator.evaluate(f"let g = v: v + {number}; in g 1".encode(), "/").force()
        if number % 100 == 0:
            evaluator.collect()
    with pytest.raises(EvaluationError) as second:
        kept.index(0).force()
    assert second.value.render(show_trace=True) == first.value.render(show_trace=True)
