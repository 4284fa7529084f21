# cython: language_level=3
"""The state that the parts of the parser share.

In: the source and the tree to fill.  Out: interned names, collected nodes, faults; at the end all of them are moved
into the tree's arena and the working memory is freed.

Texts of the tree are parts of the source, which is copied unless the caller keeps it, padded, as long as the tree.
"""
from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, strlen
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.probing cimport probe
from snowsnake.syntax.deep_stack cimport leave_out_of_memory, resize_or_leave, stack_limit
from snowsnake.syntax.nodes cimport SYNTAX_DUPLICATE, SYNTAX_MALFORMED
from snowsnake.syntax.numbers cimport is_valid_number
from snowsnake.syntax.token_names cimport token_name
from snowsnake.syntax.tokens cimport TOKEN_END, TOKEN_FLOAT, TOKEN_INT, TOKEN_PIPE_FROM, TOKEN_PIPE_INTO

cdef enum:
    MOST_FAULTS = 50


cdef void state_open(
    ParseState* state, Ast* ast, const uint8_t* data, size_t size_bytes, uint32_t features, bint is_padded,
) noexcept nogil:
    """Prepares for *size_bytes* (at most LARGEST_SOURCE_BYTES) of source."""
    cdef uint8_t* copy
    memset(state, 0, sizeof(ParseState))
    state.ast = ast
    if not is_padded:
        copy = allocate_text(state, size_bytes + PADDING_BYTES)
        memcpy(copy, data, size_bytes)
        memset(copy + size_bytes, 0, PADDING_BYTES)
        data = copy
    ast.source.data = data
    ast.source.size_bytes = <uint32_t>size_bytes
    state.lexer.data = data
    state.lexer.size_bytes = <uint32_t>size_bytes
    state.stack_limit = stack_limit()
    state.features = features
    state.node_capacity = 64
    state.nodes = <Node**>resize_or_leave(NULL, state.node_capacity, sizeof(Node*))
    state.name_capacity = 64
    state.names = <Text*>resize_or_leave(NULL, state.name_capacity, sizeof(Text))
    state.slot_mask = 127
    state.slots = <NameSlot*>allocate_zeros(state.slot_mask + 1, sizeof(NameSlot))
    if state.slots == NULL:
        leave_out_of_memory()


cdef void* moved(ParseState* state, const void* items, size_t size_bytes) noexcept nogil:
    cdef void* copy = allocate_text(state, size_bytes)
    if size_bytes != 0:
        memcpy(copy, items, size_bytes)
    return copy


cdef void state_close(ParseState* state) noexcept nogil:
    """Moves names and faults into the tree, and frees the working memory."""
    cdef Ast* ast = state.ast
    ast.names = <Text*>moved(state, state.names, state.name_count * sizeof(Text))
    ast.name_count = state.name_count
    ast.faults = <SyntaxFault*>moved(state, state.faults, state.fault_count * sizeof(SyntaxFault))
    ast.fault_count = state.fault_count
    ast.openings = <uint32_t*>moved(state, state.openings, state.opening_count * sizeof(uint32_t))
    ast.opening_count = state.opening_count
    state_free(state)


cdef void state_free(ParseState* state) noexcept nogil:
    """Frees the working memory."""
    free(state.nodes)
    free(state.names)
    free(state.slots)
    free(state.faults)
    free(state.openings)


cdef inline uint64_t load(const uint8_t* data, size_t size_bytes) noexcept nogil:
    cdef uint64_t word = 0
    memcpy(&word, data, size_bytes)
    return word


cdef inline uint32_t hash_of(const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    cdef uint64_t hashed = <uint64_t>size_bytes * 0x9E3779B97F4A7C15ULL
    cdef uint32_t rest = size_bytes
    while rest > 8:
        hashed = (hashed ^ load(data, 8)) * 0xFF51AFD7ED558CCDULL
        hashed ^= hashed >> 32
        data += 8
        rest -= 8
    if size_bytes >= 8:
        # We take the last 8 bytes, which may overlap with bytes that we have hashed.
        hashed ^= load(data + rest - 8, 8)
    elif rest >= 4:
        hashed ^= load(data, 4) | (load(data + rest - 4, 4) << 32)
    elif rest > 0:
        hashed ^= <uint64_t>data[0] | (<uint64_t>data[rest >> 1] << 8) | (<uint64_t>data[rest - 1] << 16)
    hashed *= 0xC4CEB9FE1A85EC53ULL
    return <uint32_t>(hashed >> 32)


cdef inline bint is_same_text(const uint8_t* a, const uint8_t* b, uint32_t size_bytes) noexcept nogil:
    """Most names are short, and a call takes longer than to compare them."""
    if size_bytes > 8:
        return memcmp(a, b, size_bytes) == 0
    if size_bytes >= 4:
        return load(a, 4) == load(b, 4) and load(a + size_bytes - 4, 4) == load(b + size_bytes - 4, 4)
    return size_bytes == 0 or (a[0] == b[0] and a[size_bytes >> 1] == b[size_bytes >> 1] and a[size_bytes - 1] == b[size_bytes - 1])


cdef inline bint is_free_name_slot(uint64_t at, const NameSlot* slots) noexcept nogil:
    return slots[at].name_and_one == 0


cdef inline bint is_name_slot_of(uint64_t at, ParseState* state, uint32_t hashed, const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    cdef const NameSlot* slot = &state.slots[at]
    cdef const Text* known
    if slot.name_and_one == 0:
        return True
    if slot.hash != hashed:
        return False
    known = &state.names[slot.name_and_one - 1]
    return known.size_bytes == size_bytes and is_same_text(known.data, data, size_bytes)


cdef void grow_slots(ParseState* state) noexcept nogil:
    cdef uint32_t old_count = state.slot_mask + 1
    cdef uint32_t mask = old_count * 2 - 1
    cdef NameSlot* old = state.slots
    cdef NameSlot* slots = <NameSlot*>allocate_zeros(mask + 1, sizeof(NameSlot))
    cdef uint32_t i
    if slots == NULL:
        leave_out_of_memory()
    for i in range(old_count):
        if old[i].name_and_one != 0:
            slots[probe(old[i].hash, mask, is_free_name_slot, slots)] = old[i]
    free(old)
    state.slots = slots
    state.slot_mask = mask


cdef Name intern(ParseState* state, const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    """The name's number; *data* must stay valid as long as the tree."""
    cdef uint32_t hashed = hash_of(data, size_bytes)
    cdef NameSlot* slot = &state.slots[probe(hashed, state.slot_mask, is_name_slot_of, state, hashed, data, size_bytes)]
    if slot.name_and_one != 0:
        return slot.name_and_one - 1
    if state.name_count == state.name_capacity:
        state.name_capacity *= 2
        state.names = <Text*>resize_or_leave(state.names, state.name_capacity, sizeof(Text))
    state.names[state.name_count].data = data
    state.names[state.name_count].size_bytes = size_bytes
    state.name_count += 1
    slot.hash = hashed
    slot.name_and_one = state.name_count
    if state.name_count * 2 > state.slot_mask:
        grow_slots(state)
    return state.name_count - 1


cdef void grow_nodes(ParseState* state) noexcept nogil:
    state.node_capacity *= 2
    state.nodes = <Node**>resize_or_leave(state.nodes, state.node_capacity, sizeof(Node*))


cdef Node** collect(ParseState* state, uint32_t base) noexcept nogil:
    """The nodes pushed since *base*, moved into the arena and taken off the stack."""
    cdef size_t size_bytes = (state.node_count - base) * sizeof(Node*)
    cdef Node** items = <Node**>allocate(state, size_bytes)
    memcpy(items, state.nodes + base, size_bytes)
    state.node_count = base
    return items


cdef void note_opening(ParseState* state, uint32_t position) noexcept nogil:
    """Records that there is a `${` here."""
    if state.opening_count == state.opening_capacity:
        state.opening_capacity = state.opening_capacity * 2 + 16
        state.openings = <uint32_t*>resize_or_leave(state.openings, state.opening_capacity, sizeof(uint32_t))
    state.openings[state.opening_count] = position
    state.opening_count += 1


cdef void add_fault(
    ParseState* state, uint32_t start, uint32_t end, uint32_t other, const char* before, Text middle, const char* after,
) noexcept nogil:
    """Records a fault whose message is *before*, *middle* and *after*."""
    cdef size_t before_bytes = strlen(before)
    cdef size_t after_bytes = strlen(after)
    cdef uint8_t* message
    cdef SyntaxFault* fault
    if state.is_muted or state.is_hopeless or state.fault_count == MOST_FAULTS:
        return
    if state.fault_count == state.fault_capacity:
        state.fault_capacity = state.fault_capacity * 2 + 4
        state.faults = <SyntaxFault*>resize_or_leave(state.faults, state.fault_capacity, sizeof(SyntaxFault))
    message = allocate_text(state, before_bytes + middle.size_bytes + after_bytes + 1)
    memcpy(message, before, before_bytes)
    memcpy(message + before_bytes, middle.data, middle.size_bytes)
    memcpy(message + before_bytes + middle.size_bytes, after, after_bytes)
    message[before_bytes + middle.size_bytes + after_bytes] = 0
    fault = &state.faults[state.fault_count]
    state.fault_count += 1
    fault.kind = SYNTAX_MALFORMED if other == NO_BYTE else SYNTAX_DUPLICATE
    fault.start_byte = start
    fault.end_byte = end
    fault.message = <char*>message
    fault.other_byte = other


cdef Node* unexpected_fault(ParseState* state, uint32_t start, uint8_t kind, const char* expecting) noexcept nogil:
    """Reports a token of *kind* at *start* that is wrong there; *expecting* is NULL where more than four kinds would be allowed."""
    cdef Text found
    found.data = <const uint8_t*>token_name(kind)
    found.size_bytes = <uint32_t>strlen(token_name(kind))
    if expecting == NULL:
        add_fault(state, start, state.lexer.position, NO_BYTE, "syntax error, unexpected ", found, "")
    else:
        expected_fault(state, start, found, expecting)
    return NULL


cdef void expected_fault(ParseState* state, uint32_t start, Text found, const char* expecting) noexcept nogil:
    cdef const char* between = ", expecting "
    cdef Text both
    cdef size_t between_bytes = strlen(between)
    cdef size_t expecting_bytes = strlen(expecting)
    cdef uint8_t* text = allocate_text(state, found.size_bytes + between_bytes + expecting_bytes)
    memcpy(text, found.data, found.size_bytes)
    memcpy(text + found.size_bytes, between, between_bytes)
    memcpy(text + found.size_bytes + between_bytes, expecting, expecting_bytes)
    both.data = text
    both.size_bytes = <uint32_t>(found.size_bytes + between_bytes + expecting_bytes)
    add_fault(state, start, state.lexer.position, NO_BYTE, "syntax error, unexpected ", both, "")


cdef bint token_is_at_fault(ParseState* state) noexcept nogil:
    """Reports a token that is wrong everywhere: C++ Nix finds it while lexing."""
    cdef Lexer* lexer = &state.lexer
    cdef Text text
    text.data = lexer.data + lexer.start
    text.size_bytes = lexer.position - lexer.start
    if (lexer.kind == TOKEN_PIPE_FROM or lexer.kind == TOKEN_PIPE_INTO) and not state.features & FEATURE_PIPE_OPERATORS:
        pipes_fault(state)
        return True
    if (lexer.kind == TOKEN_INT or lexer.kind == TOKEN_FLOAT) and not is_valid_number(text, lexer.kind == TOKEN_FLOAT):
        number_fault(state)
        return True
    return False


cdef void pipes_fault(ParseState* state) noexcept nogil:
    cdef Text feature
    feature.data = <const uint8_t*>"pipe-operators"
    feature.size_bytes = 14
    add_fault(
        state, state.lexer.start, state.lexer.position, NO_BYTE, "experimental Nix feature '", feature,
        "' is disabled; add '--extra-experimental-features pipe-operators' to enable it",
    )


cdef void number_fault(ParseState* state) noexcept nogil:
    cdef Lexer* lexer = &state.lexer
    cdef Text text
    text.data = lexer.data + lexer.start
    text.size_bytes = lexer.position - lexer.start
    add_fault(
        state, lexer.start, lexer.position, NO_BYTE,
        "invalid integer '" if lexer.kind == TOKEN_INT else "invalid float '", text, "'",
    )


cdef Node* syntax_fault(ParseState* state, const char* expecting) noexcept nogil:
    """Reports that the current token is not allowed here.  Returns NULL, so that callers can return it."""
    if token_is_at_fault(state):
        return NULL
    if state.lexer.kind == TOKEN_END and state.end_start != 0:
        return unexpected_fault(state, state.end_start, TOKEN_END, expecting)
    return unexpected_fault(state, state.lexer.start, state.lexer.kind, expecting)


cdef Node* depth_fault(ParseState* state) noexcept nogil:
    cdef Text empty
    empty.data = <const uint8_t*>""
    empty.size_bytes = 0
    add_fault(
        state, state.lexer.start, state.lexer.position, NO_BYTE, "nesting too deep: the expression cannot be parsed",
        empty, "",
    )
    state.is_hopeless = True
    return NULL
