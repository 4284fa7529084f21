"""Calls that builtins make on the spot (machine/short_calls.pyx) are the machine's calls: the same values, errors, laziness and cells.

With `stress` a collection is due at all times, and none is made on the spot.
"""

import json
from itertools import product
from typing import Any

import pytest

from snowsnake.api import EvaluationError, Evaluator
from snowsnake.interpreter import Interpreter

FUNCTIONS = [
    "x: x",
    "x: 7",
    "x: [ ]",
    "x: [ x x ]",
    "x: [ x (x + 1) ]",
    "x: [ [ x ] ]",
    "x: x + 1",
    "x: x - 1",
    "x: x * 3",
    "x: x * 9223372036854775807",
    "x: x / 0",
    "x: 1.5 * x",
    'x: x + "b"',
    'x: "b" + x',
    'x: x + throw "t"',
    'x: throw "t"',
    "x: x < 2",
    "x: 2 <= x",
    "x: x > 2",
    'x: x >= "a"',
    "x: x == 1",
    'x: x != "a"',
    "x: !x",
    "x: x == x",
    "x: [ x ] == [ x ]",
    "x: x.a",
    "x: x.a.b",
    "x: x.a or 5",
    "x: x ? a",
    "x: x ? a && x.a == 1",
    "x: if x == 1 then [ x ] else [ ]",
    "x: if x then 1 else 2",
    "x: y: x",
    "x: { a = x; }",
    "x: { b = x; a = [ x (f x) ]; c = x + 1; }",
    "x: rec { b = a; a = x; }",
    "x: { ${toString x} = x; }",
    "x: [ (f x) (x == 1) ]",
    "x: [ (y: x) ]",
    "x: with { q = x; }; [ q (q + 1) ]",
    "x: let y = x * 10; in y == 20",
    "x: let y = x * 10; z = y + 1; in y < z",
    "x: let y = f x; in [ y x y ]",
    "x: let y = f x; in y == x",
    "x: let y = x; z = [ y ]; in z",
    "x: let y = z + 1; z = x; in { inherit y z; }",
    'x: let y = throw "u"; in 1',
    'x: let y = throw "u"; in y',
    "x: let a = x; b = a; c = b; d = c; e = d; g = e; h = g; in [ a h ]",
    "x: -x",
    "x: f",
    "x: f x",
    "x: far + x",
    "x: far",
    "x: late + x",
    "x: [ late x ]",
    "{ a, ... }: a",
    "{ a ? 1 }: a",
    'x: "${x}"',
    "builtins.isInt",
    "toString",
    "{ __functor = _: x: [ x ]; }",
    "5",
    "x: x + 1 - 2 * x + 3 - x * x * x * x * x",
    "x: a1 + x",
    "x: x (x: x)",
]
ARGUMENTS = [
    "[ 1 2 3 ]",
    '[ "a" "bb" ]',
    "[ 1.5 2 ]",
    "[ { a = 1; } { a = { b = 2; }; } { } ]",
    "[ true false ]",
    '[ (1 + 1) (throw "e") ]',
    "[ null ]",
    "[ [ 1 ] [ ] [ 2 3 ] ]",
    "[ (x: x) ]",
    "(builtins.genList (i: i * 2) 200)",
    "[ 2305843009213693951 (-2305843009213693952) 9223372036854775807 ]",
    "[ /a ]",
    '[ (builtins.trace "seen" 4) 5 ]',
    "(map (x: late) [ 1 2 ])",
]
USES = [
    "map ({f}) {l}",
    "builtins.concatMap ({f}) {l}",
    "builtins.filter ({f}) {l}",
    "builtins.any ({f}) {l}",
    "builtins.all ({f}) {l}",
    "builtins.partition ({f}) {l}",
    "builtins.concatLists (map ({f}) {l})",
    'builtins.concatStringsSep "-" (map ({f}) {l})',
    "toString (map ({f}) {l})",
    "builtins.elem 3 (map ({f}) {l})",
    "builtins.sort builtins.lessThan (map ({f}) {l})",
    "let l = map ({f}) {l}; in [ (l == l) (map ({f}) {l} == l) ]",
    "let l = map ({f}) {l}; in [ (builtins.elem (builtins.head l) l) l l ]",
    "let l = map ({f}) {l}; in [ (l < map ({f}) {l}) (map ({f}) {l} < [ 1 ]) ]",
    # Messages show which elements have been evaluated.
    "let l = map ({f}) {l}; in builtins.seq (builtins.concatLists l) (builtins.trace l 1)",
    "let l = map ({f}) {l}; in builtins.seq (l == map ({f}) {l}) (builtins.trace l 1)",
    "let l = map ({f}) {l}; in builtins.seq (l < map ({f}) {l}) (builtins.trace l 1)",
    "let l = map ({f}) {l}; in builtins.seq (toString l) (builtins.trace l 1)",
    "let l = map ({f}) {l}; in builtins.seq (builtins.all (x: true) l) (builtins.trace l 1)",
    "let l = builtins.concatMap ({f}) {l}; in builtins.trace l 1",
]
PAIRS = [
    "a: b: a < b",
    "a: b: b < a",
    "a: b: a.x < b.x",
    "a: b: a == b",
    "a: b: true",
    "a: b: a + b",
    "a: b: [ a b ]",
    "a: b: b",
    "a: b: a",
    "a: b: a + b.x",
    "a: b: 1",
    "a: b: a ++ [ b ]",
    'a: b: throw "t"',
    "a: b: if a < b then true else false",
    "a: b: c: a",
    "a: b: let c = b; in a < c",
    "a: b: let c = f a; d = b; in if c == d then { inherit c; } else a",
]
PAIR_USES = [
    "builtins.sort ({f}) {l}",
    "builtins.foldl' ({f}) 0 {l}",
    'builtins.foldl\' ({f}) (throw "start") {l}',
    "builtins.foldl' ({f}) [ ] {l}",
]
PAIR_ARGUMENTS = [
    "[ 3 1 2 1 ]",
    '[ "b" "a" ]',
    "[ { x = 2; y = 1; } { x = 1; } { x = 2; y = 2; } ]",
    '[ 1 (throw "e") ]',
    "(builtins.genList (i: (i * 37) - (i / 3) * 101) 300)",
    "(builtins.genList (i: i) 40)",
    "[ ]",
    "[ 5 ]",
]
AROUND = "let far = 100; f = x: [ x 1 ]; late = builtins.head [ 8 ]; a1 = 1.5; in "


def outcome(program: str, **options: Any) -> str:
    evaluator = Interpreter(**options)
    try:
        return evaluator.evaluate(program.encode(), "/").to_nix(strict=True).decode()
    except EvaluationError as error:
        return f"{error.code}: {error}"


def check(programs: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    for program in programs:
        whole = AROUND + program
        found = outcome(whole), capfd.readouterr().err
        assert found == (outcome(whole, stress=True), capfd.readouterr().err), program


@pytest.mark.parametrize("use", USES)
def test_short_calls_of_an_element_are_the_machines(use: str, capfd: pytest.CaptureFixture[str]) -> None:
    check([use.format(f=f, l=argument) for f, argument in product(FUNCTIONS, ARGUMENTS)], capfd)


def test_what_let_binds_is_no_argument() -> None:
    """The machine keeps arguments and bound names in one frame, one behind the other."""
    assert outcome("builtins.filter (x: let y = x * 10; in y == 20) [ 1 2 3 ]") == "[ 2 ]"
    assert outcome("builtins.filter (x: let y = x * 10; in y == 2) [ 1 2 3 ]") == "[ ]"
    assert outcome("builtins.sort (a: b: let c = b * 2; in a < c) [ 1 5 3 ]") == outcome("builtins.sort (a: b: a < b * 2) [ 1 5 3 ]")


@pytest.mark.parametrize("use", PAIR_USES)
def test_short_calls_of_two_arguments_are_the_machines(use: str, capfd: pytest.CaptureFixture[str]) -> None:
    check([use.format(f=f, l=argument) for f, argument in product(PAIRS, PAIR_ARGUMENTS)], capfd)


@pytest.mark.parametrize("size", [63, 64, 65, 70_000, 200_000])
def test_lists_of_all_sizes_are_joined(size: int) -> None:
    """Small ones are gathered, large ones are parts of the result; so many elements become a part."""
    program = f"""
      let part = i: if i == 7 then builtins.genList (j: j) {size} else if i == 9 then [ ] else [ i (-i) ];
          list = builtins.genList part {size // 3}; joined = builtins.concatLists list;
      in [ (joined == builtins.concatMap part (builtins.genList (i: i) {size // 3})) (builtins.length joined)
           (builtins.foldl' (a: x: a + x) 0 joined) (builtins.elemAt joined 13) (builtins.elemAt joined {size - 1}) ]
    """
    small = size // 3 - 2
    numbers = [n for i in range(size // 3) for n in (range(size) if i == 7 else [] if i == 9 else [i, -i])]
    assert outcome(program) == f"[ true {size + 2 * small} {sum(numbers)} {numbers[13]} {numbers[size - 1]} ]"


# Functions that in the middle return lists of another length, fail, or need more than a short call; and their results for i.
IN_BULK = {
    "i: [ i ]": lambda i: [i],
    "i: [ ]": lambda i: [],
    "i: [ i (i + 1) ]": lambda i: [i, i + 1],
    "i: if i < 60000 then [ i ] else [ i i i i i i ]": lambda i: [i] if i < 60000 else [i] * 6,
    "i: if i < 60000 then [ i i i ] else [ ]": lambda i: [i] * 3 if i < 60000 else [],
    "i: if i < 9000 then [ ] else [ { a = i; }.a ]": lambda i: [] if i < 9000 else [i],
    "i: if i == 60000 then builtins.genList (j: j) 100 else [ i ]": lambda i: list(range(100)) if i == 60000 else [i],
}


@pytest.mark.parametrize("function", IN_BULK)
@pytest.mark.parametrize("form", ["concatMap ({}) {}", "concatLists (map ({}) {})", "let l = map ({}) {}; in seq (concatLists l) (concatLists l)"])
def test_lists_of_many_short_calls_are_right(form: str, function: str) -> None:
    """Objects of short calls go into the old space when the nursery is full, and the result has room for all further elements."""
    program = form.format(function, "(builtins.genList (i: i) 100000)")
    result = Evaluator().evaluate(f"with builtins; toJSON ({program})").to_python()
    assert json.loads(result) == [x for i in range(100_000) for x in IN_BULK[function](i)]


def test_texts_of_many_short_calls_are_right() -> None:
    nix = Evaluator()
    for program in ("(map toString (builtins.genList (i: i) 100000))", "(map toString (map toString (builtins.genList (i: i) 100000)))", "(builtins.genList toString 100000)"):
        assert nix.evaluate(f'builtins.concatStringsSep "," {program}').to_python() == ",".join(map(str, range(100_000)))
    with pytest.raises(EvaluationError, match="no"):
        nix.evaluate('builtins.concatStringsSep "," (map toString (builtins.genList (i: if i == 90000 then throw "no" else i) 100000))').to_python()


def test_a_chain_of_texts_needs_no_stack() -> None:
    program = "builtins.foldl' (l: _: map toString l) [ 1 ] (builtins.genList (i: i) 100000)"
    assert Evaluator(depth_limit=10**6).evaluate(f"builtins.elemAt ({program}) 0").to_python() == "1"
