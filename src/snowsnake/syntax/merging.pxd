# cython: language_level=3
"""Bindings under construction: see merging.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.syntax.nodes cimport Binding, Bindings, Name, Node
from snowsnake.syntax.parse_state cimport ParseState

cdef struct AttributePath:
    # NODE_ATTR
    Node** elements
    uint32_t count
    # the span of the whole path, which is the place of every attribute that the path defines
    uint32_t start
    uint32_t end
    uint32_t doc_start
    uint32_t doc_end

# the names that lead to a set, from the innermost outwards: for messages
cdef struct PathStep:
    PathStep* outer
    uint32_t name

cdef Bindings* new_set(ParseState* state) noexcept nogil
cdef void close_set(ParseState* state, Bindings* bindings) noexcept nogil
    # At the end of a set or `let`: its bindings get an array of their size.  More may be added later (`a = { }; a.b = 1;`).
cdef void add_binding(ParseState* state, Bindings* bindings, Binding* binding, PathStep* outer) noexcept nogil
cdef void add_named(
    ParseState* state, Bindings* bindings, uint8_t kind, Name name, uint32_t start, uint32_t end, uint32_t from_index, uint32_t doc_start,
    uint32_t doc_end, Node* value,
) noexcept nogil
    # Makes a binding and adds it.  In the callers' frames, it would take a fifth of the parser's stack for each level of a source.
cdef void add_at_path(ParseState* state, Bindings* bindings, AttributePath* path, Node* value) noexcept nogil
cdef uint32_t add_from(ParseState* state, Bindings* bindings, Node* expression) noexcept nogil
