"""Operations that are repeated: four times as many take about four times as long.

In most programs the result of one operation is an operand of the next, as a `foldl'` over thousands of elements has them.  What takes the square of the
time in C++ Nix as well is not here: texts lengthened at their front, `elem` or `deepSeq` of a list that grows, `removeAttrs` of one name at a time,
`replaceStrings` of as many patterns as there are bytes.
"""

import time

import pytest

import snowsnake

# N is how often; `l` is a list of N numbers, `t` is toString.
_OPERATIONS = {
    "updates by other names": 'length (attrNames (foldl\' (a: i: a // { ${"x${t i}"} = i; }) { } l))',
    "updates of other names": 'length (attrNames (foldl\' (a: i: { ${"x${t i}"} = i; } // a) { } l))',
    "updates by names that are asked for": 'foldl\' (a: i: if a ? "x${t i}" then a else a // { ${"x${t i}"} = i; }) { } l ? a',
    "updates by two names": 'foldl\' (a: i: a // { ${"x${t i}"} = i; ${"y${t i}"} = i; }) { } l ? a',
    "updates in a random order": 'foldl\' (a: i: a // { ${hashString "sha256" (t i)} = i; }) { } l ? a',
    "intersectAttrs": 'let s = listToAttrs (map (i: { name = "x${t i}"; value = i; }) l); in foldl\' (a: i: intersectAttrs a { y = i; ${"x${t i}"} = i; }) s l',
    "intersectAttrs large": 'let s = listToAttrs (map (i: { name = "x${t i}"; value = i; }) l); in foldl\' (a: i: seq (intersectAttrs s { x0 = i; }) a) 0 l',
    "sums of paths": 'foldl\' (a: i: a + "/b") /a l',
    "sums of paths and names": 'foldl\' (a: i: a + "/b${t i}") /a l',
    "parents of paths": 'foldl\' (a: i: dirOf a) (foldl\' (a: i: a + "/b") /a l) l',
    "sums of texts": 'foldl\' (a: i: a + "xyz") "" l',
    "texts interpolated": 'foldl\' (a: i: "${a}xyz") "" l',
    "substring of rest": 'foldl\' (a: i: substring 1 (-1) a) (concatStringsSep "" (map (i: "bcdefgh") l)) l',
    "lists appended": "length (foldl' (a: i: a ++ [ i ]) [ ] l)",
    "lists prepended": "length (foldl' (a: i: [ i ] ++ a) [ ] l)",
    "lists appended and prepended": "length (foldl' (a: i: [ i ] ++ a ++ [ i ]) [ ] l)",
    "tail": "foldl' (a: i: tail a) l l",
    "tail and append": "length (foldl' (a: i: tail a ++ [ i ]) l l)",
    "a queue": "length (foldl' (a: i: tail (a ++ [ i i ])) [ 0 ] l)",
    "map": "foldl' (a: i: map (x: x) a) [ 1 ] l",
    "mapAttrs": "foldl' (a: i: mapAttrs (n: x: x) a) { b = 1; } l",
    "mapAttrs deep": "deepSeq (foldl' (a: i: mapAttrs (n: x: x) a) { b = 1; } l) 1",
    "lists in lists": "deepSeq (foldl' (a: i: [ a ]) [ ] l) 1",
    "lists in lists as a text": "stringLength (toString (foldl' (a: i: [ a i ]) [ ] l))",
    "sets in sets": "deepSeq (foldl' (a: i: { b = a; }) { } l) 1",
    "sets in sets compared": "(foldl' (a: i: { b = a; }) { } l) == (foldl' (a: i: { b = a; }) { } l)",
    "listToAttrs in fold": 'foldl\' (a: i: listToAttrs [ { name = "a"; value = a; } ]) { } l ? b',
    "closure": "(foldl' (f: i: x: f (x + i)) (x: x) l) 1",
    "derivations of one another": '(foldl\' (a: i: derivation { name = "x"; system = "s"; builder = "/b"; inherit a; }) "" l).drvPath',
    "contexts added": 'foldl\' (a: i: a + "${derivation { name = "x${t i}"; system = "s"; builder = "/b"; }}") "" l',
    "getContext": 'getContext (foldl\' (a: i: a + "${derivation { name = "x${t i}"; system = "s"; builder = "/b"; }}") "" l) ? a',
    "appendContext": 'foldl\' (a: i: appendContext a (getContext "${derivation { name = "x${t i}"; system = "s"; builder = "/b"; }}")) "" l',
    "unsafeDiscardStringContext": 'foldl\' (a: i: unsafeDiscardStringContext a) "x" l',
    "addErrorContext": 'foldl\' (a: i: addErrorContext "x" a) 1 l',
    "genericClosure": 'length (genericClosure { startSet = [ { key = 0; } ]; operator = x: if x.key < N then [ { key = x.key + 1; } ] else [ ]; })',
    "genericClosure texts": 'length (genericClosure { startSet = [ { key = "0"; n = 0; } ]; operator = x: if x.n < N then [ { key = t (x.n + 1); n = x.n + 1; } ] else [ ]; })',
    "genericClosure all": 'length (genericClosure { startSet = map (i: { key = i; }) l; operator = x: [ { key = 0; } { key = x.key / 2; } ]; })',
    "sort": 'length (sort (a: b: a < b) (map (i: N - i) l))',
    "groupBy": 'length (attrNames (groupBy (i: "x${t i}") l))',
    "groupBy one": 'length (attrNames (groupBy (i: "x") l))',
    "zipAttrsWith": 'zipAttrsWith (n: v: v) (map (i: { ${"x${t i}"} = i; }) l) ? b',
    "zipAttrsWith one": 'zipAttrsWith (n: v: v) (map (i: { x = i; }) l) ? b',
    "listToAttrs": 'listToAttrs (map (i: { name = "x${t i}"; value = i; }) l) ? b',
    "listToAttrs same": 'listToAttrs (map (i: { name = "x"; value = i; }) l) ? b',
    "listToAttrs backwards": 'listToAttrs (map (i: { name = "x${t (N - i)}"; value = i; }) l) ? b',
    "removeAttrs many": 'removeAttrs (listToAttrs (map (i: { name = "x${t i}"; value = i; }) l)) (map (i: "x${t (N - i)}") l)',
    "split": 'length (split "a" (concatStringsSep "" (map (i: "ab") l)))',
    "split groups": 'length (split "(a|b)*c" (concatStringsSep "" (map (i: "ab") l)))',
    "match": 'match "(a|b)*" (concatStringsSep "" (map (i: "ab") l)) == null',
    "replaceStrings many": 'stringLength (replaceStrings (map (i: "x${t i}") (genList (i: i) 100)) (map (i: "") (genList (i: i) 100)) (concatStringsSep "" (map (i: "ab") l)))',
    "replaceStrings patterns": 'replaceStrings (map (i: "x${t i}y") l) (map (i: "") l) "abcdefghijklmno"',
    "splitVersion": 'length (splitVersion (concatStringsSep "." (map t l)))',
    "compareVersions": 'compareVersions (concatStringsSep "." (map t l)) (concatStringsSep "." (map t l))',
    "fromTOML tables": 'fromTOML (concatStringsSep "\\n" (map (i: "[x${t i}]\\na=1") l)) ? b',
    "fromTOML keys": 'fromTOML (concatStringsSep "\\n" (map (i: "x${t i}=1") l)) ? b',
    "fromTOML dotted": 'fromTOML (concatStringsSep "\\n" (map (i: "a.x${t i}=1") l)) ? b',
    "fromTOML subtables": 'fromTOML (concatStringsSep "\\n" (map (i: "[a.x${t i}]\\nb=1") l)) ? b',
    "fromJSON keys": 'fromJSON ("{" + concatStringsSep "," (map (i: "\\"x${t i}\\":1") l) + "}") ? b',
    "fromJSON same key": 'fromJSON ("{" + concatStringsSep "," (map (i: "\\"x\\":1") l) + "}") ? b',
    "fromJSON of lists in lists": 'fromJSON (concatStringsSep "" (genList (i: "[") N) + concatStringsSep "" (genList (i: "]") N)) == 1',
    "fromJSON long text": 'stringLength (fromJSON ("\\"" + concatStringsSep "" (map (i: "\\\\n") l) + "\\""))',
    "functor": "(foldl' (f: i: { __functor = self: x: f x; }) (x: x) l) 1",
    "with of the last set": "(foldl' (a: i: with a; { x = x + 1; }) { x = 1; } l).x",
    "overlays": '(let fix = f: let x = f x; in x; ext = f: g: self: let p = f self; in p // g self p; in (fix (foldl\' ext (self: { }) (map (i: self: super: { ${"x${t i}"} = i; }) l))) ? a)',
    "recursiveUpdate names": '(let ru = a: b: a // mapAttrs (n: v: if isAttrs v && a ? ${n} then ru a.${n} v else v) b; in foldl\' ru { } (map (i: { a.${"x${t i}"} = i; }) l)).a ? b',
    "a recursion": '(let fr = op: nul: li: let len = length li; f = n: if n == len then nul else op (elemAt li n) (f (n + 1)); in f 0; in fr (a: b: a + b) 0 l)',
    "toFile growing": 'foldl\' (a: i: a + toFile "x" "${t i}") "" l',
    "concatStringsSep contexts": 'stringLength (concatStringsSep " " (map (i: "${derivation { name = "x${t i}"; system = "s"; builder = "/b"; }}") l))',
    "a derivation of many": '(derivation { name = "x"; system = "s"; builder = "/b"; args = map (i: "${derivation { name = "x${t i}"; system = "s"; builder = "/b"; }}") l; }).drvPath',
    "substring chars strict": '(let s = concatStringsSep "" (map (i: "x") l); in foldl\' (a: i: if substring i 1 s == "y" then 1 else a) 0 l)',
    "intersect chain": 'foldl\' (a: i: intersectAttrs { x = 1; ${"y${t i}"} = 2; } a) { x = 1; } l ? b',
    "update large by one other": '(let s = listToAttrs (map (i: { name = "x${t i}"; value = i; }) l); in foldl\' (a: i: seq (s // { ${"y${t i}"} = i; }).x5 a) 1 l)',
    "toString ints": 'stringLength (toString l)',
    "replaceStrings empty": 'stringLength (replaceStrings [ "" ] [ "x" ] (concatStringsSep "" (map (i: "ab") l)))',
    "substring loop": '(let f = s: n: if s == "" then n else f (substring 1 (stringLength s) s) (n + 1); in f (concatStringsSep "" (map (i: "x") l)) 0)',
}  # fmt: skip


def _seconds(operation: str, count: int) -> float:
    text = f"with builtins; let l = genList (i: i) {count}; t = toString; N = {count}; in {operation}"
    before = time.process_time()
    snowsnake.Evaluator().evaluate(text).force()
    return time.process_time() - before


@pytest.mark.parametrize("name", _OPERATIONS)
def test_time_grows_with_the_number_of_operations(name: str) -> None:
    small, large = (min(_seconds(_OPERATIONS[name], count) for _ in range(2)) for count in (4000, 16_000))
    # What took the square of the time would take twelve to sixteen times as long.
    assert large < 8 * max(small, 0.005), (small, large)
