# cython: language_level=3
"""Syntax that the language defines in terms of other syntax: operators that a program may rebind, sets with `__overrides`, path literals: see rewrite.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.compiler.state cimport NONE, Compiler
from snowsnake.syntax.nodes cimport NO_NAME, Name, Node

cdef inline bint is_bound(Compiler* c, Name name) noexcept nogil:
    """Whether the program binds this name around this place."""
    return name != NO_NAME and c.heads[name] != NONE

cdef Node* rewrite_operator(Compiler* c, Node* node) noexcept nogil
cdef Node* rewrite_search_path(Compiler* c, Node* node) noexcept nogil
cdef bint has_overrides(Compiler* c, Node* node) noexcept nogil
cdef Node* bind_sources(Compiler* c, Node* node) noexcept nogil
