"""Functions that fail, called in tail position in every form, from every place that may need such a call: expressions for recorded traces."""

from collections.abc import Iterator
from itertools import product

# A function, and an argument with which it fails.
_CALLEES = (
    ("({ a }: a)", "{ }"),
    ("({ }: 1)", "{ a = 1; }"),
    ("({ a }: a)", "1"),
    ("({ a, b ? a }@s: a)", "[ ]"),
    ('(x: throw "t")', "1"),
    ("(x: x + { })", "1"),
    ("1", "2"),
    ("{ __functor = self: { a }: a; }", "{ }"),
    ("{ __functor = self: x: x.y; }", "{ }"),
    ("{ __functor = 1; }", "2"),
    ("builtins.head", "[ ]"),
    ("(builtins.elemAt [ ])", "0"),
    ("builtins.elem0t", "0"),
)
_BODIES = (
    "f x",
    "if true then f x else 0",
    "let y = x; in f y",
    "with { }; f x",
    "assert true; f x",
    "let h = x: f x; in h x",
    "let h = { x }: f x; in h { inherit x; }",
    "builtins.seq 1 (f x)",
    "(y: f y) x",
    "({ x }: f x) { inherit x; }",
    "let s = { inherit f; }; in s.f x",
    "f x // { }",
    "if x == 5 then f x else if x == 6 then f { } else f x",
)
_PLACES = (
    "‹F› ‹A›",
    "[ (‹F› ‹A›) ]",
    "{ v = ‹F› ‹A›; }",
    '"${‹F› ‹A›}"',
    "map ‹F› [ (‹A›) ]",
    "let g = ‹F›; in g (‹A›)",
    "let g = ‹F›; r = { v = g (‹A›); }; in r.v + 1",
    "builtins.foldl' (a: ‹F›) 0 [ (‹A›) ]",
    "(‹F› (‹A›)).b.c",
    "let w = n: if n == 0 then ‹F› (‹A›) else w (n - 1); in w 3",
)
# Calls with arguments that are left over, and uses of a selection whose value is computed later.
_OTHERS = (
    "let h = builtins.head; in (h [ ] 1) + 1",
    "let h = builtins.head; in h [ ] 1",
    "let h = builtins.elemAt [ ]; in (h 3 1) + 1",
    "let h = x: y: builtins.head x; in (h [ ] 3 1) + 1",
    "let h = x: y: z: builtins.head x; in (h [ ] 3 1 6 7) + 1",
    "(builtins.mapAttrs (n: { __functor = self: x: x.y; }) { k = { }; }).k + 1",
    "let f = n: { __functor = self: x: x.y; }; in f 1 { } + 1",
)
_USES = (
    "‹S› + 1", "1 - ‹S›", "if ‹S› then 1 else 2", "‹S›.z", "‹S› // { }", "{ } // ‹S›", "‹S› 1", "builtins.length ‹S›", "[ ‹S› ]", '"a${‹S›}c"',
    "‹S› == 1", "! ‹S›", "- ‹S›", "‹S› && true", "‹S› -> true", "‹S› ++ [ ]", "‹S› ? a", "assert ‹S›; 1", "with ‹S›; c", "{ ${‹S›} = 1; }",
    "s.${‹S›}", "‹S›.c or 2", "(x: x + 1) ‹S›", "({ a }: a) ‹S›",
)  # fmt: skip
_SETS = (
    ('{ k.b = throw "x"; }', "s.k.b"),
    ('builtins.mapAttrs (n: v: throw "x") { k = { }; }', "s.k"),
    ('builtins.mapAttrs (n: v: throw "x") { k = { }; }', "(with s; k)"),
)
# Selections from what has no name, of an attribute that is the value of a variable, and uses of them.
_UNNAMED = ("{ x = c; }.x", "{ inherit c; }.c", "({ x = c; } // { y = 1; }).x", "(rec { x = c; y = x; }).y", "{ x.y = c; }.x.y", "(f { x = c; }).x", "(let d = c; in { x = d; }).x", "(if true then { x = c; } else { }).x", "{ x = c; }.x.z")
_SCOPES_OF_VARIABLES = ("({ c, f }: ‹S›) { c = ‹V›; f = x: x; }", "(c: f: ‹S›) (‹V›) (x: x)", "let c = ‹V›; f = x: x; in ‹S›", "with { c = ‹V›; f = x: x; }; ‹S›")
_USES_OF_UNNAMED = ("‹S›", "1 - ‹S›", '"${‹S›}"', "[ (‹S›) ]", "‹S›.z", "{ v = ‹S›; }", "(y: y) (‹S›)")
# What fails in lists of lists that something makes a text of, and what that is.
_NESTED = (
    "[ ‹V› ]", "[ [ ‹V› ] ]", "[ 1 [ 2 [ ] [ [ ] ‹V› ] ] ]", "{ outPath = [ [ ‹V› ] ]; }", "[ { outPath = [ ‹V› ]; } ]", "{ __toString = self: [ [ ‹V› ] ]; }", "[ { __toString = self: [ [ ‹V› ] ]; } ]", "[ [ { __toString = self: ‹V›; } ] ]",
    "[ { __toString = self: { outPath = [ ‹V› ]; }; } ]",
)  # fmt: skip
_TEXTS = (
    "toString ‹L›", "map toString [ ‹L› ]", '"${toString ‹L›}"', '(derivation { name = "n"; builder = "b"; system = "s"; q = ‹L›; }).outPath', '(derivation { name = "n"; builder = "b"; system = "s"; args = [ ‹L› ]; }).drvPath',
)
_NO_TEXTS = ('(throw "t")', "{ }", "{ __toString = 1; }", "(x: x)", "./nowhere")
# Functions that return something else than the list that is expected of them.
_NO_LISTS = (
    "let p = x: 1; in builtins.concatMap (y: p) [ 1 ]", "let p = x: y: 1; in builtins.concatMap p [ 1 ]", "let p = x: y: 1; in builtins.concatMap (z: p) [ 1 ]", "let p = x: y: 1; in builtins.concatMap (z: p 1) [ 1 ]",
    "builtins.concatMap (z: map) [ 1 ]", "builtins.concatMap (z: builtins.add 1) [ 1 ]", "builtins.concatMap builtins.add [ 1 ]", "builtins.concatMap (z: { a }: 1) [ 1 ]", "builtins.concatMap (z: { }) [ 1 ]",
)  # fmt: skip
# Elements that a message shows as thunks.
_ELEMENTS = (
    "1", "(-1)", "1.5", '"t"', '"${"t"}"', "''t''", "/p", "[ ]", "[ 1 ]", "[ v ]", "{ }", "{ a = 1; }", "v", "f", "l", "(x: x)", "({ a }: a)", "(f 1)", "(v + 1)", "(v == 1)", "s.a", "(s.a or 1)", "s.b",
    "builtins.add", "builtins", "true", "null", "(with s; a)", "(let x = 1; in x)", "(rec { a = b; b = 1; })", "(if true then 1 else 2)", "(!true)", "(s ? a)", "(v // s)", "(l ++ l)", "(assert true; 1)", "(f f)",
)  # fmt: skip
_AROUND = (
    "{ a = ‹E›; }", "[ ‹E› ]", "rec { a = ‹E›; b = a; }", "{ inherit (s) a; b.c = ‹E›; }", "let x = ‹E›; in { inherit x; y = x; }", "(y: { inherit y; z = [ y ]; }) ‹E›", "({ y ? ‹E› }: { inherit y; }) { }",
    "map (i: ‹E›) [ 1 ]", "builtins.mapAttrs (n: v: v) { a = ‹E›; }", 'builtins.listToAttrs [ { name = "a"; value = ‹E›; } ]', "[ 1 ] ++ [ ‹E› ]", "{ a = 1; } // { b = ‹E›; }", "(with { q = ‹E›; }; { inherit q; })",
    "builtins.tryEval ‹E›", "builtins.genList (i: ‹E›) 1", "(rec { __functor = self: x: self; a = ‹E›; }) 1", "[ (with s; [ b ‹E› ]) ]",
)  # fmt: skip


def shown() -> Iterator[str]:
    """Values in messages, as they are at first, and after they have been used."""
    for place, around in enumerate(_AROUND):
        for number, element in enumerate(_ELEMENTS):
            value = around.replace("‹E›", element)
            names = "let v = 1; l = [ v ]; f = x: x; s = { a = 1; b = { c = f; }; }; in "
            yield f'{names}"" + ({value})'
            if (place + number) % 5 == 0:
                yield f'{names}let c = {value}; in builtins.seq (builtins.toJSON c) ("" + c)' if number % 2 else f"{names}let c = [ ({value}) ]; in builtins.seq (builtins.head c) (c < 1)"

# Faults in names of attributes, and names around them.
_FAULTS = (
    "(assert false; \"a\")", '(throw "x")', '(1 + "a")', '(if 1 then "a" else "b")', "({ }.q)", "({ q = 1; }.q.r)", '(-"a")', "(with 1; a)", "(let f = { a }: a; in f { })", "(x: x)", "(!1)", "(1 && true)", "(builtins.head [ ])", '"a${1}"',
    "(assert 1; \"a\")", "(null.a or (1 1))", "(1 2)",
)  # fmt: skip
_NAMED = (
    "{ ${‹N›} = 1; }", "{ ${‹N›}.b = 1; }", '{ ${"a"}.${‹N›}.b = 1; }', "{ a.${‹N›}.c = 1; }", "rec { ${‹N›}.b = b; b = 1; }", "{ a = 1; ${‹N›}.b.c = 1; }", "{ }.${‹N›}.b", "{ a = 1; }.${‹N›}.b or 3", "{ } ? ${‹N›}.b", "{ } ? a.${‹N›}",
    "let s = { ${‹N›}.b = 1; }; in s.a", "{ ${‹N›}.${‹N›} = 1; }",
)  # fmt: skip


def named() -> Iterator[str]:
    """Names that cannot be computed."""
    for around in _NAMED:
        for fault in _FAULTS:
            yield around.replace("‹N›", fault)

# Selections of several names from what has no name.
_BASES = (
    "{ q = ‹V›; }", "((x: x) { q = ‹V›; })", "(if true then { q = ‹V›; } else { })", "({ q = 2; } // { q = ‹V›; })", "(builtins.head [ { q = ‹V›; } ])", "(let s = { q = ‹V›; }; in s)",
    "(with { s = { q = ‹V›; }; }; s)", "(rec { q = ‹V›; })", "(builtins.mapAttrs (n: v: v) { q = ‹V›; })", '(builtins.fromJSON "{\\"q\\": {}}")', "({ inherit (rec { q = ‹V›; }) q; })",
)  # fmt: skip
_VALUES = ("{ }", "1", '(throw "t")', "{ r = 1; }", '{ r = throw "u"; }', "null", "(x: x)")
_PATHS = ("q.r", "q.r.s", 'q.${"r"}', 'q."r s"', "q", '${"q"}.r', "q.r.s.t")


def selections() -> Iterator[str]:
    """A third of all selections."""
    for base, around in enumerate(_BASES):
        for value, inner in enumerate(_VALUES):
            for number, path in enumerate(_PATHS):
                selection = f"{around.replace('‹V›', inner)}.{path}"
                which = (base + 2 * value + 3 * number) % 9
                if which in (0, 4):
                    yield selection
                elif which == 1:
                    yield f"(x: x + 1) {selection}"
                elif which == 2:
                    yield f"builtins.length ({selection})"
                elif which == 3:
                    yield f"{around.replace('‹V›', inner)} ? {path}.u"


# Sets that are called, what is in them failing in several ways, and where C++ Nix or a builtin calls them.
_FUNCTORS = (
    "{ __functor = self: x: ‹B›; }",
    "{ __functor = self: { y }: y; }",
    "{ __functor = self: x: y: ‹B›; }",
    "{ __functor = builtins.length; }",
    "{ __functor = self: builtins.elemAt; }",
    "{ __functor = 5; }",
    '{ __functor = throw "f"; }',
    "(let f = self: x: ‹B›; in { __functor = f; })",
    "({ a = 1; } // { __functor = self: x: ‹B›; })",
    "(builtins.mapAttrs (n: v: v) { __functor = self: x: ‹B›; })",
    "{ __functor = { __functor = a: b: x: ‹B›; }; x = { }; }",
    "{ __functor = self: self.g; g = x: ‹B›; }",
)
_FUNCTOR_BODIES = ("x.q", 'throw "b"', "x + 1", "x x", "self.h x or 1", "builtins.head x", "if x then 1 else 2")
_FUNCTOR_CALLS = (
    "‹G› { }",
    "‹G› 1 [ ]",
    "‹G› 1 2 3",
    "(‹G› { }).q",
    "[ (‹G› null) ]",
    "(n: ‹G›) 1 { } 5",
    "let f = n: ‹G›; in f 1 { } + 1",
    "map ‹G› [ { } ]",
    "builtins.filter ‹G› [ { } ]",
    "builtins.foldl' ‹G› 0 [ { } ]",
    "builtins.sort ‹G› [ 2 1 ]",
    "(builtins.mapAttrs ‹G› { k = 1; }).k",
    "builtins.groupBy ‹G› [ 1 ]",
    '"${‹G› { }}"',
    '{ __toString = ‹G›; } + ""',
    "(builtins.length) (‹G› [ ])",
)
# Operators are calls of names, which a scope may bind.
_OPERATIONS = ("5 - 1", "-x", "5 * x", "x / 2", "1 < x", "x > 1", "x <= 2", "1 >= x", "[ (1 - (2 * x)) ]", "1 - (throw \"e\")", "(builtins.sub) (x) 1")
_OPERATORS = ("__sub", "__mul", "__div", "__lessThan")
_BOUND = ("5", "{ a = 7; }", '(throw "o")', "(x: y: x.a)", '(x: throw "w")', "({ a }: b: 1)", "builtins.elemAt", "{ __functor = s: x: y: x.q; }", "{ __functor = 5; }", "(x: x)")
_SCOPES = ("let ‹O› = ‹V›; x = 3; in ‹E›", "(‹O›: x: ‹E›) ‹V› 3", "({ ‹O› ? ‹V›, x }: ‹E›) { x = 3; }", "let x = 3; in rec { ‹O› = ‹V›; r = ‹E›; }")
# Partial applications of builtins in parentheses, and functions that are defaults.
_PARTIAL = (
    "(builtins.hashString \"md5\") 5",
    "((builtins.hashString (\"md5\")) { a = 1; }).a or 5",
    "((builtins.substring) 0) \"a\" 1",
    "(x: (builtins.catAttrs (true)) x) [ ]",
    "(builtins.elemAt [ ]) 0 1",
    "(x: builtins.head) 1 [ ]",
    "(x: builtins.head) 1 2 3",
    "{ __functor = self: x: { __functor = s: y: y.q; }; } 1 { }",
    "{ __functor = self: x: { __functor = s: y: throw y; }; } 1 ''t'' 3",
    '({ f ? (x: throw "a") }: f 1) { }',
    "({ f ? ({ a }: a) }: f { }) { }",
    "(let f = { a ? (x: x.q) }: a; in f { } 1)",
)



def functors() -> Iterator[str]:
    for number, (call, functor) in enumerate(product(_FUNCTOR_CALLS, _FUNCTORS)):
        bodies = _FUNCTOR_BODIES if "‹B›" in functor else _FUNCTOR_BODIES[:1]
        body = bodies[number % len(bodies)]
        # The place of a set that `//` made is unknown.  A `__toString` that needs the text of its own set never ends, and messages show sets with «thunk».
        if (call[:3], functor[:3]) != ("map", "({ ") and (call[0] != "{" or not ("+" in body or "a: b: x" in functor)):
            yield call.replace("‹G›", functor).replace("‹B›", body)


def operators() -> Iterator[str]:
    for number, (scope, operator, bound, operation) in enumerate(product(_SCOPES, _OPERATORS, _BOUND, _OPERATIONS)):
        if number % 7 == 0:
            yield scope.replace("‹O›", operator).replace("‹V›", bound).replace("‹E›", operation)


# Selections with a default that fails, after some or none of their names were found.
_WITH_DEFAULTS = (
    "{ a = { }; }.a.b or ‹D›", "{ a.b = { }; }.a.b.c or ‹D›", "{ a = 1; }.a.b or ‹D›", "{ }.a.b or ‹D›", "(builtins.head [ { a = { }; } ]).a.b or ‹D›", "let s = { a = { }; }; in s.a.b or ‹D›",
    "(x: x.a.b or ‹D›) { a = { }; }", "{ a = { }; }.a.b or ({ c = { }; }.c.d or ‹D›)", "(rec { a = { }; r = a.b or ‹D›; }).r", "with { s = { a = { }; }; }; s.a.b or ‹D›", '{ a = { }; }."a".b or ‹D›',
    '{ a = throw "n"; }.a.b or ‹D›', "{ a = ‹D›; }.a or 1", "(x: y: x.a.b or (y ‹D›)) { a = { }; } (z: z + 1)",
)  # fmt: skip
_DEFAULTS = (
    '(throw "t")', '(1 + "a")', "((x: x.y) { })", '(if throw "t" then 1 else 2)', "(let x = x; in x)", "(assert false; 1)", "(builtins.head [ ])", '[ (throw "t") ]', "(with { z = null; }; z.v)", "({ a }: a)",
)  # fmt: skip
_DEFAULT_PLACES = ("‹S›", "[ (‹S›) ]", "(‹S›) + 1", '"${‹S›}"', "(x: x) (‹S›)", "{ v = ‹S›; }.v.w")
# Variables that fail where they are the value of an expression around them, and something needs that value.
_VARIABLES = (
    '"${if true then x else 1}"', '"${let b = 1; in x}"', '"${with { }; x}"', '"a${assert true; x}"', "[ ] ++ (if true then x else 1)", "1 + (let y = 1; in x)", "{ } // (with { }; x)", "{ y = x; }.y or 1", "({ }.y or x) + 1",
    "- (if true then x else 1)", "! (let y = x; in y)", "builtins.length (if true then x else 1)", "(if false then 1 else x) == 1", "(if true then x else 1).z", "(if true then x else 1) 2", "(with { }; x) ? z", "(if x then 1 else 2)",
    "[ (if true then x else 1) ]", "({ }.y or x).z or 2", '(if true then { }.q or x else 1) + 1', "(let y = x; in with { }; y) + 1",
)  # fmt: skip


def defaults() -> Iterator[str]:
    for number, (selection, default) in enumerate(product(_WITH_DEFAULTS, _DEFAULTS)):
        for place in (number % 6, (number // 10 + 3) % 6):
            yield _DEFAULT_PLACES[place].replace("‹S›", selection.replace("‹D›", default))
    for variable in _VARIABLES:
        yield f"let x = {variable}; in x"
        yield f'let x = throw "t"; in {variable}'
        yield f"(x: {variable}) (null.z)"


def names_of_with() -> Iterator[str]:
    """Names that no set of a `with` has: code that runs finds them, and calls are around it."""
    for name in ("with { }; unbound", "with { }; unbound.a", "with { }; unbound + 1", "with { a = 1; }; with { }; unbound", "let a = 1; in with { }; [ unbound a ]"):
        for use in ("(x: x) (‹N›)", "(x: y: x) (‹N›) 1", "let f = x: x; in f (if true then ‹N› else 1)", "(x: x) ((x: x) (‹N›))", "let f = x: ‹N›; g = x: f x; in g 1"):
            yield use.replace("‹N›", name)
    yield from ("with { }; (x: x) unbound", "with { }; unbound", "let f = x: with { }; unbound x; in f 1", "let f = x: with { }; x unbound; in f (x: x)", "with { }; { a = (x: x) unbound; }.a")


def unnamed() -> Iterator[str]:
    for number, (scope, selection, use) in enumerate(product(_SCOPES_OF_VARIABLES, _UNNAMED, _USES_OF_UNNAMED)):
        value = ('-(throw "t")', "null.z", "1 + { }")[number % 3]
        yield scope.replace("‹S›", use.replace("‹S›", selection)).replace("‹V›", value)


def texts() -> Iterator[str]:
    for text, nested, value in product(_TEXTS, _NESTED, _NO_TEXTS):
        if value != "./nowhere" or not text.startswith("(derivation"):
            yield text.replace("‹L›", nested.replace("‹V›", value))
    yield from _NO_LISTS


# Selections by names that the program computes, and uses of them.
_COMPUTED = (
    "${k}", "q.${k}", "${k}.r", "${k}.${n.r}", "q.${k}.r", "${f k}.r", '"a${k}".r', 'q."${k}".r.s', '${k + "x"}.y', 'q.${throw "n"}', "${k}.${1}", "${k}.r.${(x: x) null}.z", "q.r.${builtins.head [ ]}", "q.${n.z}.r", "q.${n.${k}}",
    "${k}.r.${n.r}", "${k} or s.z", "${k}.r or s.z", 'q.${n.r} or (throw "d")', "q.r.${k}.z or (null.q or n.z)", "${n.q}.${k}.r or n.r.z",
)  # fmt: skip
_COMPUTED_BASES = ("s", "(f s)", "{ q = ‹V›; }", "s.q", "(let t = { q = ‹V›; }; in t)", "(builtins.mapAttrs (n: v: v) { q = ‹V›; })")
_COMPUTED_VALUES = ("{ }", '{ r = throw "u"; }', "1", '(throw "t")', "{ r = { r = 1; q = { }; }; q = { r = v: v; }; }", "{ r = c; q = c; }")
_COMPUTED_USES = (
    "‹S›", "‹S› + 1", "[ (‹S›) ]", '"a${‹S›}b"', "builtins.length (‹S›)", "(‹S›).z", "(‹S›) 1", "if ‹S› then 1 else 2", "with ‹S›; nosuch", "{ ${‹S›} = 1; }", "(x: ‹S›) 1", "if k == null then ‹S› else let y = ‹S›; in y.z", "{ inherit (‹S›) z; }.z",
    "(‹S›) ? z.y",
)  # fmt: skip


def computed() -> Iterator[str]:
    """A thirteenth of all selections by computed names."""
    for number, (path, base, value, use) in enumerate(product(_COMPUTED, _COMPUTED_BASES, _COMPUTED_VALUES, _COMPUTED_USES)):
        if number % 13 == 0:
            text = use.replace("‹S›", f"{base}.{path}").replace("‹V›", value)
            yield f'let k = "q"; n = {{ q = "q"; r = "r"; }}; f = x: x; c = throw "c"; s = {{ q = {value}; }}; in {text}'


# Builtins that fail, with their arguments, what calls them by another name, and uses of the result.
_FAILING = (
    ("head", ("[ ]",)), ("elemAt", ("[ 1 ]", "3")), ("add", ("1", '"a"')), ("stringLength", ("{ }",)), ("substring", ("0", "1", "{ }")), ("seq", ("1", '(throw "s")')), ("deepSeq", ("[ 1 ]", '(throw "s")')),
    ("trace", ("1", '(throw "t")')), ("filter", ("(x: 1)", "[ 1 ]")), ("foldl'", ('(a: b: throw "f")', "0", "[ 1 ]")), ("toString", ("{ }",)), ("addErrorContext", ('"c"', '(throw "t")')), ("getAttr", ('"a"', "{ }")),
    ("isAttrs", ('(throw "i")',)), ("throw", ('"t"',)), ("tail", ("[ ]",)), ("toJSON", ("(x: x)",)),
)  # fmt: skip
_NAMINGS = (
    "let h = ‹B›; in h ‹A›", "(let h = ‹B› ‹F›; in h ‹R›)", "(with { h = ‹B›; }; h ‹A›)", "(h: h ‹A›) ‹B›", "(h: h ‹R›) (‹B› ‹F›)", "({ h }: h ‹A›) { h = ‹B›; }", "(let inherit (builtins) ‹N›; in ‹N› ‹A›)",
    "(let s.h = ‹B› ‹F›; in s.h ‹R›)", "(if k then ‹B› else null) ‹A›", "((x: ‹B›) 1) ‹A›", '(builtins.getAttr "‹N›" builtins) ‹A›', "(builtins.head [ ‹B› ]) ‹A›", "(let h = ‹B›; g = h; in g ‹A›)", "({ h ? ‹B› }: h ‹A›) { }",
    "(x: h: h ‹A›) 1 ‹B›", "builtins.foldl' (a: h: h ‹A›) 0 [ ‹B› ]", "(map (h: h ‹A›) [ ‹B› ])", "((y: y) ‹B›) ‹A›", "(let s = { ${n} = ‹B›; }; in s.${n} ‹A›)", "({ }.h or ‹B›) ‹A›", "(let b = builtins; in b.‹N› ‹A›)",
)  # fmt: skip
_USES_OF_CALLS = (
    "‹E›", "(‹E›) + 1", "[ (‹E›) ]", '"${‹E›}"', "{ v = ‹E›; }", "(x: x) (‹E›)", "(‹E›).z", "(‹E›) 1", "if ‹E› then 1 else 2", "let y = ‹E›; in y", "(x: ‹E›) 1", "assert k; ‹E›", "if k then ‹E› else 0", "builtins.length (‹E›)", "!(‹E›)",
    "{ } // (‹E›)", "(‹E›) == 1", "- (‹E›)", "(let w = n: if n == 0 then ‹E› else w (n - 1); in w 3)",
)  # fmt: skip


def called_builtins() -> Iterator[str]:
    """An eleventh of all calls of builtins by other names."""
    for number, ((name, arguments), naming, use) in enumerate(product(_FAILING, _NAMINGS, _USES_OF_CALLS)):
        if number % 11 == 0:
            call = naming.replace("‹A›", " ".join(arguments)).replace("‹F›", arguments[0]).replace("‹R›", " ".join(arguments[1:]) or "7")
            yield 'let k = true; n = "q"; in ' + use.replace("‹E›", call).replace("‹B›", f"builtins.{name}").replace("‹N›", name)


# Lines that are repeated, more often than a trace shows, and what fails inside.
_REPEATED = ("00", "000", "0011", "00000000", "0000000001111111", "01010101", "000000011111111000000000")
_INSIDE = (
    '(throw "x")', '(builtins.add 1 "a")', "(builtins.filter (x: 1) [ 1 ])", "(map (x: builtins.filter (x: 1) [ 1 ]) [ 1 ])", '{ a = 1 + "a"; }', '(let f = n: if n == 0 then 1 + "a" else [ (f (n - 1)) ]; in f 9)',
    '(let f = n: if n == 0 then builtins.add 1 "a" else 1 + (builtins.add (f (n - 1)) 1); in f 9)',
)  # fmt: skip


def repeated() -> Iterator[str]:
    for indices, inside in product(_REPEATED, _INSIDE):
        yield "".join("[ 1 " if index == "1" else "[ " for index in indices) + inside + " ]" * len(indices)


# Values that need themselves, in every form, what is made of them, and messages about what is being evaluated.
_NEEDS_ITSELF = (
    "(a - 1)", "a + 1", "1 - a", "-a", "!a", "a.x", "a ? x", "a // { }", "{ } // a", "a ++ [ ]", "[ ] ++ a", "a && true", "true && a", "a == 1", "a < 1", "a 1", "(x: x) a", "f a", "if a then 1 else 2", "assert a; 1", "with a; q",
    '"${a}"', '"x${a}y"', "builtins.length a", "builtins.add a 1", "toString a", "a", "b", "a.x or 1", "let c = a; in c", "builtins.seq a 1", "builtins.head a", "map f a", "import a", "({ x }: x) a", 'a.${"x"}', "{ x = 1; }.${a}",
    "{ ${a} = 1; }", "a * 2", "a >= 1", "a -> true", "builtins.substring a 1 q", "(a: a) 1 + a", "builtins.elemAt [ a ] 0 + 1", "{ __toString = s: a; } + q", "[ a ] == [ 1 ]",
)  # fmt: skip
_RECURSIVE = (
    "let a = ‹V›; in a", "let a = ‹V›; in [ a ]", "let a = ‹V›; in b", "let a = ‹V›; in a + 1", "(rec { a = ‹V›; }).a", "let s = rec { a = ‹V›; }; in s.a", "({ a ? ‹V› }: a) { }", "let inherit (rec { a = ‹V›; }) a; in a",
    "let s = { a = let inherit (s) a; in ‹V›; }; in s.a", "let a = (x: let y = ‹V›; in y) 1; in builtins.deepSeq a 1", "let g = n: let a = ‹V›; in if n == 0 then a else g (n - 1); in g 3", "let { a = ‹V›; body = a; }", "builtins.tryEval (let a = ‹V›; in a)",
    "let a = { x = ‹V›; }; in a.x", "let a = [ (‹V›) ]; in builtins.head a", "let inherit (a) b; a = ‹V›; in b", "let inherit (a) a; b = ‹V›; in b",
)  # fmt: skip


def recursions() -> Iterator[str]:
    """Half of all values that need themselves."""
    for number, (around, value) in enumerate(product(_RECURSIVE, _NEEDS_ITSELF)):
        if number % 2 == 0:
            yield 'let b = 1; f = x: x; q = "q"; in ' + around.replace("‹V›", value)


# Sets that become a text, and where.
_TEXT_SETS = (
    '{ __toString = s: throw "x"; }', "{ __toString = s: s.z; }", "{ __toString = { a }: a; }", "{ __toString = 1; }", "{ __toString = s: 1; }", '{ __toString = s: { __toString = s: throw "x"; }; }',
    '{ outPath = { __toString = s: throw "x"; }; }', '{ outPath = throw "x"; }', "{ __toString = builtins.length; }", "{ __toString = let f = s: s.z + 1; in f; }",
)  # fmt: skip
_TEXT_PLACES = (
    '‹S› + "q"', '"q" + ‹S›', "‹S› + q", "q + ‹S›", "s + q", "q + s", '"${‹S›}"', '"a${s}"', '"${s}${q}"', '"${q}${s}"', 's + q + "r"', '"r" + s + q', "./a + s", "./a/${s}", "s + ./a", "s + s", "(x: x + q) s", "[ (s + q) ]", "(s) + q",
    "''${s}''", '(x: "${x}-${q}") s', 'if true then "${s}" else q',
)  # fmt: skip


def coerced() -> Iterator[str]:
    for around, value in product(_TEXT_PLACES, _TEXT_SETS):
        yield f'let q = "q"; s = {value}; in ' + around.replace("‹S›", value)


# What fails while an attribute of a derivation becomes a text, what that attribute is, and what needs the derivation.
_FAILING_TEXTS = (
    '(throw "x")', '{ outPath = throw "x"; }', "{ outPath = { }; }", '{ outPath = { outPath = throw "x"; }; }', '{ outPath = [ (throw "x") ]; }', '{ outPath = [ { outPath = throw "x"; } ]; }', '{ __toString = s: throw "x"; }',
    "{ __toString = s: { }; }", '{ __toString = s: [ (throw "x") ]; }', "{ __toString = 1; }", "{ }", "(x: x)", "/nosuch", "{ outPath = x: x; }", "{ outPath = /nosuch; }", "d", "{ outPath = d; }", "c.q", "{ outPath = c.q; }",
    "(rec { outPath = outPath; })",
)  # fmt: skip
_DERIVED = (
    "q = ‹E›;", "q = [ ‹E› ];", 'q = [ 1 ‹E› "z" ];', "q = [ [ ‹E› ] ];", "q = [ 1 [ 2 ‹E› ] ];", "args = [ ‹E› ];", "args = [ [ ‹E› ] ];", "q = toString [ ‹E› ];", 'q = "${‹E›}";', 'q = builtins.concatStringsSep ":" [ ‹E› ];',
    "__structuredAttrs = true; q = [ ‹E› ];", "__structuredAttrs = true; q = ‹E›;", "__structuredAttrs = true; q.w = [ { z = ‹E›; } ];", "q = map toString [ ‹E› ];", "__ignoreNulls = true; q = [ ‹E› ];", 'q = [ "a" ] ++ [ ‹E› ];',
    "q = builtins.toJSON [ ‹E› ];",
)  # fmt: skip
_USES_OF_DERIVATIONS = ("(‹D›).outPath", "(‹D›).drvPath", '"${‹D›}"', "[ (‹D›) ]", "builtins.seq (‹D›).drvPath 1")


def derived() -> Iterator[str]:
    for number, (attribute, value) in enumerate(product(_DERIVED, _FAILING_TEXTS)):
        made = f'derivation {{ name = "n"; system = "s"; builder = "b"; {attribute.replace("‹E›", value)} }}'
        use = _USES_OF_DERIVATIONS[number % 5 if number % 3 == 0 else 0].replace("‹D›", made)
        yield 'let c = { q = throw "c"; }; d = derivation { name = "m"; system = "s"; builder = throw "b"; }; in ' + use


def expressions() -> Iterator[str]:
    """A seventh of all calls, and everything else."""
    yield from shown()
    yield from named()
    yield from selections()
    yield from computed()
    yield from recursions()
    yield from derived()
    yield from coerced()
    yield from repeated()
    yield from called_builtins()
    for callee, (function, argument) in enumerate(_CALLEES):
        for number, body in enumerate(_BODIES):
            for place, text in enumerate(_PLACES):
                if number == place or (number * 7 + place * 3 + callee) % 15 == 0:
                    yield text.replace("‹F›", f"(x: let f = {function}; in {body})").replace("‹A›", argument)
    yield from _OTHERS
    yield from functors()
    yield from operators()
    yield from _PARTIAL
    for made, selected in _SETS:
        for use in _USES:
            yield f"let s = {made}; in " + use.replace("‹S›", selected)
    yield from defaults()
    yield from names_of_with()
    yield from unnamed()
    yield from texts()
