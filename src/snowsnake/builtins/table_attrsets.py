"""Entries of the builtins on attribute sets (attrsets.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "attrNames",
        "set",
        "a",
        cost="n",
        of="the attributes of *set*",
        doc="The names of the attributes of *set*, sorted bytewise. No value is forced. The first "
        "time for a shape of set, the names are sorted: O(n log n).",
        example='builtins.attrNames { b = throw "unused"; a = 1; } => [ "a" "b" ]',
        argument_form="only",
    ),
    BuiltinRow(
        "attrValues",
        "set",
        "a",
        cost="n",
        of="the attributes of *set*",
        doc="The values of the attributes of *set*, in the order of `attrNames`. None is forced.",
        example="builtins.attrValues { b = 2; a = 1; } => [ 1 2 ]",
        argument_form="only",
    ),
    BuiltinRow(
        "hasAttr",
        "name set",
        "SA",
        cost="log n",
        of="the attributes of *set*",
        doc="Whether *set* has an attribute called *name*: `set ? name` with a computed name. The value is not "
        "forced.",
        example='builtins.hasAttr "a" { a = throw "unused"; } => true',
    ),
    BuiltinRow(
        "getAttr",
        "name set",
        "SA",
        cost="log n",
        of="the attributes of *set*",
        doc="The value of the attribute *name* of *set*: `set.name` with a computed name. Raises an error if it is "
        "missing.",
        example='builtins.getAttr "a" { a = 1; b = 2; } => 1',
        phrases={"attributes": "in the attribute set under consideration"},
    ),
    BuiltinRow(
        "mapAttrs",
        "function set",
        ".a",
        cost="n",
        of="the attributes of *set*",
        doc="The set of the same names with the values `function name value`. Only the set is forced: neither the "
        "function nor any value, until a value of the result is needed.",
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
        doc="*set* without the attributes called *names*; names that it does not have are ignored. The names are "
        "forced in order and must be strings without context; no value is forced. O(size of the set + names · log "
        "size).",
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
        doc="The attributes of *second* whose names *first* has too. No value is forced. O(m log n), where m is "
        "the size of the smaller set.",
        example="builtins.intersectAttrs { a = 1; b = 2; } { b = 20; c = 30; } => { b = 20; }",
    ),
    BuiltinRow(
        "listToAttrs",
        "pairs",
        "l",
        framed=True,
        cost="n log n",
        of="the elements of *pairs*",
        doc="The set of a list of `{ name, value }` sets. Of pairs with the same name the first counts. Each pair "
        "and its name are forced, in order; values are not. Raises an error if a name is missing, or the value of "
        "the first pair of its name.",
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
        doc="The values of attribute *name* in each set of *sets* that has it, in list order. The sets are forced, "
        "in order; the values are not. O(n log m).",
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
        doc="A set of all the names in *sets*, with the values `function name values`, where *values* lists what "
        "the sets have under that name, in order. The function is forced first, then the list and each set; "
        "applications are evaluated when needed. O(total number of attributes).",
        example="builtins.zipAttrsWith (name: values: values) [ { a = 1; } { a = 2; b = 3; } ] "
        "=> { a = [ 1 2 ]; b = [ 3 ]; }",
        phrases={"element 2": "while evaluating a value of the list passed as second argument to builtins.zipAttrsWith"},
    ),
    BuiltinRow(
        "functionArgs",
        "function",
        "v",
        cost="1",
        doc="The names in the set pattern of *function*, each with whether it has a default. An empty set for a "
        "function without a set pattern and for builtins. Raises an error for what is no function; a set with "
        "`__functor` is none.",
        example="builtins.functionArgs ({ a, b ? 1, ... }: a) => { a = false; b = true; }",
    ),
    BuiltinRow(
        "unsafeGetAttrPos",
        "name set",
        "SA",
        cost="1",
        doc="Where the attribute *name* of *set* was written: a set of `file`, `line` and `column` (counted from "
        "1, in bytes), or null if it is missing or was not written in a file. Unsafe, since the result depends on "
        "the layout of the source. O(offset in the file).",
        example='builtins.unsafeGetAttrPos "b" { a = 1; } => null',
    ),
)
