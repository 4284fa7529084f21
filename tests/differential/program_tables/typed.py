"""Small programs that mostly have the right types: what each operator and builtin makes of what others made, and of errors among it.

In: for each type the forms of its expressions, with holes for other types.  Out: as many programs as are recorded, the same ones each time.
"""

import random
from collections.abc import Iterator

COUNT = 1500
LEVELS = 4
# The share of holes that are filled with another type, or with a program that fails.
WRONG = 0.01
LEAVES = {
    "int": ["0", "1", "2", "7", "(-3)", "1000000"],
    "float": ["1.5", "0.1", "2.0"],
    "str": ['"a"', '"b c"', '""', '"x-1.2"', "''q''", '"1"', '"\\n"'],
    "bool": ["true", "false"],
    "null": ["null"],
    "list": ["[ ]", "[ 1 2 ]", '[ "a" "b" ]', "[ 3 1 2 ]", "[ [ 1 ] [ ] ]"],
    "set": ["{ }", "{ a = 1; }", "{ a = 1; b = 2; }", '{ x = "s"; y = [ 1 ]; }', "{ a.b = 1; }"],
    "function": ["(x: x)", "(x: y: x)", "({ a ? 1, ... }: a)", "({ a, b }: a)", "(x: [ x ])", "toString", "(_: 1)", "builtins.isInt"],
    "path": ["/a/b", "/nope", "/a/../y"],
}
FAILS = ['(throw "t")', "(assert false; 1)", "(1 / 0)", "{ }.q", "(builtins.head [ ])", "(1 1)", '(builtins.fromJSON "{")']
FORMS = """
int: (<int> + <int>) | (<int> - <int>) | (<int> * <int>) | (<int> / <int>) | (- <int>) | (builtins.length <list>) | (builtins.stringLength <str>)
int: (builtins.bitAnd <int> <int>) | (builtins.floor <float>) | (builtins.compareVersions <str> <str>) | (builtins.foldl' builtins.add <int> <list>)
int: (builtins.fromJSON (builtins.toJSON <int>)) | (builtins.elemAt <list> <int>)
float: (<float> + <int>) | (<int> / <float>) | (builtins.mul <float> <float>)
str: (<str> + <str>) | "p${<str>}q" | "p${<any>}q" | (toString <any>) | (builtins.substring <int> <int> <str>) | (builtins.typeOf <any>)
str: (builtins.concatStringsSep <str> (map toString <list>)) | (builtins.concatStringsSep <str> <list>) | (builtins.replaceStrings <list> <list> <str>)
str: (builtins.toJSON <any>) | (builtins.toXML <any>) | (baseNameOf <str>) | (dirOf <str>) | (builtins.hashString "md5" <str>) | (builtins.parseDrvName <str>).name
str: (builtins.head (builtins.attrNames <set>)) | ''${<str>}\n  b'' | (builtins.elemAt (builtins.split "([a-z])" <str>) <int>) | (builtins.trace <any> <str>)
bool: (<any> == <any>) | (<any> != <any>) | (<int> < <float>) | (<str> <= <str>) | (<list> > <list>) | (! <bool>) | (<bool> && <bool>) | (<bool> -> <bool>)
bool: (<set> ? a) | (<set> ? a.b) | (<set> ? ${<str>}) | (builtins.isString <any>) | (builtins.elem <any> <list>) | (builtins.hasAttr <str> <set>)
bool: (builtins.any <function> <list>) | (builtins.tryEval <any>).success | (builtins.lessThan <any> <any>) | (builtins.match "a(b?).*" <str> == null)
null: (builtins.match "x" <str>)
path: (<path> + <str>) | (/. + "/${<str>}") | (builtins.dirOf <path>)
list: [ <any> <any> ] | [ <int> <int> <int> ] | (<list> ++ <list>) | (map <function> <list>) | (builtins.filter <function> <list>) | (builtins.genList <function> 3)
list: (builtins.sort builtins.lessThan <list>) | (builtins.sort (a: b: a > b) <list>) | (builtins.attrNames <set>) | (builtins.attrValues <set>) | (builtins.tail <list>)
list: (builtins.concatLists <list>) | (builtins.concatMap <function> <list>) | (builtins.split "(a|b)" <str>) | (builtins.catAttrs "a" <list>) | (builtins.splitVersion <str>)
list: (builtins.genericClosure { startSet = map (k: { key = k; }) <list>; operator = x: [ ]; }) | (builtins.partition <function> <list>).right
set: { a = <any>; b = <any>; } | (rec { a = <any>; b = a; c = { inherit b; }; }) | (<set> // <set>) | (builtins.removeAttrs <set> <list>) | { ${<str>} = <any>; a.b = <any>; }
set: (builtins.mapAttrs (n: v: [ n <any> ]) <set>) | (builtins.listToAttrs (map (n: { name = n; value = <any>; }) <list>)) | (builtins.intersectAttrs <set> <set>)
set: (builtins.groupBy <function> <list>) | (builtins.zipAttrsWith (n: v: <any>) <list>) | (builtins.tryEval <any>) | (builtins.functionArgs <function>)
set: (builtins.partition <function> <list>) | (builtins.parseDrvName <str>) | (builtins.fromJSON (builtins.toJSON <set>)) | { inherit (<set>) a b; } | (let inherit (<set>) a; in { inherit a; })
function: (x: <any>) | (x: y: <any>) | ({ a ? <any>, ... }: <any>) | ({ a, ... }@x: <any>) | (builtins.add <int>) | { __functor = self: x: <any>; } | builtins.length | builtins.toJSON
same: (if <bool> then <same> else <same>) | (let a = <any>; in <same>) | ((x: <same>) <any>) | ({ a = <same>; b = <any>; }.a) | (({ a ? <any>, b ? 1 }: <same>) { a = <any>; })
same: (with { a = <any>; }; <same>) | (<set>.a or <same>) | (<set>.a.b or <same>) | (assert <bool>; <same>) | (builtins.seq <any> <same>) | (builtins.deepSeq <any> <same>)
same: (builtins.foldl' (a: b: <same>) <any> <list>) | (builtins.getAttr "a" { a = <same>; }) | (rec { a = <same>; b = <any>; }.a) | (builtins.addErrorContext "ctx" <same>)
"""


def forms() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in FORMS.strip().split("\n"):
        kind, _, rest = line.partition(": ")
        found.setdefault(kind, []).extend(rest.replace("\\n", "\n").split(" | "))
    return found


def programs() -> Iterator[str]:
    chosen = random.Random(23)
    known = forms()

    def made(kind: str, levels: int) -> str:
        if kind == "any" or chosen.random() < WRONG:
            kind = chosen.choice(list(LEAVES))
        if chosen.random() < WRONG:
            return chosen.choice(FAILS)
        if levels == 0 or chosen.random() < 0.1:
            return chosen.choice(LEAVES[kind])
        text = chosen.choice(known["same"] if chosen.random() < 0.2 else known[kind])
        while hole := next(_holes(text), None):
            name = text[hole[0] + 1 : hole[1]]
            # Holes in it are filled.
            filling = made(kind if name == "same" else name, levels - 1).replace("<", "\0")
            text = text[: hole[0]] + filling + text[hole[1] + 1 :]
        return text.replace("\0", "<")

    for _ in range(COUNT):
        yield made("any", chosen.randrange(2, LEVELS + 1))


def _holes(text: str) -> Iterator[tuple[int, int]]:
    """Where the holes of a form begin and end; `<` and `<=` are operators."""
    at = text.find("<")
    while at >= 0:
        end = text.find(">", at)
        if end > 0 and text[at + 1 : end] in {*LEAVES, "any", "same"}:
            yield at, end
        at = text.find("<", at + 1)
