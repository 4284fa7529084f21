"""Entries of what calls functions of Python (foreign.pyx); only the evaluator makes values of them."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow("__foreign", "number given argument", "...", framed=True),
    BuiltinRow("__entered", "value", "."),
)
