"""Programs that ask whether two values are the same cell, after a list or a function went different ways.

C++ Nix prints a list again as «repeated» if it is in the same value, and compares functions by the value that they are in.  In:
ways to make the value, and ways in which it is passed on.  Out: expressions in which it is not evaluated before, evaluated, and deeply evaluated.
"""

from collections.abc import Iterator

MAKES = {"thunk": "f 1", "literal": "[ 1 2 ]", "select": "s.v", "cyclic": "[ a ]", "builtin": "builtins.head [ s.v ]", "alias": "b"}
BEFORE = ["{}", "builtins.seq a ({})", "builtins.deepSeq a ({})"]
USES = """
{ inherit a; }
[ { inherit a; } ]
[ a a ]
map (x: { inherit a; }) [ 1 2 ]
(x: [ x x ]) a
(x: builtins.seq x [ x { inherit x; } ]) a
({ p, q ? p }: [ p q ]) { p = a; }
({ p ? a, ... }@all: [ p all ]) { q = a; }
let c = a; in [ c c ]
let c = a; in builtins.seq c { inherit c; d = c; }
with { c = a; }; [ c c ]
let t = { c = a; }; in [ t.c t.c ]
let t = { c = a; }; in builtins.seq t.c [ t.c t.c ]
let t = { c = a; }; in builtins.seq t.c { inherit (t) c; d = t; }
let t = { c = a; }; in [ (t.c or 1) (t.c or 1) t.c or 1 ]
if a == [ ] then 1 else a
if true then [ a ] else 1
{ ${"c"} = a; }
{ c = a; } // { d = a; }
[ a ] ++ [ a ]
builtins.sort (x: y: false) [ a a ]
builtins.tryEval a
builtins.filter (x: true) [ a a ]
builtins.partition (x: true) [ a a ]
builtins.groupBy (x: "k") [ a a ]
builtins.foldl' (x: y: y) 0 [ a ]
builtins.foldl' (x: y: [ x y ]) a [ a ]
builtins.concatLists [ [ a ] [ a ] ]
builtins.concatMap (x: [ x ]) [ a ]
builtins.elemAt [ a ] 0
builtins.tail [ a a ]
builtins.genList (x: a) 2
builtins.attrValues { c = a; d = a; }
builtins.catAttrs "c" [ { c = a; } ]
builtins.getAttr "c" { c = a; }
builtins.intersectAttrs { c = 1; } { c = a; }
builtins.listToAttrs [ { name = "c"; value = a; } ]
builtins.mapAttrs (n: v: [ v v ]) { c = a; }
builtins.zipAttrsWith (n: v: v) [ { c = a; } { c = a; } ]
removeAttrs { c = a; d = 1; } [ "d" ]
builtins.genericClosure { startSet = [ { key = 1; c = a; } ]; operator = x: [ ]; }
{ __functor = self: x: [ x self ]; } a
rec { c = a; d = c; e = { inherit c d; }; }
rec { inherit a; c = [ a ]; }
rec { inherit ({ c = [ a ]; }) c; d = [ { inherit c; } ]; }
assert a != 1; a
{ c.d = a; c.e = a; }
let g = n: if n == 0 then [ a ] else g (n - 1); in g 3
let g = n: x: if n == 0 then [ x a ] else g (n - 1) x; in g 3 a
builtins.addErrorContext "" a
builtins.deepSeq [ a ] a
[ (if true then a else 1) (let c = 1; in a) (assert true; a) (with { }; a) (x: a) ]
{ c = if true then a else 1; d = let c = 1; in a; e = assert true; a; f = with { }; a; }
{ c = (a); d = (x: x) a; e = builtins.seq 1 a; }
""".strip().split("\n")
LEAVES = ("let leaves = v: if builtins.isList v then builtins.concatMap leaves v else if builtins.isAttrs v then builtins.concatMap leaves "
          "(builtins.attrValues v) else [ v ]; in map (x: [ x ] == [ a ]) (leaves {})")  # fmt: skip


def programs() -> Iterator[str]:
    for use in USES:
        for make in MAKES.values():
            yield " ".join(["[", *(f"(let f = x: [ x ]; s.v = f 2; b = f 3; a = {make}; in [ a ({before.format(use)}) a ])" for before in BEFORE), "]"])
        for make in ("f 1", "s.v"):
            tests = (f"(let f = x: y: y; s.v = f 2; a = {make}; in {LEAVES.format(f'[ a ({before.format(use)}) a ]')})" for before in BEFORE[:2])
            yield " ".join(["[", *tests, "]"])
