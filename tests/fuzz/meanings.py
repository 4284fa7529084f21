"""Programs around names with a meaning: each is bound in every form that there is, to values that fit it and to others, and everything
that might look at the name does so.

The grammar of `programs.py` makes what people write; here `__overrides`, `__functor`, `outPath`, `__sub` and the like are in `rec`,
old `let`, `inherit`, `with`, patterns, dynamic and nested attributes, inside one another, shadowed, and missing.
"""

import random

NUMBERS = ["0", "1", "2", "5", "(-3)"]
# Values that give a name its meaning; <s> is a scope's expression, <m> a set with names of meaning.
FITTING = {
    "__overrides": ["<m>", "{ a = 7; }", "{ b = a; }", "{ a = a; }", "{ inherit a; }", "{ c = 3; b = 9; }", "{ a = [ b ]; }", "(builtins.seq a { b = 8; })", "a", "{ __overrides = { a = 1; }; }",
                    "(x: x)", "null", "(throw \"o\")", "rec { a = 4; b = a; }", "{ __sub = x: y: 42; }", "(if true then { a = b; } else a)", "(let z = a; in { a = z; b = z; })"],
    "__functor": ["(self: x: x)", "(self: self.f or (x: [ x ]))", "(self: x: y: [ x y ])", "(builtins.getAttr \"f\")", "(x: 5)", "5", "builtins.map", "({ f ? 1, ... }: x: f)", "(self: throw \"f\")"],
    "__toString": ["(self: \"s\")", "(self: self.name or \"n\")", "(self: 5)", "(self: { outPath = \"/o\"; })", "\"s\"", "toString", "(x: throw \"t\")", "builtins.typeOf"],
    "outPath": ["\"/o\"", "\"o\"", "5", "{ outPath = \"/p\"; }", "(throw \"p\")", "[ ]", "./a", "null"],
    "type": ["\"derivation\"", "\"x\"", "5", "(throw \"y\")"],
    "__sub": ["(x: y: 42)", "builtins.add", "(x: y: [ x y ])", "5", "builtins.sub", "(throw \"s\")", "(x: x)"],
    "__mul": ["(x: y: 43)", "builtins.sub", "(x: y: { inherit x y; })"],
    "__div": ["(x: y: 44)", "builtins.mul", "\"d\""],
    "__lessThan": ["(x: y: true)", "(x: y: false)", "(x: y: 5)", "builtins.lessThan", "(x: y: x == 1)", "null"],
    "__findFile": ["(p: n: n)", "(p: n: p)", "(p: n: throw n)", "builtins.findFile", "1"],
    "__nixPath": ["[ ]", "[ { prefix = \"q\"; path = ../fixture; } ]", "5", "(throw \"n\")"],
    "__curPos": ["5"], "__add": ["(x: y: 45)"], "__currentTime": ["1"], "__nix": ["1"],
    "builtins": ["{ map = 1; }", "{ }", "builtins", "(builtins // { add = x: y: 9; })", "5"], "true": ["false", "1"], "null": ["0", "null"], "map": ["1", "(f: l: l)"], "toString": ["(x: \"mine\")", "1"],
    "import": ["(x: x)"], "derivation": ["(x: x)"], "body": ["a", "5", "{ a = 1; }"], "or": ["1", "(x: x)"], "rec'": ["1"],
    "name": ["\"n\"", "5"], "value": ["1", "(throw \"v\")"], "drvPath": ["\"/d\"", "5"], "outputs": ["[ \"out\" ]", "5"], "recurseForDerivations": ["true", "5"], "__ignoreNulls": ["true"], "__json": ["\"{}\""],
    "system": ["\"s\""], "key": ["1"], "operator": ["(x: [ ])"], "startSet": ["[ { key = 1; } ]"], "_type": ["\"x\""], "meta": ["{ }"], "self": ["1"], "\"\"": ["1"], "\"a b\"": ["1"], "\"if\"": ["1"], "f": ["(x: x)", "5"],
}  # fmt: skip
PLAIN = ["a", "b", "c"]
USES = [
    "a", "b", "(5 - 1)", "(-a)", "(-1)", "(2 * 3)", "(6 / 4)", "(1 < 2)", "(2 > 1)", "(a <= b)", "(a >= 1)", "<q/text>", "<q>", "(a + b)", "(a == b)", "(if 1 < 2 then a else b)",
    "(builtins.add 1 2)", "(map (x: x) [ 1 ])", "(toString 5)", "true", "null", "__curPos.line", "__nixPath", "(__sub 5 1)", "(__lessThan 1 2)", "[ a b ]", "{ inherit a; }", "(let inherit a; in a)",
    "builtins.langVersion", "(builtins ? map)", "({ a ? b, b ? 1 }: [ a b ]) { }", "({ a ? 5 - 1 }: a) { }", "(with { a = 3; }; a)", "(let f = x: x - 1; in f 5)",
]  # fmt: skip
# Expressions that look at a set S.
LOOKS = [
    "S", "(S 1)", "(S 1 2)", "\"${S}\"", "(toString S)", "(S + \"x\")", "(\"x\" + S)", "(builtins.toJSON S)", "(builtins.toXML S)", "(S == S)", "(S == { a = 1; })", "(builtins.attrNames S)", "(builtins.isFunction S)",
    "(builtins.functionArgs S)", "(map S [ 1 ])", "(builtins.foldl' S 0 [ 1 ])", "(builtins.sort S [ 2 1 ])", "(builtins.filter S [ 1 ])", "(builtins.genList S 2)", "S.a", "(S.a or 7)", "(S ? a)", "(S // { a = 1; })", "({ a = 1; } // S)",
    "(with S; [ a 1 ])", "(with S; 5 - 1)", "(let inherit (S) a; in a)", "({ inherit (S) a; })", "(({ a ? 2, ... }: a) S)", "(builtins.tryEval S)", "(builtins.deepSeq S 1)", "(builtins.typeOf S)", "(S < S)", "(removeAttrs S [ \"type\" ])",
    "(builtins.mapAttrs (n: v: n) S)", "(builtins.intersectAttrs S { a = 1; })", "(builtins.concatStringsSep \",\" [ S ])", "(builtins.pathExists S)", "(builtins.baseNameOf S)", "(rec { inherit (S) __overrides; a = 1; b = a; })",
    "(builtins.scopedImport S ../fixture/operators.nix)", "(builtins.scopedImport S ../fixture/names.nix)", "(builtins.listToAttrs [ S ])", "(builtins.genericClosure S)", "(builtins.hasAttr \"a\" S)", "(builtins.catAttrs \"a\" [ S ])",
    "(builtins.zipAttrsWith (n: v: v) [ S S ])", "(builtins.unsafeGetAttrPos \"a\" S ? line)", "(builtins.elem S [ S ])", "(builtins.hasContext S)", "(builtins.stringLength S)", "[ S S ]", "(assert S == S; 1)", "(builtins.groupBy S [ 1 ])",
]  # fmt: skip


class Meanings:
    """Programs from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def program(self) -> str:
        self.budget = 14
        return f"let a = 1; b = 2; c = {{ a = 3; b = 4; }}; in {self.scope(self.random.choice([1, 2, 2, 3]))}"

    # ---- pieces -------------------------------------------------------------------------------------------------

    def name(self) -> str:
        return self.random.choice(PLAIN if self.random.random() < 0.4 else [*FITTING, "__overrides", "__overrides", "__functor", "__sub", "__toString", "outPath"])

    def value(self, name: str, depth: int) -> str:
        self.budget -= 1
        pick = self.random.random()
        if name in FITTING and pick < 0.8:
            return self.random.choice(FITTING[name]).replace("<m>", self.attrs(0) if self.budget > 0 else "{ a = 7; }")
        if pick < 0.5 or depth <= 0 or self.budget <= 0:
            return self.random.choice([*NUMBERS, "a", "b", '"t"', "[ a ]", "(x: a)", '(throw "w")', "{ }", "(a - 1)", "{ a = a; }"])
        return self.random.choice([self.scope, self.attrs])(depth - 1)

    def binding(self, name: str, depth: int, is_let: bool = False) -> str:
        """One name, in one of the forms that a set of bindings has."""
        quoted = name if name[0] == '"' else f'"{name}"'
        value = self.value(name, depth)
        form = self.random.randrange(12)
        if form < 5:
            return f"{name} = {value};"
        if form == 5 and not is_let:
            return f"${{{quoted}}} = {value};"
        if form == 6 and not is_let:
            return f'"${{{quoted}}}" = {value};' if self.random.random() < 0.5 else f"${{toString {quoted}}} = {value};"
        if form == 7:
            return f"inherit ({{ {name} = {value}; }}) {name};"
        if form == 8 and (name in PLAIN or self.random.random() < 0.05):
            return f"inherit {name};"
        if form == 9:
            return f"{name}.{self.name()} = {value};"
        if form == 10:
            return f"inherit ({self.random.choice(['a', 'b', 'c', '{ }', 'builtins'])}) {name};"
        return f"{quoted} = {value};"

    def bindings(self, depth: int, is_let: bool = False) -> str:
        names = dict.fromkeys([*self.random.sample(PLAIN, 2), *(self.name() for _ in range(self.random.randint(1, 3)))])
        texts = [self.binding(name, depth, is_let) for name in names]
        self.random.shuffle(texts)
        return " ".join(texts)

    def attrs(self, depth: int) -> str:
        return f"{self.random.choice(['', '', 'rec '])}{{ {self.bindings(depth)} }}"

    def looks(self, depth: int) -> str:
        texts = []
        for _ in range(self.random.randint(1, 3)):
            if self.random.random() < 0.5:
                texts.append(self.random.choice(USES))
            else:
                look = self.random.choice(LOOKS)
                texts.append(f"(let S = {self.attrs(depth)}; in {look})" if self.random.random() < 0.7 else look.replace("S", f"({self.attrs(depth)})", 1).replace("S", "{ a = 1; }"))
        caught = [f"(builtins.tryEval {text})" if self.random.random() < 0.2 else text for text in texts]
        return f"[ {' '.join(caught)} ]"

    def scope(self, depth: int) -> str:
        """Something that binds names around what looks at them."""
        inner = self.scope(depth - 1) if depth > 0 and self.budget > 0 and self.random.random() < 0.6 else self.looks(depth - 1)
        form = self.random.randrange(10)
        name = self.name()
        if form < 2:
            return f"(let {self.bindings(depth - 1, True)} in {inner})"
        if form == 2:
            return f"(let {{ {self.bindings(depth - 1, True)} body = {inner}; }})"
        if form == 3:
            return f"(with {self.attrs(depth - 1)}; {inner})"
        if form == 4:
            return f"(rec {{ {self.bindings(depth - 1)} looks = {inner}; }})"
        if form == 5 and name[0] != '"':
            return f"(({{ {name} ? {self.value(name, depth - 1)}, a ? b, b ? {self.random.choice(NUMBERS)}, ... }}@all: {inner}) {self.attrs(depth - 1)})"
        if form == 6 and name[0] != '"':
            return f"(({name}: a: {inner}) {self.value(name, depth - 1)} {self.value('a', depth - 1)})"
        if form == 7:
            return f"(rec {{ {self.bindings(depth - 1)} looks = {inner}; }}).looks"
        return f"(let a = 1; b = 2; c = {{ a = 3; }}; in {inner})"
