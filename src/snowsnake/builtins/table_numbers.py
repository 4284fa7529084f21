"""Rows of the builtins for numbers (numbers.pyx)."""

from snowsnake.builtins.row import BuiltinRow

_BOTH = "Both arguments are forced, in order, and must be numbers; the result is a float if one of them is a float. "

ROWS = (
    BuiltinRow(
        "add",
        "a b",
        "vv",
        cost="1",
        doc=f"Returns *a* + *b*, for numbers only. {_BOTH}Raises an error if an integer sum does not fit 64 bits.",
        example="builtins.add 1 2 => 3",
        phrases={
            "argument 1": "while evaluating the first argument of the addition",
            "argument 2": "while evaluating the second argument of the addition",
        },
    ),
    BuiltinRow(
        "sub",
        "a b",
        "vv",
        cost="1",
        doc=f"Returns *a* − *b*. {_BOTH}Raises an error if an integer difference does not fit 64 bits.",
        example="builtins.sub 1 2 => -1",
        phrases={
            "argument 1": "while evaluating the first argument of the subtraction",
            "argument 2": "while evaluating the second argument of the subtraction",
        },
    ),
    BuiltinRow(
        "mul",
        "a b",
        "vv",
        cost="1",
        doc=f"Returns *a* · *b*. {_BOTH}Raises an error if an integer product does not fit 64 bits.",
        example="builtins.mul 3 0.5 => 1.5",
        phrases={
            "argument 1": "while evaluating the first argument of the multiplication",
            # C++ Nix leaves out the word "argument" here.
            "float argument 1": "while evaluating the first of the multiplication",
            "argument 2": "while evaluating the second argument of the multiplication",
        },
    ),
    BuiltinRow(
        "div",
        "a b",
        "vv",
        cost="1",
        doc=f"Returns *a* / *b*. The quotient of integers is rounded towards zero. {_BOTH}Raises an error if *b* is zero, "
        "float or not.",
        example="map (builtins.div 7) [ 2 2.0 (-2) ] => [ 3 3.5 (-3) ]",
        phrases={
            "argument 1": "while evaluating the first operand of the division",
            "argument 2": "while evaluating the second operand of the division",
        },
    ),
    BuiltinRow("bitAnd", "a b", "ii", cost="1", doc="Returns the bitwise *and* of two integers.", example="builtins.bitAnd 12 10 => 8"),
    BuiltinRow("bitOr", "a b", "ii", cost="1", doc="Returns the bitwise *or* of two integers.", example="builtins.bitOr 12 10 => 14"),
    BuiltinRow(
        "bitXor",
        "a b",
        "ii",
        cost="1",
        doc="Returns the bitwise *exclusive or* of two integers.",
        example="builtins.bitXor 12 10 => 6",
    ),
    BuiltinRow(
        "ceil",
        "number",
        "v",
        cost="1",
        doc="Returns the least integer that is not less than *number*. Raises an error if it does not fit 64 bits, and, "
        "as C++ Nix does, for integers that a float cannot hold exactly.",
        example="map builtins.ceil [ 1.2 (-1.2) 3 ] => [ 2 (-1) 3 ]",
        always=("argument 1",),
    ),
    BuiltinRow(
        "floor",
        "number",
        "v",
        cost="1",
        doc="Returns the greatest integer that is not greater than *number*. Raises an error if it does not fit 64 bits, "
        "and, as C++ Nix does, for integers that a float cannot hold exactly.",
        example="map builtins.floor [ 1.8 (-1.2) 3 ] => [ 1 (-2) 3 ]",
        always=("argument 1",),
    ),
    BuiltinRow(
        "lessThan",
        "a b",
        "vv",
        framed=True,
        cost="n",
        of="the values inside the operands",
        doc="Returns whether *a* < *b*. Numbers, strings (bytewise), paths, and lists of these (element by element) can "
        "be compared. Raises an error for other types, and for two different types.",
        example="builtins.lessThan [ 1 2 ] [ 1 3 ] => true",
    ),
)
