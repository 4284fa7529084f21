# cython: language_level=3
"""Nodes that the compiler adds to the tree, and parts of a large tree that it frees when they are compiled.

Data of a hundred megabytes has a tree of a gigabyte.  Its nodes, lists of nodes and finished bindings lie in the order of the source, and what the compiler
adds lies behind all of them.  Texts of literals are written when their constant is made, and names lie in the source, unless they have escapes.
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from snowsnake.syntax.nodes cimport NO_NAME, NODE_ATTR, NODE_SELECT, NODE_VARIABLE, Arena, ArenaBlock, arena_alloc


cdef enum:
    # If more names than this lie outside the source, `is_tree_apart` does not look where they are.
    MOST_ODD_NAMES = 64


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


cdef ArenaBlock* _block_of(Arena* arena, const void* data) noexcept nogil:
    cdef ArenaBlock* block = arena.blocks
    cdef const uint8_t* start
    while block != NULL:
        start = <const uint8_t*>block + sizeof(ArenaBlock)
        if start <= <const uint8_t*>data < start + block.size_bytes:
            break
        block = block.next
    return block


cdef bint is_tree_apart(Compiler* c) noexcept nogil:
    cdef const uint8_t* source = c.ast.source.data
    cdef uint32_t i, odd = 0
    if _block_of(&c.ast.arena, source) != NULL:
        return False
    for i in range(c.name_count):
        if source <= c.names[i].data < source + c.ast.source.size_bytes:
            continue
        odd += 1
        if odd > MOST_ODD_NAMES or _block_of(&c.ast.arena, c.names[i].data) != NULL:
            return False
    return True


cdef void free_before(Compiler* c, const void* node) noexcept nogil:
    cdef Arena* arena = &c.ast.arena
    cdef ArenaBlock* kept = _block_of(arena, node)
    cdef ArenaBlock* block
    cdef ArenaBlock* older
    if kept == NULL:
        return
    block = kept.next
    kept.next = NULL
    while block != NULL:
        older = block.next
        arena.total_bytes -= block.size_bytes
        free(block)
        block = older
