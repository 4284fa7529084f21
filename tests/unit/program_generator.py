"""Random programs that mostly work: every construct, with names of the scopes that they are in."""

import random

OPERATORS = ["+", "-", "*", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "->", "++", "//"]
NAMES = ["a", "b", "c", "d", "x", "y", "f"]


class Generator:
    """Programs from a seed.  `depth` bounds the nesting."""

    def __init__(self, seed: int, depth: int = 5) -> None:
        self.random = random.Random(seed)
        self.depth = depth

    def program(self) -> str:
        return self.expression((), self.depth)

    def pick(self, *choices):
        return self.random.choice(choices)

    def names(self, most: int = 3) -> list[str]:
        return self.random.sample(NAMES, self.random.randint(1, most))

    def atom(self, scope: tuple[str, ...]) -> str:
        if scope and self.random.random() < 0.6:
            return self.random.choice(scope)
        return self.pick("1", "2", "0", "true", "false", "null", '"s"', "[ ]", "{ }", "1.5", "(-3)", "map", "/p", "(x: x)")

    def expression(self, scope: tuple[str, ...], depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.1:
            return self.atom(scope)
        kinds = [
            self.operator, self.operator, self.condition, self.let, self.let, self.attrs, self.attrs, self.select, self.select,
            self.function, self.call, self.call, self.pattern_call, self.with_, self.list_, self.string, self.builtin, self.assertion,
        ]  # fmt: skip
        return self.random.choice(kinds)(scope, depth - 1)

    def operator(self, scope, depth):
        if self.random.random() < 0.1:
            return f"({self.pick('!', '-')} {self.expression(scope, depth)})"
        left, right = self.expression(scope, depth), self.expression(scope, depth)
        return f"({left} {self.random.choice(OPERATORS)} {right})"

    def condition(self, scope, depth):
        test = self.expression(scope, depth)
        if self.random.random() < 0.7:
            test = f"{self.expression(scope, depth - 1)} {self.pick('==', '!=', '<', '?')} {self.pick('a', '1', 'b')}"
            test = test.replace("? 1", "? a").replace("== a", "== 2").replace("== b", '== "s"').replace("< a", "< 3").replace("< b", "< 1")
            test = test.replace("!= a", "!= null").replace("!= b", "!= [ ]")
            if self.random.random() < 0.4:
                test = f"{self.pick('', '!')}({test}) {self.pick('&&', '||', '->')} {self.pick('true', 'false', '1 < 2')}"
        return f"(if {test} then {self.expression(scope, depth)} else {self.expression(scope, depth)})"

    def bindings(self, scope, depth, names):
        texts = []
        for name in names:
            if self.random.random() < 0.12 and scope:
                texts.append(f"inherit ({self.random.choice(scope)}) {name};")
            elif self.random.random() < 0.1:
                texts.append(f"inherit ({self.expression(scope, depth - 1)}) {name};")
            else:
                texts.append(f"{name} = {self.expression(scope, depth)};")
        return " ".join(texts)

    def let(self, scope, depth):
        names = self.names(4)
        inner = scope + tuple(names)
        return f"(let {self.bindings(inner, depth, names)} in {self.expression(inner, depth)})"

    def attrs(self, scope, depth):
        names = self.names(4)
        is_rec = self.random.random() < 0.3
        inner = scope + tuple(names) if is_rec else scope
        text = self.bindings(inner, depth, names)
        if scope and self.random.random() < 0.3:
            free = [name for name in set(scope) if name not in names]
            text += f" inherit {' '.join(sorted(free))};" if free else ""
        if self.random.random() < 0.15:
            text += f" ${{{self.pick(chr(34) + 'k' + chr(34), 'null', self.expression(inner, 1))}}} = {self.expression(inner, depth)};"
        if self.random.random() < 0.1:
            text += f" n.m = {self.expression(inner, depth)}; n.o = 1;"
        return f"({'rec ' * is_rec}{{ {text} }})"

    def select(self, scope, depth):
        base = self.attrs(scope, depth) if self.random.random() < 0.5 else f"({self.expression(scope, depth)})"
        name = self.pick(*NAMES, '"a"', f"${{{self.pick(chr(34) + 'a' + chr(34), self.atom(scope))}}}")
        path = name if self.random.random() < 0.7 else f"{name}.{self.random.choice(NAMES)}"
        kind = self.random.random()
        if kind < 0.3:
            return f"({base} ? {path})"
        if kind < 0.7:
            return f"({base}.{path} or {self.expression(scope, depth)})"
        return f"({base}.{path})"

    def function(self, scope, depth):
        parameters = self.names(3)
        return f"({''.join(f'{name}: ' for name in parameters)}{self.expression(scope + tuple(parameters), depth)})"

    def call(self, scope, depth):
        arguments = " ".join(f"({self.expression(scope, depth)})" for _ in range(self.random.randint(1, 3)))
        return f"({self.function(scope, depth)} {arguments})"

    def pattern_call(self, scope, depth):
        names = self.names(3)
        inner = scope + tuple(names) + ("args",)
        formals = [f"{name} ? {self.expression(inner, depth)}" if self.random.random() < 0.6 else name for name in names]
        formals += ["..."] if self.random.random() < 0.5 else []
        given = " ".join(f"{name} = {self.expression(scope, depth)};" for name in names if self.random.random() < 0.7)
        pattern = f"{{ {', '.join(formals)} }}"
        pattern = self.pick(f"args@{pattern}", f"{pattern}@args")
        return f"(({pattern}: {self.expression(inner, depth)}) {{ {given} }})"

    def with_(self, scope, depth):
        names = self.names(3)
        given = " ".join(f"{name} = {self.expression(scope, depth)};" for name in names)
        body = self.expression(scope + tuple(names), depth)
        return f"(with {{ {given} }}; {body})"

    def list_(self, scope, depth):
        return f"[ {' '.join(self.expression(scope, depth) for _ in range(self.random.randint(0, 3)))} ]"

    def string(self, scope, depth):
        parts = [f"${{{self.pick('toString ', '')}{self.expression(scope, depth)}}}" for _ in range(self.random.randint(1, 2))]
        return '"' + "t".join(parts) + '"'

    def builtin(self, scope, depth):
        one, two = self.expression(scope, depth), self.expression(scope, depth)
        return self.pick(
            f"(map {self.function(scope, depth)} [ {self.expression(scope, depth)} ])",
            f"(builtins.foldl' (a: b: {self.expression((*scope, 'a', 'b'), depth)}) {one} [ 1 {two} ])",
            f"(builtins.typeOf {one})",
            f"(builtins.attrNames {self.attrs(scope, depth)})",
            f"(builtins.seq {one} {two})",
            f"(builtins.isFunction {one})",
            f"(builtins.length {self.list_(scope, depth)})",
            f"(builtins.mapAttrs (a: b: {self.expression((*scope, 'a', 'b'), depth)}) {self.attrs(scope, depth)})",
            f"(let inherit (builtins) length elemAt; in elemAt {self.list_(scope, depth)} 0)",
        )

    def assertion(self, scope, depth):
        return f"(assert {self.pick('true', self.expression(scope, depth))}; {self.expression(scope, depth)})"
