# cython: language_level=3
"""Indented strings: see indentation.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.syntax.nodes cimport Node
from snowsnake.syntax.parse_state cimport ParseState

cdef Node* strip_indentation(ParseState* state, uint32_t base, uint32_t start, uint32_t end) noexcept nogil
