"""Programs with several undefined variables: C++ Nix names the one that it finds first, and takes the names of a scope in the order in which it met them.

In: forms in which each u1, u2, … is undefined, and random programs of all the forms that bind names.  Out: expressions, each with an error.
"""

import random
from collections.abc import Iterator

FORMS = """
{ inherit u1; inherit (u2) a; }
{ inherit (u1) a; inherit u2; }
{ inherit u1; x = u2; }
{ x = u1; inherit u2; }
{ inherit zz; name = u1; }
let inherit zz; name = u1; in u2
let inherit u1; inherit (u2) a; in u3
let inherit (u1) a2 a3; inherit (u2) b2; in u3
let { body = u1; inherit (u2) a; }
rec { inherit (u1) b; c = u2; inherit e; }
rec { zz = u1; name = u2; }
{ zz.a = u1; name = u2; }
{ a.b.c = u1; a.name.c = u2; a.b.name = u3; }
{ x = 1; y.${u1} = 2; inherit w; }
{ ${u1} = u2; z = u3; inherit w; inherit (u4) y; }
{ outPath = u1; meta = u2; q = u3; x = u4; }
{ a = { z = u1; name = u2; }; name = { x = u3; zz = u4; }; }
{ xx ? u1, name ? u2 }: u3
{ x ? u1, a ? u2, name ? u3 }: u4
{ value ? u1, type ? u2, zz ? u3 }@name: u4
x: { inherit x; inherit (u1) z; inherit u2; }
{ }.${u1} or u2
u1.${u2} or u3
(u1 u2).c.${u3}
u1 ? ${u2}.${u3}
u1 u2 u3
u1 + u2
u1 > u2
u1 <= u2
u1 < u2
u1 >= u2
u1 - u2
u1 -> u2
u1 // u2
u1 == u2
[ u1 u2 ]
if u1 then u2 else u3
assert u1; u2
with u1; u2
with { }; { inherit a; inherit (b) c; }
"${u1}${u2}"
./x/${u1}/${u2}
let S = rec { inherit ({ }) __overrides; }; in [ u1 u2 ]
rec { a = [ u1 ]; inherit ({ }) __overrides; b = u2; }
[ (let S = rec { a = { a = a; }; inherit ({ }) __overrides; }; in u1 u2) ]
[ <t> (let S = rec { e = e; inherit ({ }) __overrides; }; in "" ({ ${u1 { a = 1; } u2 ""} = ""; inherit ({ c = 3; }) b; })) ]
""".strip().split("\n")
NAMES = ["zz", "name", "x", "aa", "outputs", "yy", "value", "mm", "type", "kk"]
FREE = [f"u{number}" for number in range(9)]
OPERATORS = ["+", "<", ">", "<=", ">=", "->", "//", "=="]
RANDOM = 300


def _bindings(rng: random.Random, depth: int) -> str:
    found = []
    for name in rng.sample(NAMES, 4):
        form = rng.choice(["{0} = {1};", "{0} = {1};", "inherit ({1}) {0};", "inherit {0};"])
        found.append(form.format(name, _expression(rng, depth)))
    if rng.random() < 0.2:
        found.append(f"${{{_expression(rng, depth)}}} = {_expression(rng, depth)};")
    return " ".join(found)


def _expression(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice(FREE)

    def inner() -> str:
        return _expression(rng, depth - 1)

    kind = rng.randrange(8)
    if kind < 3:
        around = rng.choice(["{{ {0} }}", "rec {{ {0} }}", "(let {0} in {1})"])
        return around.format(_bindings(rng, depth - 1), rng.choice(FREE))
    if kind == 3:
        return f"({{ {', '.join(f'{name} ? {inner()}' for name in rng.sample(NAMES, 2))} }}: {inner()})"
    return rng.choice(
        [
            f"({inner()} {inner()})", f"[ {inner()} {inner()} ]", f"(if {inner()} then {inner()} else {inner()})",
            f"({inner()} {rng.choice(OPERATORS)} {inner()})", rng.choice(FREE),
        ]
    )  # fmt: skip


def programs() -> Iterator[str]:
    yield from FORMS
    for number in range(RANDOM):
        yield _expression(random.Random(number), 3)
