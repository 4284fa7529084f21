"""Rows of the builtins for attribute sets (attrsets.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "attrNames",
        "set",
        "a",
        cost="n",
        of="the attributes of *set*",
        doc="Returns the names of the attributes of *set*, sorted bytewise. No value is forced. The first call for sets "
        "of one shape sorts the names, in O(n log n).",
        example='builtins.attrNames { b = throw "unused"; a = 1; } => [ "a" "b" ]',
        argument_form="only",
    ),
    BuiltinRow(
        "attrValues",
        "set",
        "a",
        cost="n",
        of="the attributes of *set*",
        doc="Returns the values of the attributes of *set*, in the order of `attrNames`. No value is forced.",
        example="builtins.attrValues { b = 2; a = 1; } => [ 1 2 ]",
        argument_form="only",
    ),
    BuiltinRow(
        "hasAttr",
        "name set",
        "SA",
        cost="log n",
        of="the attributes of *set*",
        doc="Returns whether *set* has an attribute called *name*, as `set ? name` does for a fixed name. The value is "
        "not forced.",
        example='builtins.hasAttr "a" { a = throw "unused"; } => true',
    ),
    BuiltinRow(
        "getAttr",
        "name set",
        "SA",
        cost="log n",
        of="the attributes of *set*",
        doc="Returns the value of the attribute *name* of *set*, as `set.name` does for a fixed name. Raises an error if "
        "the attribute is missing.",
        example='builtins.getAttr "a" { a = 1; b = 2; } => 1',
        phrases={"attributes": "in the attribute set under consideration"},
    ),
    BuiltinRow(
        "mapAttrs",
        "function set",
        ".a",
        cost="n",
        of="the attributes of *set*",
        doc="Returns a set with the names of *set*, in which each value is `function name value`. Only the set is forced: "
        "the function and the values are forced when a value of the result is needed.",
        example='builtins.mapAttrs (name: value: "${name}=${toString value}") { a = 1; b = 2; } '
        '=> { a = "a=1"; b = "b=2"; }',
    ),
    BuiltinRow(
        "removeAttrs",
        "set names",
        "al",
        framed=True,
        is_global=True,
        cost="n",
        of="the attributes of *set*, and of *names*",
        doc="Returns *set* without the attributes called *names*, and ignores names that *set* does not have. The names "
        "are forced in order and must be strings without context; no value is forced. A call takes O(size of the set "
        "+ names · log size).",
        example='removeAttrs { a = 1; b = 2; c = 3; } [ "a" "c" "x" ] => { b = 2; }',
        phrases={"element 2": "while evaluating the values of the second argument passed to builtins.removeAttrs"},
        always=("element 2",),
    ),
    BuiltinRow(
        "intersectAttrs",
        "first second",
        "aA",
        cost="n log n",
        of="the attributes of the smaller set",
        doc="Returns the attributes of *second* whose names are also in *first*. No value is forced. A call takes O(m log "
        "n), where m is the size of the smaller set.",
        example="builtins.intersectAttrs { a = 1; b = 2; } { b = 20; c = 30; } => { b = 20; }",
    ),
    BuiltinRow(
        "listToAttrs",
        "pairs",
        "l",
        framed=True,
        cost="n log n",
        of="the elements of *pairs*",
        doc="Returns a set made of *pairs*, a list of sets `{ name, value }`. If several pairs have the same name, the "
        "first one is used. Each pair and its name are forced, in order; values are not. Raises an error if a pair "
        "has no `name`, or if the first pair with a name has no `value`.",
        example='builtins.listToAttrs [ { name = "a"; value = 1; } { name = "b"; value = 2; } '
        '{ name = "a"; value = 3; } ] '
        "=> { a = 1; b = 2; }",
        argument_form="only",
        phrases={
            "attributes": "in a {name=...; value=...;} pair",
            "element 1": "while evaluating an element of the list passed to builtins.listToAttrs",
            "attribute name": "while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs@",
        },
        always=("attribute name",),
    ),
    BuiltinRow(
        "catAttrs",
        "name sets",
        "Sl",
        framed=True,
        cost="n log n",
        of="the elements of *sets*",
        doc="Returns the list of the values of the attribute *name*, one for each set of *sets* that has it, in the order "
        "of the list. The sets are forced, in order; the values are not. A call takes O(n log m), where m is the size "
        "of a set.",
        example='builtins.catAttrs "a" [ { a = 1; } { b = 0; } { a = 2; } ] => [ 1 2 ]',
        phrases={"element 2": "while evaluating an element in the list passed as second argument to builtins.catAttrs"},
    ),
    BuiltinRow(
        "zipAttrsWith",
        "function sets",
        "fl",
        framed=True,
        cost="n",
        of="the attributes of all sets together",
        doc="Returns a set with every name that occurs in *sets*. The value under a name is `function name values`, where "
        "*values* lists what the sets have under that name, in order. The function is forced first, then the list and "
        "each set; the function is called when a value of the result is needed.",
        example="builtins.zipAttrsWith (name: values: values) [ { a = 1; } { a = 2; b = 3; } ] "
        "=> { a = [ 1 2 ]; b = [ 3 ]; }",
        phrases={"element 2": "while evaluating a value of the list passed as second argument to builtins.zipAttrsWith"},
    ),
    BuiltinRow(
        "functionArgs",
        "function",
        "v",
        cost="1",
        doc="Returns a set of the names in the set pattern of *function*; each value says whether the name has a default. "
        "The result is an empty set for a function without a set pattern and for builtins. Raises an error for a "
        "value that is not a function; a set with `__functor` is not a function here.",
        example="builtins.functionArgs ({ a, b ? 1, ... }: a) => { a = false; b = true; }",
    ),
    BuiltinRow(
        "unsafeGetAttrPos",
        "name set",
        "SA",
        cost="1",
        doc="Returns where the attribute *name* of *set* was written: a set of `file`, `line` and `column` (counted from "
        "1, in bytes). Returns null if the attribute is missing or was not written in a file. The name says unsafe "
        "because the result depends on the layout of the source. A call takes O(offset in the file).",
        example='builtins.unsafeGetAttrPos "b" { a = 1; } => null',
    ),
)
