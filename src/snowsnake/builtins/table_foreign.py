"""Entries of what calls functions of Python (foreign.pyx); only the evaluator makes values of them."""

from snowsnake.builtins.entry import Entry

ENTRIES = (
    Entry("__foreign", "number given argument", "...", framed=True),
    Entry("__entered", "value", "."),
)
