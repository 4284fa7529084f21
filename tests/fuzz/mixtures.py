"""Programs of other shapes than the grammar's: every builtin with odd arguments, scopes in scopes, nested dynamic attributes, contexts, and
pieces of real sources put into one another.

A seed picks one shape; all shapes end in data that both evaluators print.  Undefined names of a piece are bound to what the seed picks.
"""

import random
import re

from snowsnake.builtins.table import TABLE
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter
from snowsnake.tree import parse

# These builtins are not called: they depend on the machine, fetch, write what both evaluators would have to see, or have a known difference
# (docs/differences.md).
NOT_CALLED = {
    "abort", "addDrvOutputDependencies", "break", "currentSystem", "currentTime", "derivation", "derivationStrict", "exec", "fetchClosure",
    "fetchFinalTree", "fetchGit", "fetchMercurial", "fetchTarball", "fetchTree", "fetchurl", "filterSource", "findFile", "flakeRefToString",
    "getEnv", "getFlake", "import", "nixPath", "nixVersion", "outputOf", "parseFlakeRef", "path", "scopedImport", "storeDir", "storePath",
    "toFile", "trace", "traceVerbose", "warn", "unsafeGetAttrPos", "appendContext",
    "convertHash", "importNative", "readDir", "addErrorContext", "hashFile",
}  # fmt: skip
CALLED = sorted(name for name, row in TABLE.items() if row.arguments and not row.feature and name not in NOT_CALLED and not name.startswith("__"))
ODD = [
    "0", "1", "(-1)", "9223372036854775807", "(-9223372036854775807 - 1)", "0.0", "(-0.0)", "1.5", "1e300", "(1e300 * 1e300)", "1e-320", "3.0", "(0 / 1.0)",
    '""', '"a"', '"ab"', '"a.b-1_c"', '"1.10pre"', '"é"', '"\\n\\t$"', '"a b a"', '"$\\{x}"', '"[a-z]+"', '"("', '"(a)(b)?"', '".*"', '"sha256"', '"{\\"a\\":1}"', '"[1,2"', '"a = 1"', '"1"', "''\n    x\n  y''",
    "[ ]", "[ 1 ]", "[ 1 2 3 ]", "[ [ ] ]", '[ "a" "b" ]', '[ "a" ]', '[ "" ]', "[ 3 1 2 ]", "[ 1 1.0 ]", "[ null ]", "[ { } { a = 1; } ]", "[ (x: x) ]", '[ { name = "a"; value = 1; } { name = "a"; value = 2; } ]',
    "{ }", "{ a = 1; }", '{ a = "x"; b = [ 1 ]; }', '{ name = "n"; value = 5; }', '{ outPath = "/o"; }', '{ __toString = self: "s"; }', "{ __functor = self: x: [ x ]; }", "{ a = { b = { c = 1; }; }; }", '{ type = "derivation"; outPath = "/d"; }',
    "{ a = throw \"v\"; }", "rec { a = b; b = 2; }", '{ "a b" = 1; "" = 2; }', '{ startSet = [ { key = 1; } ]; operator = x: if x.key < 3 then [ { key = x.key + 1; } ] else [ ]; }', "{ __functor = 5; }", '{ version = "1"; }',
    "(x: x)", "(x: y: x)", "(x: y: y)", "({ a ? 1, ... }: a)", "({ a, b ? a }: b)", "(x: throw \"c\")", "(x: true)", "(x: y: true)", "(x: y: x < y)", "(n: v: v)", "(x: [ x x ])", "(x: { name = \"k\"; value = x; })", "(x: null)", "(x: x + 1)", "toString", "builtins.add", "builtins.typeOf", "(builtins.elemAt [ 1 2 ])", "builtins.length",
    "null", "true", "false", "./p.nix", "/a/./b/..", "./.", "(throw \"t\")", "(1 / 0)", "(let x = x; in x)", '"${./p.nix}"', '(builtins.toFile "f" "c")', "(assert false; 1)",
]  # fmt: skip
NAMES = ["a", "b", "c", "d", "x", "y", "z", "k", "n"]
OPERATORS = ["+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "//", "++", "&&", "||", "->"]
CONTEXTS = [
    '(builtins.toFile "one" "1")', '"${builtins.toFile "two" "2"}/x"', '"${D}"', '"${D.dev}"', "D.drvPath", '"p${D}s"', "(builtins.unsafeDiscardOutputDependency D.drvPath)", '"plain"',
    '(builtins.placeholder "out")',
]  # fmt: skip
ON_STRINGS = [
    "builtins.substring {i} {j} {s}", "{s} + {t}", '"<${{{s}}}-${{{t}}}>"', 'builtins.concatStringsSep {s} [ {t} {s} ]', 'builtins.replaceStrings [ "/" "a" ] [ {s} "" ] {t}', 'builtins.head (builtins.split "(-)" {s})',
    'builtins.elemAt (builtins.split "(n)" {s}) 1', "builtins.unsafeDiscardStringContext {s}", "builtins.toString [ {s} {t} ]", "builtins.toJSON {{ a = {s}; b = [ {t} ]; }}", "builtins.fromJSON (builtins.toJSON {s})", 'builtins.toFile "z" (builtins.unsafeDiscardStringContext {s})',
    "builtins.baseNameOf {s}", "dirOf {s}", 'builtins.replaceStrings [ {s} ] [ "q" ] {t}', "builtins.toXML {s}", "builtins.head (builtins.attrNames {{ ${{builtins.unsafeDiscardStringContext {s}}} = 1; }})", "({{ a = {s}; }}).a", "builtins.hashString \"md5\" {s}", "toString {s}",
    'builtins.concatMap (x: [ x ]) [ {s} ]', "builtins.appendContext {s} (builtins.getContext {t})", "builtins.substring 0 (-1) {s}", "builtins.substring 0 0 {s}", 'builtins.toFile "r" {s}', "(derivation {{ name = \"e\"; system = \"s\"; builder = {s}; args = [ {t} ]; }}).drvPath",
]  # fmt: skip


def pieces_of(source: bytes) -> list[str]:
    """Expressions of a source, the whole among them."""
    try:
        tree = parse(source, check=False)
    except (EvaluationError, ValueError, RecursionError):
        return []
    found = []
    todo = [tree.root]
    while todo:
        node = todo.pop()
        if node.kind not in ("binding", "formal", "attribute"):
            start, end = node.span
            if 3 < end - start < 600:
                found.append(f"({source[start:end].decode('utf-8', 'replace')})")
        todo += node.children()
    return found


class Mixtures:
    """Programs from a seed.  *pieces*: expressions to put together, in any order."""

    def __init__(self, seed: int, pieces: list[str]) -> None:
        self.random = random.Random(seed)
        self.pieces = pieces
        self.budget = 25

    def program(self) -> str:
        shape = self.random.choice([self.calls, self.calls, self.scopes, self.scopes, self.dynamic, self.contexts, self.splice, self.splice])
        return bound(shape(), self.random)

    def odd(self, depth: int = 1) -> str:
        self.budget -= 1
        pick = self.random.random()
        if depth <= 0 or self.budget < 0 or pick < 0.75:
            return self.random.choice(ODD)
        return f"({self.call(depth - 1)})"

    # ---- builtins with odd arguments ----------------------------------------------------------------------------

    def call(self, depth: int) -> str:
        name = self.random.choice(CALLED)
        count = len(TABLE[name].arguments.split()) + self.random.choice([0, 0, 0, 0, 0, 0, -1, 1])
        called = f"builtins.{name}" + "".join(f" {self.odd(depth)}" for _ in range(count))
        pick = self.random.randrange(12)
        if pick == 0:
            return f"builtins.tryEval ({called})"
        if pick == 1:
            return f"map (builtins.{name}) [ {self.odd(0)} {self.odd(0)} ]"
        if pick == 2:
            return f"builtins.foldl' builtins.{name} {self.odd(0)} [ {self.odd(0)} {self.odd(0)} ]"
        if pick == 3:
            return f"{called} {self.random.choice(OPERATORS)} {self.odd(0)}"
        if pick == 4:
            return f"{{ __functor = self: builtins.{name}; }} {self.odd(0)} {self.odd(0)}"
        return called

    def calls(self) -> str:
        return f"[ {' '.join(f'({self.call(2)})' for _ in range(self.random.choice([1, 1, 2])))} ]"

    # ---- scopes -------------------------------------------------------------------------------------------------

    def name(self) -> str:
        return self.random.choice(NAMES)

    def bindings(self, depth: int, is_let: bool) -> str:
        made: list[str] = []
        for name in self.random.sample(NAMES, self.random.randrange(1, 4)):
            form = self.random.randrange(10)
            if form < 5:
                made.append(f"{name} = {self.scope(depth)};")
            elif form == 5:
                made.append(f"inherit {name};")
            elif form == 6:
                made.append(f"inherit ({self.scope(depth)}) {name};")
            elif form == 7:
                made.append(f"{name}.{self.name()} = {self.scope(depth)}; {name}.{self.name()}2 = {self.scope(depth)};")
            elif form == 8 and not is_let:
                made.append(f"${{{self.text(name)}}} = {self.scope(depth)};")
            else:
                made.append(f'"{name}" = {self.scope(depth)};')
        return " ".join(made)

    def text(self, name: str) -> str:
        return self.random.choice([f'"{name}"', f'("{name}" + "")', f'(toString "{name}")', "null", f'(builtins.head [ "{name}" ])'])

    def scope(self, depth: int) -> str:
        self.budget -= 1
        pick = self.random.randrange(16)
        inner = depth - 1
        if depth <= 0 or self.budget < 0 or pick < 3:
            return self.random.choice([*NAMES, *NAMES, "1", "2", '"s"', "[ a ]", "{ a = 1; }", "(x: x)", f'(throw "{self.name()}")', "null"])
        if pick == 3:
            return f"(let {self.bindings(inner, True)} in {self.scope(inner)})"
        if pick == 4:
            return f"rec {{ {self.bindings(inner, False)} }}"
        if pick == 5:
            return f"{{ {self.bindings(inner, False)} }}"
        if pick == 6:
            return f"(with {self.scope(inner)}; {self.scope(inner)})"
        if pick == 7:
            return f"({self.name()}: {self.scope(inner)})"
        if pick == 8:
            first, second = self.random.sample(NAMES, 2)
            return f"({{ {first} ? {self.scope(inner)}, {second} ? {self.scope(0)}{self.random.choice(['', ', ...'])} }}{self.random.choice(['', '@q'])}: {self.scope(inner)})"
        if pick == 9:
            return f"({self.scope(inner)} {self.scope(inner)})"
        if pick == 10:
            return f"{self.scope(0)}.{self.name()} or {self.scope(0)}"
        if pick == 11:
            return f"({self.scope(inner)} {self.random.choice(OPERATORS)} {self.scope(inner)})"
        if pick == 12:
            return f"({self.scope(inner)} ? {self.name()}.{self.name()})"
        if pick == 13:
            return f"(if {self.scope(0)} == {self.scope(0)} then {self.scope(inner)} else {self.scope(inner)})"
        if pick == 14:
            return f"(let {{ {self.bindings(inner, True)} body = {self.scope(inner)}; }})"
        return f"(builtins.tryEval {self.scope(inner)})"

    def scopes(self) -> str:
        chosen = self.random.sample(NAMES, 4)
        start = " ".join(f"{name} = {self.random.choice(['1', '2', '{ a = 1; b = { c = 2; }; }', '[ 1 ]', '(x: [ x ])', chosen[0]])};" for name in chosen)
        return f"let {start} in {self.scope(5)}"

    # ---- nested and dynamic attributes --------------------------------------------------------------------------

    def path(self) -> str:
        return ".".join(self.random.choice([self.name(), f'"{self.name()}"', f"${{{self.text(self.name())}}}", '"${"a"}"', f'"{self.name()}${{"b"}}"']) for _ in range(self.random.choice([1, 2, 2, 3])))

    def attrs(self, depth: int) -> str:
        self.budget -= 1
        made = []
        for _ in range(self.random.randrange(1, 5)):
            value = self.attrs(depth - 1) if depth > 0 and self.budget > 0 and self.random.random() < 0.6 else self.random.choice(["1", "2", "a", "{ }", '"t"', "[ b ]", "(throw \"d\")"])
            made.append(f"{self.path()} = {value};")
        return f"{self.random.choice(['', '', 'rec '])}{{ {' '.join(made)} }}"

    def dynamic(self) -> str:
        look = self.random.choice(["S", f"S.{self.path()} or 9", f"S ? {self.path()}", f"S.{self.path()}", "S // { a = 5; }", "builtins.attrNames S", "with S; [ a b ]", "S == S", "builtins.toJSON S", "({ a ? 0, b ? a, ... }@s: [ a b ]) S"])
        return f"let a = 1; b = 2; S = {self.attrs(3)}; in {look}"

    # ---- contexts -----------------------------------------------------------------------------------------------

    def contexts(self) -> str:
        made = self.random.choice(CONTEXTS)
        for _ in range(self.random.randrange(1, 5)):
            form = self.random.choice(ON_STRINGS)
            made = "(" + form.format(s=made, t=self.random.choice([made, *CONTEXTS]), i=self.random.choice([0, 1, 11, 50]), j=self.random.choice([0, 3, 40, 1000])) + ")"
        return (
            'let D = derivation { name = "d"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; }; '
            f"v = {made}; in if builtins.isString v then [ v (builtins.getContext v) (builtins.hasContext v) ] else v"
        )

    # ---- real sources -------------------------------------------------------------------------------------------

    def splice(self) -> str:
        """One piece, with others in places of its own parts."""
        outer = self.random.choice(self.pieces)
        for _ in range(self.random.choice([1, 1, 2, 3])):
            parts = pieces_of(outer.encode())
            if len(parts) < 2:
                break
            part = self.random.choice(parts)[1:-1]
            other = self.random.choice(self.pieces) if self.random.random() < 0.6 else self.odd(1)
            outer = outer.replace(part, other, 1)
            if len(outer) > 3000:
                break
        return outer


_checker: list[Interpreter] = []


def bound(program: str, random_: random.Random) -> str:
    """The program with its undefined names bound to something odd."""
    if not _checker:
        _checker.append(Interpreter())
    for _ in range(8):
        try:
            _checker[0].evaluate(program.encode(), "/")
            break
        except EvaluationError as error:
            missing = re.fullmatch(r"undefined variable '([A-Za-z_][\w'-]*)'", error.message)
            if missing is None:
                break
            program = f"let {missing[1]} = {random_.choice(ODD)}; in {program}"
    return program
