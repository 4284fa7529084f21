"""Entries of the builtins on regular expressions."""

from snowsnake.builtins.row import BuiltinRow

ROWS = (
    BuiltinRow(
        "match", "regex str", "S.", framed=True,
        cost="n",
        of="the bytes of *str*, times the size of *regex*",
        doc="The groups of the POSIX extended regular expression *regex* if it matches all of *str*: a list with a "
        "string or null for each group; null if it does not match.  Bytes are compared, not characters.  Forces "
        "*regex*, which may have no context, then *str*.  Compiled expressions are kept.  "
        "Raises: an error for a malformed expression, type errors.",
        example='builtins.match "a(b)?(.*)" "acd" => [ null "cd" ]',
        always=("argument 2",),
    ),
    BuiltinRow(
        "split", "regex str", "S.", framed=True,
        cost="n",
        of="the bytes of *str*, times the size of *regex*",
        doc="The parts of *str* between the matches of *regex*, with a list of the groups of each match between them.  "
        "Forces and costs as `match`.  Raises: an error for a malformed expression, type errors.",
        example='builtins.split "(-)" "a-b" => [ "a" [ "-" ] "b" ]',
        always=("argument 2",),
    ),
)
