# cython: language_level=3
"""Bindings under construction: see merging.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.syntax.nodes cimport Binding, Bindings, Node
from snowsnake.syntax.parse_state cimport ParseState

cdef struct AttributePath:
    Node** elements                   # NODE_ATTR
    uint32_t count
    uint32_t start                    # the span of the whole path, which is the place of every attribute that the path defines
    uint32_t end
    uint32_t doc_start
    uint32_t doc_end

cdef struct PathStep:                 # the names that lead to a set, from the innermost outwards: for messages
    PathStep* outer
    uint32_t name

cdef Bindings* new_set(ParseState* state) noexcept nogil
cdef void add_binding(ParseState* state, Bindings* bindings, Binding* binding, PathStep* outer) noexcept nogil
cdef void add_at_path(ParseState* state, Bindings* bindings, AttributePath* path, Node* value) noexcept nogil
cdef uint32_t add_from(ParseState* state, Bindings* bindings, Node* expression) noexcept nogil
