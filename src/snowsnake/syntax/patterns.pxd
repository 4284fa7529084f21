# cython: language_level=3
"""Patterns of lambdas: see patterns.pyx."""
from snowsnake.syntax.bindings cimport NameSpan
from snowsnake.syntax.nodes cimport Pattern
from snowsnake.syntax.parse_state cimport ParseState

cdef Pattern* parse_formals(ParseState* state, NameSpan* first, NameSpan* bind) noexcept nogil
