# cython: language_level=3
"""The way from the root of a tree to a place in its source."""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport Ast

cdef list ancestors_of(Ast* ast, uint32_t start_byte, uint32_t end_byte)
cdef list children_of(Ast* ast, uint32_t start_byte, uint32_t end_byte, str kind)
    # of the outermost node with just this span and kind; the offset beside a name or a piece of a string is where its `${` is
cdef uint32_t token_start(Ast* ast, uint32_t offset) noexcept
    # of the first token from a byte on: blanks and comments may stand before it
