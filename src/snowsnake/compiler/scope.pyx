# cython: language_level=3
"""The meaning of a name at a place: a local, an upvalue, a global or a with-scope.

Every name has a chain of the locals that bind it, the innermost first, so that a look-up costs the same in a set of
ten thousand bindings.  A local belongs to the chunk under construction that has its slot; if an inner chunk uses it,
every chunk between them captures it.
"""
from libc.stdint cimport uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from snowsnake.bytecode.builder cimport builder_constant, builder_finish, builder_free, builder_reset, grow
from snowsnake.bytecode.chunk cimport CHUNK_THUNK, CONSTANT_CHUNK, Constant
from snowsnake.bytecode.image cimport writer_put
from snowsnake.bytecode.opcodes cimport OP_CLOSURE, OP_THUNK_CLOSURE, OP_THUNK_SUSPENDED
from snowsnake.compiler.emit cimport fault, op1, operand, push_constant, text_of
from snowsnake.compiler.globals cimport find_global
from snowsnake.compiler.new_nodes cimport select_name
from snowsnake.compiler.open_chunks cimport Capture, OpenChunk
from snowsnake.compiler.state cimport FEW_CAPTURES, KEPT_OPEN_CHUNKS, NONE, LaterThunk, Local
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.probing cimport is_free_slot, probe
from snowsnake.syntax.deep_stack cimport leave_out_of_memory, resize_or_leave
from snowsnake.syntax.nodes cimport NO_NAME, SELECT_ENVIRONMENT, SYNTAX_MALFORMED


cdef uint32_t declare(Compiler* c, Name name, uint32_t slot) noexcept nogil:
    """A new local in this chunk; a phantom if the name is NO_NAME.  Its value is still to come."""
    cdef Local* local
    if c.local_count == c.local_capacity:
        c.locals = <Local*>grow(c.locals, &c.local_capacity, c.local_count + 1, sizeof(Local))
    local = c.locals + c.local_count
    local.name = name
    local.environment = NO_NAME
    local.slot = slot
    local.owner = c.open.index
    local.is_initialised = False
    local.needs_finaliser = False
    local.is_suspended = False
    local.shadowed = NONE
    if name != NO_NAME:
        local.shadowed = c.heads[name]
        c.heads[name] = c.local_count
    c.local_count += 1
    return c.local_count - 1


cdef uint32_t declare_ready(Compiler* c, Name name, uint32_t slot) noexcept nogil:
    """A local whose value is ready."""
    cdef uint32_t local = declare(c, name, slot)
    c.locals[local].is_initialised = True
    return local


cdef uint32_t declare_here(Compiler* c, Name name) noexcept nogil:
    """A local for the word on top of the stack."""
    return declare_ready(c, name, c.open.code.depth - 1)


cdef void forget_locals(Compiler* c, uint32_t count) noexcept nogil:
    """Drops the innermost locals until `count` are left."""
    cdef Local* local
    while c.local_count > count:
        c.local_count -= 1
        local = c.locals + c.local_count
        if local.name != NO_NAME:
            c.heads[local.name] = local.shadowed


cdef inline uint32_t _capture_hash(uint32_t local) noexcept nogil:
    return local * <uint32_t>2654435761 >> 7


cdef inline bint _is_slot_of(uint64_t at, OpenChunk* open_chunk, uint32_t local) noexcept nogil:
    return open_chunk.capture_table[at] == 0 or open_chunk.captures[open_chunk.capture_table[at] - 1].local == local


cdef inline void _enter_capture(OpenChunk* open_chunk, uint32_t i) noexcept nogil:
    cdef uint32_t mask = open_chunk.capture_table_size - 1
    open_chunk.capture_table[probe(_capture_hash(open_chunk.captures[i].local), mask, is_free_slot, open_chunk.capture_table)] = i + 1


cdef void _rebuild_captures(OpenChunk* open_chunk) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t size = 64
    while size < open_chunk.capture_count * 4:
        size *= 2
    if size > open_chunk.capture_table_size:
        open_chunk.capture_table = <uint32_t*>resize_or_leave(open_chunk.capture_table, size, sizeof(uint32_t))
        open_chunk.capture_table_size = size
    memset(open_chunk.capture_table, 0, open_chunk.capture_table_size * sizeof(uint32_t))
    for i in range(open_chunk.capture_count):
        _enter_capture(open_chunk, i)


cdef uint32_t _find_capture(OpenChunk* open_chunk, uint32_t local) noexcept nogil:
    cdef uint32_t i
    if open_chunk.capture_count <= FEW_CAPTURES:
        for i in range(open_chunk.capture_count):
            if open_chunk.captures[i].local == local:
                return i
        return NONE
    i = open_chunk.capture_table[probe(_capture_hash(local), open_chunk.capture_table_size - 1, _is_slot_of, open_chunk, local)]
    return i - 1 if i else <uint32_t>NONE


cdef uint32_t _add_capture(OpenChunk* open_chunk, uint32_t local, uint32_t outer) noexcept nogil:
    cdef uint32_t i = open_chunk.capture_count
    if i == open_chunk.capture_capacity:
        open_chunk.captures = <Capture*>grow(open_chunk.captures, &open_chunk.capture_capacity, i + 1, sizeof(Capture))
    open_chunk.captures[i].local = local
    open_chunk.captures[i].outer = outer
    open_chunk.capture_count += 1
    if open_chunk.capture_count > FEW_CAPTURES:
        if open_chunk.capture_count == FEW_CAPTURES + 1 or open_chunk.capture_count * 2 > open_chunk.capture_table_size:
            _rebuild_captures(open_chunk)
        else:
            _enter_capture(open_chunk, i)
    return i


cdef uint32_t capture(Compiler* c, uint32_t local) noexcept nogil:
    """The upvalue of this chunk for a local of an enclosing one; all chunks between them capture it, unless they have already."""
    cdef uint32_t owner = c.locals[local].owner
    cdef uint32_t at = c.open.index
    cdef uint32_t found = _find_capture(c.open, local)
    cdef uint32_t outer = NONE
    if found != NONE:
        return found
    # This finds the innermost chunk that has the capture already.
    while at > owner + 1:
        at -= 1
        outer = _find_capture(c.open_chunks[at], local)
        if outer != NONE:
            at += 1
            break
    while at <= c.open.index:
        outer = _add_capture(c.open_chunks[at], local, outer)
        at += 1
    return outer


cdef bint select_from_environment(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    """Turns a variable into a selection; it is not a variable any more."""
    select_name(c, node, c.locals[local].environment, node.name)
    node.flags |= SELECT_ENVIRONMENT
    return False


cdef bint is_environment_there(Compiler* c, Node* node) noexcept nogil:
    """Whether the environment exists when the chunk gets to this selection from it."""
    cdef Local* local = c.locals + c.heads[node.a.name]
    return local.owner != c.open.index or local.is_initialised


cdef int resolve(Compiler* c, Name name, uint32_t* index) noexcept nogil:
    """The meaning of a name here.  The name is captured if it belongs to an enclosing chunk."""
    cdef uint32_t local = c.heads[name]
    if local != NONE:
        if c.locals[local].owner == c.open.index:
            index[0] = local
            return MEANS_LOCAL if c.locals[local].is_initialised else MEANS_DEFERRED
        index[0] = capture(c, local)
        return MEANS_UPVALUE
    if find_global(c, name) != NULL:
        return MEANS_GLOBAL
    if c.open.with_count > 0:
        return MEANS_WITH
    return MEANS_NOTHING


cdef void capture_with(Compiler* c) noexcept nogil:
    """Lets this chunk, which reads with-scopes, capture them, and the chunks around it, out to the one that opened the first."""
    cdef uint32_t at = c.open.index
    while at > 0 and c.open_chunks[at - 1].with_count > 0 and not c.open_chunks[at].captures_with:
        c.open_chunks[at].captures_with = True
        at -= 1


cdef void open_chunk_free(OpenChunk* open_chunk) noexcept nogil:
    builder_free(&open_chunk.code)
    free(open_chunk.captures)
    free(open_chunk.capture_table)
    free(open_chunk)


# ---- chunks under construction ----------------------------------------------------------------------------------

cdef void begin_chunk(Compiler* c, uint8_t kind, Node* node, Name label, uint32_t arity) noexcept nogil:
    """Starts a chunk inside the present one.  `label`: the name that the program gives to its value."""
    _begin(c, kind, node, label, arity, c.chunk_count)
    c.chunk_count += 1


cdef void begin_chunk_later(Compiler* c, const LaterThunk* thunk) noexcept nogil:
    _begin(c, CHUNK_THUNK, thunk.node, thunk.label, 0, thunk.chunk)


cdef inline void _begin(Compiler* c, uint8_t kind, Node* node, Name label, uint32_t arity, uint32_t index) noexcept nogil:
    cdef OpenChunk* open_chunk
    if c.open_chunk_count == c.open_chunks_made:
        if c.open_chunks_made == c.open_chunk_capacity:
            c.open_chunks = <OpenChunk**>grow(c.open_chunks, &c.open_chunk_capacity, c.open_chunks_made + 1, sizeof(OpenChunk*))
        open_chunk = <OpenChunk*>allocate_zeros(1, sizeof(OpenChunk))
        if open_chunk == NULL:
            leave_out_of_memory()
        c.open_chunks[c.open_chunks_made] = open_chunk
        c.open_chunks_made += 1
    open_chunk = c.open_chunks[c.open_chunk_count]
    open_chunk.index = c.open_chunk_count
    open_chunk.with_count = 0 if c.open == NULL else c.open.with_count
    open_chunk.captures_with = False
    open_chunk.capture_count = 0
    builder_reset(&open_chunk.code, arity)
    memset(&open_chunk.chunk, 0, sizeof(Chunk))
    open_chunk.chunk.kind = kind
    open_chunk.chunk.level = <uint8_t>c.level
    open_chunk.chunk.start_byte = node.start_byte
    open_chunk.chunk.end_byte = node.end_byte
    open_chunk.chunk.index = index
    open_chunk.chunk.arity = arity
    if label != NO_NAME:
        open_chunk.chunk.name = c.names[label]
    c.open_chunk_count += 1
    c.open = open_chunk


cdef Chunk* end_chunk(Compiler* c) noexcept nogil:
    """Writes the present chunk; the one around it becomes the present one again.  The result is valid until the next chunk begins."""
    cdef OpenChunk* open_chunk = c.open
    cdef Chunk* chunk = &open_chunk.chunk
    chunk.captures_with = open_chunk.captures_with
    chunk.upvalue_count = open_chunk.capture_count
    builder_finish(&open_chunk.code, chunk)
    writer_put(&c.writer, chunk)
    # In a deep source, chunks that are done make room for what those around them need.
    while c.open_chunks_made > KEPT_OPEN_CHUNKS and c.open_chunks_made > c.open_chunk_count:
        c.open_chunks_made -= 1
        open_chunk_free(c.open_chunks[c.open_chunks_made])
    c.open_chunk_count -= 1
    c.open = NULL if c.open_chunk_count == 0 else c.open_chunks[c.open_chunk_count - 1]
    return chunk


# ---- lambdas and thunks -----------------------------------------------------------------------------------------

cdef void close_chunk(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    """Finishes the present chunk and pushes its lambda or thunk, with the captures.

    `local`: the local whose value this becomes, or NONE.  Only such a value can capture one that is not there yet,
    because only a slot is finalised.
    """
    cdef OpenChunk* inner = c.open
    cdef Chunk* chunk = end_chunk(c)
    cdef bint is_thunk = chunk.kind == CHUNK_THUNK
    cdef uint32_t i, opcode_at
    cdef Local* captured
    cdef Constant* constant = builder_constant(&c.open.code, CONSTANT_CHUNK)
    constant.own.chunk = chunk.index
    constant.is_lambda = not is_thunk
    # A chunk without captures becomes a constant: `Constant` makes a new cell for each call.
    if inner.capture_count == 0 and not inner.captures_with:
        push_constant(c, node)
        return
    constant.is_blueprint = True
    op1(c, OP_THUNK_SUSPENDED if is_thunk else OP_CLOSURE, c.open.code.constant_count - 1, node, 1)
    opcode_at = c.open.code.last_op
    operand(c, <uint64_t>inner.capture_count << 1 | inner.captures_with)
    for i in range(inner.capture_count):
        captured = c.locals + inner.captures[i].local
        if captured.owner != c.open.index:
            operand(c, <uint64_t>inner.captures[i].outer << 2 | 2)
        elif captured.is_initialised:
            operand(c, <uint64_t>captured.slot << 2)
        else:
            operand(c, <uint64_t>captured.slot << 2 | 1)
            if local == NONE:
                fault(c, SYNTAX_MALFORMED, "bug: nobody would finalise what this captures", text_of(NULL, 0), "", node)
                return
            c.locals[local].needs_finaliser = True
            if not is_thunk:
                c.open.code.code[opcode_at] = OP_THUNK_CLOSURE
