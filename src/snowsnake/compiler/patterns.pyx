# cython: language_level=3
"""The default level of lambdas and their parameters."""
from libc.stdint cimport uint8_t

from snowsnake.bytecode.builder cimport builder_constant, builder_jump
from snowsnake.bytecode.chunk cimport CHUNK_LAMBDA, CONSTANT_KEYS
from snowsnake.bytecode.opcodes cimport OP_BIND_FORMALS, OP_JUMP_IF_SET, OP_SET_LOCAL
from snowsnake.compiler.bindings cimport finalise, new_keys
from snowsnake.compiler.emit cimport keep, land, op1
from snowsnake.compiler.expressions cimport evaluate
from snowsnake.compiler.lazy cimport delay, push_thunk
from snowsnake.compiler.orders cimport (
    BOUND_HERE, BOUND_OUTSIDE, Bound, NamedIndex, Turns, alias_of, find_turns, forget_turns, sort_named,
)
from snowsnake.compiler.scope cimport begin_chunk, close_chunk, declare, declare_ready, forget_locals
from snowsnake.compiler.state cimport MAX_ARITY
from snowsnake.syntax.leaving cimport hold, release
from snowsnake.syntax.nodes cimport NO_NAME, NODE_LAMBDA


cdef void push_lambda(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    """A closure.  `a: b: body` takes both arguments at once; a lambda with a pattern takes one."""
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
        c.open.chunk.parameter = c.names[node.name]
        for slot in range(arity):
            declare_ready(c, parameter.name, slot)
            parameter = parameter.a
    evaluate(c, innermost.a, True, label)
    forget_locals(c, locals_before)
    close_chunk(c, node, local)


cdef Keys* formals_of(Compiler* c, Pattern* pattern, NamedIndex* order) noexcept nogil:
    """The formals in name order; `order` must have room for all, and then holds the place of each in the source."""
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


cdef void turns_of_formals(Compiler* c, Pattern* pattern, Turns* turns) noexcept nogil:
    """`{ foo ? bar, bar ? 12 }:`: if bar is bound before the default of foo, foo is 12; otherwise it is a thunk.  See `find_turns`."""
    cdef Bound* bound = <Bound*>hold(pattern.count * sizeof(Bound))
    cdef Formal* formal
    cdef uint32_t i
    for i in range(pattern.count):
        formal = pattern.formals + i
        bound[i].name = formal.name
        bound[i].alias = alias_of(formal.default)
        bound[i].kind = BOUND_OUTSIDE if formal.default == NULL else BOUND_HERE
    find_turns(c, bound, pattern.count, False, turns)
    release(bound)


cdef Name name_of_default(Formal* formal) noexcept nogil:
    # A function that is a default has no name in C++ Nix.
    return NO_NAME if formal.default.kind == NODE_LAMBDA else formal.name


cdef void bind_pattern(Compiler* c, Node* node) noexcept nogil:
    """The set is in slot 0; the formals follow in name order, absent ones unset until their default is there."""
    cdef Pattern* pattern = node.own.pattern
    cdef NamedIndex* order = <NamedIndex*>hold(pattern.count * sizeof(NamedIndex))
    cdef uint32_t* local_of = <uint32_t*>hold(pattern.count * sizeof(uint32_t))
    cdef Keys* keys = formals_of(c, pattern, order)
    cdef uint32_t first = c.local_count, i, turn, is_there
    cdef Formal* formal
    cdef Turns turns
    turns_of_formals(c, pattern, &turns)
    c.open.chunk.formals = keys
    if pattern.bind != NO_NAME:
        c.open.chunk.parameter = c.names[pattern.bind]
    declare_ready(c, pattern.bind, 0)
    builder_constant(&c.open.code, CONSTANT_KEYS).own.keys = keys
    op1(c, OP_BIND_FORMALS, c.open.code.constant_count - 1, node, <int>pattern.count)
    for i in range(pattern.count):
        formal = pattern.formals + order[i].index
        local_of[order[i].index] = declare(c, formal.name, i + 1)
        c.locals[local_of[order[i].index]].is_initialised = formal.default == NULL
    for i in range(pattern.count):
        turn = i if turns.order == NULL else turns.order[i].index
        formal = pattern.formals + turn
        if formal.default == NULL:
            continue
        op1(c, OP_JUMP_IF_SET, c.locals[local_of[turn]].slot, formal.default, 0)
        is_there = builder_jump(&c.open.code)
        if turns.waits != NULL and turns.waits[turn]:
            push_thunk(c, formal.default, local_of[turn], NO_NAME)
        else:
            delay(c, formal.default, local_of[turn], name_of_default(formal))
        op1(c, OP_SET_LOCAL, c.locals[local_of[turn]].slot, formal.default, -1)
        land(c, is_there)
        c.locals[local_of[turn]].is_initialised = True
    finalise(c, first, node)
    forget_turns(&turns)
    release(order)
    release(local_of)
