# cython: language_level=3
"""The default level of evaluating an expression: see expressions.pyx."""
from libc.stdint cimport uint32_t, uint8_t

from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.nodes cimport Name, Node

cdef void evaluate(Compiler* c, Node* node, bint tail, Name label) noexcept nogil
cdef void evaluate_result(Compiler* c, Node* node, bint tail) noexcept nogil
cdef bint is_passive(Compiler* c, Node* node) noexcept nogil
cdef void push_variable(Compiler* c, Node* node, int meaning, uint32_t index) noexcept nogil
cdef Global* folded_builtin(Compiler* c, Node* node) noexcept nogil
cdef uint32_t push_path_start(Compiler* c, Node* node) noexcept nogil
cdef uint8_t binary_opcode(uint8_t operator) noexcept nogil
