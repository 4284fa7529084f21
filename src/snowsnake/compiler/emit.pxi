# Emitting: operations with the span of the node that an error would point at, constants, captures, jumps.

cdef inline void op(Compiler* c, uint8_t opcode, Node* node, int effect) noexcept nogil:
    builder_op(&c.cx.code, opcode, node.start_byte, node.end_byte, effect)


cdef inline void operand(Compiler* c, uint64_t x) noexcept nogil:
    builder_varint(&c.cx.code, x)


cdef inline void op1(Compiler* c, uint8_t opcode, uint64_t x, Node* node, int effect) noexcept nogil:
    builder_op(&c.cx.code, opcode, node.start_byte, node.end_byte, effect)
    builder_varint(&c.cx.code, x)


cdef inline uint32_t depth_of(Compiler* c) noexcept nogil:
    return c.cx.code.depth


# ---- memory, faults ---------------------------------------------------------------------------------------------

cdef inline void* keep(Compiler* c, size_t size_bytes) noexcept nogil:
    """Memory that lives as long as the tree."""
    return arena_alloc(&c.ast.arena, size_bytes)


cdef inline Text text_of(const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    cdef Text text
    text.data = data
    text.size_bytes = size_bytes
    text.number = 0
    return text


cdef void fault(Compiler* c, const char* before, Text subject, const char* after, Node* node) noexcept nogil:
    """The program is wrong: keep what stands first in the file."""
    cdef size_t before_bytes = strlen(before), after_bytes = strlen(after)
    cdef char* message
    if c.unit.error != NULL and c.unit.error_start_byte <= node.start_byte:
        return
    message = <char*>keep(c, before_bytes + subject.size_bytes + after_bytes + 1)
    memcpy(message, before, before_bytes)
    if subject.size_bytes:
        memcpy(message + before_bytes, subject.data, subject.size_bytes)
    memcpy(message + before_bytes + subject.size_bytes, after, after_bytes)
    c.unit.error = message
    c.unit.error_start_byte = node.start_byte
    c.unit.error_end_byte = node.end_byte


cdef bint is_too_deep(Compiler* c, Node* node) noexcept nogil:
    """Guards every recursion over the tree; keeps the depth of the stack right after giving up."""
    if not stack_is_low(c.stack_limit):
        return False
    fault(c, "this expression is nested too deeply", text_of(NULL, 0), "", node)
    c.cx.code.depth += 1
    return True


# ---- constants --------------------------------------------------------------------------------------------------

cdef void push_constant(Compiler* c, Node* node) noexcept nogil:
    """Push the constant made last."""
    op1(c, OP_CONSTANT, c.cx.code.constant_count - 1, node, 1)


cdef uint32_t plain_constant(Compiler* c, uint8_t kind) noexcept nogil:
    """A constant that its kind says all about: null, true, the empty list, …"""
    cdef Builder* b = &c.cx.code
    cdef uint32_t i = b.constant_count
    if c.level > 0:
        while i > 0 and b.constant_count - i < SHARED_CONSTANTS:
            i -= 1
            if b.constants[i].kind == kind:
                return i
    builder_constant(b, kind)
    return b.constant_count - 1


cdef void push_plain(Compiler* c, uint8_t kind, Node* node) noexcept nogil:
    op1(c, OP_CONSTANT, plain_constant(c, kind), node, 1)


cdef uint32_t text_constant(Compiler* c, uint8_t kind, Text text, uint32_t start_byte) noexcept nogil:
    """A constant with text that is in the unit already; at the default level, shared with a near one."""
    cdef Builder* b = &c.cx.code
    cdef uint32_t i = b.constant_count
    cdef Constant* constant
    if c.level > 0:
        while i > 0 and b.constant_count - i < SHARED_CONSTANTS:
            i -= 1
            if b.constants[i].kind == kind and b.constants[i].own.text.data == text.data \
                    and b.constants[i].own.text.size_bytes == text.size_bytes:
                return i
    constant = builder_constant(b, kind)
    constant.own.text = text
    constant.start_byte = start_byte
    return b.constant_count - 1


cdef uint32_t name_constant(Compiler* c, Name name) noexcept nogil:
    return text_constant(c, CONSTANT_NAME, c.names[name], 0)


cdef uint32_t int_constant(Compiler* c, int64_t integer) noexcept nogil:
    cdef Builder* b = &c.cx.code
    cdef uint32_t i = b.constant_count
    if c.level > 0:
        while i > 0 and b.constant_count - i < SHARED_CONSTANTS:
            i -= 1
            if b.constants[i].kind == CONSTANT_INT and b.constants[i].own.integer == integer:
                return i
    builder_constant(b, CONSTANT_INT).own.integer = integer
    return b.constant_count - 1


cdef uint32_t global_constant(Compiler* c, Global* which) noexcept nogil:
    cdef Text text
    cdef Py_ssize_t place
    if which.kind == GLOBAL_TRUE:
        return plain_constant(c, CONSTANT_TRUE)
    if which.kind == GLOBAL_FALSE:
        return plain_constant(c, CONSTANT_FALSE)
    if which.kind == GLOBAL_NULL:
        return plain_constant(c, CONSTANT_NULL)
    if which.kind == GLOBAL_BUILTINS:
        return plain_constant(c, CONSTANT_BUILTINS)
    text = which.name
    place = which - GLOBAL_TABLE
    if c.global_numbers[place] == 0:
        c.global_numbers[place] = writer_text(&c.writer, text)
    text.number = c.global_numbers[place]
    return text_constant(c, CONSTANT_BUILTIN, text, 0)


cdef uint32_t literal_constant(Compiler* c, Node* node) noexcept nogil:
    """The constant of a node that is one (`is_literal`)."""
    cdef Builder* b = &c.cx.code
    cdef Node* piece
    cdef Text text
    if node.kind == NODE_INT:
        return int_constant(c, node.own.integer)
    if node.kind == NODE_VARIABLE:
        return global_constant(c, find_global(c, node.name))
    if node.kind == NODE_NEGATE:
        return int_constant(c, -node.a.own.integer)
    if node.kind == NODE_FLOAT:
        builder_constant(b, CONSTANT_FLOAT).own.number = node.own.number
    elif node.kind == NODE_CURRENT_POSITION:
        builder_constant(b, CONSTANT_POSITION).start_byte = node.start_byte
    elif node.kind == NODE_LIST:
        return plain_constant(c, CONSTANT_LIST)
    elif node.kind == NODE_ATTRS:
        return plain_constant(c, CONSTANT_ATTRS)
    elif node.kind == NODE_PATH:
        text = path_text(c, node)
        builder_constant(b, CONSTANT_PATH).own.text = text
    else:
        text = text_of(NULL, 0)
        if node.count:
            piece = node.items[0]
            text = text_of(piece.own.text, piece.size_bytes)
        builder_constant(b, CONSTANT_STRING).own.text = text
    return b.constant_count - 1


# ---- jumps ------------------------------------------------------------------------------------------------------

cdef uint32_t jump(Compiler* c, uint8_t opcode, Node* node, int effect) noexcept nogil:
    """A forward jump without other operands.  Gives what `land` takes."""
    op(c, opcode, node, effect)
    return builder_jump(&c.cx.code)


cdef inline void land(Compiler* c, uint32_t operand_offset) noexcept nogil:
    """The jump goes to here."""
    builder_patch(&c.cx.code, operand_offset)


cdef void add_jump(Compiler* c, uint32_t* jumps, uint32_t operand_offset) noexcept nogil:
    """Add a jump to a list of jumps that will land together; an empty list is NONE."""
    if c.jump_count == c.jump_capacity:
        c.jumps = <PendingJump*>grow(c.jumps, &c.jump_capacity, c.jump_count + 1, sizeof(PendingJump))
    c.jumps[c.jump_count].operand = operand_offset
    c.jumps[c.jump_count].next = jumps[0]
    jumps[0] = c.jump_count
    c.jump_count += 1


cdef void land_all(Compiler* c, uint32_t jumps) noexcept nogil:
    while jumps != NONE:
        land(c, c.jumps[jumps].operand)
        jumps = c.jumps[jumps].next


# ---- lambdas and thunks -----------------------------------------------------------------------------------------

cdef void close_chunk(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    """Finish the present chunk and push the lambda or thunk it is, with what it captures.

    `local`: the local whose value this becomes, or NONE.  Only such a one can capture what is not there yet,
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
    if inner.capture_count == 0 and not inner.captures_with:   # `Constant` makes a cell of its own for each call
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
                fault(c, "bug: nobody would finalise what this captures", text_of(NULL, 0), "", node)
                return
            c.locals[local].needs_finaliser = True
            if not is_thunk:
                c.cx.code.code[opcode_at] = OP_THUNK_CLOSURE
