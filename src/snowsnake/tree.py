"""Syntax trees for Python: nodes with places, comments and documentation, a visitor.  `snowsnake.syntax` is its public name.

In: Nix source.  Out: a `Tree`, whose nodes are made when they are looked at; a `SyntaxFault` with all faults of a source that has some.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from snowsnake.foundation.arguments import a_list, a_path, a_text, an_instance
from snowsnake.foundation.record import Whole
from snowsnake.json_tree import load
from snowsnake.parsing import parse_source
from snowsnake.source import Position, SourceMap

if TYPE_CHECKING:
    from snowsnake.editing import Edits

# These are the kinds of nodes, with the fields that each has: what is in brackets is a list, `?` may be absent.
KINDS = {
    "int": "value", "float": "value", "text": "text", "string": "[parts]", "path": "[parts]", "searchPath": "text", "variable": "name",
    "select": "set [path] default?", "hasAttr": "set [path]", "attribute": "name? expression?", "apply": "function [arguments]",
    "lambda": "parameter? [formals]? ellipsis? bind? doc? body", "let": "[bindings] [froms]? [dynamic]? body",
    "legacyLet": "[bindings] [froms]? [dynamic]?", "attrs": "recursive? [bindings] [froms]? [dynamic]?", "list": "[items]", "with": "set body",
    "if": "condition then else", "assert": "condition body", "not": "operand", "negate": "operand", "binary": "operator left right",
    "currentPosition": "",
}  # fmt: skip


class Node:
    """A node of a tree: an expression, or a `binding` or `formal` in one.

    `kind` is one of `KINDS`; its fields are attributes of the node, nodes and lists of nodes among them (`node.body`, `node.items`), and
    AttributeError says which there are.  A field whose name is a word of Python is read as `node["else"]`.  A node keeps its tree alive.

    >>> node = parse("if a then [ 1 2 ] else b", check=False).root
    >>> node.kind, node.condition.name, [item.value for item in node.then.items], node["else"].text
    ('if', 'a', [1, 2], 'b')
    """

    __slots__ = ("tree", "parent", "kind", "_fields")

    def __init__(self, tree: "Tree", parent: "Node | None", kind: str, fields: dict[str, Any]) -> None:
        if type(fields) is not dict or not isinstance(tree, Tree):
            raise TypeError("nodes come from a tree: `parse` makes one of a source")
        self.tree = tree
        self.parent = parent
        self.kind = kind
        self._fields = fields

    @property
    def span(self) -> tuple[int, int]:
        """The first byte in the source, and the one after the last; without parentheses around it."""
        start, end = self._fields["span"]
        return start, end

    @property
    def position(self) -> Position:
        """The place in the source: file, line, column, excerpt."""
        return self.tree.position(*self.span)

    @property
    def text(self) -> str:
        """The source of the node as it is written; of a `text` node the text that it means, without escapes."""
        if self.kind in ("text", "searchPath"):
            return str(self._fields["text"])
        start, end = self.span
        return self.tree.source_bytes[start:end].decode("utf-8", "surrogateescape")

    @property
    def doc(self) -> str | None:
        """The documentation of a function or binding, `/** … */`, without the stars and the indentation; None if there is none.

        >>> parse("{ /** The answer. */ a = 42; }").root.bindings[0].doc
        'The answer.'
        """
        span = self._fields.get("doc")
        if span is None:
            return None
        from snowsnake.documentation import comment_text

        return comment_text(self.tree.source_bytes[span[0] : span[1]].decode("utf-8", "replace"))

    def fields(self) -> list[str]:
        """The names of the fields that this node has, without its kind, span and documentation."""
        return [name for name in self._fields if name not in ("kind", "span", "doc")]

    def __getitem__(self, name: str) -> Any:
        if name not in self._fields or name in ("span", "doc"):
            raise KeyError(name)
        return self._made(name, self._fields[name])

    def __getattr__(self, name: str) -> Any:
        # `copy` asks an object without fields for its special methods.
        if name.startswith("__"):
            raise AttributeError(name)
        if name in Node.__slots__:
            raise ValueError("this Node was made without __init__")
        if name not in self._fields:
            raise AttributeError(f"a node of the kind {self.kind!r} has no {name!r}; it has {', '.join(self.fields()) or 'no fields'}")
        return self._made(name, self._fields[name])

    def get(self, name: str, default: object = None) -> Any:
        """A field that not every node of this kind has."""
        return self[name] if name in self._fields and name not in ("span", "doc") else default

    def _made(self, name: str, value: object) -> Any:
        if isinstance(value, dict):
            return Node(self.tree, self, value["kind"], value)
        if isinstance(value, list):
            return [Node(self.tree, self, item.get("kind") or ("formal" if name == "formals" else "binding"), item) for item in value]
        return value

    def children(self) -> "Iterator[Node]":
        """The nodes directly in this one, in the order of the fields."""
        for name in self.fields():
            value = self._fields[name]
            if isinstance(value, dict):
                yield self._made(name, value)
            elif isinstance(value, list):
                yield from self._made(name, value)

    def walk(self) -> "Iterator[Node]":
        """This node and all in it, from the outside to the inside; no depth is too large."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(list(node.children())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self._fields is other._fields

    def __hash__(self) -> int:
        return id(self._fields)

    def __repr__(self) -> str:
        return f"<Node {self.kind} at {self.position}>"


class Comment(Whole):
    """A comment of a source: `text` as it is written, `position`, and whether it is documentation (`/** … */`)."""

    __slots__ = ("position",)

    def __init__(self, position: Position) -> None:
        an_instance("the place of a comment", position, Position)
        self.position = position

    @property
    def text(self) -> str:
        """The comment as it is written, `#` or `/* */` included."""
        return self.position.text

    @property
    def is_doc(self) -> bool:
        """Whether it is documentation: `/** … */`."""
        return self.text.startswith("/**") and len(self.text) > 4

    def __repr__(self) -> str:
        return f"<Comment {self.text[:40]!r} at {self.position}>"


class Tree(Whole):
    """A parsed source: `root`, `comments`, and where things are in it.  It evaluates nothing and cannot be changed: see `edit`.

    >>> tree = parse("{ a = 1; # one\\n  b.c = x: x; }", check=False)
    >>> [binding.name for binding in tree.root.bindings], [comment.text for comment in tree.comments]
    (['a', 'b'], ['# one'])
    >>> tree.at(2, 9), tree.edit().set("a", 2).text
    (<Node lambda at «string»:2:9>, '{ a = 2; # one\\n  b.c = x: x; }')
    """

    def __init__(self, source: bytes, name: str, base_path: str, features: Iterable[str], check: bool) -> None:
        self.source_bytes = source
        self.name = name
        self._features = tuple(a_list("features", features, "names"))
        self._syntax = parse_source(source, name, base_path, self._features, check_variables=check)
        self._lines = SourceMap(source)
        self._root: Node | None = None

    @property
    def source(self) -> str:
        """The text that was parsed; bytes that are not UTF-8 are surrogate escapes."""
        return self.source_bytes.decode("utf-8", "surrogateescape")

    @property
    def root(self) -> Node:
        """The expression.  The tree is made at the first look, in a time linear in the source; about 1 kB of memory a node."""
        if self._root is None:
            found = load(self._syntax.to_json())
            self._root = Node(self, None, found["kind"], found)
        return self._root

    def walk(self) -> Iterator[Node]:
        """All nodes, from the outside to the inside."""
        return self.root.walk()

    def position(self, start_byte: int, end_byte: int) -> Position:
        """A span of the source as a place."""
        return Position(self.name, self._lines, start_byte, end_byte)

    def at(self, line: int, column: int) -> Node:
        """The innermost node at a line and column (in bytes, both from 1), as errors and `unsafeGetAttrPos` count them.

        Raises LookupError for a place outside of the expression.
        """
        found = None
        for node in self.walk():
            start, end = node.span
            if self._lines.place(start) <= (line, column) < self._lines.place(end) and (found is None or end - start <= found.span[1] - found.span[0]):
                found = node
        if found is None:
            raise LookupError(f"no node is at {self.name}:{line}:{column}")
        return found

    @property
    def comments(self) -> list[Comment]:
        """All comments, documentation included, in the order of the source."""
        return [Comment(self.position(start, end)) for start, end in comment_spans(self.source_bytes)]

    def edit(self) -> "Edits":
        """Edits of this source, which keep its formatting."""
        from snowsnake.editing import Edits

        return Edits(self.source, name=self.name)

    def to_nix(self) -> str:
        """What `nix-instantiate --parse` prints."""
        return self._syntax.to_nix()

    def to_json(self) -> str:
        """The whole tree as JSON: an object for each node."""
        return self._syntax.to_json()

    def __repr__(self) -> str:
        return f"<Tree of {self.name}, {len(self.source_bytes)} bytes>"


class Visitor:
    """Visits a tree: a method `visit_KIND` for each kind of interest, `visit` for the rest, which goes on to the children.

    >>> class Names(Visitor):
    ...     def __init__(self):
    ...         self.found = []
    ...     def visit_variable(self, node):
    ...         self.found.append(node.name)
    >>> names = Names()
    >>> names.visit(parse("x: y: x + y").root)
    >>> names.found
    ['x', 'y']
    """

    def visit(self, node: Node) -> Any:
        """Calls the method for the kind of the node, or visits its children.  Nesting costs Python frames: `Tree.walk` does not."""
        _expect_node(node)
        method = getattr(self, f"visit_{node.kind}", None)
        return self.visit_children(node) if method is None else method(node)

    def visit_children(self, node: Node) -> None:
        """Visits the children; a method `visit_KIND` calls this if it wants them visited, too."""
        _expect_node(node)
        for child in node.children():
            self.visit(child)


def _expect_node(given: object) -> None:
    if not isinstance(given, Node):
        raise TypeError(f"a visitor visits nodes, such as `tree.root`, not {type(given).__name__}")


def parse(source: str | bytes, *, name: str = "«string»", base_path: str = "/", features: Iterable[str] = (), check: bool = True) -> Tree:
    """The tree of an expression; nothing is evaluated.

    `name` is what places call the source, `base_path` where its relative paths start (for `to_nix`), `features` are experimental features.
    Raises `SyntaxFault`, whose `faults` are all that is wrong, undefined variables included unless `check` is False; TypeError if the source is not a text.
    The cost is linear, about 20 MB of source a second.

    >>> tree = parse('{ version = "1.0"; }')
    >>> tree.root.kind, tree.at(1, 13).text
    ('attrs', '"1.0"')
    """
    data = a_text("a source", source, "; parse_file takes a path")
    return Tree(data, name, base_path, features, check)


def parse_file(path: Any, *, features: Iterable[str] = (), check: bool = True) -> Tree:
    """The tree of a file; OSError if it cannot be read.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.nix")
    ...     _ = open(path, "w").write("x: x")
    ...     parse_file(path).root.kind
    'lambda'
    """
    import os

    path = a_path("a file", path)
    with open(path, "rb") as file:
        data = file.read()
    return Tree(data, path, os.path.dirname(os.path.abspath(path)), features, check)


# ---- comments ---------------------------------------------------------------------------------------------------

# These parts of a source decide where a comment may begin; numbers and operators do not.
_CODE = re.compile(rb"""(?P<comment>\#[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)|(?P<uri>[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9%/?:@&=+$,_.!~*'-]+)
    |(?P<quote>")|(?P<indented>'')|(?P<open>\$?\{)|(?P<close>\})|(?P<word>[A-Za-z_][A-Za-z0-9_'-]*)""", re.X)  # fmt: skip
_QUOTED = re.compile(rb'(?P<end>")|(?P<open>\$\{)|\\.|\$\\.|\$[^{"\\]', re.S)
_INDENTED = re.compile(rb"(?P<open>\$\{)|''\$|'''|''\\.|(?P<end>'')|\$[^{']", re.S)


def comment_spans(source: bytes) -> Iterator[tuple[int, int]]:
    """The first byte, and the byte after the last, of each comment in a source without faults.

    >>> list(comment_spans(b"1 # x"))
    [(2, 5)]
    """
    modes = [_CODE]
    at = 0
    while (found := modes[-1].search(source, at)) is not None:
        at = found.end()
        kind = found.lastgroup
        if kind == "comment":
            yield found.span()
        elif kind == "quote":
            modes.append(_QUOTED)
        elif kind == "indented":
            modes.append(_INDENTED)
        elif kind == "open":
            modes.append(_CODE)
        elif kind in ("end", "close") and len(modes) > 1:
            modes.pop()
