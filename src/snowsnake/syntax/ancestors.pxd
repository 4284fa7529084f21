# cython: language_level=3
"""The nodes from the root of a tree down to a place in its source."""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport Ast

cdef list ancestors_of(Ast* ast, uint32_t start_byte, uint32_t end_byte)
cdef list children_of(Ast* ast, uint32_t start_byte, uint32_t end_byte, str kind)
    # Returns the parts of the outermost node with exactly this span and kind.  The offset of a name or of a piece of a string is that of its `${`.
cdef set names_at(Ast* ast, uint32_t offset)
    # Returns the names of the variables that the nodes around a byte bind.
cdef list path_of(Ast* ast)
    # Returns (name or None, start, end) for each part of the path of the selection that the tree is; the span is that of the expression.
cdef uint32_t token_start(Ast* ast, uint32_t offset) noexcept
    # Returns the start of the first token at or after a byte; blanks and comments may come before it.
