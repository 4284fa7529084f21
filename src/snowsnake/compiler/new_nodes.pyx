# cython: language_level=3
"""Nodes that the compiler adds to the tree."""
from libc.string cimport memset

from snowsnake.syntax.nodes cimport NO_NAME, NODE_ATTR, NODE_SELECT, NODE_VARIABLE, arena_alloc


cdef Node* new_node(Compiler* c, uint8_t kind, Node* place) noexcept nogil:
    cdef Node* node = <Node*>arena_alloc(&c.ast.arena, sizeof(Node))
    memset(node, 0, sizeof(Node))
    node.kind = kind
    node.name = NO_NAME
    node.start_byte = place.start_byte
    node.end_byte = place.end_byte
    return node


cdef Node* new_variable(Compiler* c, Name name, Node* place) noexcept nogil:
    cdef Node* node = new_node(c, NODE_VARIABLE, place)
    node.name = name
    return node


cdef void select_name(Compiler* c, Node* node, Name variable, Name name) noexcept nogil:
    """Turns the node into the selection `variable.name`."""
    node.kind = NODE_SELECT
    node.a = new_variable(c, variable, node)
    node.b = NULL
    node.count = 1
    node.items = <Node**>arena_alloc(&c.ast.arena, sizeof(Node*))
    node.items[0] = new_node(c, NODE_ATTR, node)
    node.items[0].name = name
