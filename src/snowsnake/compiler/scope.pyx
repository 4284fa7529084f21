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
from snowsnake.compiler.state cimport FEW_CAPTURES, KEPT_CONTEXTS, NONE, Capture, Context, LaterThunk, Local
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.probing cimport is_free_slot, probe
from snowsnake.syntax.deep_stack cimport leave_out_of_memory, resize_or_leave
from snowsnake.syntax.nodes cimport NO_NAME, NODE_VARIABLE, SELECT_ENVIRONMENT, SYNTAX_MALFORMED


cdef uint32_t declare(Compiler* c, Name name, uint32_t slot) noexcept nogil:
    """A new local in this chunk; a phantom if the name is NO_NAME.  Its value is still to come."""
    cdef Local* local
    if c.local_count == c.local_capacity:
        c.locals = <Local*>grow(c.locals, &c.local_capacity, c.local_count + 1, sizeof(Local))
    local = c.locals + c.local_count
    local.name = name
    local.environment = NO_NAME
    local.slot = slot
    local.context = c.cx.index
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
    return declare_ready(c, name, c.cx.code.depth - 1)


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


cdef inline bint _is_slot_of(uint64_t at, Context* cx, uint32_t local) noexcept nogil:
    return cx.capture_table[at] == 0 or cx.captures[cx.capture_table[at] - 1].local == local


cdef inline void _enter_capture(Context* cx, uint32_t i) noexcept nogil:
    cdef uint32_t mask = cx.capture_table_size - 1
    cx.capture_table[probe(_capture_hash(cx.captures[i].local), mask, is_free_slot, cx.capture_table)] = i + 1


cdef void _rebuild_captures(Context* cx) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t size = 64
    while size < cx.capture_count * 4:
        size *= 2
    if size > cx.capture_table_size:
        cx.capture_table = <uint32_t*>resize_or_leave(cx.capture_table, size, sizeof(uint32_t))
        cx.capture_table_size = size
    memset(cx.capture_table, 0, cx.capture_table_size * sizeof(uint32_t))
    for i in range(cx.capture_count):
        _enter_capture(cx, i)


cdef uint32_t _find_capture(Context* cx, uint32_t local) noexcept nogil:
    cdef uint32_t i
    if cx.capture_count <= FEW_CAPTURES:
        for i in range(cx.capture_count):
            if cx.captures[i].local == local:
                return i
        return NONE
    i = cx.capture_table[probe(_capture_hash(local), cx.capture_table_size - 1, _is_slot_of, cx, local)]
    return i - 1 if i else <uint32_t>NONE


cdef uint32_t _add_capture(Context* cx, uint32_t local, uint32_t outer) noexcept nogil:
    cdef uint32_t i = cx.capture_count
    if i == cx.capture_capacity:
        cx.captures = <Capture*>grow(cx.captures, &cx.capture_capacity, i + 1, sizeof(Capture))
    cx.captures[i].local = local
    cx.captures[i].outer = outer
    cx.capture_count += 1
    if cx.capture_count > FEW_CAPTURES:
        if cx.capture_count == FEW_CAPTURES + 1 or cx.capture_count * 2 > cx.capture_table_size:
            _rebuild_captures(cx)
        else:
            _enter_capture(cx, i)
    return i


cdef uint32_t capture(Compiler* c, uint32_t local) noexcept nogil:
    """The upvalue of this chunk for a local of an enclosing one; all chunks between them capture it, unless they have already."""
    cdef uint32_t owner = c.locals[local].context
    cdef uint32_t at = c.cx.index
    cdef uint32_t found = _find_capture(c.cx, local)
    cdef uint32_t outer = NONE
    if found != NONE:
        return found
    # This finds the innermost chunk that has the capture already.
    while at > owner + 1:
        at -= 1
        outer = _find_capture(c.contexts[at], local)
        if outer != NONE:
            at += 1
            break
    while at <= c.cx.index:
        outer = _add_capture(c.contexts[at], local, outer)
        at += 1
    return outer


cdef bint is_variable(Compiler* c, Node* node) noexcept nogil:
    """Whether it is a variable.  One that a set with `__overrides` binds becomes a selection from that set's environment."""
    cdef uint32_t local
    if node.kind != NODE_VARIABLE:
        return False
    local = c.heads[node.name]
    return local == NONE or c.locals[local].environment == NO_NAME or select_from_environment(c, node, local)


cdef bint select_from_environment(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    """Turns a variable into a selection; it is not a variable any more."""
    select_name(c, node, c.locals[local].environment, node.name)
    node.flags |= SELECT_ENVIRONMENT
    return False


cdef bint is_environment_there(Compiler* c, Node* node) noexcept nogil:
    """Whether the environment exists when the chunk gets to this selection from it."""
    cdef Local* local = c.locals + c.heads[node.a.name]
    return local.context != c.cx.index or local.is_initialised


cdef int resolve(Compiler* c, Name name, uint32_t* index) noexcept nogil:
    """The meaning of a name here.  The name is captured if it belongs to an enclosing chunk."""
    cdef uint32_t local = c.heads[name]
    if local != NONE:
        if c.locals[local].context == c.cx.index:
            index[0] = local
            return MEANS_LOCAL if c.locals[local].is_initialised else MEANS_DEFERRED
        index[0] = capture(c, local)
        return MEANS_UPVALUE
    if find_global(c, name) != NULL:
        return MEANS_GLOBAL
    if c.cx.with_count > 0:
        return MEANS_WITH
    return MEANS_NOTHING


cdef void capture_with(Compiler* c) noexcept nogil:
    """This chunk reads with-scopes: it keeps them, and so do those around it, out to the one that opened the first."""
    cdef uint32_t at = c.cx.index
    while at > 0 and c.contexts[at - 1].with_count > 0 and not c.contexts[at].captures_with:
        c.contexts[at].captures_with = True
        at -= 1


cdef void context_free(Context* cx) noexcept nogil:
    builder_free(&cx.code)
    free(cx.captures)
    free(cx.capture_table)
    free(cx)


# ---- chunks under construction ----------------------------------------------------------------------------------

cdef void begin_chunk(Compiler* c, uint8_t kind, Node* node, Name label, uint32_t arity) noexcept nogil:
    """Starts a chunk inside the present one.  `label`: the name that the program gives to its value."""
    _begin(c, kind, node, label, arity, c.chunk_count)
    c.chunk_count += 1


cdef void begin_chunk_later(Compiler* c, const LaterThunk* thunk) noexcept nogil:
    _begin(c, CHUNK_THUNK, thunk.node, thunk.label, 0, thunk.chunk)


cdef inline void _begin(Compiler* c, uint8_t kind, Node* node, Name label, uint32_t arity, uint32_t index) noexcept nogil:
    cdef Context* cx
    if c.context_count == c.context_made:
        if c.context_made == c.context_capacity:
            c.contexts = <Context**>grow(c.contexts, &c.context_capacity, c.context_made + 1, sizeof(Context*))
        cx = <Context*>allocate_zeros(1, sizeof(Context))
        if cx == NULL:
            leave_out_of_memory()
        c.contexts[c.context_made] = cx
        c.context_made += 1
    cx = c.contexts[c.context_count]
    cx.index = c.context_count
    cx.with_count = 0 if c.cx == NULL else c.cx.with_count
    cx.captures_with = False
    cx.capture_count = 0
    builder_reset(&cx.code, arity)
    memset(&cx.chunk, 0, sizeof(Chunk))
    cx.chunk.kind = kind
    cx.chunk.level = <uint8_t>c.level
    cx.chunk.start_byte = node.start_byte
    cx.chunk.end_byte = node.end_byte
    cx.chunk.index = index
    cx.chunk.arity = arity
    if label != NO_NAME:
        cx.chunk.name = c.names[label]
    c.context_count += 1
    c.cx = cx


cdef Chunk* end_chunk(Compiler* c) noexcept nogil:
    """Writes the present chunk; the one around it becomes the present one again.  The result is valid until the next chunk begins."""
    cdef Context* cx = c.cx
    cdef Chunk* chunk = &cx.chunk
    chunk.captures_with = cx.captures_with
    chunk.upvalue_count = cx.capture_count
    builder_finish(&cx.code, chunk)
    writer_put(&c.writer, chunk)
    # In a deep source, contexts that are done make room for what those around them need.
    while c.context_made > KEPT_CONTEXTS and c.context_made > c.context_count:
        c.context_made -= 1
        context_free(c.contexts[c.context_made])
    c.context_count -= 1
    c.cx = NULL if c.context_count == 0 else c.contexts[c.context_count - 1]
    return chunk


# ---- lambdas and thunks -----------------------------------------------------------------------------------------

cdef void close_chunk(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    """Finishes the present chunk and pushes its lambda or thunk, with the captures.

    `local`: the local whose value this becomes, or NONE.  Only such a value can capture one that is not there yet,
    because only a slot is finalised.
    """
    cdef Context* inner = c.cx
    cdef Chunk* chunk = end_chunk(c)
    cdef bint is_thunk = chunk.kind == CHUNK_THUNK
    cdef uint32_t i, opcode_at
    cdef Local* captured
    cdef Constant* constant = builder_constant(&c.cx.code, CONSTANT_CHUNK)
    constant.own.chunk = chunk.index
    constant.is_lambda = not is_thunk
    # A chunk without captures becomes a constant: `Constant` makes a new cell for each call.
    if inner.capture_count == 0 and not inner.captures_with:
        push_constant(c, node)
        return
    constant.is_blueprint = True
    op1(c, OP_THUNK_SUSPENDED if is_thunk else OP_CLOSURE, c.cx.code.constant_count - 1, node, 1)
    opcode_at = c.cx.code.last_op
    operand(c, <uint64_t>inner.capture_count << 1 | inner.captures_with)
    for i in range(inner.capture_count):
        captured = c.locals + inner.captures[i].local
        if captured.context != c.cx.index:
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
                c.cx.code.code[opcode_at] = OP_THUNK_CLOSURE
