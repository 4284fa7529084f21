"""Rows of the operations that call functions of Python (foreign.pyx). Programs cannot name them: only the evaluator makes values of them."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow("__foreign", "number given argument", "...", framed=True),
    BuiltinRow("__entered", "value", "."),
)
