"""Further cases of the recorded reports: builtins that take a set, each attribute of it wrong in turn, however the attribute comes into the set; shared data."""

from collections.abc import Iterator

# Builtins that take a set: the call, the attributes that are right, and those of which each is wrong in turn.
_DRV = '"/nix/store/00000000000000000000000000000000-n.drv"'
_OUT = '"/nix/store/00000000000000000000000000000000-n"'
SETS = (
    ("builtins.path ‹›", "path = ./folder/file;", ("path", "name", "recursive", "sha256", "filter", "zz")),
    (f'builtins.appendContext "s" {{ {_DRV} = ‹›; }}', "", ("path", "allOutputs", "outputs", "zz")),
    ('builtins.appendContext "s" ‹›', "", ("zz", _DRV, _OUT)),
    ("builtins.genericClosure ‹›", "startSet = [ ]; operator = x: [ ];", ("startSet", "operator")),
    ("builtins.listToAttrs [ ‹› ]", 'name = "a"; value = 1;', ("name", "value")),
    ('builtins.findFile [ ‹› ] "x/folder"', 'path = "."; prefix = "x";', ("path", "prefix")),
    ("(derivation ‹›).drvPath", 'name = "n"; builder = "b"; system = "s";', ("name", "builder", "args", "outputHash", "zz")),
)
# How an attribute comes into the set, and the set to the builtin: what is before the call, the argument, what is behind the call.
FORMS = (
    ("", "{{ {right}{name} = {wrong}; }}", ""),
    ("let v = {wrong}; in ", "{{ {right}{name} = v; }}", ""),
    ("let s = {{ {right}{name} = {wrong}; }}; in ", "s", ""),
    ("", "({{ {right}}} // {{ {name} = {wrong}; }})", ""),
    ("let s = {{ {name} = {wrong}; }}; in ", "{{ {right}inherit (s) {name}; }}", ""),
    ("", "{{ {right}${{{quoted}}} = {wrong}; }}", ""),
    ("(x: ", "{{ {right}{name} = x; }}", ") {wrong}"),
    ("", "{{ {name} = {wrong}; {right}}}", ""),
)
# A context that no derivation has.
CONTEXTS = ("{ outputs = [ ‹› ]; }", "{ allOutputs = true; outputs = [ ‹› ]; }", "{ path = true; allOutputs = ‹›; }", "{ outputs = ‹›; zz = 1; }")

# Lists and sets in a message that contain themselves, or occur several times.
SHARED = (
    "builtins.add 1 (let x = [ x ]; in x)",
    "builtins.add 1 (let x = { a = x; }; in x)",
    "let x = [ 1 2 ]; y = [ x x { a = x; } ]; in builtins.deepSeq y (y + 1)",
    "let x = builtins.genList (y: y) 2; in builtins.deepSeq x ([ x x ] + 1)",
    'let x = [ 1 x ]; in builtins.deepSeq x (x + "")',
    "let x = [ ]; y = [ x x ]; in builtins.deepSeq y (y + 1)",
    "let x = { a = [ x.b x.b ]; b = [ 1 ]; }; in builtins.deepSeq x (x + 1)",
)


def forms() -> Iterator[str]:
    yield from SHARED
    for call, attributes, names in SETS:
        for name in names:
            right = "".join(f"{part}; " for part in attributes.rstrip(";").split("; ") if part and not part.startswith(f"{name} "))
            quoted = name if name.startswith('"') else f'"{name}"'
            for wrong in ("1", "null", "[ 1 ]", "(x: x)", '(throw "t")', "({ }.zz)"):
                for form in FORMS:
                    before, argument, behind = (part.format(right=right, name=name, wrong=wrong, quoted=quoted) for part in form)
                    yield before + call.replace("‹›", argument) + behind
    for place in (_DRV, _OUT):
        for context in CONTEXTS:
            for wrong in ("true", '"o"', '"a b"', '""', "[ ]", '(throw "t")'):
                yield f'builtins.appendContext "s" {{ {place} = {context.replace("‹›", wrong)}; }}'
