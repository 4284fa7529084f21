"""Edits of Nix source that keep its formatting, for programs that update versions and hashes.

In: source text, a path of attributes or a place, Python data.  Out: the same text with other values in it; every other byte stays.
"""

from typing import TYPE_CHECKING, Any

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import a_text
from snowsnake.foundation.record import Whole
from snowsnake.json_tree import load
from snowsnake.nix_printing import to_nix
from snowsnake.parsing import parse_source
from snowsnake.source import Position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class HasPosition(Protocol):
        @property
        def position(self) -> Position: ...

    Node = dict[str, Any]

# An expression of these kinds has the value of one part: the field of its node that is named here.
_THROUGH = {"let": "body", "lambda": "body", "with": "body", "assert": "body"}


class Edits(Whole):
    """A source with edits; `text` is the result.

    >>> edits = Edits('{ pname = "x"; # the name\\n  version = "1.0"; src.hash = "old"; }')
    >>> edits.set("version", "1.1").set("src.hash", "new").text
    '{ pname = "x"; # the name\\n  version = "1.1"; src.hash = "new"; }'
    """

    def __init__(self, source: str, *, name: str = "«string»") -> None:
        if not isinstance(source, str):
            raise TypeError(f"a source is a str, not {type(source).__name__}")
        self.name = name
        self._source = a_text("a source", source)
        self._changes: dict[tuple[int, int], bytes] = {}
        self._tree: Node = load(parse_source(self._source, name, "/").to_json())

    def position(self, path: str) -> Position:
        """The place of an attribute's value.  Raises `MissingAttribute`, a LookupError, if the source does not define the attribute."""
        return Position(self.name, self._source, *self._value(path)["span"])

    def set(self, path: str, value: object) -> "Edits":
        """Replaces the value of an attribute that the source defines by Python data, or `Raw` code.  More than one definition is an error."""
        return self.replace(self.position(path), value)

    def replace(self, place: "Position | HasPosition", value: object) -> "Edits":
        """Replaces the whole expression at a place, which may be an error's, a node's or `Value.position`.

        `Value.position(name)` is the place of the name: use `set` for that, or `at`.

        >>> from snowsnake import syntax
        >>> tree = syntax.parse("[ 1 /* one */ 2 ]")
        >>> tree.edit().replace(tree.root.items[1], [3]).text
        '[ 1 /* one */ [ 3 ] ]'
        """
        position = place if isinstance(place, Position) else getattr(place, "position", None)
        if not isinstance(position, Position):
            raise TypeError(f"a place is a Position or a node of a tree, not {type(place).__name__}")
        span = (position.start_byte, position.end_byte)
        if not 0 <= span[0] <= span[1] <= len(self._source):
            raise ValueError("the place is not in this source")
        if any(start < span[1] and span[0] < end and (start, end) != span for start, end in self._changes):
            raise ValueError("two edits of one place")
        self._changes[span] = to_nix(value).encode("utf-8", "surrogateescape")
        return self

    def at(self, line: int, column: int, value: object) -> "Edits":
        """Replaces the value of the attribute whose name is at a line and column, as from `unsafeGetAttrPos`.

        >>> Edits('{\\n  version = "1.0";\\n}').at(2, 3, "1.1").text
        '{\\n  version = "1.1";\\n}'
        """
        for binding in _bindings(self._tree):
            if Position(self.name, self._source, *binding["span"]).place == (line, column) and "value" in binding:
                return self.replace(Position(self.name, self._source, *binding["value"]["span"]), value)
        raise EvaluationError("missing-attribute", f"no attribute is defined at {self.name}:{line}:{column}")

    @property
    def text(self) -> str:
        """The source with all edits.  Raises a syntax error if it is not valid Nix any more."""
        made = self._source
        for (start, end), new in sorted(self._changes.items(), reverse=True):
            made = made[:start] + new + made[end:]
        parse_source(made, self.name, "/")
        return made.decode("utf-8", "surrogateescape")

    def _value(self, path: str) -> "Node":
        from snowsnake.selection import split_path

        parts = split_path(path)
        found = list(_values(self._tree, parts)) if parts else []
        if not found:
            raise EvaluationError("missing-attribute", f"{self.name} defines no attribute '{path}'")
        if len(found) > 1:
            raise EvaluationError("duplicate-attribute", f"{self.name} defines '{path}' {len(found)} times: use `at` with a line and column")
        start, end = found[0]["span"]
        if found[0]["kind"] == "attrs" and not self._source[start:end].endswith(b"}"):
            raise EvaluationError("missing-attribute", f"{self.name} defines '{path}' by its parts only: set those")
        return found[0]


def _values(node: "Node", parts: list[str]) -> "Iterator[Node]":
    """The values of an attribute path in a node, which is a set, or a function, `let` or call that returns or takes one."""
    if not parts:
        yield node
        return
    if node["kind"] == "attrs":
        for binding in node["bindings"]:
            if binding.get("name") == parts[0] and "value" in binding:
                yield from _values(binding["value"], parts[1:])
        return
    for inner in _inside(node):
        yield from _values(inner, parts)


def _inside(node: "Node") -> "Iterator[Node]":
    """The nodes in a node that may be the set whose attributes are meant."""
    through = _THROUGH.get(node["kind"])
    for name, inner in node.items():
        if through is not None and name != through:
            continue
        if isinstance(inner, dict) and "kind" in inner:
            yield inner
        elif isinstance(inner, list):
            yield from (item for item in inner if isinstance(item, dict) and "kind" in item)


def _bindings(node: object) -> "Iterator[Node]":
    """All bindings of a tree."""
    work = [node]
    while work:
        found = work.pop()
        if isinstance(found, dict):
            if "name" in found and "value" in found and "span" in found and "kind" not in found:
                yield found
            work += found.values()
        elif isinstance(found, list):
            work += found
