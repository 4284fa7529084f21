# cython: language_level=3
"""The default level of lambdas and their parameters."""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free

from snowsnake.bytecode.builder cimport builder_constant, builder_jump
from snowsnake.bytecode.chunk cimport CHUNK_LAMBDA, CONSTANT_KEYS
from snowsnake.bytecode.opcodes cimport OP_BIND_FORMALS, OP_JUMP_IF_SET, OP_SET_LOCAL
from snowsnake.compiler.bindings cimport finalise, new_keys, scratch, sort_named
from snowsnake.compiler.emit cimport keep, land, op1
from snowsnake.compiler.expressions cimport evaluate
from snowsnake.compiler.lazy cimport delay
from snowsnake.compiler.names cimport is_text
from snowsnake.compiler.scope cimport begin_chunk, close_chunk, declare, declare_ready, forget_locals
from snowsnake.compiler.state cimport MAX_ARITY
from snowsnake.syntax.global_names cimport find_builtin
from snowsnake.syntax.nodes cimport NO_NAME, NODE_LAMBDA, NODE_VARIABLE, Formal, Text


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
        c.cx.chunk.parameter = c.names[node.name]
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


# ---- whose default comes first ----------------------------------------------------------------------------------
#
# `{ foo ? bar, bar ? 12 }:`: if bar is bound before the default of foo, foo is 12; otherwise it is a thunk, which printing without forcing
# shows.  C++ Nix binds the formals in the order in which it met their names first: before all others, those that it knows from the start;
# then by place in the file, where a formal comes after its own default.

cdef const char* KNOWN_FROM_THE_START[43]
KNOWN_FROM_THE_START[:] = [
    b"outPath", b"drvPath", b"type", b"meta", b"name", b"value", b"system", b"__overrides", b"outputs", b"outputName",
    b"__ignoreNulls", b"file", b"line", b"column", b"__functor", b"__toString", b"right", b"wrong", b"__structuredAttrs", b"__json",
    b"allowedReferences", b"allowedRequisites", b"disallowedReferences", b"disallowedRequisites", b"maxSize", b"maxClosureSize",
    b"builder", b"args", b"__contentAddressed", b"__impure", b"outputHash", b"outputHashAlgo", b"outputHashMode",
    b"recurseForDerivations", b"description", b"self", b"startSet", b"operator", b"key", b"path", b"prefix", b"outputSpecified",
    b"requiredSystemFeatures",
]


cdef uint32_t first_place(Compiler* c, Formal* formal) noexcept nogil:
    cdef Text text = c.names[formal.name]
    cdef uint32_t i
    if find_builtin(text) != NULL:
        return 0
    for i in range(sizeof(KNOWN_FROM_THE_START) // sizeof(const char*)):
        if is_text(text, KNOWN_FROM_THE_START[i]):
            return 0
    if text.data < c.ast.source.data or text.data >= c.ast.source.data + c.ast.source.size_bytes:
        return formal.start_byte      # with escapes: its text stands elsewhere
    i = <uint32_t>(text.data - c.ast.source.data)
    if i == formal.start_byte and formal.default != NULL:
        return formal.default.end_byte
    return i


cdef bint is_order_visible(Compiler* c, Pattern* pattern) noexcept nogil:
    """Whether there is a default that is only the name of a formal with a default."""
    cdef uint32_t i, j
    for i in range(pattern.count):
        if pattern.formals[i].default != NULL and pattern.formals[i].default.kind == NODE_VARIABLE:
            for j in range(pattern.count):
                if pattern.formals[j].default != NULL and pattern.formals[j].name == pattern.formals[i].default.name:
                    return True
    return False


cdef uint32_t* formals_in_turn(Compiler* c, Pattern* pattern) noexcept nogil:
    """The formals in the order in which they are bound; the caller frees them."""
    cdef uint32_t* turns = <uint32_t*>scratch(pattern.count * sizeof(uint32_t))
    cdef uint32_t* places
    cdef uint32_t i, j
    for i in range(pattern.count):
        turns[i] = i
    if not is_order_visible(c, pattern):
        return turns
    places = <uint32_t*>scratch(pattern.count * sizeof(uint32_t))
    for i in range(pattern.count):
        places[i] = first_place(c, pattern.formals + i)
        j = i
        while j > 0 and places[turns[j - 1]] > places[i]:
            turns[j] = turns[j - 1]
            j -= 1
        turns[j] = i
    free(places)
    return turns


cdef void bind_pattern(Compiler* c, Node* node) noexcept nogil:
    """The set is in slot 0; the formals follow in name order, absent ones unset until their default is there."""
    cdef Pattern* pattern = node.own.pattern
    cdef NamedIndex* order = <NamedIndex*>scratch(pattern.count * sizeof(NamedIndex))
    cdef uint32_t* local_of = <uint32_t*>scratch(pattern.count * sizeof(uint32_t))
    cdef Keys* keys = formals_of(c, pattern, order)
    cdef uint32_t* turns = formals_in_turn(c, pattern)
    cdef uint32_t first = c.local_count, i, turn, is_there
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
        turn = turns[i]
        formal = pattern.formals + turn
        if formal.default == NULL:
            continue
        op1(c, OP_JUMP_IF_SET, c.locals[local_of[turn]].slot, formal.default, 0)
        is_there = builder_jump(&c.cx.code)
        delay(c, formal.default, local_of[turn], formal.name)
        op1(c, OP_SET_LOCAL, c.locals[local_of[turn]].slot, formal.default, -1)
        land(c, is_there)
        c.locals[local_of[turn]].is_initialised = True
    finalise(c, first, node)
    free(turns)
    free(order)
    free(local_of)
