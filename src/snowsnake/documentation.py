"""The documentation of a function or an attribute, written in front of it.

In: a handle on a function; a source and a place.  Out: the text of its `/** … */` comment, or the manual's text of a builtin.
"""

import re
import textwrap
from typing import TYPE_CHECKING

from snowsnake import looking

if TYPE_CHECKING:
    from typing import Any

    from snowsnake.handle import Handle

    Span = tuple[int, int]


def documentation(handle: "Handle") -> str | None:
    """The documentation of a function; None if it has none, or if the value is not a function."""
    handle.force()
    builtin = looking.builtin_name(handle)
    if builtin is not None:
        from snowsnake.builtins.table import TABLE

        return TABLE[builtin].doc if builtin in TABLE else None
    found = looking.lambda_place(handle)
    if found is None or found[1] is None:
        return None
    _, source, start, _ = found[1]
    return None if source is None else comment_before(source, start)


def comment_before(source: bytes, start: int) -> str | None:
    """The text of the `/** */` comment of the function that begins at a place, without its stars and indentation.

    >>> source = b"{ /** Adds.\\n     *  Slowly. */\\n  add = a: b: a + b; }"
    >>> comment_before(source, source.index(b"b:"))
    'Adds.\\nSlowly.'
    """
    span = function_comment(source, start)
    return None if span is None else comment_text(source[slice(*span)].decode("utf-8", "replace"))


def function_comment(source: bytes, start: int) -> "Span | None":
    """The span of the comment of the function that begins at a place; None if it has none.

    The comment is directly before the function, before a function whose body it is, or before its binding.
    """
    # These are nodes, each with the comment that it inherits.
    pending: list[tuple[Any, Span | None]] = [(_tree(source), None)]
    while pending:
        node, inherited = pending.pop()
        if isinstance(node, list):
            pending += [(item, None) for item in node]
        elif isinstance(node, dict):
            own = node.get("doc", inherited)
            kind = node.get("kind")
            if kind == "lambda" and node["span"][0] == start:
                return None if own is None else (own[0], own[1])
            carrying = "body" if kind == "lambda" else "value" if kind is None else ""
            pending += [(value, own if name == carrying else None) for name, value in node.items() if isinstance(value, dict | list)]
    return None


def attribute_comment(source: bytes, start: int) -> "Span | None":
    """The span of the comment before the binding whose attribute path begins at a place; None if it has none."""
    pending: list[Any] = [_tree(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, dict):
            if "kind" not in node and "doc" in node and node["span"][0] == start:
                return node["doc"][0], node["doc"][1]
            pending += [value for value in node.values() if isinstance(value, dict | list)]
    return None


def _tree(source: bytes) -> "Any":
    from snowsnake.diagnostics.error import EvaluationError
    from snowsnake.json_tree import load
    from snowsnake.parsing import parse_source

    try:
        return load(parse_source(source, "", "/", ("pipe-operators",), check_variables=False).to_json())
    except EvaluationError:
        # The source may not be an expression: a line of a session may consist of bindings.
        return None


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
