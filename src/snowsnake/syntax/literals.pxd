# cython: language_level=3
"""Literals: see literals.pyx."""
from snowsnake.syntax.nodes cimport Node
from snowsnake.syntax.parse_state cimport ParseState

cdef Node* parse_string(ParseState* state) noexcept nogil
cdef Node* parse_indented_string(ParseState* state) noexcept nogil
cdef Node* parse_path(ParseState* state) noexcept nogil
cdef Node* parse_search_path(ParseState* state) noexcept nogil
cdef Node* parse_int(ParseState* state) noexcept nogil
cdef Node* parse_float(ParseState* state) noexcept nogil
cdef Node* parse_uri(ParseState* state) noexcept nogil
