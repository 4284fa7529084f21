"""The documentation of a function, written in front of it.

In: a handle on a function.  Out: the text of its `/** … */` comment, or the manual's text of a builtin.
"""

import re
import textwrap
from typing import TYPE_CHECKING

from snowsnake import looking

if TYPE_CHECKING:
    from snowsnake.handle import Handle

# Allowed between the comment and the function: the name that it is bound to, and parentheses.
_BETWEEN = re.compile(rb"\s*(?:(?:[A-Za-z_][\w.'-]*|\"[^\"\n]*\")\s*=\s*)?[\s(]*\Z")
_LONGEST_BETWEEN = 1000


def documentation(handle: "Handle") -> str | None:
    """The documentation of a function; None if it has none, or if the value is not a function."""
    handle.force()
    builtin = looking.builtin_name(handle)
    if builtin is not None:
        from snowsnake.builtins.table import TABLE

        return TABLE[builtin].doc if builtin in TABLE else None
    found = handle.code() if handle.type_name() == "lambda" else None
    if found is None:
        return None
    _, source, start, _ = found[0]
    return None if source is None else comment_before(source, start)


def comment_before(source: bytes, start: int) -> str | None:
    """The text of the `/** */` comment in front of a place, without its stars and indentation.

    >>> source = b"{ /** Adds.\\n     *  Slowly. */\\n  add = a: b: a + b; }"
    >>> comment_before(source, source.index(b"a:"))
    'Adds.\\nSlowly.'
    """
    end = source.rfind(b"*/", max(0, start - _LONGEST_BETWEEN), start)
    if end < 0 or not _BETWEEN.match(source[end + 2 : start]):
        return None
    opening = source.rfind(b"/*", 0, end)
    if opening < 0 or source[opening : opening + 3] != b"/**" or opening + 3 > end:
        return None
    return comment_text(source[opening : end + 2].decode("utf-8", "replace"))


def comment_text(comment: str) -> str:
    """The text of a `/** */` comment, without its stars and indentation.

    >>> comment_text("/** One.\\n    Two. */")
    'One.\\nTwo.'
    """
    lines = comment[3:-2].split("\n")
    if all(re.match(r"\s*(\*|$)", line) for line in lines[1:]):
        rest = [re.sub(r"^\s*\*(?: {1,2}|$)", "", line) for line in lines[1:]]
    else:
        rest = textwrap.dedent("\n".join(lines[1:])).split("\n")
    return "\n".join([lines[0].strip(), *(line.rstrip() for line in rest)]).strip()
