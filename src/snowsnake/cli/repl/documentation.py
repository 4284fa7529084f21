"""What `:doc` prints: the synopsis and the text of a builtin, or where a function or an attribute is defined and its comment.

In: the scope, an expression.  Out: Markdown.
"""

from snowsnake import looking
from snowsnake.diagnostics.error import EvaluationError, Frame, depth_error
from snowsnake.documentation import attribute_comment, function_comment
from snowsnake.source import Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.repl.scope import Scope
    from snowsnake.handle import Handle

    Place = tuple[str, bytes | None, int, int]

_MISSING = "value does not have documentation"
_PARTIAL = "while partially calling '__functor' to retrieve documentation"


def described(scope: "Scope", source: str) -> str:
    """The documentation of an expression's value, or of the attribute that it selects last."""
    attribute = _attribute(scope, source)
    text = value_documentation(scope.value(source), scope.depth_limit)
    if text is not None:
        return text
    if attribute is None:
        raise EvaluationError("value", _MISSING)
    name, place = attribute
    comment = "No documentation found.\n\n" if place[1] is None else _inner_text(place[1], attribute_comment(place[1], place[2])) or "No documentation found.\n\n"
    return f"Attribute `{name}`\n\n  … defined at {Position(*place)}\n\n{comment}"


def _attribute(scope: "Scope", source: str) -> "tuple[str, Place] | None":
    """The name and the place of the attribute that an expression selects last; None if it selects none, or the place is not known."""
    from snowsnake.json_tree import load
    from snowsnake.parsing import parse_source

    data = source.encode("utf-8", "surrogateescape")
    try:
        node = load(parse_source(data, "«string»", "/", scope.features, check_variables=False).to_json())
    except EvaluationError:
        # This call raises the error, or says that more lines are needed.
        scope.value(source)
        raise
    if node.get("kind") != "select" or "default" in node:
        return None
    last = node["path"][-1]
    # A computed name is not known before the evaluation.
    if "name" not in last:
        return None
    front = data[node["span"][0] : last["span"][0]].rstrip().removesuffix(b".")
    try:
        attributes = scope.value(front.decode("utf-8", "surrogateescape"))
    except EvaluationError:
        # This call fails, too, and its error has the places in the whole expression.
        scope.value(source)
        raise
    name = last["name"]
    key = name.encode("utf-8", "surrogateescape")
    if attributes.type_name() != "set" or key not in attributes.keys():
        # This call raises the error that the attribute is missing.
        scope.value(source)
    place = looking.attribute_place(attributes, key)
    return None if place is None else (name, place)


def value_documentation(value: "Handle", most_calls: int) -> str | None:
    """The documentation of a value.  For a set with `__functor`, it is that of what `__functor` returns for the set, which may be such a set again."""
    calls = 0
    try:
        while value.type_name() == "set" and b"__functor" in value.keys():
            calls += 1
            if calls > most_calls:
                raise depth_error()
            value = value.select(b"__functor").call(value)
    except EvaluationError as error:
        error.trace[:0] = [Frame("text", _PARTIAL, None)] * calls
        raise
    name = looking.builtin_name(value)
    if name is not None:
        return _builtin(name)
    found = looking.lambda_place(value)
    return None if found is None else _function(*found)


def _builtin(name: str) -> str | None:
    from snowsnake.builtins.table import TABLE

    row = TABLE.get(name)
    if row is None:
        return None
    arguments = " ".join(f"*{argument}*" for argument in row.arguments.split())
    synopsis = f"**Synopsis:** `builtins.{name}` {arguments}\n\n" if arguments else ""
    return synopsis + row.doc


def _function(name: str, place: "Place | None") -> str:
    text = f"Function `{name}`\\\n" + ("  … " if place else "") if name else "Function "
    if place is None:
        return text
    text += f"defined at {Position(*place)}"
    comment = "" if place[1] is None else _inner_text(place[1], function_comment(place[1], place[2]))
    # 2.34.8 removes the indentation of this whole text.
    return without_indentation(text + "\n\n" + comment if comment else text)


def _inner_text(source: bytes, span: "tuple[int, int] | None") -> str:
    if span is None:
        return ""
    inner = source[span[0] + 3 : span[1] - 2].decode("utf-8", "replace")
    return without_indentation("   " + inner) if inner else ""


def without_indentation(text: str) -> str:
    """The lines without the indentation that those with text have in common; each ends with a line end.

    As in C++ Nix, a line that has only blanks can make that indentation greater.

    >>> without_indentation("   a\\n     b\\n\\n   c ")
    'a\\n  b\\n\\nc \\n'
    """
    least = 10_000
    lines = text.split("\n")
    for number, line in enumerate(lines):
        rest = line.lstrip(" ")
        if rest:
            least = min(least, len(line) - len(rest))
        elif number < len(lines) - 1:
            least = max(least, len(line))
    lines = lines[:-1] if not lines[-1] else lines
    return "".join(line[least:] + "\n" for line in lines)
