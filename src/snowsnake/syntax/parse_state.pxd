# cython: language_level=3
"""The state that the parts of the parser share: lexer, arena, names, faults, and the stack of nodes being collected."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset
from snowsnake.syntax.deep_stack cimport stack_is_low
from snowsnake.syntax.lexer cimport Lexer, lexer_next
from snowsnake.syntax.nodes cimport (
    NODE_STRING, NODE_TEXT, ArenaBlock, Ast, Name, Node, SyntaxFault, Text, arena_alloc, node_bytes,
)

# syntax/features.py also has those that the parser does not look at
cdef enum ParseFeatures:
    # `|>` and `<|`
    FEATURE_PIPE_OPERATORS = 1
    # the source is the inside of a set, whose last `;` may be missing
    FEATURE_BINDINGS = 128

cdef enum:
    # SyntaxFault.other_byte: no second place
    NO_BYTE = 0xFFFFFFFF
    # offsets are 32 bits wide
    LARGEST_SOURCE_BYTES = 0xFFFFFF00
    # NUL bytes behind a source, so that scanning needs no check for the end
    PADDING_BYTES = 8
    # spare arrays of bindings have sizes 1, 2, 4, … 4096
    SPARE_SIZES = 13

cdef struct NameSlot:
    uint32_t hash
    # 0 if the place is empty
    uint32_t name_and_one

cdef struct ParseState:
    Lexer lexer
    Ast* ast
    const char* stack_limit
    uint32_t features
    # brackets open around the current token
    uint32_t bracket_depth
    # `${` of strings and paths among them
    uint32_t interpolation_depth
    # Where the last token of a source that ends in a path starts, because C++ Nix sees the end there; 0 for other sources.
    uint32_t end_start
    # whether nothing more can be said after this error
    bint is_hopeless
    # skipping: faults are not recorded
    bint is_muted
    # nodes collected so far for constructs that are still open
    Node** nodes
    uint32_t node_count
    uint32_t node_capacity
    Text* names
    uint32_t name_count
    uint32_t name_capacity
    # open addressing; a power of two
    NameSlot* slots
    uint32_t slot_mask
    SyntaxFault* faults
    uint32_t fault_count
    uint32_t fault_capacity
    # those of Ast.openings
    uint32_t* openings
    uint32_t opening_count
    uint32_t opening_capacity
    # arrays of finished sets, for the next ones; each begins with a pointer to the next of its size
    void* spare_bindings[SPARE_SIZES]
    # parses the expressions inside of literals and bindings
    Node* (*parse_expression)(ParseState*) noexcept nogil

cdef void state_open(
    ParseState* state, Ast* ast, const uint8_t* data, size_t size_bytes, uint32_t features, bint is_padded,
) noexcept nogil
cdef void state_close(ParseState* state) noexcept nogil
cdef void state_free(ParseState* state) noexcept nogil
cdef Name intern(ParseState* state, const uint8_t* data, uint32_t size_bytes) noexcept nogil
cdef void grow_nodes(ParseState* state) noexcept nogil
cdef void note_opening(ParseState* state, uint32_t position) noexcept nogil
cdef Node** collect(ParseState* state, uint32_t base) noexcept nogil
cdef void add_fault(
    ParseState* state, uint32_t start, uint32_t end, uint32_t other, const char* before, Text middle, const char* after,
) noexcept nogil
cdef Node* syntax_fault(ParseState* state, const char* expecting) noexcept nogil
cdef Node* unexpected_fault(ParseState* state, uint32_t start, uint8_t kind, const char* expecting) noexcept nogil
cdef Node* depth_fault(ParseState* state) noexcept nogil


cdef inline void advance(ParseState* state) noexcept nogil:
    lexer_next(&state.lexer)


cdef inline bint is_too_deep(ParseState* state) noexcept nogil:
    return stack_is_low(state.stack_limit)


cdef inline void* allocate(ParseState* state, size_t size_bytes) noexcept nogil:
    """Memory in the tree's arena, not zeroed; *size_bytes* is a multiple of 8."""
    cdef ArenaBlock* block = state.ast.arena.blocks
    cdef uint8_t* start
    if block == NULL or block.size_bytes - block.used_bytes < size_bytes:
        return arena_alloc(&state.ast.arena, size_bytes)
    start = <uint8_t*>block + sizeof(ArenaBlock) + block.used_bytes
    block.used_bytes += size_bytes
    return start


cdef inline uint8_t* allocate_text(ParseState* state, size_t size_bytes) noexcept nogil:
    return <uint8_t*>allocate(state, (size_bytes + 7) & ~<size_t>7)


cdef inline Node* new_node(ParseState* state, uint8_t kind, uint32_t start, uint32_t end) noexcept nogil:
    cdef Node* node = <Node*>allocate(state, node_bytes(kind))
    memset(node, 0, node_bytes(kind))
    node.kind = kind
    node.start_byte = start
    node.end_byte = end
    return node


cdef inline void push(ParseState* state, Node* node) noexcept nogil:
    if state.node_count == state.node_capacity:
        grow_nodes(state)
    state.nodes[state.node_count] = node
    state.node_count += 1


cdef inline bint is_static_string(Node* node) noexcept nogil:
    """Whether C++ Nix takes this string for one constant."""
    return node.kind == NODE_STRING and (node.count == 0 or (node.count == 1 and node.items[0].kind == NODE_TEXT))
