"""Rows of the builtins for regular expressions (regex.pyx)."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "match", "regex str", "S.", framed=True,
        cost="n",
        of="the bytes of *str*, times the size of *regex*",
        doc="Returns the groups of the POSIX extended regular expression *regex* if it matches all of *str*: a list with "
        "a string for each group, or null for a group that took no part in the match. Returns null if the expression "
        "does not match. Bytes are compared, not characters. Forces *regex*, which must not have a context, then "
        "*str*. Compiled expressions are kept. Raises an error for a malformed expression, and type errors.",
        example='builtins.match "a(b)?(.*)" "acd" => [ null "cd" ]',
        always=("argument 2",),
    ),
    BuiltinRow(
        "split", "regex str", "S.", framed=True,
        cost="n",
        of="the bytes of *str*, times the size of *regex*",
        doc="Returns a list of the parts of *str* that *regex* does not match; between two parts is a list of the groups "
        "of the match there. The order of forcing and the cost are those of `match`. Raises an error for a malformed "
        "expression, and type errors.",
        example='builtins.split "(-)" "a-b" => [ "a" [ "-" ] "b" ]',
        always=("argument 2",),
    ),
)
