"""Rows of the type tests and of constants (types.pyx)."""

from snowsnake.builtins.row import BuiltinRow


def _test(name: str, what: str, example: str, is_global: bool = False) -> BuiltinRow:
    return BuiltinRow(
        name, "value", "v", cost="1", doc=f"Returns whether *value* is {what}. Forces the value.", example=example, is_global=is_global
    )


ROWS = (
    BuiltinRow(
        "typeOf",
        "value",
        "v",
        cost="1",
        doc='Returns the name of the type of *value*: "int", "float", "bool", "string", "path", "null", "set", "list" or '
        '"lambda". Forces the value.',
        example='map builtins.typeOf [ 1 "a" { } (x: x) ] => [ "int" "string" "set" "lambda" ]',
    ),
    _test("isAttrs", "an attribute set", "builtins.isAttrs { } => true"),
    _test("isBool", "a boolean", "builtins.isBool false => true"),
    _test("isFloat", "a float", "builtins.isFloat 1 => false"),
    _test("isFunction", "a function; a set with `__functor` is not one here", "builtins.isFunction map => true"),
    _test("isInt", "an integer", "builtins.isInt 1 => true"),
    _test("isList", "a list", "builtins.isList [ 1 ] => true"),
    _test("isNull", "null, as `== null` does", "isNull null => true", is_global=True),
    _test("isPath", "a path", 'builtins.isPath "/a" => false'),
    _test("isString", "a string", 'builtins.isString "a" => true'),
    BuiltinRow("true", "", "", doc="The boolean true.", example="builtins.true => true", is_constant=True, is_global=True),
    BuiltinRow(
        "false",
        "",
        "",
        doc="The boolean false.",
        example="builtins.false => false",
        is_constant=True,
        is_global=True,
    ),
    BuiltinRow("null", "", "", doc="The value null.", example="builtins.null => null", is_constant=True, is_global=True),
    BuiltinRow(
        "langVersion",
        "",
        "",
        doc="The version of the Nix language, as C++ Nix counts it.",
        example="builtins.langVersion => 6",
        is_constant=True,
    ),
    BuiltinRow(
        "nixVersion",
        "",
        "",
        doc="The version of C++ Nix whose behaviour this evaluator follows.",
        example='builtins.nixVersion => "2.34.8"',
        is_constant=True,
    ),
    BuiltinRow(
        "builtins",
        "",
        "",
        doc="The set of all builtins. It is also a name in the global scope.",
        example="builtins.builtins ? map => true",
        is_constant=True,
        is_global=True,
    ),
)
