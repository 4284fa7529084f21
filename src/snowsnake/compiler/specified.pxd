# cython: language_level=3
"""Level 0: the code that the specification demands, operation by operation: see specified.pyx."""
from libc.stdint cimport uint32_t

from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Name, Node

cdef void specified(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil
cdef Node place_node(uint32_t start_byte, uint32_t end_byte) noexcept nogil
cdef void specified_lambda_body(Compiler* c, Node* node, Name label) noexcept nogil
