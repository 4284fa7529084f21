# cython: language_level=3
"""The default level of delaying an expression: pushes a word that stands for its value: see lazy.pyx."""
from libc.stdint cimport uint32_t, uint64_t, uint8_t

from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Name, Node

cdef bint is_literal(Compiler* c, Node* node) noexcept nogil
cdef bint is_numeric_literal(Compiler* c, Node* node) noexcept nogil
cdef void delay(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil
cdef void push_thunk(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil
cdef void delay_with_variable(Compiler* c, Node* node, Name name) noexcept nogil
cdef uint64_t place_of(Compiler* c, Node* node) noexcept nogil
cdef bint may_be_forced(Compiler* c, Node* node) noexcept nogil
cdef bint is_operand(Compiler* c, Node* node) noexcept nogil
cdef uint8_t arithmetic_of(Node* node, bint* swapped) noexcept nogil
cdef void arithmetic_operands(Compiler* c, uint8_t opcode, uint8_t which, Node* left, Node* right, Node* node,
                              int effect) noexcept nogil
