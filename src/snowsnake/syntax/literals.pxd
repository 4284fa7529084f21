# cython: language_level=3
"""Strings, indented strings and paths: see literals.pyx."""
from snowsnake.syntax.nodes cimport Node
from snowsnake.syntax.parse_state cimport ParseState

cdef Node* parse_string(ParseState* state) noexcept nogil
cdef Node* parse_indented_string(ParseState* state) noexcept nogil
cdef Node* parse_path(ParseState* state) noexcept nogil
cdef Node* parse_search_path(ParseState* state) noexcept nogil
cdef Node* parse_uri(ParseState* state) noexcept nogil
