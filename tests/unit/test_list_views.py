"""`tail` of a long list is a view of it: no operation on lists may tell it from a copy, and a recursion over `tail` is linear."""

import json

import pytest

import snowsnake
from snowsnake.interpreter import Interpreter
from snowsnake.observe.statistics import statistics

# `base` is 1 … 24, each element a thunk; `view` all but three of it, `copy` the same elements in a list of their own.
SETTING = """
let
  inherit (builtins) tail head length elemAt genList;
  base = genList (i: i + 1) 24;
  view = tail (tail (tail base));
  copy = genList (i: elemAt base (i + 3)) 21;
in
"""

# Uses of the list %s; the result must be the same for the view and for the copy.
USES = [
    "%s",
    "length %s",
    "head %s",
    "elemAt %s 0",
    "elemAt %s 20",
    "elemAt %s 21",
    "elemAt %s (-1)",
    "tail %s",
    "tail (tail %s) == tail (tail copy)",
    "%s ++ [ 0 ]",
    "[ 0 ] ++ %s",
    "%s ++ [ ]",
    "%s ++ %s ++ base",
    "%s == copy",
    "copy == %s",
    "%s == base",
    "[ %s ] == [ (tail (tail (tail base))) ]",
    "%s < copy ++ [ 1 ]",
    "tail %s < %s",
    "map (x: x * 2) %s",
    "builtins.filter (x: x / 2 * 2 == x) %s",
    "builtins.sort (a: b: a > b) %s",
    "builtins.sort builtins.lessThan %s",
    "builtins.concatLists [ %s [ ] ]",
    "builtins.concatLists [ %s base %s ]",
    "builtins.concatMap (x: [ x x ]) %s",
    "builtins.concatLists (map (x: [ x ]) %s)",
    "builtins.foldl' (sum: x: 2 * sum + x) 0 %s",
    "builtins.all (x: x > 3) %s",
    "builtins.any (x: x < 4) %s",
    "builtins.elem 3 %s",
    "builtins.elem 24 %s",
    "builtins.partition (x: x > 10) %s",
    "builtins.groupBy (x: toString (x / 5)) %s",
    "builtins.concatStringsSep \" \" (map toString %s)",
    "builtins.replaceStrings (map toString %s) (map (x: \"<${toString x}>\") %s) \"4 5 99 24\"",
    "toString %s",
    "builtins.toJSON %s",
    "builtins.toXML %s",
    "builtins.toXML { a = %s; b = base; }",
    "builtins.deepSeq %s 1",
    "builtins.listToAttrs (map (x: { name = \"n${toString x}\"; value = x; }) %s)",
    "removeAttrs { \"a5\" = 1; b = 2; } (map (x: \"a${toString x}\") %s)",
    "builtins.catAttrs \"a\" (map (a: { inherit a; }) %s)",
    "builtins.zipAttrsWith (name: values: values) [ { a = %s; } { a = base; } ]",
    "map (x: x.key) (builtins.genericClosure { startSet = map (key: { inherit key; }) %s; operator = x: [ ]; })",
    "builtins.typeOf %s",
    "%s + 1",
    "let l = [ %s %s ]; in builtins.deepSeq l l",
    "let list = %s; in assert list == base; 1",
]

MACHINES = [{}, {"stress": True}, {"level": 0}, {"level": 0, "stress": True}]


def outcome(program: str, options: dict) -> object:
    nix = Interpreter(**options)
    try:
        value = nix.evaluate(program.encode(), "/")
        return value.to_nix(strict=True).decode(), value.to_python()
    except snowsnake.EvaluationError as error:
        return error.code, error.message


def views_made(program: str) -> int:
    nix = Interpreter(count_objects=True)
    nix.evaluate(program.encode(), "/").deep_force()
    return statistics(nix)["listViews"]["number"]


@pytest.mark.parametrize("options", MACHINES)
def test_a_view_is_a_list(options):
    for use in USES:
        assert outcome(SETTING + use.replace("%s", "view"), options) == outcome(SETTING + use.replace("%s", "copy"), options), use


def test_the_setting_has_views():
    """Without views, the tests above would compare copies with copies."""
    assert views_made(SETTING + "view") == 3 and views_made(SETTING + "copy") == 0


@pytest.mark.parametrize("options", MACHINES)
def test_the_elements_are_shared(options):
    """An element is evaluated once, whichever list it is reached through; `seen` would show a second time."""
    program = """
      let
        base = builtins.genList (i: builtins.trace "seen ${toString i}" i) 30;
        view = builtins.tail (builtins.tail base);
        sum = builtins.foldl' (a: b: a + b) 0;
      in %s
    """
    for use in ("[ (sum view) (sum base) ]", "[ (sum base) (sum view) ]"):
        value = Interpreter(**options).evaluate((program % use).encode(), "/").to_python()
        assert sorted(value) == [434, 435]
    # Functions are equal if they are in one cell.
    assert outcome("let base = builtins.genList (i: (x: x)) 30; in builtins.tail base == builtins.tail base", options) == ("true", True)


def test_elements_are_evaluated_once(capfd):
    program = """
      let
        base = builtins.genList (i: builtins.trace "seen ${toString i}" i) 20;
        view = builtins.tail base;
      in builtins.deepSeq [ view base (builtins.tail view) ] 0
    """
    Interpreter().evaluate(program.encode(), "/").force()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 20 and len(set(lines)) == 20


def test_elements_stay_lazy():
    program = """
      let list = [ (throw "a") (throw "b") 3 4 5 6 7 8 9 10 (throw "c") 12 ]; in
      builtins.elemAt (builtins.tail (builtins.tail list)) 3 + builtins.length (builtins.tail list)
    """
    assert outcome(program, {}) == ("17", 17)


@pytest.mark.parametrize("options", MACHINES)
def test_tails_down_to_the_empty_list_are_right(options):
    program = """
      let down = list: if list == [ ] then [ ] else [ (builtins.length list) ] ++ down (builtins.tail list); in
      down (builtins.genList (i: i) 100)
    """
    assert outcome(program, options)[1] == list(range(100, 0, -1))
    for tails, left in ((99, [99]), (100, [])):
        program = f"builtins.foldl' (list: i: builtins.tail list) (builtins.genList (i: i) 100) (builtins.genList (i: i) {tails})"
        assert outcome(program, options)[1] == left
    too_many = "builtins.foldl' (list: i: builtins.tail list) (builtins.genList (i: i) 40) (builtins.genList (i: i) 41)"
    assert outcome(too_many, options) == ("range", "'builtins.tail' called on an empty list")


def test_printing_tells_shared_lists():
    """`nix eval` writes «repeated» for a list that it has written: a view is another list than its base."""
    program = SETTING + "[ base view view (tail view) ]"
    repeated = outcome(program, {})[0]
    copied = SETTING + "[ base copy copy (builtins.genList (i: i + 5) 20) ]"
    assert repeated == outcome(copied, {})[0] and "«repeated»" in repeated


def test_views_become_lists_of_python():
    nix = snowsnake.Evaluator()
    value = nix.evaluate(SETTING + "{ inherit base view; }")
    assert len(value["view"]) == 21 and value["view"][0].to_python() == 4 and value["view"][20].to_python() == 24
    with pytest.raises(IndexError):
        value["view"][21]
    assert value.to_python() == {"base": list(range(1, 25)), "view": list(range(4, 25))}
    assert json.loads(value["view"].to_json()) == list(range(4, 25))


def test_collections_keep_the_elements():
    """The base is reached through views alone; nursery and old space are collected between the steps."""
    nix = Interpreter()
    make = nix.evaluate(b"n: builtins.tail (builtins.tail (builtins.genList (i: { n = toString i; }) n))", "/")
    value = make.call(nix.evaluate(b"1000", "/"))
    value.force()
    for _ in range(3):
        nix.collect()
        assert nix.evaluate(b"list: (builtins.elemAt list 997).n + (builtins.head list).n", "/").call(value).to_python() == "9992"
    assert nix.census()["list view"][0] == 1


def test_a_view_holds_at_most_as_much_again():
    """A tail with less than half of the elements is a copy, so that the elements before it are not kept for ever."""
    nix = Interpreter()
    make = nix.evaluate(b"n: builtins.foldl' (list: i: builtins.tail list) (builtins.genList (i: i) n) (builtins.genList (i: i) (n - n / 10))", "/")
    value = make.call(nix.evaluate(b"100000", "/"))
    value.force()
    nix.collect()
    assert len(value) == 10000 and nix.census()["list"][1] < 2 * 10000 * 8 + 10000


MILLION = """
  let
    count = n: list: if list == [ ] then n else if n < 0 then n else count (n + 1) (builtins.tail list);
    keep = list: if list == [ ] then [ ] else [ list ] ++ keep (builtins.tail list);
  in
"""


def test_the_manual_tells_what_a_loop_over_tails_costs():
    """`made_bytes` grows with the length of the list, not with its square: builtins.md says so."""
    from snowsnake.builtins.table import TABLE

    made = []
    for length in (4000, 8000):
        evaluator = snowsnake.Evaluator()
        evaluator.evaluate(
            "let go = l: n: if l == [ ] then n else go (builtins.tail l) (n + builtins.head l); "
            f"in go (builtins.genList (x: x) {length}) 0"
        ).to_python()  # fmt: skip
        made.append(evaluator.statistics()["made_bytes"])
    assert "O(n) in all" in TABLE["tail"].doc
    assert made[1] < 2.5 * made[0]


def test_a_million_tails_take_linear_memory(is_stressed):
    if is_stressed:
        pytest.skip("too large for a collection at every safepoint")
    nix = Interpreter(count_objects=True)
    assert nix.evaluate((MILLION + "count 0 (builtins.genList (i: i) 1000000)").encode(), "/").to_python() == 1_000_000
    made = statistics(nix)
    # These are the elements of the list, and of the copies at a half, a quarter, ….
    assert made["list"]["elements"] < 3_100_000
    assert 999_900 < made["listViews"]["number"] <= 1_000_000


def test_tails_that_are_all_kept_share_their_elements(is_stressed):
    """`unique` of nixpkgs 18.09 keeps all tails; as copies, they would take 20 GB."""
    if is_stressed:
        pytest.skip("too large for a collection at every safepoint")
    nix = Interpreter()
    program = """
      let go = list: if list == [ ] then [ ] else let rest = builtins.tail list; in { inherit rest; next = go rest; }; in
      go (builtins.genList (i: i) 70000)
    """
    nix.evaluate(program.encode(), "/").deep_force()
    assert nix.statistics()["heap_bytes"] < 100_000_000
