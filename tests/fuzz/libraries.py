"""Programs from library functions: functions as people write them around the builtins, combined by their types.

In: a seed.  Out: a program.  The other generators make expressions; this one makes calls of the functions in `LIBRARY`, written as nixpkgs' `lib` is: folds,
fixed points with overlays, modules with priorities, parsers of strings, walks over trees, closures, with functions passed about, partly applied and returned.
"""

import random

# name -> (types of the parameters, type of the result, definition).  Types: i s b; [i] [s] lists; {i} {s} sets; t a tree of sets, lists, numbers and texts;
# i>i, s>s, i>b, ii>i functions.
LIBRARY = {
    "id": ("i", "i", "x: x"),
    "compose": ("i>i i>i", "i>i", "f: g: x: f (g x)"),
    "flip": ("ii>i", "ii>i", "f: a: b: f b a"),
    "curry": ("ii>i i", "i>i", "f: a: f a"),
    "pipe": ("i", "i", "x: builtins.foldl' (v: f: f v) x [ (a: a + 1) (a: a * 2) (a: -a) ]"),
    "foldr": ("ii>i i [i]", "i", "op: nul: list: let len = builtins.length list; go = n: if n == len then nul else op (builtins.elemAt list n) (go (n + 1)); in go 0"),
    "foldl": ("ii>i i [i]", "i", "op: nul: list: let go = acc: l: if l == [ ] then acc else go (op acc (builtins.head l)) (builtins.tail l); in go nul list"),
    "fixedPoint": ("i", "i", "start: let go = x: let y = (x / 2) + 1; in if y == x then x else go y; in go (if start < 0 then -start else start)"),
    "range": ("i i", "[i]", "a: b: let n = b - a; in if n < 0 || n > 50 then [ a ] else builtins.genList (k: a + k) (n + 1)"),
    "reverse": ("[i]", "[i]", "xs: let l = builtins.length xs; in builtins.genList (n: builtins.elemAt xs (l - n - 1)) l"),
    "unique": ("[i]", "[i]", "builtins.foldl' (acc: e: if builtins.elem e acc then acc else acc ++ [ e ]) [ ]"),
    "zipWith": ("ii>i [i] [i]", "[i]", "f: a: b: let n = builtins.length a; m = builtins.length b; in builtins.genList (k: f (builtins.elemAt a k) (builtins.elemAt b k)) (if n < m then n else m)"),
    "take": ("i [i]", "[i]", "n: xs: builtins.genList (builtins.elemAt xs) (if n < 0 then 0 else if n > builtins.length xs then builtins.length xs else n)"),
    "sortOn": ("i>i [i]", "[i]", "f: xs: map (p: builtins.elemAt p 1) (builtins.sort (a: b: builtins.head a < builtins.head b) (map (x: [ (f x) x ]) xs))"),
    "insertionSort": ("[i]", "[i]", "let insert = x: l: if l == [ ] then [ x ] else if x <= builtins.head l then [ x ] ++ l else [ (builtins.head l) ] ++ insert x (builtins.tail l); in builtins.foldl' (l: x: insert x l) [ ]"),
    "chunks": ("[i]", "[[i]]", "xs: let go = l: if builtins.length l <= 2 then [ l ] else [ [ (builtins.elemAt l 0) (builtins.elemAt l 1) ] ] ++ go (builtins.tail (builtins.tail l)); in go xs"),
    "flatten": ("[[i]]", "[i]", "let flatten = x: if builtins.isList x then builtins.concatMap flatten x else [ x ]; in flatten"),
    "transpose": ("[[i]]", "[[i]]", "m: let least = builtins.foldl' (n: r: if builtins.length r < n then builtins.length r else n) 9 m; in builtins.genList (c: map (r: builtins.elemAt r c) m) least"),
    "partitionSum": ("i>b [i]", "i", "p: xs: let s = builtins.partition p xs; sum = builtins.foldl' (a: b: a + b) 0; in sum s.right - sum s.wrong"),
    "groupSizes": ("[i]", "{i}", "xs: builtins.mapAttrs (n: builtins.length) (builtins.groupBy (x: \"k${toString (x - x / 3 * 3)}\") xs)"),
    "fib": ("i", "i", "n: let m = if n < 0 then 0 else if n > 15 then 15 else n; go = k: if k < 2 then k else go (k - 1) + go (k - 2); in go m"),
    "isEven": ("i", "b", "n: let e = k: if k == 0 then true else o (k - 1); o = k: if k == 0 then false else e (k - 1); in e (if n < 0 || n > 200 then 7 else n)"),
    "collatz": ("i", "i", "n: let go = k: steps: if k <= 1 || steps > 60 then steps else go (if k / 2 * 2 == k then k / 2 else 3 * k + 1) (steps + 1); in go n 0"),
    "digits": ("i", "[i]", "n: let go = k: if k < 10 then [ k ] else go (k / 10) ++ [ (k - k / 10 * 10) ]; in go (if n < 0 then -n else n)"),
    "bits": ("i i", "i", "a: b: builtins.bitAnd a (builtins.bitOr b (builtins.bitXor a 12))"),
    "clamp": ("i", "i", "n: if n > 1000 then 1000 else if n < -1000 then -1000 else n"),
    "attrsToList": ("{i}", "[i]", "s: map (n: s.${n}) (builtins.attrNames s)"),
    "listToSet": ("[i]", "{i}", "xs: builtins.listToAttrs (builtins.genList (k: { name = \"n${toString k}\"; value = builtins.elemAt xs k; }) (builtins.length xs))"),
    "filterAttrs": ("i>b {i}", "{i}", "p: s: removeAttrs s (builtins.filter (n: !(p s.${n})) (builtins.attrNames s))"),
    "mapNames": ("s>s {i}", "{i}", "f: s: builtins.listToAttrs (map (n: { name = f n; value = s.${n}; }) (builtins.attrNames s))"),
    "mergeSum": ("{i} {i}", "{i}", "a: b: builtins.zipAttrsWith (n: vs: builtins.foldl' (x: y: x + y) 0 vs) [ a b ]"),
    "overlay": ("{i} i", "{i}", "base: n: let o = [ (final: prev: { a = (prev.a or 0) + n; z = final.a; }) (final: prev: prev // { b = prev.z or final.a; }) ]; fix = f: let x = f x; in x; in fix (self: builtins.foldl' (p: f: p // f self p) base o)"),
    "extend": ("{i}", "{i}", "base: let mk = rattrs: rattrs // { __extend = f: mk (rattrs // f rattrs); }; in removeAttrs ((mk base).__extend (old: { ext = builtins.length (builtins.attrNames old); })) [ \"__extend\" ]"),
    "functor": ("i", "i>i", "n: { __functor = self: x: self.n + x; inherit n; }"),
    "counter": ("i", "i", "n: (let c = v: { inherit v; next = c (v + 1); __functor = self: k: if k <= 0 then self.v else self.next (k - 1); }; in c n) 7"),
    "stateful": ("[i]", "[i]", "xs: (builtins.foldl' (st: x: { sum = st.sum + x; out = st.out ++ [ (st.sum + x) ]; }) { sum = 0; out = [ ]; } xs).out"),
    "modules": ("{i} {i}", "{i}", "a: b: let mkIf = c: v: { _type = \"if\"; inherit c v; }; mods = [ (m: { config = a; }) (m: { config = builtins.mapAttrs (n: v: mkIf (v > 0) v) b; }) ]; look = v: if builtins.isAttrs v && v._type or \"\" == \"if\" then (if v.c then [ v.v ] else [ ]) else [ v ]; cfg = builtins.zipAttrsWith (n: vs: builtins.foldl' (x: y: x + y) 0 (builtins.concatMap look vs)) (map (m: (m { config = cfg; }).config) mods); in cfg"),
    "split": ("s", "[s]", "s: builtins.filter builtins.isString (builtins.split \"[-_ ]+\" s)"),
    "joinWords": ("[s]", "s", "builtins.concatStringsSep \"-\""),
    "upper": ("s", "s", "builtins.replaceStrings [ \"a\" \"b\" \"c\" \"x\" ] [ \"A\" \"B\" \"C\" \"\" ]"),
    "reverseText": ("s", "s", "s: let n = builtins.stringLength s; in builtins.concatStringsSep \"\" (builtins.genList (k: builtins.substring (n - k - 1) 1 s) n)"),
    "isPalindrome": ("s", "b", "s: let n = builtins.stringLength s; in builtins.all (k: builtins.substring k 1 s == builtins.substring (n - k - 1) 1 s) (builtins.genList (k: k) n)"),
    "parseInt": ("s", "i", "s: let m = builtins.match \"[^0-9]*([0-9]{1,9}).*\" s; in if m == null then -1 else builtins.fromJSON (toString (builtins.fromJSON (\"[\" + (let d = builtins.head m; t = builtins.match \"0*(.+)\" d; in builtins.head t) + \"]\")))"),
    "words": ("s", "i", "s: builtins.length (builtins.filter (x: builtins.isString x && x != \"\") (builtins.split \"([^a-z]+)\" s))"),
    "matches": ("s", "[s]", "s: let m = builtins.match \"([a-c]*)(.?)(.*)\" s; in if m == null then [ ] else m"),
    "pad": ("i s", "s", "n: s: if builtins.stringLength s >= n || n > 40 then s else pad n (\"0\" + s)"),
    "hash": ("s", "s", "s: builtins.substring 0 12 (builtins.hashString \"sha256\" s)"),
    "versions": ("s s", "i", "a: b: builtins.compareVersions a b + builtins.length (builtins.splitVersion a)"),
    "indent": ("[s]", "s", "ls: ''\n  begin\n    ${builtins.concatStringsSep \"\\n    \" ls}\n  end\n''"),
    "show": ("i", "s", "toString"),
    "describe": ("t", "s", "v: builtins.toJSON v"),
    "describeInts": ("[i]", "s", "xs: toString xs"),
    "roundTrip": ("t", "t", "v: builtins.fromJSON (builtins.toJSON v)"),
    "xml": ("t", "i", "v: builtins.stringLength (builtins.toXML v)"),
    "depth": ("t", "i", "let most = builtins.foldl' (a: b: if a > b then a else b) 0; depth = v: if builtins.isAttrs v then 1 + most (map depth (builtins.attrValues v)) else if builtins.isList v then 1 + most (map depth v) else 0; in depth"),
    "mapTree": ("i>i t", "t", "f: let go = v: if builtins.isAttrs v then builtins.mapAttrs (n: go) v else if builtins.isList v then map go v else if builtins.isInt v then f v else v; in go"),
    "leaves": ("t", "[i]", "let go = v: if builtins.isAttrs v then builtins.concatLists (builtins.attrValues (builtins.mapAttrs (n: go) v)) else if builtins.isList v then builtins.concatMap go v else if builtins.isInt v then [ v ] else [ ]; in go"),
    "recursiveUpdate": ("t t", "t", "let up = a: b: if builtins.isAttrs a && builtins.isAttrs b then a // builtins.mapAttrs (n: v: if a ? ${n} then up a.${n} v else v) b else b; in up"),
    "paths": ("t", "[s]", "let go = p: v: if builtins.isAttrs v then builtins.concatMap (n: go (p + \".\" + n) v.${n}) (builtins.attrNames v) else [ p ]; in go \"\""),
    "equal": ("t t", "b", "a: b: a == b"),
    "less": ("[i] [i]", "b", "a: b: a < b"),
    "closure": ("i", "[i]", "n: map (x: x.key) (builtins.genericClosure { startSet = [ { key = n; } ]; operator = x: if x.key > 40 || x.key < -40 then [ ] else [ { key = x.key + 7; } { key = x.key / 2; } ]; })"),
    "closureOfTexts": ("s", "[s]", "s: map (x: x.key) (builtins.genericClosure { startSet = [ { key = s; } ]; operator = x: if builtins.stringLength x.key < 2 then [ ] else [ { key = builtins.substring 1 (-1) x.key; } { key = builtins.substring 0 1 x.key; } ]; })"),
    "lazyField": ("i", "i", "n: ({ a = n; b = throw \"never\"; } // { c = 1; }).a"),
    "caught": ("i", "i", "n: let r = builtins.tryEval (if n > 3 then throw \"big\" else n); in if r.success then r.value else -n"),
    "guarded": ("i", "i", "n: assert n == n; builtins.seq (builtins.tryEval (assert n > 0; n)).success n"),
    "defaults": ("i", "i", "n: ({ a ? n, b ? a + 1, ... }@args: a + b + builtins.length (builtins.attrNames args)) { b = n; c = 1; }"),
    "formals": ("i i", "i", "a: b: let f = { x, y ? x }: x - y; in f { x = a; y = b; } + f { x = b; }"),
    "argsOf": ("i", "{i}", "n: builtins.mapAttrs (k: v: if v then n else 0) (builtins.functionArgs ({ a, b ? 1, ... }: a))"),
    "withScope": ("{i} i", "i", "s: k: with { a = k; b = k; }; with s; a + b"),
    "church": ("i", "i", "n: let two = f: x: f (f x); add = m: k: f: x: m f (k f x); in (add two two) (x: x + 1) n"),
    "yCombinator": ("i", "i", "n: let y = f: (x: f (v: (x x) v)) (x: f (v: (x x) v)); in y (self: k: if k <= 0 then 0 else k + self (k - 1)) (if n > 60 then 60 else n)"),
    "mutual": ("i", "i", "n: rec { a = b + n; b = if n > 0 then c else n; c = 5; inherit (rec { d = 1; }) d; }.a"),
    "dynamic": ("s i", "{i}", "s: n: { \"${s}x\" = n; ${if n > 0 then \"pos\" else null} = 1; a.b = n; }.a // { inherit n; }"),
    "contextual": ("s", "i", "s: builtins.length (builtins.attrNames (builtins.getContext \"${builtins.toFile \"f\" s}-${builtins.toFile \"g\" s}\"))"),
    "plus": ("i i", "i", "a: b: a + b"),
    "less3": ("i", "b", "a: a < 3"),
    "not": ("b", "b", "b: !b"),
    "choose": ("b i i", "i", "c: a: b: if c then a else b"),
    "both": ("b b", "b", "a: b: a && b || !a -> b"),
    "addText": ("s s", "s", "a: b: a + b"),
    "size": ("[i]", "i", "builtins.length"),
    "textSize": ("s", "i", "builtins.stringLength"),
    "mapInts": ("i>i [i]", "[i]", "f: xs: map f xs"),
    "filterInts": ("i>b [i]", "[i]", "builtins.filter"),
    "mapTexts": ("s>s [s]", "[s]", "map"),
    "anyInts": ("i>b [i]", "b", "builtins.any"),
    "append": ("[i] [i]", "[i]", "a: b: a ++ b"),
    "update": ("{i} {i}", "{i}", "a: b: a // b"),
    "pick": ("{i} {i}", "{i}", "builtins.intersectAttrs"),
    "floatly": ("i", "i", "n: builtins.floor (n / 2.0) + builtins.ceil (n * 0.25)"),
}  # fmt: skip

_SIMPLE = {
    "i": ["0", "1", "2", "3", "7", "-1", "12", "40", "999", "-5"],
    "s": ['"abc"', '"a-b_c d"', '""', '"x"', '"1.2.10"', '"v12rc3"', '"aXbYc"', "''\n  two\n    lines\n''", '"é"'],
    "b": ["true", "false"],
    "[i]": ["[ ]", "[ 1 2 3 ]", "[ 5 3 9 3 (-1) ]", "[ 7 ]"],
    "[s]": ["[ ]", '[ "a" "b" ]', '[ "x" "" "yz" ]'],
    "[[i]]": ["[ ]", "[ [ 1 2 ] [ 3 ] ]", "[ [ ] [ 4 5 6 ] ]"],
    "{i}": ["{ }", "{ a = 1; b = 2; }", "{ a = -3; z = 4; pos = 9; }", "rec { a = 1; c = a; }"],
    "t": ["{ a = [ 1 { b = \"x\"; } ]; c.d.e = 3; }", "[ 1 [ 2 [ 3 ] ] ]", "null", "{ }", '{ "odd name" = 1; x = [ ]; }', "{ a = 1; c.d.f = [ \"t\" ]; }"],
    "i>i": ["(x: x)", "(x: x + 1)", "(x: x * x)", "(x: if x > 5 then 5 else x)", "(builtins.sub 3)", "{ __functor = self: x: x - 1; }"],
    "s>s": ["(s: s)", '(s: s + "!")', "(builtins.substring 0 2)", "toString", "baseNameOf"],
    "i>b": ["(x: x > 2)", "(x: true)", "(builtins.lessThan 1)", "(x: x == 3)", "builtins.isInt"],
    "ii>i": ["(a: b: a + b)", "(a: b: a * b - 1)", "builtins.add", "(a: b: if a > b then a else b)", "(a: b: b)"],
}  # fmt: skip


class Libraries:
    """
    >>> program = Libraries(3).program()
    >>> program == Libraries(3).program() and program.startswith("let ")
    True
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.used: dict[str, None] = {}
        self.bound: list[tuple[str, str]] = []
        self.left = 12 + self.random.randrange(40)

    def value(self, kind: str, depth: int = 0) -> str:
        """An expression of a type."""
        self.left -= 1
        makers = [name for name, (_, result, _) in LIBRARY.items() if result == kind]
        named = [name for name, of in self.bound if of == kind]
        if named and self.random.random() < 0.3:
            return self.random.choice(named)
        if not makers or depth > 7 or self.left < 0 or self.random.random() < 0.12:
            return self.odd(kind) if self.random.random() < 0.03 else self.random.choice(_SIMPLE[kind])
        if kind in ("i>i", "ii>i", "i>b") and self.random.random() < 0.5:
            return self.section(kind, depth)
        return self.call(self.random.choice(makers), depth)

    def call(self, name: str, depth: int) -> str:
        self.used[name] = None
        arguments = " ".join(self.value(kind, depth + 1) for kind in LIBRARY[name][0].split())
        form = self.random.random()
        if form < 0.06:
            return f"(let v = {name} {arguments}; in v)"
        if form < 0.1:
            return f"(builtins.seq ({name} {arguments}) ({name} {arguments}))"
        if form < 0.13:
            return f"({{ r = {name} {arguments}; }}.r or 1)"
        return f"({name} {arguments})"

    def section(self, kind: str, depth: int) -> str:
        """A function of the library that lacks its last arguments."""
        lacking, result = kind.split(">")
        fitting = [name for name, (types, made, _) in LIBRARY.items() if made == result and types.split()[-len(lacking) :] == list(lacking)]
        if not fitting:
            return self.random.choice(_SIMPLE[kind])
        name = self.random.choice(fitting)
        self.used[name] = None
        given = LIBRARY[name][0].split()[: -len(lacking)]
        return f"({name} {' '.join(self.value(of, depth + 1) for of in given)})"

    def odd(self, kind: str) -> str:
        """An expression that has another type, fails, or never ends."""
        other = self.random.choice(list(_SIMPLE))
        return self.random.choice([self.random.choice(_SIMPLE[other]), '(throw "odd")', "null", "(let e = e; in e)", "(abort \"odd\")", "missing.attribute or 4"])

    def program(self) -> str:
        lines = []
        for number in range(self.random.randrange(4)):
            kind = self.random.choice(list(_SIMPLE))
            lines.append(f"  v{number} = {self.value(kind)};")
            self.bound.append((f"v{number}", kind))
        self.left = max(self.left, 8)
        results = [self.value(kind) for kind in self.random.sample(["i", "s", "[i]", "{i}", "t", "b", "[s]"], self.random.randint(1, 3))]
        missing = [name for name in ("pad",) if name in self.used]
        functions = [f"  {name} = {LIBRARY[name][2]};" for name in dict.fromkeys([*self.used, *missing])]
        return "let\n" + "\n".join(functions + lines) + f"\nin [ {' '.join(results)} ]\n"
