# cython: language_level=3
"""Attribute paths and bindings: see bindings.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.syntax.nodes cimport Bindings, Name, Node
from snowsnake.syntax.parse_state cimport ParseState

# an identifier that was read ahead
cdef struct NameSpan:
    Name name
    uint32_t start
    uint32_t end
    uint32_t doc_start
    uint32_t doc_end

cdef bint parse_attribute_path(ParseState* state) noexcept nogil
cdef Bindings* new_bindings(ParseState* state) noexcept nogil
cdef bint parse_bindings(ParseState* state, Bindings* bindings, NameSpan* ahead) noexcept nogil
cdef NameSpan current_name(ParseState* state) noexcept nogil
cdef NameSpan current_span(ParseState* state) noexcept nogil
cdef void name_span(ParseState* state, NameSpan* span) noexcept nogil
