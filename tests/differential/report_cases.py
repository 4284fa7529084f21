"""Calls of every builtin with something wrong in it: the cases of the recorded reports.

In: one right call for each builtin, in which ‹…› marks what is replaced: arguments, elements, results of functions, attributes.
Out: an expression for each mark and each wrong value; marks around marks are replaced as a whole.
"""

from collections.abc import Iterator

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

# The same of what the language itself asks for.
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
"""


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
                        continue               # the registry of flakes would be asked, over the network
                    text = before + plain(line[:start] + wrong + line[end:])
                    if text not in seen:
                        seen.add(text)
                        yield text


def builtins_named() -> set[str]:
    return {line.split()[0] for line in RIGHT.strip().split("\n")}


FILES = {"file.nix": "1", "folder/file": "x"}
