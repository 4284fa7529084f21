"""Programs in which several parts of a value fail: the error that is seen says which part was looked at first.

In: forms that look at all parts of a set or list, sets whose names are in one order or the other, which parts fail.  Out: expressions with an error
each, or what `tryEval` makes of it.  C++ Nix takes the attributes in the order in which it met their names first, ours in the order of the names
(docs/differences.md); both orders are the same for a set that is written in the order of its names.
"""

from collections.abc import Iterator
from itertools import combinations

ORDERS = [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")]
# S: the set; T: one with the same names, of which b differs; L: the list of the values of S.
FORMS = """
S
[ S ]
{ s = S; }
L
[ 1 L ]
S == T
T == S
S == S // { z = 1; }
[ S ] == [ T ]
{ s = S; } == { s = T; }
S != T
builtins.elem S [ T ]
L == M
M == L
L < M
M < L
L <= [ 1 2 ]
builtins.deepSeq S 1
builtins.deepSeq L 1
builtins.deepSeq [ S L ] 1
builtins.deepSeq { s = S; } 1
builtins.seq S 1
builtins.toJSON S
builtins.toJSON L
builtins.toJSON [ S ]
builtins.toJSON { s = S; }
builtins.toXML S
builtins.toXML [ L ]
toString L
builtins.concatStringsSep "," L
S // { d = throw "d"; }
builtins.deepSeq (S // { a = 1; }) 1
builtins.deepSeq ({ d = throw "d"; } // S) 1
builtins.intersectAttrs { a = 1; b = 1; c = 1; } S
builtins.intersectAttrs S { a = throw "ya"; b = throw "yb"; c = throw "yc"; }
builtins.mapAttrs (n: v: v) S
builtins.mapAttrs (n: v: throw n) S
builtins.attrValues S
builtins.deepSeq (builtins.attrValues S) 1
map (n: S.${n}) (builtins.attrNames S)
builtins.listToAttrs (map (n: { name = n; value = S.${n}; }) [ "b" "a" "c" ])
builtins.catAttrs "s" [ { s = S; } { s = L; } ]
builtins.zipAttrsWith (n: v: v) [ S T ]
builtins.zipAttrsWith (n: v: throw n) [ S T ]
removeAttrs S [ "d" ]
builtins.concatLists [ L [ S ] ]
builtins.filter (x: x == 1) L
builtins.sort (x: y: x < y) L
builtins.foldl' (x: y: x + y) 0 L
builtins.all (x: x == 1) L
builtins.any (x: x == 2) L
builtins.groupBy toString L
builtins.partition (x: x == 1) L
builtins.genericClosure { startSet = [ { key = 1; s = S; } ]; operator = x: [ ]; }
derivation ({ name = "n"; system = "s"; builder = "b"; } // S)
derivation { name = "n"; system = "s"; builder = "b"; args = L; }
({ a, b, c }: [ a b c ]) S
({ a, b, c }@all: all) S
with S; [ b c a ]
rec { inherit (S) a b c; }
let inherit (S) b c a; in b + c + a
(builtins.tryEval (S == T)).success
(builtins.tryEval (builtins.deepSeq S 1)).success
(builtins.tryEval (L < M)).success
(builtins.tryEval (builtins.toJSON S)).success
""".strip().split("\n")


def _program(form: str, names: tuple[str, ...], failing: tuple[str, ...]) -> str:
    values = {name: f'throw "{name}"' if name in failing else "1" for name in names}
    s = "{ " + " ".join(f"{name} = {values[name]};" for name in names) + " }"
    others = "{ " + " ".join(f"{name} = {2 if name == 'b' else 1};" for name in names) + " }"
    elements = "[ " + " ".join(f"({values[name]})" for name in names) + " ]"
    return f"let S = {s}; T = {others}; L = {elements}; M = [ 1 2 1 ]; in {form}"


def in_name_order() -> Iterator[tuple[str, str]]:
    """Each program, and the one with the same failures whose sets name a, b and c in this order."""
    for form in FORMS:
        for names in ORDERS:
            if names != ORDERS[0] and "S" not in form:
                continue
            for count in (1, 2, 3):
                for failing in combinations(names, count):
                    yield _program(form, names, failing), _program(form, ORDERS[0], failing)


def programs() -> Iterator[str]:
    for program, _ in in_name_order():
        yield program
