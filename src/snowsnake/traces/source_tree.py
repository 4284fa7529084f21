"""The syntax tree of one source: what surrounds a place, and what the place is part of.

In: source bytes.  Out: `Step`s from the root down to a span; None and empty lists for a source that cannot be parsed.
"""

from snowsnake.syntax.api import ParsedTree, name_text, parse_text
from snowsnake.syntax.features import feature_bits

# Importing `typing`, `collections` or `re` would cost more than the rest of an error.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# The key of a way is the span that it leads to.
Ways = dict[tuple[int, int], "list[Step]"]
LARGEST_SOURCE_BYTES = 16_000_000
# Successive errors are in the same few files, and parsing one of those takes 0.7 ms.  A tree is eight times as large as its source.
_KEPT_TREES, _KEPT_BYTES = 24, 4_000_000
# The tree that was used last is the last one.
_kept: "dict[tuple[bytes, int], tuple[ParsedTree, Ways]]" = {}
# At most this many ways are kept for each tree.
_MOST_WAYS = 2000
_read: dict[str, bytes] = {}

_PLACED = frozenset(("variable", "select", "attrs", "lambda", "with", "if", "assert", "negate", "currentPosition", "searchPath"))
_PLACED_BY_PART = {"list": "item", "hasAttr": "set", "not": "operand"}


class Step:
    """A node between the root and the place: its role in its parent, its kind, its span.

    `place` is the offset of the operator of a binary node or a pipe, and the start of any other call.  `name` is the name of the attribute or variable
    whose value the node is, and `name_start` its offset; for a dynamic name or a piece of a string, that is the offset of its `${`.  `variable` is
    the name of a variable node.
    """

    __slots__ = ("role", "kind", "operator", "start", "end", "place", "name", "name_start", "variable")

    def __init__(
        self, role: str, kind: str, operator: str, start: int, end: int, place: int, name: str, name_start: int,
        variable: str,
    ) -> None:
        self.role = role
        self.kind = kind
        self.operator = operator
        self.start = start
        self.end = end
        self.place = place
        self.name = name
        self.name_start = name_start
        self.variable = variable


def is_call(node: Step) -> bool:
    """`-a` and `a - b` are calls, too: of `__sub`."""
    return node.kind in ("apply", "negate") or (node.kind == "binary" and node.operator in ("-", "*", "/", "<", ">"))


class SourceTree:
    """A source and its tree, which is parsed when it is first needed."""

    def __init__(self, source: bytes, features: "Iterable[str]") -> None:
        self.source = source
        self._features = feature_bits(features)
        self._tree: ParsedTree | None = None
        self._ways: Ways = {}
        self._is_hopeless = len(source) > LARGEST_SOURCE_BYTES

    def _parsed(self) -> ParsedTree | None:
        if self._tree is None and not self._is_hopeless:
            tree, self._ways = _parsed(self.source, self._features)
            self._is_hopeless = bool(tree.faults)
            self._tree = None if self._is_hopeless else tree
        return self._tree

    def turns(self) -> dict[str, int]:
        """When C++ Nix meets each name: its own names first, then those of this source."""
        tree = self._parsed()
        return {} if tree is None else tree.turns()

    def way_to(self, start: int, end: int) -> list[Step]:
        """The nodes that contain a span, from the root inwards."""
        tree = self._parsed()
        if tree is None:
            return []
        way = self._ways.get((start, end))
        if way is None:
            way = [Step(*step) for step in tree.ancestors(start, end)]
            if len(self._ways) >= _MOST_WAYS:
                self._ways.clear()
            self._ways[start, end] = way
        return way.copy()

    def way_inside(self, extent: tuple[int, int], start: int, end: int) -> list[Step]:
        """Like `way_to`, from the node with exactly this extent on: the part that belongs to one piece of code."""
        way = self.way_to(start, end)
        for number in range(len(way) - 1, -1, -1):
            if (way[number].start, way[number].end) == extent:
                return way[number:]
        return way if way and extent[0] <= way[0].start and way[0].end <= extent[1] else []

    def children(self, parent: Step) -> list[Step]:
        """The parts of a node; roles: left, right, operand, condition, set, function, argument, item, part, name, from, body."""
        tree = self._parsed()
        return [] if tree is None else [Step(*step) for step in tree.children(parent.start, parent.end, parent.kind)]

    def position_of(self, node: Step) -> int | None:
        """The place of an expression, according to C++ Nix; some have no place, some that of a part."""
        while node.kind in _PLACED_BY_PART:
            part = next((child for child in self.children(node) if child.role == _PLACED_BY_PART[node.kind]), None)
            if part is None:
                return None
            node = part
        if node.operator in ("==", "!="):
            return None
        if node.kind == "apply":
            return self.call_start(node)
        if node.kind == "binary":
            return node.place
        if node.kind in ("string", "path"):
            if all(child.kind == "text" for child in self.children(node)):
                return None
            return node.start + (self.source[node.start : node.start + 1] == b'"')
        return node.start if node.kind in _PLACED else None

    def child(self, parent: Step, role: str, index: int = 0) -> Step | None:
        """The part of a node that has this role; of several the one with this number."""
        found = [step for step in self.children(parent) if step.role == role]
        return found[index] if index < len(found) else None

    def token_start(self, offset: int) -> int:
        """The start of the first token at or after a byte."""
        tree = self._parsed()
        return offset if tree is None else tree.token_start(offset)

    def tails(self, extent: tuple[int, int], arity: int = 0) -> list[Step]:
        """The expressions in tail position of a piece of code: its body, or those of its branches.

        `arity`: the number of nested functions.
        """
        way = self.way_to(*extent)
        waiting = [way[-1]] if way and (way[-1].start, way[-1].end) == extent else []
        for _ in range(arity):
            body = self.child(waiting[0], "body") if waiting and waiting[0].kind == "lambda" else None
            waiting = [] if body is None else [body]
        found = []
        while waiting:
            node = waiting.pop()
            if node.kind in ("let", "with", "assert", "if"):
                waiting += [step for step in self.children(node) if step.role == "body"][::-1]
            else:
                found.append(node)
        return found

    def call_start(self, call: Step) -> int:
        """The place of a call: `(f a) b` is `f a b` for C++ Nix, and begins where that `f` does."""
        while (inner := self.child(call, "function")) is not None and is_call(inner):
            call = inner
        return call.start if call.kind == "negate" else call.place

    def called(self, call: Step) -> Step:
        """The function of a call: `f` of `f a b`."""
        node: Step | None = call
        while node is not None and node.kind == "apply":
            call, node = node, self.child(node, "function")
        return call if node is None else node

    def attribute_path(self, node: Step, last: str = "", names: "Iterable[str | None]" = ()) -> str:
        """The path of a selection, as C++ Nix words it: `a."b c"` of `x.a."b c" or d`.

        `names`: what the program has computed of it, in order; `last`: the name that the last part of it was found to be.
        """
        text = self.source[node.start : node.end]
        tree = self._parse(text)
        if tree.faults:
            return ""
        path = tree.selected_path()
        computed = iter(names)
        shown = []
        for part in path:
            name, start, end = part
            if name is None:
                name = next(computed, None)
            if name is None and part is path[-1] and last:
                name = last
            shown.append('"${' + self._parse(text[start:end]).to_nix().decode("utf-8", "replace") + '}"' if name is None else name_text(name))
        return ".".join(shown)

    def is_selected(self, name: str, node: Step) -> bool:
        """Whether a selection's path has a name."""
        return f".{name_text(name)}." in f".{self.attribute_path(node)}."

    def _parse(self, source: bytes) -> ParsedTree:
        return parse_text(source, "/", features=self._features, check_bindings=False)


def _parsed(source: bytes, features: int) -> tuple[ParsedTree, Ways]:
    """Returns the tree of a source and the ways that were looked for in it; the last few trees are kept."""
    key = source, features
    tree = _kept.pop(key, None)
    if tree is None:
        tree = parse_text(source, "/", features=features, check_bindings=False), {}
    if len(source) <= _KEPT_BYTES:
        _kept[key] = tree
        while len(_kept) > _KEPT_TREES or sum(len(known) for known, _ in _kept) > _KEPT_BYTES:
            del _kept[next(iter(_kept))]
    return tree


def same_bytes(path: str, source: bytes) -> bytes:
    """Returns a file's contents: the object of the last call if they are equal, because comparing a key of `_kept` with itself is fast."""
    known = _read.pop(path, None)
    if known == source:
        source = known
    if len(source) <= _KEPT_BYTES:
        _read[path] = source
        while len(_read) > _KEPT_TREES or sum(map(len, _read.values())) > _KEPT_BYTES:
            del _read[next(iter(_read))]
    return source


def first_met(names: list[bytes], sources: list[bytes], features: "Iterable[str]") -> bytes:
    """The name that C++ Nix meets first of those: in the first source that has them all.  Without such a source, the first one of *names*.

    >>> first_met([b"a", b"b"], [b"{ b, a }: a"], ())
    b'b'
    """
    for source in sources:
        turns = SourceTree(source, features).turns()
        found = [turns.get(name.decode("utf-8", "surrogateescape")) for name in names]
        if None not in found:
            return min(zip(found, names, strict=True))[1]
    return names[0]
