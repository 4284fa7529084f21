"""Rows of the machine's own operations, in the order of the enum in machine/internals.pxd. They are the first rows, so their numbers are those of the enum."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow("__coerce", "value", "v", framed=True),
    BuiltinRow("__coerceStore", "value", "v", framed=True),
    BuiltinRow("__toStringCoerce", "value", "v", framed=True),
    BuiltinRow("__coercePath", "value", "v", framed=True),
    BuiltinRow("__equal", "a b", "vv", framed=True),
    BuiltinRow("__less", "a b", "vv", framed=True),
    BuiltinRow("__deepForce", "value", "v", framed=True),
    BuiltinRow("__derivationString", "value", "v", framed=True),
    BuiltinRow("__addCoerce", "a b", "v.", framed=True),
    BuiltinRow("__concatenate", "count", ".", framed=True),
    BuiltinRow("__concatenatePath", "count", ".", framed=True),
    BuiltinRow("__notLess", "a b", "vv", framed=True),
    BuiltinRow("__assertEqual", "a b", "vv", framed=True),
)
