"""The syntax tree of one source, asked for places: what surrounds them, and what they are parts of.

In: source bytes.  Out: `Step`s on the way from the root to a span; None and empty lists for a source that cannot be parsed.
"""

from snowsnake.syntax.api import ParsedTree, name_text, parse_text
from snowsnake.syntax.features import feature_bits

TYPE_CHECKING = False                 # `typing`, `collections` and `re` cost more than the rest of an error
if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_SOURCE_BYTES = 16_000_000


class Step:
    """A node on the way: its role in its parent, its kind, its span.

    `place` is the offset of a binary node's operator; `name` that of the attribute or variable it is the value of, which stands at
    `name_start`.
    """

    __slots__ = ("role", "kind", "operator", "start", "end", "place", "name", "name_start")

    def __init__(
        self, role: str, kind: str, operator: str, start: int, end: int, place: int, name: str, name_start: int
    ) -> None:
        self.role = role
        self.kind = kind
        self.operator = operator
        self.start = start
        self.end = end
        self.place = place
        self.name = name
        self.name_start = name_start

    def is_same(self, other: "Step") -> bool:
        """Whether both are the same node, whatever way led there."""
        return (self.kind, self.operator, self.start, self.end) == (other.kind, other.operator, other.start, other.end)

    @property
    def position(self) -> int | None:
        """Where C++ Nix says that an expression is; some have no place."""
        if self.kind == "binary":
            return self.place
        if self.kind in ("variable", "select", "attrs", "apply", "lambda", "with", "if", "assert", "negate", "string"):
            return self.start
        return None


class SourceTree:
    """A source and its tree, parsed when first asked."""

    def __init__(self, source: bytes, features: "Iterable[str]") -> None:
        self.source = source
        self._features = feature_bits(features)
        self._tree: ParsedTree | None = None
        self._is_hopeless = len(source) > LARGEST_SOURCE_BYTES

    def _parsed(self) -> ParsedTree | None:
        if self._tree is None and not self._is_hopeless:
            tree = self._parse(self.source)
            self._is_hopeless = bool(tree.faults)
            self._tree = None if self._is_hopeless else tree
        return self._tree

    def way_to(self, start: int, end: int) -> list[Step]:
        """The nodes that contain a span, from the root inwards."""
        tree = self._parsed()
        return [] if tree is None else [Step(*step) for step in tree.ancestors(start, end)]

    def way_inside(self, extent: tuple[int, int], start: int, end: int) -> list[Step]:
        """As `way_to`, from the node with just this extent on: the part that belongs to one piece of code."""
        way = self.way_to(start, end)
        for number in range(len(way) - 1, -1, -1):
            if (way[number].start, way[number].end) == extent:
                return way[number:]
        return way if way and extent[0] <= way[0].start and way[0].end <= extent[1] else []

    def child_at(self, parent: Step, offset: int) -> Step | None:
        """The child of a node that contains a byte, which may stand in blanks and parentheses before it."""
        while offset < parent.end and self.source[offset : offset + 1] in (b" ", b"\t", b"\n", b"\r", b"("):
            offset += 1
        way = self.way_to(offset, offset + 1)
        for outer, inner in zip(way, way[1:], strict=False):
            if outer.is_same(parent):
                return inner
        return None

    def position_of(self, node: Step) -> int | None:
        """Where C++ Nix says that an expression is; a string without `${` has no place."""
        if node.kind == "string" and b"${" not in self.source[node.start : node.end]:
            return None
        return node.position

    def behind_blanks(self, offset: int) -> int:
        """The first byte from an offset on that is no blank."""
        while self.source[offset : offset + 1] in (b" ", b"\t", b"\n", b"\r"):
            offset += 1
        return offset

    def last_child(self, parent: Step) -> Step | None:
        """The child that a node ends with, as far as only blanks and parentheses stand behind it."""
        offset = parent.end
        while offset > parent.start and self.source[offset - 1 : offset] in (b" ", b"\t", b"\n", b"\r", b")"):
            offset -= 1
        way = self.way_to(offset - 1, offset)
        for outer, inner in zip(way, way[1:], strict=False):
            if outer.is_same(parent):
                return inner
        return None

    def tails(self, extent: tuple[int, int], arity: int = 0) -> list[Step]:
        """The expressions that a piece of code may be left through: its body, or those of its branches.

        `arity`: how many functions, one in the other, it is.
        """
        way = self.way_to(*extent)
        waiting = [way[-1]] if way and (way[-1].start, way[-1].end) == extent else []
        for _ in range(arity):
            body = self.last_child(waiting[0]) if waiting and waiting[0].kind == "lambda" else None
            waiting = [] if body is None else [body]
        found = []
        while waiting:
            node = waiting.pop()
            if node.kind in ("let", "with", "assert", "if"):
                last = self.last_child(node)
                waiting += [] if last is None else [last]
                if node.kind == "if":
                    waiting += self._then(node, last)
            else:
                found.append(node)
        return found

    def _then(self, node: Step, last: Step | None) -> list[Step]:
        """The first branch: what ends before the word `else`."""
        end = self.source.rfind(b"else", node.start, node.end if last is None else last.start)
        while end > node.start and self.source[end - 1 : end] in (b" ", b"\t", b"\n", b"\r", b")"):
            end -= 1
        branch = self.child_at(node, end - 1) if end > node.start else None
        return [branch] if branch is not None and branch.role == "body" else []

    def item_start(self, node: Step, index: int) -> int | None:
        """Where a piece of a string starts."""
        tree = self._parsed()
        return None if tree is None else tree.item_start(node.start, node.end, index)

    def attribute_path(self, node: Step, last: str = "") -> str:
        """The path of a selection, as C++ Nix words it: `a."b c"` of `x.a."b c" or d`.

        `last`: the name that the last part of it was found to be, where the program computes it.
        """
        import json

        text = self.source[node.start : node.end]
        tree = self._parse(text)
        if tree.faults:
            return ""
        path = json.loads(tree.to_json())["path"]
        shown = []
        for part in path:
            if "name" in part:
                shown.append(name_text(part["name"]))
            elif part is path[-1] and last:
                shown.append(name_text(last))
            else:
                start, end = part["expression"]["span"]
                shown.append('"${' + self._parse(text[start:end]).to_nix().decode("utf-8", "replace") + '}"')
        return ".".join(shown)

    def _parse(self, source: bytes) -> ParsedTree:
        return parse_text(source, "/", features=self._features, check_bindings=False)

    def name_at(self, offset: int) -> str:
        """The identifier, or the text in quotes, that starts at a byte."""
        rest = self.source[offset : offset + 200].decode("utf-8", "replace")
        if rest.startswith('"'):
            return rest[1:].partition('"')[0] if '"' in rest[1:] else ""
        end = 0
        while end < len(rest) and rest[end].isascii() and (rest[end].isalnum() or rest[end] in "_'-"):
            end += 1
        return rest[:end] if rest[:1].isalpha() or rest[:1] == "_" else ""
