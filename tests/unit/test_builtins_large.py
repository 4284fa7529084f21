"""Builtins on large and deep input: linear time, no C recursion, clean errors at the limits."""

import json

import pytest

import snowsnake

MILLION = [
    ("builtins.length (map (x: throw \"lazy\") (builtins.genList (x: x) 1000000))", 1_000_000),
    ("builtins.length (builtins.filter (x: x - x / 2 * 2 == 0) (builtins.genList (x: x) 1000000))", 500_000),
    ("builtins.foldl' (a: b: a + b) 0 (map (x: x + 1) (builtins.genList (x: x) 1000000))", 500_000_500_000),
    ("builtins.length (builtins.concatMap (x: [ x x ]) (builtins.genList (x: x) 500000))", 1_000_000),
    ("builtins.length (builtins.concatLists (builtins.genList (x: [ x ]) 1000000))", 1_000_000),
    ("builtins.length (builtins.partition (x: x < 10) (builtins.genList (x: x) 1000000)).wrong", 999_990),
    ("builtins.any (x: x == 999999) (builtins.genList (x: x) 1000000)", True),
    ("builtins.all (x: x < 1000000) (builtins.genList (x: x) 1000000)", True),
    ("builtins.elem 999999 (builtins.genList (x: x) 1000000)", True),
    ("builtins.head (builtins.sort builtins.lessThan (builtins.genList (x: 1000000 - x) 1000000))", 1),
    ("builtins.elemAt (builtins.sort (a: b: a < b) (builtins.genList (x: builtins.bitXor x 4095) 200000)) 777", 777),
    (
        "builtins.length (builtins.attrNames (builtins.groupBy (x: toString (x / 10)) (builtins.genList (x: x) 300000)))",
        30_000,
    ),
    (
        "builtins.length (builtins.attrValues (removeAttrs (builtins.listToAttrs (builtins.genList"
        ' (x: { name = "a${toString x}"; value = x; }) 200000)) (builtins.genList (x: "a${toString x}") 100000)))',
        100_000,
    ),
    (
        "builtins.length (builtins.genericClosure { startSet = [ { key = 0; } ]; operator ="
        " x: if x.key < 200000 then [ { key = x.key + 1; } { key = x.key + 2; } ] else [ ]; })",
        200_002,
    ),
    ("builtins.deepSeq (builtins.foldl' (a: b: [ a ]) 0 (builtins.genList (x: x) 1000000)) 1", 1),
    ("builtins.deepSeq (builtins.foldl' (a: b: { inherit a; }) 0 (builtins.genList (x: x) 1000000)) 1", 1),
    ("builtins.foldl' (a: b: builtins.seq a (a + 1)) 0 (builtins.genList (x: x) 1000000)", 1_000_000),
    ("(builtins.foldl' (a: b: builtins.tryEval a.value) { value = 5; } (builtins.genList (x: x) 100000)).value", 5),
    (
        "let f = n: if n == 0 then throw \"x\" else builtins.addErrorContext \"at ${toString n}\" (f (n - 1)); in"
        " (builtins.tryEval (f 100000)).success",
        False,
    ),
    ("let f = n: if n == 0 then 7 else (builtins.tryEval (f (n - 1))).value; in f 200000", 7),
    ("let f = n: if n == 0 then [ 1 ] else builtins.concatMap (x: f (n - 1)) [ n ]; in f 100000", [1]),
    ("let f = n: if n == 0 then true else builtins.all (x: f (n - 1)) [ n ]; in f 200000", True),
]


@pytest.mark.parametrize("expression, expected", MILLION)
def test_builtins_take_large_arguments(expression: str, expected: object, is_stressed: bool) -> None:
    if is_stressed:
        pytest.skip("too large for a collection at every safepoint")
    assert snowsnake.evaluate(expression).to_python() == expected


@pytest.mark.parametrize(
    "expression, code",
    [
        ("builtins.genList (x: x) 9223372036854775807", "memory"),
        ("builtins.genList (x: x) 1000000000000", "memory"),
        ("builtins.genList (x: x) (-1)", "range"),
        (
            "let l = builtins.genList (x: x) 1000000; m = builtins.genList (x: l) 1000000; in builtins.concatLists m",
            "memory",
        ),
        ("let f = x: builtins.seq (f x) 1; in f 1", "depth"),
        ("let f = n: builtins.any (x: f (n + 1)) [ n ]; in f 0", "depth"),
        ("let f = n: builtins.addErrorContext \"c\" (f (n + 1)); in f 0", "depth"),
        ("let f = n: builtins.sort (a: b: f (n + 1)) [ 2 1 ]; in f 0", "depth"),
        ("let f = n: (builtins.tryEval (f (n + 1))).value; in f 0", "depth"),
    ],
)
def test_builtins_that_reach_a_limit_raise_its_error(expression: str, code: str, is_stressed: bool) -> None:
    if is_stressed and code == "depth":
        pytest.skip("too deep for a collection at every safepoint")
    with pytest.raises(snowsnake.EvaluationError) as caught:
        snowsnake.Evaluator(depth_limit=100_000).evaluate(expression).force()
    assert caught.value.code == code


@pytest.mark.parametrize("form", ["builtins.toJSON", "builtins.toXML"])
@pytest.mark.parametrize("element", ["{ a = i; }.a", "[ i ]", "{ inherit i; }", '"x${toString i}"', "builtins.elemAt [ i ] 0"])
def test_a_text_that_grows_between_collections(form, element):
    """A text that is the last object of the old space grows in place, and objects that were made meanwhile are still found."""
    nix = snowsnake.Evaluator()
    program = f"builtins.genList (i: {element}) 100000"
    garbage = "builtins.foldl' (a: b: [ b ]) [ ] (builtins.genList (i: [ i ]) 100000)"
    text, again = (nix.evaluate(f"let t = {form} ({program}); in builtins.seq t (builtins.seq ({garbage}) t)").to_python() for _ in range(2))
    assert text == again
    if form == "builtins.toJSON":
        assert json.loads(text) == nix.evaluate(program).to_python()
    else:
        assert text.count("int value") == 100_000 or "string value" in text
