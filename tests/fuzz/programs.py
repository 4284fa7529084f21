"""Random programs whose types mostly fit, so that most of them get far: every construct of the language and every pure builtin.

A program is a function of its seed.  Types are written as text: `int`, `list int`, `fn int (list string)`, `attrs` (any set),
`any`; sets with known fields are `{a:int,b:string}`.  Now and then a subexpression has the wrong type, fails, or depends on
something unusual; the result must be the same in every evaluator.
"""

import random
from functools import lru_cache

from templates import TEMPLATES
from texts import TEXTS

from snowsnake.builtins.table import TABLE

NAMES = ["a", "b", "c", "d", "e", "f", "x", "y", "args"]
ODD_NAMES = ["map", "builtins", "true", "toString", "__sub", "__lessThan", "or'", "x-y", "__functor", "_"]
# Names of attributes, which C++ Nix forces in this order, because it knows none of them from the start.
FIELDS = ["a", "b", "c", "u", "v", "k", "g", '"a b"', '"if"', "u-v", "z"]
SCALARS = ["int", "int", "int", "string", "string", "bool", "float", "null", "path"]
WORDS = ["", "a", "b", "ab", "abc", "a-1.2", "x y", "/a/b", "1", "aXbXc", "\u00e9", "a.b", "foo-1.2pre", "$", "\\"]
FAILURES = ['(throw "t")', '(abort "a")', "(assert false; 1)", "(1 / 0)", "({ }.zz)", "(builtins.head [ ])", '("a" + 1)',
            "(null.a)", "(<nowhere>)", "(9223372036854775807 + 1)", "(builtins.elemAt [ 1 ] 5)", "({ a }: a) { }",
            "(let x = x; in x)", '(import ./nowhere.nix)', '(builtins.fromJSON "{")']  # fmt: skip
SAFE_FAILURES = FAILURES[:3]
LEAVES = {"attrs": "{ }", "data": "1", "drv": '(derivation { name = "n"; system = "s"; builder = "b"; })', "ctx": '"${../fixture/text}"'}
# These builtins are not called with arguments of any type: some would copy whatever folder they get; C++ Nix leaves the result of `break` unevaluated;
# a reference may lack the feature `flakes`.
NOT_CALLED = {"break", "path", "filterSource", "flakeRefToString", "parseFlakeRef", "getFlake"}
CALLABLE = sorted((entry.name, len(entry.arguments.split())) for entry in TABLE.values()
                  if entry.arguments and not entry.name.startswith(("__", "fetch")) and entry.name not in NOT_CALLED)  # fmt: skip



def split_type(text: str) -> list[str]:
    """`fn int (list int)` as its words: fn, int, list int."""
    words, depth, word = [], 0, ""
    for c in text + " ":
        if c in "({":
            depth += 1
        elif c in ")}":
            depth -= 1
        if c == " " and depth == 0:
            words.append(word[1:-1] if word[:1] == "(" else word)
            word = ""
        else:
            word += c
    return [word for word in words if word]


@lru_cache(4096)
def fields_of(text: str) -> tuple[tuple[str, str], ...]:
    """(name, type) of `{a:int,b:list int}`."""
    inside, fields, depth, start = text[1:-1], [], 0, 0
    for place, c in enumerate(inside + ","):
        depth += (c in "({") - (c in ")}")
        if c == "," and depth == 0:
            if inside[start:place]:
                name, _, kind = inside[start:place].partition(":")
                fields.append((name, kind))
            start = place + 1
    return tuple(fields)


@lru_cache(4096)
def pieces_of(template: str) -> tuple[str, ...]:
    """Text and types of a template, by turns."""
    pieces, text, place = [], "", 0
    while place < len(template):
        end = template.find(">", place) if template[place] == "<" and template[place + 1 : place + 2].strip("= ") else -1
        if end > 0 and template[place + 1 : end] != "nowhere":
            pieces += [text, template[place + 1 : end]]
            text, place = "", end + 1
        else:
            text += template[place]
            place += 1
    return (*pieces, text)


class Programs:
    """Programs from a seed; `size` bounds how many templates one is made of."""

    def __init__(self, seed: int, size: int = 40) -> None:
        self.random = random.Random(seed)
        self.size = size

    def program(self) -> str:
        self.budget = self.random.randint(3, self.size)
        kind = self.random.choice(["any", "attrs", "list any", "int", "string", "bool", "list int", "data", "float", "list string"])
        return self.expression(kind, {}, 7)

    # ---- choices ------------------------------------------------------------------------------------------------

    def maybe(self, probability: float) -> bool:
        return self.random.random() < probability

    def some_type(self) -> str:
        return self.random.choice([*SCALARS, "list int", "list string", "attrs", "list any", "{a:int,b:string}", "fn int int", "any"])

    def some_names(self, most: int) -> list[str]:
        pool = NAMES + [self.random.choice(ODD_NAMES)] if self.maybe(0.06) else NAMES
        return self.random.sample(pool, self.random.randint(1, most))

    # ---- expressions --------------------------------------------------------------------------------------------

    def expression(self, kind: str, scope: dict[str, str], depth: int) -> str:
        self.budget -= 1
        if self.maybe(0.015):
            return self.random.choice(FAILURES)
        if self.maybe(0.02):
            kind = self.some_type()
        if depth > 0 and self.maybe(0.04):
            return self.any_builtin(scope, depth - 1) if self.maybe(0.6) else self.operators(scope, depth - 1)
        if kind == "any":
            kind = self.some_type()
            kind = "int" if kind == "any" else kind
        if kind == "scalar":
            kind = self.random.choice(SCALARS)
        known = [name for name, its in scope.items() if its == kind]
        if known and self.maybe(0.35 if depth > 0 else 0.8):
            return self.random.choice(known)
        if depth <= 0 or self.budget <= 0:
            return self.leaf(kind, scope)
        if self.maybe(0.3):
            return self.wrapped(kind, scope, depth - 1)
        if kind[0] == "{":
            return self.attrs_of(kind, scope, depth - 1)
        words = split_type(kind)
        if words[0] == "fn":
            return self.function(words[1], words[2], scope, depth - 1)
        if kind == "attrs" and self.maybe(0.5):
            return self.attrs_of(self.some_fields(), scope, depth - 1)
        if words[0] == "list" and kind not in TEMPLATES:
            count = self.random.randint(0, 3)
            return f"[ {' '.join(self.expression(words[1], scope, depth - 1) for _ in range(count))} ]"
        if kind in TEMPLATES and self.maybe(0.8):
            return self.filled(self.random.choice(TEMPLATES[kind]), scope, depth - 1)
        return self.leaf(kind, scope)

    def filled(self, template: str, scope: dict[str, str], depth: int) -> str:
        out = []
        for number, piece in enumerate(pieces_of(template)):
            if number % 2 == 0:
                out.append(piece)
            elif piece == "field":
                out.append(self.random.choice(FIELDS))
            elif piece in TEXTS:
                out.append(TEXTS[piece](self.random))
            else:
                out.append(self.expression(piece, scope, depth))
        return "".join(out)

    def leaf(self, kind: str, scope: dict[str, str]) -> str:
        pick = self.random.choice
        if kind == "int":
            return pick(["0", "1", "2", "3", "(-1)", "7", "100", "9223372036854775807", "1152921504606846976", "(-4)"])
        if kind == "float":
            return pick(["1.5", "0.0", "2.0", "(-0.5)", "1.0e10", "3.14159"])
        if kind == "string":
            text = pick(WORDS)
            return pick([f'"{text}"', f'"{text}"', f"''{text}''"]).replace("\\", "\\\\" if self.maybe(0.9) else "\\n")
        if kind == "bool":
            return pick(["true", "false"])
        if kind == "path":
            return pick(["./.", "/p/q", "./f.nix", "../fixture/text"])
        if kind[0] == "{":
            return self.attrs_of(kind, scope, 0)
        words = split_type(kind)
        if words[0] == "list":
            return "[ ]"
        if words[0] == "fn":
            return self.function(words[1], words[2], scope, 0)
        return LEAVES.get(kind, "null")

    def any_builtin(self, scope: dict[str, str], depth: int) -> str:
        """A call with arguments of any types, now and then one too few or too many."""
        name, count = self.random.choice(CALLABLE)
        count += self.random.choice([0, 0, 0, 0, 0, 0, 1, -1])
        return f"(builtins.{name} {' '.join(self.expression('any', scope, depth) for _ in range(count))})"

    def operators(self, scope: dict[str, str], depth: int) -> str:
        """Operators side by side, without parentheses."""
        kind = self.random.choice(["int", "bool", "any"])
        text = self.operand(kind, scope, depth)
        for _ in range(self.random.randint(1, 4)):
            text += f" {TEXTS['operator'](self.random)} {self.operand(kind, scope, depth)}"
        return f"({text})"

    def operand(self, kind: str, scope: dict[str, str], depth: int) -> str:
        text = self.expression(kind, scope, depth)
        return self.random.choice(["", "", "", "", "-", "!", "- "]) + text + self.random.choice(["", "", "", "", " ? a", ".a or 1"])

    # ---- expressions around a value of any type -----------------------------------------------------------------

    def wrapped(self, kind: str, scope: dict[str, str], depth: int) -> str:
        make = self.random.choice([
            self.condition, self.condition, self.let, self.let, self.let, self.with_, self.assertion, self.call, self.call, self.pattern_call,
            self.select, self.select, self.select_or, self.of_list, self.forced, self.caught, self.legacy_let, self.many_arguments, self.functor_call,
        ])  # fmt: skip
        return make(kind, scope, depth)

    def condition(self, kind, scope, depth):
        return f"(if {self.expression('bool', scope, depth)} then {self.expression(kind, scope, depth)} else {self.expression(kind, scope, depth)})"

    def bindings(self, scope: dict[str, str], depth: int, types: dict[str, str], is_recursive: bool) -> str:
        """Bindings of these names; `scope` is the one around them."""
        texts = []
        inner = dict(scope)
        for name, kind in types.items():
            fitting = [other for other, its in scope.items() if its == kind]
            if self.maybe(0.08) and scope.get(name) == kind:
                texts.append(f"inherit {name};")
            elif self.maybe(0.08):
                source = {name: kind}
                texts.append(f"inherit ({self.expression(self.type_of_fields(source), inner, depth)}) {name};")
            elif self.maybe(0.1) and fitting:
                texts.append(f"{name} = {self.random.choice(fitting)};")
            else:
                seen = inner if is_recursive else scope
                # The binding also sees names that are bound later, and its own.
                if is_recursive and self.maybe(0.12):
                    seen = {**scope, **types}
                texts.append(f"{name} = {self.expression(kind, seen, depth)};")
            inner[name] = kind
        self.random.shuffle(texts)
        return " ".join(texts)

    @staticmethod
    def type_of_fields(types: dict[str, str]) -> str:
        return "{" + ",".join(f"{name}:{kind}" for name, kind in types.items()) + "}"

    def some_fields(self) -> str:
        names = self.random.sample(FIELDS, self.random.randint(0, 4))
        return self.type_of_fields({name: self.some_type() for name in names})

    def let(self, kind, scope, depth):
        types = {name: self.some_type() for name in self.some_names(4)}
        return f"(let {self.bindings(scope, depth, types, True)} in {self.expression(kind, scope | types, depth)})"

    def legacy_let(self, kind, scope, depth):
        types = {name: self.some_type() for name in self.some_names(2)}
        return f"(let {{ {self.bindings(scope, depth, types, True)} body = {self.expression(kind, scope | types, depth)}; }})"

    def with_(self, kind, scope, depth):
        types = {name: self.some_type() for name in self.some_names(3)}
        # A lexical binding hides the name of a `with`.
        inner = types | scope
        if self.maybe(0.2):
            more = {name: self.some_type() for name in self.some_names(3)}
            body = self.expression(kind, (types | more) | scope, depth)
            return f"(with {self.attrs_of(self.type_of_fields(types), scope, depth)}; with {self.attrs_of(self.type_of_fields(more), inner, depth)}; {body})"
        return f"(with {self.attrs_of(self.type_of_fields(types), scope, depth)}; {self.expression(kind, inner, depth)})"

    def assertion(self, kind, scope, depth):
        return f"(assert {self.expression('bool', scope, depth) if self.maybe(0.3) else 'true'}; {self.expression(kind, scope, depth)})"

    def call(self, kind, scope, depth):
        taken = self.some_type()
        return f"({self.expression(f'fn ({taken}) ({kind})', scope, depth)} {self.expression(taken, scope, depth)})"

    def many_arguments(self, kind, scope, depth):
        types = {name: self.some_type() for name in self.some_names(4)}
        parameters = "".join(f"{name}: " for name in types)
        given = " ".join(self.expression(its, scope, depth) for its in types.values())
        return f"(({parameters}{self.expression(kind, scope | types, depth)}) {given})"

    def functor_call(self, kind, scope, depth):
        taken = self.some_type()
        self_type = self.type_of_fields({"a": "int"})
        inner = scope | {"self": self_type, "x": taken}
        return f"({{ a = {self.expression('int', scope, depth)}; __functor = self: x: {self.expression(kind, inner, depth)}; }} {self.expression(taken, scope, depth)})"

    def pattern_call(self, kind, scope, depth):
        types = {name: self.some_type() for name in self.some_names(3) if name != "args"} or {"a": "int"}
        given = {name: its for name, its in types.items() if self.maybe(0.7)}
        return f"({self.pattern(types, given, kind, scope, depth)} {self.attrs_of(self.type_of_fields(given), scope, depth)})"

    def pattern(self, types, given, kind, scope, depth):
        inner = scope | types
        formals = []
        for name, its in types.items():
            if name not in given or self.maybe(0.2):
                seen = inner if self.maybe(0.3) else scope
                formals.append(f"{name} ? {self.expression(its, seen, depth)}")
            else:
                formals.append(name)
        if self.maybe(0.3):
            formals.append("...")
        text = f"{{ {', '.join(formals)} }}"
        if self.maybe(0.3):
            text = self.random.choice([f"args@{text}", f"{text}@args"])
            inner = inner | {"args": "attrs"}
        return f"({text}: {self.expression(kind, inner, depth)})"

    def select(self, kind, scope, depth):
        others = {name: self.some_type() for name in self.random.sample(FIELDS, self.random.randint(0, 3))}
        name = self.random.choice(FIELDS)
        whole = self.type_of_fields(others | {name: kind})
        if self.maybe(0.15):
            quoted = name if name[0] == '"' else f'"{name}"'
            name = f"${{{quoted}}}"
        if self.maybe(0.2):
            return f"({{ n = {self.expression(whole, scope, depth)}; }}.n.{name})"
        return f"({self.expression(whole, scope, depth)}.{name})"

    def select_or(self, kind, scope, depth):
        name = self.random.choice(FIELDS)
        path = name if self.maybe(0.7) else f"{name}.{self.random.choice(FIELDS)}"
        others = {other: kind for other in self.random.sample(FIELDS, 2)}
        whole = self.type_of_fields(others)
        return f"({self.expression(whole if self.maybe(0.8) else 'any', scope, depth)}.{path} or {self.expression(kind, scope, depth)})"

    def of_list(self, kind, scope, depth):
        item = self.expression(kind, scope, depth)
        other = self.expression("any", scope, depth)
        return self.random.choice([f"(builtins.head [ {item} {other} ])", f"(builtins.elemAt [ {other} {item} ] 1)",
                                   f"(builtins.foldl' (a: b: b) {other} [ {item} ])", f"(builtins.head (map (x: x) [ {item} ]))"])  # fmt: skip

    def forced(self, kind, scope, depth):
        how = self.random.choice(["builtins.seq", "builtins.deepSeq", "builtins.trace", "builtins.addErrorContext"])
        first = '"t"' if how.endswith(("trace", "Context")) else self.expression("any", scope, depth)
        return f"({how} {first} {self.expression(kind, scope, depth)})"

    def caught(self, kind, scope, depth):
        inner = self.expression(kind, scope, depth)
        if self.maybe(0.5):
            inner = self.random.choice([f"(builtins.seq {self.random.choice(SAFE_FAILURES)} {inner})", f"(builtins.deepSeq {inner} {inner})"])
        return f"(let r = builtins.tryEval {inner}; in if r.success then r.value else {self.expression(kind, scope, depth)})"

    # ---- functions and sets -------------------------------------------------------------------------------------

    def function(self, taken: str, given: str, scope: dict[str, str], depth: int) -> str:
        if taken[0] == "{" and self.maybe(0.6):
            types = dict(fields_of(taken))
            if all(name.isidentifier() for name in types):
                return self.pattern(types, types, given, scope, depth)
        if taken == "attrs" and self.maybe(0.3):
            return f"({{ a ? {self.expression('int', scope, depth)}, ... }}@args: {self.expression(given, scope | {'args': 'attrs'}, depth)})"
        if (taken, given) == ("int", "int") and self.maybe(0.2):
            return self.random.choice([f"(builtins.add {self.expression('int', scope, depth)})", "(x: x)", "builtins.floor"])
        name = self.random.choice(NAMES) if self.maybe(0.97) else self.random.choice(ODD_NAMES[:5])
        return f"({name}: {self.expression(given, scope | {name: taken}, depth)})"

    def attrs_of(self, kind: str, scope: dict[str, str], depth: int) -> str:
        types = dict(fields_of(kind))
        if not types:
            return "{ }"
        is_recursive = all(name.isidentifier() for name in types) and self.maybe(0.25)
        text = self.bindings(scope, depth, types, is_recursive)
        if not is_recursive and self.maybe(0.1):
            name = self.random.choice([name for name in FIELDS if name not in types])
            quoted = name if name[0] == '"' else f'"{name}"'
            text += f" ${{{quoted}}} = {self.expression('any', scope, depth)};"
        attrs = f"{'rec ' * is_recursive}{{ {text} }}"
        if self.maybe(0.1):
            attrs = f"({{ {self.random.choice(FIELDS)} = {self.expression('any', scope, 0)}; }} // {attrs})"
        return attrs if self.maybe(0.5) and attrs[0] == "{" else f"({attrs})"
