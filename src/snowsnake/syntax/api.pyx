# cython: language_level=3
"""Syntax trees in Python.

In: source bytes, the folder that relative paths start from, experimental features.  Out: a ParsedTree with the faults
found, canonical Nix and JSON.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport Bytes, bytes_init
from snowsnake.syntax.ancestors cimport ancestors_of, children_of, names_at, path_of, token_start
from snowsnake.syntax.binding_check cimport check_bindings
from snowsnake.syntax.global_names cimport global_at, global_count
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.names cimport name_text_bytes, write_name
from snowsnake.syntax.nodes cimport Ast, OrCall, Text
from snowsnake.syntax.outline cimport outline_of
from snowsnake.syntax.parser cimport ast_free, parse
from snowsnake.syntax.printer cimport print_nix
from snowsnake.syntax.tree_json cimport print_json
from snowsnake.syntax.turns cimport known_count, known_name, turn_of
import os

from snowsnake.syntax.features import feature_bits

# The codes have the order of `SyntaxKind` in syntax/nodes.pxd.
SYNTAX_CODES = ("syntax", "duplicate-attribute", "undefined-variable")
TOO_DEEP = "nesting too deep: the expression cannot be printed"


cdef Text text_of(bytes data):
    cdef Text text
    text.data = data
    text.size_bytes = len(data)
    return text


cdef bytes taken(Bytes* buffer, bint is_complete):
    """The buffer's text; the buffer is freed."""
    try:
        if buffer.failed:
            raise MemoryError("the text of a syntax tree")
        if not is_complete:
            raise RecursionError(TOO_DEEP)
        return buffer.data[:buffer.size] if buffer.data != NULL else b""
    finally:
        free(buffer.data)


cdef str _name(Text name):
    return (<const char*>name.data)[:name.size_bytes].decode("utf-8", "surrogateescape")


# Only `parse_text`, which makes trees, has this object.
cdef object _KEY = object()


cdef class ParsedTree:
    """A parsed expression; without faults it can be printed."""
    cdef Ast* ast
    cdef readonly bytes base_path
    cdef readonly bytes home

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("trees come from parse_text")

    def __dealloc__(self):
        if self.ast != NULL:
            ast_free(self.ast)

    @property
    def faults(self):
        """`(code, start_byte, end_byte, message, other_byte or None)` for each; empty if the expression is right.

        `code` is a name of the catalogue of errors.
        `other_byte` is where the same name was defined before: Nix puts ` at FILE:LINE:COLUMN` there.
        """
        found = []
        for i in range(self.ast.fault_count):
            fault = self.ast.faults[i]
            message = (<bytes>fault.message).decode("utf-8", "replace")
            other = None if fault.other_byte == 0xFFFFFFFF else fault.other_byte
            found.append((SYNTAX_CODES[fault.kind], fault.start_byte, fault.end_byte, message, other))
        return found

    @property
    def or_calls(self):
        """`(start_byte, end_byte)` of each `f or` that is an argument or a list element."""
        cdef OrCall* call = self.ast.or_calls
        found = []
        while call != NULL:
            found.append((call.start_byte, call.end_byte))
            call = call.next
        return found

    def to_nix(self) -> bytes:
        """Canonical Nix, byte for byte what `nix-instantiate --parse` prints, without the newline."""
        cdef Bytes buffer
        cdef bint is_complete
        cdef Text base_path = text_of(self.base_path)
        cdef Text home = text_of(self.home)
        self.expect_root()
        bytes_init(&buffer)
        with nogil:
            is_complete = print_nix(self.ast, base_path, home, &buffer)
        return taken(&buffer, is_complete)

    def to_json(self) -> str:
        """The tree as JSON: an object for each node, with `kind` and `span` (byte offsets)."""
        cdef Bytes buffer
        cdef bint is_complete
        self.expect_root()
        bytes_init(&buffer)
        with nogil:
            is_complete = print_json(self.ast, &buffer)
        return taken(&buffer, is_complete).decode("utf-8", "replace")

    def ancestors(self, unsigned int start_byte, unsigned int end_byte) -> list:
        """The nodes that contain a span, from the root inwards (syntax/ancestors.pyx)."""
        self.expect_root()
        return ancestors_of(self.ast, start_byte, end_byte)

    def children(self, unsigned int start_byte, unsigned int end_byte, str kind) -> list:
        """The parts of the node with this span and kind, in the same form; literal pieces of strings included."""
        self.expect_root()
        return children_of(self.ast, start_byte, end_byte, kind)

    def names_at(self, unsigned int offset) -> set:
        """The names of the variables that the nodes around a byte bind."""
        self.expect_root()
        return names_at(self.ast, offset)

    def selected_path(self) -> list:
        """(name or None, start, end of the expression) for each part of the path, if the source is a selection."""
        self.expect_root()
        return path_of(self.ast)

    def token_start(self, unsigned int offset) -> int:
        """The start of the first token at or after a byte."""
        self.expect_root()
        return token_start(self.ast, offset)

    def outline(self):
        """The `Literal` that the tree describes without evaluation (syntax/outline.pyx)."""
        self.expect_root()
        return outline_of(self.ast)

    def turns(self) -> dict:
        """When C++ Nix meets each name: those that it knows from the start, and then the names of this source (syntax/turns.pyx)."""
        cdef uint32_t i
        cdef dict found = {}
        for i in range(known_count()):
            found[_name(known_name(i))] = i
        for i in range(self.ast.name_count):
            found[_name(self.ast.names[i])] = turn_of(self.ast.names, i)
        return found

    cdef expect_root(self):
        if self.ast.root == NULL or self.ast.fault_count != 0:
            raise ValueError("the source has faults: " + self.faults[0][3])


def parse_text(
    bytes source, base_path: str, *, features: int = feature_bits(), check_bindings: bool = True, home: "str | None" = None,
) -> ParsedTree:
    """Parses *source*; `features` comes from `feature_bits`; `check_bindings` also looks for undefined variables.

    `home` replaces `~` when printing; by default it is the user's home folder.
    """
    cdef ParsedTree tree = ParsedTree.__new__(ParsedTree, _KEY)
    cdef const unsigned char* data = source
    cdef size_t size_bytes = len(source)
    cdef unsigned int bits = features
    cdef Ast* ast
    cdef bint is_checked = check_bindings
    tree.base_path = os.fsencode(base_path)
    tree.home = os.fsencode(os.path.expanduser("~") if home is None else home)
    with nogil:
        ast = parse(data, size_bytes, bits, NULL)
    if ast == NULL:
        raise MemoryError("a syntax tree")
    tree.ast = ast
    if is_checked and ast.fault_count == 0:
        run_check(ast)
    return tree


def global_names() -> set:
    """The names that no scope needs to bind: `true`, `map`, …"""
    cdef Global* found
    cdef uint32_t i
    names = set()
    for i in range(global_count()):
        found = global_at(i)
        if found.is_plain:
            names.add((<bytes>found.name[:found.size_bytes]).decode())
    return names


def name_text(str name) -> str:
    """An attribute's name as Nix text: in quotes unless it is an identifier.

    >>> name_text("a"), name_text("a b"), name_text("if")
    ('a', '"a b"', '"if"')
    """
    data = name.encode("utf-8", "surrogateescape")
    cdef Text text = text_of(data)
    cdef size_t size = name_text_bytes(&text)
    cdef uint8_t* written = <uint8_t*>allocate_items(size + 1, 1)
    if written == NULL:
        raise MemoryError
    write_name(&text, written)
    try:
        return written[:size].decode("utf-8", "replace")
    finally:
        free(written)


cdef int run_check(Ast* ast) except -1:
    cdef bint is_complete, is_too_deep = False
    with nogil:
        is_complete = check_bindings(ast, &is_too_deep)
    if not is_complete:
        raise MemoryError("a syntax tree")
    if is_too_deep:
        raise RecursionError(TOO_DEEP)
    return 0
