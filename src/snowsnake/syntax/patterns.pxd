# cython: language_level=3
"""Patterns of lambdas: see patterns.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.syntax.bindings cimport NameSpan
from snowsnake.syntax.nodes cimport Pattern
from snowsnake.syntax.parse_state cimport ParseState

cdef Pattern* parse_formals(ParseState* state, NameSpan* first, NameSpan* bind) noexcept nogil
cdef void check_formals(ParseState* state, Pattern* pattern, uint32_t start) noexcept nogil
cdef bint follows_lambda(ParseState* state) noexcept nogil
