"""All small programs, each with a number: programs that nobody thinks of are among them.

The other generators choose; this one counts.  `FORMS` has what an expression can be, with a hole for each expression inside; the size of a program is the number of its
forms, and the programs of one size have numbers from 0 on.  Size 1 has some fifty, size 3 a million, so that a run takes a sample of each size.
"""

import functools
import random

from mixtures import NOT_CALLED

from snowsnake.builtins.table import TABLE

HOLE = "@"
ATOMS = [
    "0", "1", "(-1)", "9223372036854775807", "1.5", "(-0.0)", '""', '"a"', '"b c"', "''\n  a\n    b''", "[ ]", "{ }", "true", "false", "null", "./p.nix", "/.", "<missing>", "__curPos",
    "a", "b", "builtins.add", "builtins.length", "toString", "map", "(a: a)", "(a: b: b)", "({ a, ... }: a)", "({ b ? a, a ? 1 }@c: c)", '(throw "t")', '(abort "u")', "(assert false; 0)", "c",
    "(let x = x; in x)", '"${builtins.toFile "f" ""}"', '(derivation { name = "d"; system = "s"; builder = "/b"; })', "{ __toString = a: \"s\"; }", "{ __functor = a: b: b; }", '{ outPath = "/o"; }', '{ type = "derivation"; }',
]  # fmt: skip
BINDINGS = [
    "let a = @; in @", "let a = @; b = @; in @", "let { a = @; body = @; }", "let inherit (@) a b; in @", "let inherit a; b = @; in b", "let a.b = @; a.c = @; in a",
    "rec { a = @; b = @; }", "rec { a = @; inherit (a) b; }", "rec { ${@} = @; a = @; }", "{ a = @; b = @; }", "{ a.b = @; a.c = @; }", "{ a = { b = @; }; a.c = @; }", "{ inherit a b; c = @; }", "{ inherit (@) a; b = @; }", "{ inherit (@) ${\"a\"}; }",
    "{ ${@} = @; }", "{ ${@}.${@} = 1; }", '{ "a${@}" = @; }', "rec { __overrides = @; a = @; b = a; }", "rec { __overrides = { a = @; }; a = @; b = a; }", "with @; @", "with @; with @; a", "with { a = @; }; let b = @; in a",
]  # fmt: skip
FUNCTIONS = [
    "a: @", "_: @", "{ a }: @", "{ a, b ? @ }: @", "{ a ? @, ... }@b: @", "b@{ a, ... }: @", "{ }: @", "{ ... }: @", "@ @", "@ @ @", "(a: @) @", "(a: b: @) @ @", "({ a, b ? @ }: @) @", "({ a ? b, b ? @ }@c: @) @",
    "{ __functor = a: b: @; } @", "{ __functor = @; } @", "let f = a: if a == 0 then @ else f (a - 1); in f 3", "builtins.tryEval @", "(builtins.tryEval @).value", "builtins.seq @ @", "builtins.deepSeq @ @",
    "builtins.functionArgs @", "builtins.addErrorContext \"e\" @", "import (builtins.toFile \"i\" \"{ a = 1; }\")", "builtins.scopedImport @ (builtins.toFile \"i\" \"a\")",
]  # fmt: skip
OPERATIONS = [
    *(f"@ {sign} @" for sign in ("+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "//", "++", "&&", "||", "->")), "@ + @ + @", "@ ++ @ ++ @", "@ // @ // @", "-@", "!@",
    "@.a", "@.a or @", "@.a.b or @", "@.${@}", "@.${@} or @", "@ ? a", "@ ? a.b", "@ ? ${@}", "@ ? a.${@}", "if @ then @ else @", "assert @; @", '"${@}"', '"x${@}y${@}"', "''\n  ${@}\n    ${@}''", "[ @ ]", "[ @ @ ]", "[ @ @ @ ]",
    "./. + @", "./${@}", "__sub @ @", "__lessThan @ @", "builtins.${@}", "builtins.${@} @", "(builtins.unsafeGetAttrPos @ @)",
]  # fmt: skip
CALLS = [
    f"builtins.{name}{' @' * len(row.arguments)}"
    for name, row in sorted(TABLE.items())
    if row.arguments and not row.feature and name not in NOT_CALLED and not name.startswith("__") and name != "genericClosure"
]
FORMS = [*BINDINGS, *FUNCTIONS, *OPERATIONS, *CALLS]
HOLES = [form.count(HOLE) for form in FORMS]


@functools.cache
def programs_of(size: int) -> int:
    """How many programs have so many forms."""
    if size <= 0:
        return 0
    return (len(ATOMS) if size == 1 else 0) + sum(fillings(holes, size - 1) for holes in HOLES)


@functools.cache
def fillings(holes: int, size: int) -> int:
    """In how many ways so many holes are filled with programs that have *size* forms together."""
    if holes == 0:
        return 1 if size == 0 else 0
    return sum(programs_of(first) * fillings(holes - 1, size - first) for first in range(1, size - holes + 2))


def program_at(size: int, number: int) -> str:
    """The program of a size that has this number."""
    if size == 1 and number < len(ATOMS):
        return ATOMS[number]
    number -= len(ATOMS) if size == 1 else 0
    for form, holes in zip(FORMS, HOLES, strict=True):
        ways = fillings(holes, size - 1)
        if number < ways:
            return f"({filled(form.split(HOLE), holes, size - 1, number)})"
        number -= ways
    raise IndexError(f"there are only {programs_of(size)} programs of size {size}")


def filled(pieces: list[str], holes: int, size: int, number: int) -> str:
    """The text between the holes, with the filling that has this number."""
    text = pieces[0]
    for place in range(holes):
        left = holes - place - 1
        for first in range(1, size - left + 1):
            rest = fillings(left, size - first)
            ways = programs_of(first) * rest
            if number < ways:
                break
            number -= ways
        text += program_at(first, number // rest) + pieces[place + 1]
        number, size = number % rest, size - first
    return text


def enumerated(seed: int) -> str:
    """A program of two to six forms; the seed also chooses the values of its free names."""
    chosen = random.Random(seed)
    size = chosen.choice([2, 3, 3, 4, 4, 5, 6])
    bound = " ".join(f"{name} = {program_at(1, chosen.randrange(len(ATOMS)))};" for name in "ab")
    return f"let c = {{ a = 1; b = [ a ]; }}; {bound} in {program_at(size, chosen.randrange(programs_of(size)))}\n"
