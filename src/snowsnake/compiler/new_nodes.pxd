# cython: language_level=3
"""Nodes that the compiler adds to the tree: see new_nodes.pyx."""
from libc.stdint cimport uint8_t

from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.nodes cimport Name, Node

cdef Node* new_node(Compiler* c, uint8_t kind, Node* place) noexcept nogil
cdef Node* new_variable(Compiler* c, Name name, Node* place) noexcept nogil
cdef void select_name(Compiler* c, Node* node, Name variable, Name name) noexcept nogil
cdef bint is_tree_apart(Compiler* c) noexcept nogil
    # Whether the source and all names lie outside of the tree's memory.
cdef void free_before(Compiler* c, const void* node) noexcept nogil
    # Frees what was parsed before the block of memory that this node is in.
