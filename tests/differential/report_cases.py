"""Calls of every builtin with something wrong in it: the cases of the recorded reports.

In: one right call for each builtin, in which ‹…› marks what is replaced: arguments, elements, results of functions, attributes.
Out: an expression for each mark and each wrong value; marks around marks are replaced as a whole.
"""

import re
from collections.abc import Iterator

from report_forms import forms

NAMED_FILE = '(builtins.toFile "n" "x")'
WRONG = (
    "1",
    "1.5",
    "true",
    "null",
    '"s"',
    "[ 1 ]",
    "{ a = 1; }",
    "(x: x)",
    "map",
    '(throw "t")',
    NAMED_FILE,
    "{ outPath = 1; }",
    "{ __toString = isNull; }",
    "{ __toString = 1; }",
    "({ }.zz)",
    "./nowhere",
)

RIGHT = r"""
abort ‹"m"›
add ‹1› ‹2›
addDrvOutputDependencies ‹"s"›
addErrorContext ‹"c"› ‹1›
all ‹(x: ‹true›)› ‹[ 1 ]›
any ‹(x: ‹true›)› ‹[ 1 ]›
appendContext ‹"s"› ‹{ x = ‹{ path = ‹true›; }›; }›
appendContext "s" { "/nix/store/00000000000000000000000000000000-n" = ‹{ path = ‹true›; }›; }
appendContext "s" { "/nix/store/00000000000000000000000000000000-n.drv" = { allOutputs = ‹true›; outputs = ‹[ ‹"out"› ]›; }; }
attrNames ‹{ }›
attrValues ‹{ }›
baseNameOf ‹"a/b"›
bitAnd ‹1› ‹2›
bitOr ‹1› ‹2›
bitXor ‹1› ‹2›
break ‹1›
catAttrs ‹"a"› ‹[ ‹{ a = 1; }› ]›
ceil ‹1.5›
compareVersions ‹"1"› ‹"2"›
concatLists ‹[ ‹[ ]› ]›
concatMap ‹(x: ‹[ x ]›)› ‹[ 1 ]›
concatStringsSep ‹","› ‹[ ‹"a"› ]›
convertHash ‹{ hash = ‹"sha256:0000000000000000000000000000000000000000000000000000"›; toHashFormat = ‹"base16"›; }›
convertHash { hash = "0000000000000000000000000000000000000000000000000000"; hashAlgo = ‹"sha256"›; toHashFormat = ‹"base16"›; }
deepSeq ‹[ ‹1› { a.b = ‹1›; } ]› ‹2›
derivation ‹1›
derivationStrict ‹{ name = ‹"n"›; builder = ‹"b"›; system = ‹"s"›; args = ‹[ ‹"x"› ]›; outputs = ‹[ ‹"out"› ]›; x = ‹1›; }›
derivationStrict { name = "n"; builder = "b"; system = "s"; outputHash = ‹"x"›; outputHashAlgo = ‹"sha256"›; outputHashMode = ‹"flat"›; }
derivationStrict { name = "n"; builder = "b"; system = "s"; __structuredAttrs = ‹true›; __ignoreNulls = ‹true›; x = [ ‹{ y = ‹1›; }› ]; }
dirOf ‹"a/b"›
div ‹1› ‹2›
elem ‹1› ‹[ ‹1› ]›
elemAt ‹[ ‹1› ]› ‹0›
fetchTarball { url = ‹"file:///nowhere"›; name = ‹"n"›; sha256 = ‹"x"›; }
fetchurl { url = ‹"file:///nowhere"›; name = ‹"n"›; sha256 = ‹"x"›; }
filter ‹(x: ‹true›)› ‹[ 1 ]›
filterSource ‹(p: t: ‹true›)› ‹./folder›
findFile ‹[ ‹{ path = ‹"."›; prefix = ‹"x"›; }› ]› ‹"x/folder"›
flakeRefToString ‹{ type = ‹"path"›; path = ‹"x"›; }›
floor ‹1.5›
foldl' ‹(a: ‹b: ‹1››)› ‹1› ‹[ ‹1› ]›
fromJSON ‹"1"›
fromTOML ‹"a = 1"›
functionArgs ‹(x: x)›
genericClosure ‹{ startSet = ‹[ ‹{ key = ‹1›; }› ]›; operator = ‹(x: ‹[ ‹{ key = ‹1›; }› ]›)›; }›
genericClosure { startSet = [ { key = 1; } { key = ‹2›; } ]; operator = x: [ ]; }
genList ‹(x: ‹x›)› ‹1›
getAttr ‹"a"› ‹{ a = ‹1›; }›
getContext ‹"s"›
getEnv ‹"HOMELESS"›
getFlake ‹"x"›
groupBy ‹(x: ‹"k"›)› ‹[ ‹1› ]›
hasAttr ‹"a"› ‹{ a = 1; }›
hasContext ‹"s"›
hashFile ‹"sha256"› ‹./folder/file›
hashString ‹"sha256"› ‹"s"›
head ‹[ ‹1› ]›
import ‹./file.nix›
intersectAttrs ‹{ a = 1; }› ‹{ a = ‹1›; }›
isAttrs ‹1›
isBool ‹1›
isFloat ‹1›
isFunction ‹1›
isInt ‹1›
isList ‹1›
isNull ‹1›
isPath ‹1›
isString ‹1›
length ‹[ ]›
lessThan ‹1› ‹2›
lessThan [ ‹1› ] [ ‹2› ]
listToAttrs ‹[ ‹{ name = ‹"a"›; value = ‹1›; }› ]›
listToAttrs [ { ‹name› = "a"; ‹value› = 1; } ]
map ‹(x: ‹x›)› ‹[ ‹1› ]›
mapAttrs ‹(n: ‹v: ‹v››)› ‹{ a = ‹1›; }›
match ‹"a"› ‹"a"›
mul ‹1› ‹2›
parseDrvName ‹"a-1"›
parseFlakeRef ‹"path:/x"›
partition ‹(x: ‹true›)› ‹[ ‹1› ]›
path ‹{ path = ‹./folder/file›; name = ‹"n"›; recursive = ‹true›; }›
path { path = ./folder; filter = ‹(p: ‹t: ‹true››)›; }
path { path = ./folder/file; sha256 = ‹"x"›; }
path { path = ./folder/file; extra = ‹"x"›; }
pathExists ‹./folder/file›
placeholder ‹"out"›
readDir ‹./folder›
readFile ‹./folder/file›
readFileType ‹./folder/file›
removeAttrs ‹{ a = 1; }› ‹[ ‹"a"› ]›
replaceStrings ‹[ ‹"a"› ]› ‹[ ‹"b"› ]› ‹"a"›
scopedImport ‹{ a = ‹1›; }› ‹./file.nix›
seq ‹1› ‹2›
sort ‹(a: ‹b: ‹true››)› ‹[ ‹1› ‹2› ]›
sort builtins.lessThan [ ‹1› ‹2› ]
split ‹"a"› ‹"a"›
splitVersion ‹"1"›
storePath ‹"/nix/store/00000000000000000000000000000000-n"›
stringLength ‹"s"›
sub ‹1› ‹2›
substring ‹0› ‹1› ‹"s"›
tail ‹[ ‹1› ]›
throw ‹"m"›
toFile ‹"n"› ‹"x"›
toJSON ‹[ ‹1› { a = ‹1›; } ]›
toJSON { a.b = ‹1›; outPath = ‹{ c = ‹1›; }›; }
toJSON { __toString = self: ‹"s"›; }
toPath ‹"/x"›
toString ‹[ ‹"a"› ‹{ outPath = ‹"b"›; }› ]›
toString { __toString = self: ‹"s"›; }
toXML ‹[ ‹1› { a = ‹1›; } ]›
trace ‹"m"› ‹1›
traceVerbose ‹"m"› ‹1›
tryEval ‹1›
typeOf ‹1›
unsafeDiscardOutputDependency ‹"s"›
unsafeDiscardStringContext ‹"s"›
unsafeGetAttrPos ‹"a"› ‹{ a = 1; }›
warn ‹"m"› ‹1›
zipAttrsWith ‹(n: ‹vs: ‹vs››)› ‹[ ‹{ a = ‹1›; }› ]›
"""

# The same for the operations of the language.
OPERATIONS = r"""
(derivation ‹{ name = ‹"n"›; builder = ‹"b"›; system = ‹"s"›; args = ‹[ ‹"x"› ]›; outputs = ‹[ ‹"out"› ]›; x = ‹1›; }›).drvPath
"${derivation ‹{ name = ‹"n"›; builder = ‹"b"›; system = ‹"s"›; x = ‹1›; }›}"
‹1› + ‹2›
‹1.5› + ‹2›
‹"a"› + ‹"b"›
‹./a› + ‹"b"›
‹1› - ‹2›
‹1› * ‹2›
‹1› / ‹2›
-‹1›
‹1› < ‹2›
‹1› <= ‹2›
‹1› > ‹2›
‹1› >= ‹2›
[ ‹1› ] < [ ‹2› ]
‹1› == ‹2›
[ ‹1› { a = ‹1›; } ] == [ ‹1› { a = ‹1›; } ]
‹{ }› // ‹{ }›
‹[ ]› ++ ‹[ ]› ++ ‹[ ]›
‹true› && ‹true›
‹false› || ‹false›
‹true› -> ‹true›
!‹true›
if ‹true› then ‹1› else ‹2›
assert ‹true›; ‹1›
assert ‹1› == ‹2›; 3
with ‹{ a = 1; }›; a
with ‹{ a = 1; }›; with ‹{ b = 1; }›; a
‹{ a = 1; }›.a
‹{ a = ‹{ b = 1; }›; }›.a.b
‹{ a = ‹{ b = 1; }›; }›.a.b or ‹2›
‹{ a = 1; }›.${‹"a"›}
‹{ a = 1; }› ? a
‹{ a = ‹{ b = 1; }›; }› ? a.b
{ a = 1; } ? ${‹"a"›}
{ ${‹"a"›} = 1; }
{ a.${‹"b"›}.c = 1; }.a
let ${‹"a"›} = 1; in 2
"x${‹"a"›}y"
"${‹"a"›}"
''x${‹"a"›}y''
./a/${‹"b"›}
‹(x: ‹x›)› ‹1›
‹(x: ‹(y: ‹x›)›)› 1 2
(‹{ a, b ? 1 }: ‹a››) ‹{ a = ‹1›; }›
({ a }: a) ‹{ a = 1; }›
({ a, ... }@all: ‹all›.a) ‹{ a = 1; }›
‹{ __functor = self: ‹x: ‹x››; }› 1
rec { a = ‹b›; b = ‹1›; }.a
let a = ‹b›; b = ‹1›; in a + 1
let f = x: ‹x› + 1; in f ‹1›
let inherit (‹{ a = 1; }›) a; in a
let s = ‹{ a = 1; }›; in s.a
let s = { a = ‹1›; }; in s.a + 1
let { body = ‹1› + 1; }
rec { __overrides = ‹{ }›; a = 1; }
{ a = ‹1›; b = [ ‹1› ]; }
[ ‹1› (‹1› + 1) ]
‹1› |> ‹(x: ‹x›)›
‹(x: ‹x›)› <| ‹1›
"""

# Whole expressions: derivations that fail, names that are not identifiers, which of several undefined variables is named, places.
OTHERS = r"""
derivation { name = "x"; builder = throw "b"; system = "s"; }
derivation { a = throw "a"; name = "x"; builder = "b"; system = "s"; }
derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }
builtins.deepSeq (derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }) 1
[ (derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }) ]
{ d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; }
(derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }).drvPath
(derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }).outPath
(derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }).out.drvPath
(derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; outputs = [ "a" "b" ]; }).b.outPath
(derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; outputs = [ "a" "b" ]; }).b
(derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }).all
"${derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }}"
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in d.drvPath
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in { inherit (d) drvPath; }
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in with d; drvPath
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.getAttr "drvPath" d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in map (x: x.drvPath) [ d ]
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.attrValues d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in d == d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in d // { a = 1; }
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.toJSON d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.toXML d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.mapAttrs (n: v: v) d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in derivation { name = "y"; builder = "${d}"; system = "s"; }
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in derivation { name = "y"; builder = d; system = "s"; }
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in derivation { name = "y"; builder = d.drvPath; system = "s"; }
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; f = x: x.drvPath; in f d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in d.drvPath + "x"
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in if d.drvPath == "" then 1 else 2
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in import d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.readFile d
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.concatStringsSep "," [ d ]
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = throw "z"; }; in builtins.tryEval d.drvPath
let d = derivation { name = "x"; builder = "b"; system = "s"; zz = 1 + "a"; }; in (builtins.tryEval d.drvPath).value
{ b = throw "b"; outPath = throw "o"; drvPath = throw "d"; }
{ b = throw "b"; drvPath = throw "d"; }
{ b = 1; outPath = 2; a = { b = throw "x"; outPath = throw "y"; }; }
builtins.deepSeq { b = 1; outPath = 2; a = { b = throw "x"; outPath = throw "y"; }; } 1
builtins.toJSON { b = 1; a = { b = throw "x"; outPath = throw "y"; }; }
builtins.toXML { b = throw "b"; a = 1; outPath = throw "y"; }
rec { outPath = drvPath; drvPath = outPath; a = throw "x"; }
(x: x) |> 1
1 |> (x: throw "t")
1 |> { a }: a
[ 1 ] |> map (x: throw "t")
map (x: x.a) <| [ 1 ]
1 |> builtins.add 1 |> builtins.add "x"
let f = x: x.y; in { } |> f
let f = x: x.y; in f <| { }
f: f <| 1
(f: f <| 1) (x: throw "q")
(f: 1 |> f) 5
{ } |> ({ a, b }: a)
{ a = 1; b = 2; c = 3; } |> ({ a, b }: a)
(throw "x") |> builtins.seq 1
1 |> builtins.throw
"a" |> throw
builtins.add 1 <| throw "q"
(x: y: x + y) 1 <| "s"
1 |> (x: x 2)
builtins.path { path = ./.; "a b" = 1; }
builtins.path { path = ./.; "if" = 1; }
builtins.fetchurl { url = "x"; "a b" = 1; }
builtins.fetchGit { url = "file:///nowhere"; "a b" = 1; }
builtins.fetchGit { url = "file:///nowhere"; "a b" = [ ]; }
builtins.fetchGit { url = "file:///nowhere"; "a b" = -1; }
builtins.fetchMercurial { url = "file:///nowhere"; "a b" = 1; }
builtins.fetchTree { type = "git"; "a b" = [ ]; }
builtins.fetchTree { type = "git"; "a b" = -1; }
builtins.fetchTree { type = "git"; url = "file:///nowhere"; "a b" = 1; }
builtins.flakeRefToString { "a b" = [ ]; }
({ a }: 1) { "a b" = 1; a = 1; }
({ a }: 1) { "if" = 1; a = 1; }
({ a, ... }: 1) { "if" = 1; }
builtins.getAttr "a b" { }
builtins.getAttr "" { }
{ }."a b"
{ }.${"if"}
{ }.""
builtins.appendContext "x" { "a b" = { }; }
derivation { name = "x"; builder = "b"; system = "s"; "a b" = { }; }
derivation { name = "x"; builder = "b"; system = "s"; "a b" = throw "t"; }
(derivation { name = "x"; builder = "b"; system = "s"; outputs = [ "a b" ]; }).drvPath
(derivation { name = "x"; builder = "b"; system = "s"; outputs = [ "" ]; }).drvPath
(derivation { name = "x"; builder = "b"; system = "s"; outputs = [ "out" "out" ]; }).drvPath
(derivation { name = "x"; builder = "b"; system = "s"; __structuredAttrs = true; "a b" = x: x; }).drvPath
builtins.toJSON { "a b" = x: x; }
builtins.toXML { "a b" = throw "t"; }
builtins.deepSeq { "a b" = throw "t"; } 1
{ "a b" = throw "t"; }
{ "a b" = 1; "a b" = 2; }
{ "a b".c = 1; "a b".c = 2; }
{ "a b".c = 1; "a b" = 2; }
{ "if".c = 1; "if" = 2; }
let "a b" = 1; in { inherit "a b"; }
let "a b" = throw "t"; in { inherit "a b"; }."a b"
{ inherit ({ }) "a b"; }
rec { "a b" = { }; c = (x: x.d) { }; }.c
({ "a b" ? 1 }: 1) { }
builtins.mapAttrs (n: v: throw n) { "a b" = 1; }
builtins.zipAttrsWith (n: v: throw n) [ { "a b" = 1; } ]
{ "a b" = { c = throw "t"; }; }."a b".c
with { "a b" = 1; }; c
builtins.listToAttrs [ { "a b" = 1; } ]
builtins.genericClosure { "a b" = 1; }
builtins.convertHash { "a b" = 1; }
assert { "a b" = 1; } == { "a b" = 2; }; 1
assert { "a b" = 1; } == { "c d" = 1; }; 1
assert { a = { "a b" = 1; }; } == { a = { "a b" = 2; }; }; 1
let x = { "a b" = x."a b"; }; in x
let "a b" = "x"; f = { "a b" = f."a b"; }; in f."a b"
{ "a b" = x: x; } + 1
"${{ "a b" = x: x; }}"
{ "a b" = 1; } < { }
{ "a\nb" = 1; "a" = 1; }.b
{ "a\nb" = 1; "a" = throw "x"; }."a\nb".c
{ "é" = 1; } < 1
{ "x".y = 1; }.x.z
{ x."y z" = 1; }.x."y  z"
{ x."y z" = 1; }.x.yz
{ "or" = 1; }.orr
{ or = 1; }.o
({ a, b }: 1) { a = 1; c = 2; }
({ abc }: 1) { abd = 2; }
({ abc, ... }: 1) { abd = 2; }
({ "abc" }: 1) { }
({ abc }@args: args.abd) { abc = 2; }
a or b
f: f a or b
a > b
a >= b
a < b
a <= b
[ a b ] or
{ inherit "a b"; }
{ inherit zz aa "a b"; }
{ zz = b1; aa = b2; }
{ zz = b1; name = b2; }
{ zz = b1; __overrides = b2; }
{ zz = b1; inherit (b2) x; }
{ ${b1} = b2; zz = b3; }
{ "${b1}" = 1; inherit (b2) zz; }
rec { zz = aa; inherit (b1) bb; cc = b2; }
rec { zz = b1; inherit b2; aa = zz; }
rec { inherit zz; aa = b1; }
let zz = b1; aa = b2; in b3
let inherit zz; name = b1; in 1
let { zz = b1; body = b2; }
{ zz ? b1, aa ? b2 }: b3
{ aa ? zz, zz ? b1, name ? b2 }: 1
x.${b1} or b2
{ }.${b1} or b2
{ } ? ${b1}.${b2}
a b
(a) (b)
a |> b
a <| b
"${a}${b}"
a + b
a // b
if a then b else c
assert a; b
with a; b
(with { }; b1) b2
a.b.c = 1
{ inherit a.b; }
{ inherit a a.b; }
{ inherit a; inherit a; }
{ inherit a ${"a"} ${b}; }
./a/
./a/ 1
[ ./a/ ]
./${"a"}b/
./${"a"}b/ 1
./a//b 1
assert a/b
[ a/b
[ a/${"b"}
{ } // [ { } ]
[ { } ] // { }
[ (x: x) ] // { }
[ 1 { } ] // { }
"${"a"}" // { }
''${"a"}b'' // { }
./${"a"} // { }
__curPos // [ ]
(x: x) + (builtins.add 1)
null + (-1.5)
[ ] + (1 + 1)
(-1.5) <| 1
1 |> (-1.5)
(1 - 2) 3
(1 <= 2) 3
true + "x"
[ { } ] + "x"
{ a.${[ { } ]} = 1; }
{ }.${[ { } ]}
map < (x: x)
./a < 1.5
1.5 > ./a
[ 1.5 ] < [ ./a ]
builtins.lessThan null true
builtins.mul { } 1.5
builtins.mul 1.5 { }
1.5 * { }
{ } * 1.5
builtins.flakeRefToString { } 1
builtins.parseFlakeRef 1 2
builtins.fromJSON "1 2\n"
builtins.fromJSON "1 2\n3"
builtins.fromJSON "[ 1\n2"
let { __overrides = 2; body = 1; }
rec { __overrides = 2; body = 1; }
import ./undefined.nix
builtins.filter (builtins.map (x: x)) [ ({ }.zz) ]
derivation (derivation { name = "d"; builder = "b"; system = "s"; })
let s = { x = throw "t"; }; f = y: { a = assert y; 1; b = { c = assert y; 1; }; }; d = f s.x; in d.b.c
let s = { x = throw "t"; }; f = y: { a = assert y; 1; b = { c = assert y; 1; }; }; d = f s.x; in builtins.seq (builtins.tryEval d.a) d.b.c
"a${[ 1 ]}${toString 1}"
"a${1}${toString 1}"
"a${(-1)}${toString 1}"
"a${x: x}${toString 1}"
"a${{ __toString = 1; }}${toString 1}"
"a${{ __toString = s: 1; }}${toString 1}"
"a${{ __toString = s: { }; }}${toString 1}"
"a${{ outPath = 1; }}${toString 1}"
"a${{ outPath = throw "x"; }}${toString 1}"
"a${{ outPath = { }; }}${toString 1}"
"a${./nowhere}${toString 1}"
"a${{ outPath = ./nowhere; }}${toString 1}"
"a${let x = 1; in x}b${toString 1}"
"a${if true then 1 else 2}b${toString 1}"
"a${(1 + 1)}b${toString 1}"
"a${1 + { }}b${toString 1}"
"a${throw "q"}b${toString 1}"
let s.a = 1; in "a${s.a}b${toString 1}"
let s.a = throw "e"; in "a${s.a}b${toString 1}"
with { a = 1; }; "a${a}b${toString 1}"
./a/${1}/${toString 1}
./a/${[ ]}/${toString 1}
./a/${./nowhere}/${toString 1}
./a/${{ outPath = 1; }}/${toString 1}
./a/${"${builtins.toFile "n" "x"}"}/${toString 1}
{ "${builtins.toFile "n" "x"}${toString 1}" = 1; }
{ "${builtins.toFile "n" "x"}" = 1; }
{ "a${builtins.toFile "n" "x"}" = 1; }
{ ${builtins.toFile "n" "x"} = 1; }
{ ${"${builtins.toFile "n" "x"}a"} = 1; }
{ a."${builtins.toFile "n" "x"}${toString 1}" = 1; }
{ a."${builtins.toFile "n" "x"}".b = 1; }
{ a = 1; }."${builtins.toFile "n" "x"}${toString 1}"
{ a = 1; } ? "${builtins.toFile "n" "x"}${toString 1}"
{ "${1}${toString 1}" = 1; }
{ "${1}" = 1; }
{ "b${1}" = 1; }
''a${1}b${toString 1}''
"a" + "b" + 1 + toString 1
"a" + [ ] + toString 1
"a" + { __toString = s: 1; } + toString 1
"a" + ./nowhere + toString 1
"""


# Uses of `x`, an inherited attribute that fails, and the ways in which it is inherited: the trace has a line for the use, or has none.
NEEDS = """
x
x 1
x 1 2
x + 1
1 + x
x - 1
x * 1
-x
!x
x && true
true && x
x || true
x -> true
x == 1
x < 1
x >= 1
x // { }
{ } // x
x ++ [ ]
[ ] ++ x
"${x}"
"a${x}"
"${toString 1}${x}"
./a + x
x.a
x.a.b
x.a or 1
x.a.b or 1
x ? a
x ? a.b
t.${x}
t ? ${x}
t.${x} or 1
{ ${x} = 1; }
{ a.${x} = 1; }
{ inherit (x) y; }
{ inherit (t) q; inherit (x) y; }
if x then 1 else 2
assert x; 1
with x; y
let y = x; in y 1
let inherit (x) y; in y
toString x
map x [ 1 ]
builtins.length x
builtins.seq x 1
import x
throw x
"""
WAYS = (
    "({ x }: [ (‹›) ]) s",
    "({ x }: ‹›) s",
    "(x: { y = ‹›; }) s.x",
    "map (x: ‹›) [ s.x ]",
    "builtins.mapAttrs (n: x: ‹›) s",
    "let inherit (s) x; in { y = ‹›; }",
    "with s; { y = ‹›; }",
)


def inherited() -> Iterator[str]:
    before = 'let s = { inherit ({ x = throw "t"; }) x; }; t = { inherit s; q = 1; }; in '
    for need in NEEDS.strip().split("\n"):
        for way in WAYS:
            yield before + way.replace("‹›", need)
        yield before + f"{{ y = {re.sub('x', 's.x', need, count=1)}; }}"


def _parts(text: str) -> list[tuple[int, int]]:
    """Where the marks of a text begin and end."""
    found, waiting = [], []
    for number, letter in enumerate(text):
        if letter == "‹":
            waiting.append(number)
        elif letter == "›":
            found.append((waiting.pop(), number + 1))
    return sorted(found)


def plain(text: str) -> str:
    return text.replace("‹", "").replace("›", "")


def expressions() -> Iterator[str]:
    """Every call with one thing wrong in it, and every operation."""
    seen = set()
    for block, before in ((RIGHT, "builtins."), (OPERATIONS, "")):
        for line in block.strip().split("\n"):
            for start, end in _parts(line):
                names = ("nix", "${null}") if line[start:end] in ("‹name›", "‹value›") else WRONG
                for wrong in names:
                    if line.startswith("getFlake") and wrong in ('"s"', NAMED_FILE):
                        # This would make 2.34.8 ask the registry of flakes, over the network.
                        continue
                    text = before + plain(line[:start] + wrong + line[end:])
                    if text not in seen:
                        seen.add(text)
                        yield text
    yield from OTHERS.strip("\n").split("\n")
    yield from inherited()
    yield from (text for text in dict.fromkeys(forms()) if text not in seen)


def builtins_named() -> set[str]:
    return {line.split()[0] for line in RIGHT.strip().split("\n")}


FILES = {"file.nix": "1", "folder/file": "x", "undefined.nix": "text\n"}
