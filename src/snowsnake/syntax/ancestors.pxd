# cython: language_level=3
"""The way from the root of a tree to a place in its source."""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport Ast

cdef list ancestors_of(Ast* ast, uint32_t start_byte, uint32_t end_byte)
cdef object item_start_of(Ast* ast, uint32_t start_byte, uint32_t end_byte, uint32_t index)
