# cython: language_level=3
"""The default level of `let`, attribute sets, `inherit` and dynamic attributes: see bindings.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.bytecode.chunk cimport Keys
from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Bindings, Node

cdef Keys* new_keys(Compiler* c, uint32_t count) noexcept nogil
cdef void evaluate_attrs(Compiler* c, Node* node) noexcept nogil
cdef void close_scope(Compiler* c, uint32_t count, Node* node) noexcept nogil
cdef void settle_inherited(Compiler* c, Bindings* bindings) noexcept nogil
cdef void finalise(Compiler* c, uint32_t first_local, Node* node) noexcept nogil
cdef void evaluate_let(Compiler* c, Node* node, bint tail) noexcept nogil
cdef void evaluate_legacy_let(Compiler* c, Node* node) noexcept nogil
cdef void overriding_attrs(Compiler* c, Node* node) noexcept nogil
