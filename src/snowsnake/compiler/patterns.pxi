# The default level: lambdas and their parameters.

cdef void push_lambda(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    """A closure.  `a: b: body` takes both arguments at once; a lambda with a pattern stands alone."""
    cdef Node* innermost = node
    cdef Node* parameter = node
    cdef uint32_t arity = 1, locals_before = c.local_count, slot
    while innermost.own.pattern == NULL and arity < MAX_ARITY and innermost.a.kind == NODE_LAMBDA \
            and innermost.a.own.pattern == NULL:
        innermost = innermost.a
        arity += 1
    begin_chunk(c, CHUNK_LAMBDA, node, label, arity)
    if node.own.pattern != NULL:
        bind_pattern(c, node)
    else:
        c.cx.chunk.parameter = c.names[node.name]
        for slot in range(arity):
            declare_ready(c, parameter.name, slot)
            parameter = parameter.a
    evaluate(c, innermost.a, True, label)
    forget_locals(c, locals_before)
    close_chunk(c, node, local)


cdef Keys* formals_of(Compiler* c, Pattern* pattern, NamedIndex* order) noexcept nogil:
    """The formals in name order; `order` has room for all, and holds the place of each in the source afterwards."""
    cdef Keys* keys = new_keys(c, pattern.count)
    cdef uint32_t i
    cdef Formal* formal
    for i in range(pattern.count):
        order[i].name = c.names[pattern.formals[i].name]
        order[i].index = i
    sort_named(order, pattern.count)
    keys.has_default = <uint8_t*>keep(c, pattern.count)
    keys.has_ellipsis = pattern.has_ellipsis
    for i in range(pattern.count):
        formal = pattern.formals + order[i].index
        keys.names[i] = order[i].name
        keys.start_bytes[i] = formal.start_byte
        keys.has_default[i] = formal.default != NULL
    return keys


cdef void bind_pattern(Compiler* c, Node* node) noexcept nogil:
    """The set stands in slot 0; the formals follow in name order, absent ones unset until their default is there."""
    cdef Pattern* pattern = node.own.pattern
    cdef NamedIndex* order = <NamedIndex*>scratch(pattern.count * sizeof(NamedIndex))
    cdef uint32_t* local_of = <uint32_t*>scratch(pattern.count * sizeof(uint32_t))
    cdef Keys* keys = formals_of(c, pattern, order)
    cdef uint32_t first = c.local_count, i, is_there
    cdef Formal* formal
    c.cx.chunk.formals = keys
    if pattern.bind != NO_NAME:
        c.cx.chunk.parameter = c.names[pattern.bind]
    declare_ready(c, pattern.bind, 0)
    builder_constant(&c.cx.code, CONSTANT_KEYS).own.keys = keys
    op1(c, OP_BIND_FORMALS, c.cx.code.constant_count - 1, node, <int>pattern.count)
    for i in range(pattern.count):
        formal = pattern.formals + order[i].index
        local_of[order[i].index] = declare(c, formal.name, i + 1)
        c.locals[local_of[order[i].index]].is_initialised = formal.default == NULL
    for i in range(pattern.count):
        formal = pattern.formals + i
        if formal.default == NULL:
            continue
        op1(c, OP_JUMP_IF_SET, c.locals[local_of[i]].slot, formal.default, 0)
        is_there = builder_jump(&c.cx.code)
        delay(c, formal.default, local_of[i], formal.name)
        op1(c, OP_SET_LOCAL, c.locals[local_of[i]].slot, formal.default, -1)
        land(c, is_there)
        c.locals[local_of[i]].is_initialised = True
    finalise(c, first, node)
    free(order)
    free(local_of)
