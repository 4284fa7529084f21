# cython: language_level=3
"""Level 0: the code that the specification, and the compiler it came from, demand, operation by operation.

Everything that is not a constant, a path or a variable becomes a thunk, so a chunk holds at most one construct that opens a scope.
Differences from the original, all where it fails on valid programs: dynamic attributes of a `rec` set come after its static ones;
a `?` with computed names stops at the first that is missing; paths may be interpolated; operators may be rebound.
Over 600 lines: the functions for the kinds of expressions call one another through `specified`.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memset

from snowsnake.bytecode.builder cimport Builder, builder_byte, builder_span
from snowsnake.bytecode.chunk cimport (
    CHUNK_LAMBDA, CHUNK_THUNK, CONSTANT_ATTR_NAME, CONSTANT_ATTRS, CONSTANT_FALSE, CONSTANT_SEARCH_PATH,
    CONSTANT_STRING, CONSTANT_TRUE,
)
from snowsnake.bytecode.opcodes cimport (
    OP_ASSERT_ATTRS, OP_ASSERT_BOOL, OP_ASSERT_FAIL, OP_ATTRS, OP_ATTRS_SELECT, OP_ATTRS_TRY_SELECT, OP_CALL,
    OP_COERCE_TO_STRING, OP_CONCATENATE_PATH, OP_CONSTANT, OP_FINALISE, OP_FIND_FILE, OP_FORCE, OP_GET_LOCAL,
    OP_GET_UPVALUE, OP_HAS_ATTR, OP_INTERPOLATE, OP_INVERT, OP_JUMP, OP_JUMP_IF_CATCHABLE, OP_JUMP_IF_FALSE,
    OP_JUMP_IF_NO_FINALISE_REQUEST, OP_JUMP_IF_NOT_FOUND, OP_JUMP_IF_TRUE, OP_LIST, OP_NEGATE, OP_POP, OP_POP_WITH,
    OP_PUSH_WITH, OP_RESOLVE_WITH, OP_RETURN, OP_SELECT_PLACE, OP_VALIDATE_CLOSED_FORMALS,
)
from snowsnake.compiler.bindings cimport close_scope, overriding_attrs, settle_inherited
from snowsnake.compiler.emit cimport (
    add_jump, add_text, depth_of, fault, is_too_deep, jump, land, land_all, literal_constant, name_constant, op, op1, operand,
    push_constant, push_plain, text_constant, text_of,
)
from snowsnake.compiler.expressions cimport binary_opcode, push_path_start, push_variable
from snowsnake.compiler.globals cimport find_global
from snowsnake.compiler.lazy cimport is_literal, place_of
from snowsnake.compiler.new_nodes cimport new_node
from snowsnake.compiler.orders cimport NamedIndex, Turns, forget_turns, turns_of_bindings
from snowsnake.compiler.patterns cimport formals_of, name_of_default, turns_of_formals
from snowsnake.compiler.rewrite cimport bind_sources, has_overrides, rewrite_operator, rewrite_search_path
from snowsnake.compiler.scope cimport (
    MEANS_DEFERRED, MEANS_WITH, begin_chunk, capture, capture_with, close_chunk, declare, declare_here, end_chunk,
    forget_locals, is_environment_there, is_variable, resolve,
)
from snowsnake.compiler.state cimport NONE
from snowsnake.syntax.leaving cimport hold, release
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_INHERIT_FROM, BINDING_PLAIN, NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTRS,
    NODE_BINARY, NODE_HAS_ATTR, NODE_IF, NODE_LAMBDA, NODE_LEGACY_LET, NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT,
    NODE_PATH, NODE_SEARCH_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT, NODE_WITH, OPERATOR_AND, OPERATOR_IMPLIES,
    OPERATOR_NOT_EQUAL, OPERATOR_OR, SELECT_ENVIRONMENT, SYNTAX_UNDEFINED, Binding, Bindings, DynamicBinding, Formal, Pattern,
)


cdef void specified(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    """Pushes an expression.  `local`: the local that it becomes, or NONE."""
    if is_too_deep(c, node):
        return
    if is_variable(c, node):
        specified_variable(c, node, node.name, local)
    elif node.flags & SELECT_ENVIRONMENT and node.kind == NODE_SELECT and is_environment_there(c, node):
        op1(c, OP_SELECT_PLACE, place_of(c, node.a), node, 1)
        operand(c, name_constant(c, node.items[0].name))
    elif node.kind == NODE_PATH and node.count == 1:
        push_path_start(c, node)
    elif node.kind != NODE_LIST and node.kind != NODE_ATTRS and node.kind != NODE_NEGATE and is_literal(c, node):
        op1(c, OP_CONSTANT, literal_constant(c, node), node, 1)
    else:
        begin_chunk(c, CHUNK_THUNK, node, label, 0)
        specified_content(c, node, label)
        op(c, OP_RETURN, node, 0)
        close_chunk(c, node, local)


cdef void specified_forced(Compiler* c, Node* node, Node* place) noexcept nogil:
    specified(c, node, NONE, NO_NAME)
    op(c, OP_FORCE, place, 0)


cdef void specified_string_constant(Compiler* c, uint8_t kind, Name name, Node* place) noexcept nogil:
    op1(c, OP_CONSTANT, text_constant(c, kind, c.names[name], place.start_byte), place, 1)


cdef void specified_variable(Compiler* c, Node* node, Name name, uint32_t local) noexcept nogil:
    cdef uint32_t index = 0
    cdef int meaning = resolve(c, name, &index)
    if meaning == MEANS_WITH:
        begin_chunk(c, CHUNK_THUNK, node, NO_NAME, 0)
        capture_with(c)
        specified_string_constant(c, CONSTANT_STRING, name, node)
        op(c, OP_RESOLVE_WITH, node, 0)
        op(c, OP_RETURN, node, 0)
        close_chunk(c, node, NONE)
    elif meaning == MEANS_DEFERRED:
        begin_chunk(c, CHUNK_THUNK, node, NO_NAME, 0)
        op1(c, OP_GET_UPVALUE, capture(c, index), node, 1)
        op(c, OP_RETURN, node, 0)
        close_chunk(c, node, local)
    else:
        push_variable(c, node, meaning, index)


cdef void specified_content(Compiler* c, Node* node, Name label) noexcept nogil:
    """The code in the thunk of an expression, before its Return."""
    cdef Node* other
    cdef uint32_t i
    if node.kind == NODE_APPLY:
        specified_apply(c, node)
    elif node.kind == NODE_SELECT:
        specified_select(c, node)
    elif node.kind == NODE_LAMBDA:
        begin_chunk(c, CHUNK_LAMBDA, node, label, 1)
        specified_lambda_body(c, node, label)
        close_chunk(c, node, NONE)
    elif node.kind == NODE_ATTRS or node.kind == NODE_LEGACY_LET:
        specified_attrs(c, node, label)
    elif node.kind == NODE_LET:
        other = bind_sources(c, node)
        if other != node:
            specified_content(c, other, label)
        else:
            specified_let(c, node)
    elif node.kind == NODE_LIST:
        for i in range(node.count):
            specified(c, node.items[i], NONE, NO_NAME)
        op1(c, OP_LIST, node.count, node, 1 - <int>node.count)
    elif node.kind == NODE_STRING:
        specified_string(c, node)
    elif node.kind == NODE_PATH:
        specified_path(c, node)
    elif node.kind == NODE_IF:
        specified_if(c, node)
    elif node.kind == NODE_ASSERT:
        specified_assert(c, node)
    elif node.kind == NODE_WITH:
        specified_with(c, node)
    elif node.kind == NODE_HAS_ATTR:
        specified_has_attr(c, node)
    elif node.kind == NODE_NOT:
        specified_forced(c, node.a, node)
        op(c, OP_INVERT, node, 0)
    elif node.kind == NODE_SEARCH_PATH:
        other = rewrite_search_path(c, node)
        if other != node:
            specified_content(c, other, NO_NAME)
            return
        add_text(c, CONSTANT_SEARCH_PATH, text_of(node.own.text, node.size_bytes))
        push_constant(c, node)
        op(c, OP_FIND_FILE, node, 0)
    elif node.kind == NODE_NEGATE or node.kind == NODE_BINARY:
        other = rewrite_operator(c, node)
        if other != node:
            specified_content(c, other, NO_NAME)
        elif node.kind == NODE_NEGATE:
            specified_forced(c, node.a, node)
            op(c, OP_NEGATE, node, 0)
        else:
            specified_binary(c, node)


cdef void specified_attrs(Compiler* c, Node* node, Name label) noexcept nogil:
    """A set, or the old `let`, which is the attribute `body` of a recursive set."""
    cdef uint32_t locals_before = c.local_count
    cdef Node* other
    if has_overrides(c, node):
        overriding_attrs(c, node)
    else:
        other = bind_sources(c, node)
        if other != node:
            specified_content(c, other, label)
            return
        specified_bindings(c, node, BINDINGS_REC if node.kind == NODE_LEGACY_LET or node.flags & ATTRS_REC else BINDINGS_ATTRS)
    forget_locals(c, locals_before)
    if node.kind == NODE_LEGACY_LET:
        add_text(c, CONSTANT_STRING, text_of(<const uint8_t*>b"body", 4))
        push_constant(c, node)
        op(c, OP_ATTRS_SELECT, node, -1)


# ---- calls, operators, conditions -------------------------------------------------------------------------------

cdef void specified_apply(Compiler* c, Node* node) noexcept nogil:
    """One argument at a time: `f x y` calls the value of a thunk of `f x`."""
    cdef Node* function = node.a
    if node.count > 1:
        function = new_node(c, NODE_APPLY, node)
        function.a = node.a
        function.items = node.items
        function.count = node.count - 1
        function.end_byte = node.items[node.count - 2].end_byte
    specified(c, node.items[node.count - 1], NONE, NO_NAME)
    specified_forced(c, function, function)
    op(c, OP_CALL, node, -1)


cdef void specified_binary(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t caught, end
    specified_forced(c, node.a, node.a)
    if node.op != OPERATOR_AND and node.op != OPERATOR_OR and node.op != OPERATOR_IMPLIES:
        specified_forced(c, node.b, node.b)
        op(c, binary_opcode(node.op), node, -1)
        if node.op == OPERATOR_NOT_EQUAL:
            op(c, OP_INVERT, node, 0)
        return
    caught = jump(c, OP_JUMP_IF_CATCHABLE, node, 0)
    if node.op == OPERATOR_IMPLIES:
        op(c, OP_INVERT, node, 0)
    end = jump(c, OP_JUMP_IF_FALSE if node.op == OPERATOR_AND else OP_JUMP_IF_TRUE, node, 0)
    op(c, OP_POP, node, -1)
    specified_forced(c, node.b, node.b)
    land(c, end)
    op(c, OP_ASSERT_BOOL, node, 0)
    land(c, caught)


cdef void specified_if(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t caught, otherwise, end
    specified_forced(c, node.a, node.a)
    caught = jump(c, OP_JUMP_IF_CATCHABLE, node.a, 0)
    otherwise = jump(c, OP_JUMP_IF_FALSE, node.a, 0)
    op(c, OP_POP, node, -1)
    specified(c, node.b, NONE, NO_NAME)
    end = jump(c, OP_JUMP, node, 0)
    land(c, otherwise)
    op(c, OP_POP, node, -1)
    specified(c, node.own.c, NONE, NO_NAME)
    land(c, end)
    land(c, caught)


cdef void specified_assert(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t caught, otherwise, end
    specified_forced(c, node.a, node.a)
    caught = jump(c, OP_JUMP_IF_CATCHABLE, node, 0)
    otherwise = jump(c, OP_JUMP_IF_FALSE, node, 0)
    op(c, OP_POP, node, -1)
    specified(c, node.b, NONE, NO_NAME)
    end = jump(c, OP_JUMP, node, 0)
    land(c, otherwise)
    op(c, OP_POP, node, -1)
    op(c, OP_ASSERT_FAIL, node.a, 1)
    land(c, end)
    land(c, caught)


cdef void specified_with(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t locals_before = c.local_count
    specified(c, node.a, NONE, NO_NAME)
    declare_here(c, NO_NAME)
    c.open.with_count += 1
    op1(c, OP_PUSH_WITH, depth_of(c) - 1, node.a, 0)
    specified(c, node.b, NONE, NO_NAME)
    op(c, OP_POP_WITH, node, 0)
    c.open.with_count -= 1
    close_scope(c, 1, node)
    forget_locals(c, locals_before)


# ---- strings, paths, selecting ----------------------------------------------------------------------------------

cdef void specified_string(Compiler* c, Node* node) noexcept nogil:
    """The last piece is pushed first."""
    cdef uint32_t i
    cdef Node* piece
    for i in range(node.count):
        piece = node.items[node.count - 1 - i]
        if piece.kind == NODE_TEXT:
            add_text(c, CONSTANT_STRING, text_of(piece.own.text, piece.size_bytes))
            push_constant(c, node)
        else:
            specified(c, piece, NONE, NO_NAME)
            op(c, OP_COERCE_TO_STRING, piece, 0)
            builder_byte(&c.open.code, 2)
    if node.count != 1:
        op1(c, OP_INTERPOLATE, node.count, node, 1 - <int>node.count)


cdef void specified_path(Compiler* c, Node* node) noexcept nogil:
    """An interpolated path; the original had none, so this is the default level's operation."""
    cdef uint32_t count = push_path_start(c, node)
    cdef uint32_t i
    cdef Node* piece
    for i in range(1, node.count):
        piece = node.items[i]
        if piece.kind == NODE_TEXT:
            add_text(c, CONSTANT_STRING, text_of(piece.own.text, piece.size_bytes))
            push_constant(c, node)
        else:
            specified(c, piece, NONE, NO_NAME)
            op(c, OP_COERCE_TO_STRING, piece, 0)
            builder_byte(&c.open.code, 0)
    count += node.count - 1
    op1(c, OP_CONCATENATE_PATH, count, node, -<int>count)


cdef void specified_attr(Compiler* c, Node* attr) noexcept nogil:
    """The name of a fragment.  One written as a string is forced, though it is a constant."""
    cdef uint8_t first
    if attr.name == NO_NAME:
        specified_forced(c, attr.a, attr.a)
        return
    specified_string_constant(c, CONSTANT_STRING, attr.name, attr)
    first = c.ast.source.data[attr.start_byte] if attr.start_byte < c.ast.source.size_bytes else 0
    if first == c'"' or first == c'$':
        op(c, OP_FORCE, attr, 0)


cdef void specified_select(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t missing = NONE, end, i
    specified(c, node.a, NONE, NO_NAME)
    for i in range(node.count):
        op(c, OP_FORCE, node.a if node.b == NULL else node.items[i], 0)
        specified_attr(c, node.items[i])
        if node.b == NULL:
            op(c, OP_ATTRS_SELECT, node.items[i], -1)
        else:
            op(c, OP_ATTRS_TRY_SELECT, node.items[i], -1)
            add_jump(c, &missing, jump(c, OP_JUMP_IF_NOT_FOUND, node.items[i], 0))
    if node.b == NULL:
        return
    end = jump(c, OP_JUMP, node, 0)
    c.open.code.depth -= 1
    land_all(c, missing)
    specified(c, node.b, NONE, NO_NAME)
    land(c, end)


cdef void specified_has_attr(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t missing = NONE, end, i
    cdef bint is_computed = False
    for i in range(1, node.count):
        is_computed = is_computed or node.items[i].name == NO_NAME
    specified_forced(c, node.a, node)
    for i in range(node.count):
        if i > 0:
            op(c, OP_ATTRS_TRY_SELECT, node.items[i], -1)
            if is_computed:
                add_jump(c, &missing, jump(c, OP_JUMP_IF_NOT_FOUND, node.items[i], 0))
            op(c, OP_FORCE, node.items[i], 0)
        specified_attr(c, node.items[i])
    op(c, OP_HAS_ATTR, node, -1)
    if is_computed:
        end = jump(c, OP_JUMP, node, 0)
        c.open.code.depth -= 1
        land_all(c, missing)
        push_plain(c, CONSTANT_FALSE, node)
        land(c, end)


# ---- bindings ---------------------------------------------------------------------------------------------------

cdef enum BindingsKind:
    BINDINGS_LET
    BINDINGS_ATTRS
    BINDINGS_REC


# This describes a binding whose value the second pass pushes.
cdef struct Tracked:
    Binding* binding
    DynamicBinding* dynamic
    # This is the local of the value.
    uint32_t local


cdef Node place_node(uint32_t start_byte, uint32_t end_byte) noexcept nogil:
    """A node that is only a span."""
    cdef Node node
    memset(&node, 0, sizeof(Node))
    node.start_byte = start_byte
    node.end_byte = end_byte
    return node


cdef uint32_t specified_plain_inherits(Compiler* c, Bindings* bindings, int kind) noexcept nogil:
    """Pushes the values of `inherit a b;`, which come from the enclosing scope, before anything is declared; returns their number."""
    cdef uint32_t count = 0, i
    cdef Binding* binding
    cdef Node place
    for i in range(bindings.count):
        binding = bindings.items + i
        if binding.kind != BINDING_INHERIT:
            continue
        if kind == BINDINGS_LET:
            # Without a `with`, the name means the same outside, if it means anything.
            if c.open.with_count == 0:
                if c.heads[binding.name] == NONE and find_global(c, binding.name) == NULL:
                    fault(c, SYNTAX_UNDEFINED, "undefined variable '", c.names[binding.name], "'", binding.value)
                continue
            capture_with(c)
        place = place_node(binding.start_byte, binding.end_byte)
        if kind != BINDINGS_LET:
            specified_string_constant(c, CONSTANT_ATTR_NAME, binding.name, &place)
        specified_variable(c, binding.value, binding.name, NONE)
        declare_here(c, NO_NAME if kind == BINDINGS_ATTRS else binding.name)
        count += 1
    return count


cdef uint32_t specified_in_turn(Bindings* bindings, NamedIndex* order, Tracked* tracked) noexcept nogil:
    """Lists the bindings of a `let` or `rec` set whose order shows; returns their number."""
    cdef uint32_t total = 0, i
    for i in range(bindings.count):
        if bindings.items[order[i].index].kind != BINDING_INHERIT:
            tracked[total].binding = bindings.items + order[i].index
            total += 1
    for i in range(bindings.dynamic_count):
        tracked[total].dynamic = bindings.dynamic + i
        total += 1
    return total


cdef uint32_t specified_in_source(Bindings* bindings, int kind, Tracked* tracked) noexcept nogil:
    """Lists `inherit (e)`, then the rest in the order of the source, but dynamic bindings of a `rec` set last; returns their number."""
    cdef uint32_t total = 0, next_dynamic = 0, i
    cdef Binding* binding
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_INHERIT_FROM:
            tracked[total].binding = bindings.items + i
            total += 1
    for i in range(bindings.count):
        binding = bindings.items + i
        if binding.kind != BINDING_PLAIN:
            continue
        while kind != BINDINGS_REC and next_dynamic < bindings.dynamic_count \
                and bindings.dynamic[next_dynamic].start_byte < binding.start_byte:
            tracked[total].dynamic = bindings.dynamic + next_dynamic
            next_dynamic += 1
            total += 1
        tracked[total].binding = binding
        total += 1
    while next_dynamic < bindings.dynamic_count:
        tracked[total].dynamic = bindings.dynamic + next_dynamic
        next_dynamic += 1
        total += 1
    return total


cdef uint32_t specified_declare(Compiler* c, Bindings* bindings, int kind, NamedIndex* order, Tracked* tracked) noexcept nogil:
    """Declares a local for each binding, in the given order or the usual one; returns their number."""
    cdef uint32_t slot = depth_of(c), i
    cdef uint32_t step = 1 if kind == BINDINGS_LET else 2
    cdef uint32_t total = specified_in_source(bindings, kind, tracked) if order == NULL else specified_in_turn(bindings, order, tracked)
    for i in range(total):
        slot += step
        if kind == BINDINGS_ATTRS or tracked[i].binding == NULL:
            tracked[i].local = declare(c, NO_NAME, slot - 1)
        else:
            tracked[i].local = declare(c, tracked[i].binding.name, slot - 1)
    return total


cdef void specified_inherited(Compiler* c, Bindings* bindings, Binding* binding, uint32_t local) noexcept nogil:
    cdef Node* source = bindings.froms[binding.from_index]
    cdef Node place = place_node(binding.start_byte, binding.end_byte)
    begin_chunk(c, CHUNK_THUNK, source, binding.name, 0)
    specified_forced(c, source, source)
    specified_string_constant(c, CONSTANT_STRING, binding.name, &place)
    op(c, OP_ATTRS_SELECT, &place, -1)
    op(c, OP_RETURN, source, 0)
    close_chunk(c, source, local)


cdef void specified_unused_sources(Compiler* c, Bindings* bindings) noexcept nogil:
    """Compiles the expression of each `inherit (e);` without names, and drops its code: an undefined variable in it is an error."""
    cdef uint32_t kept = c.chunk_count
    cdef bint* is_used = <bint*>hold(bindings.from_count * sizeof(bint))
    cdef uint32_t i
    memset(is_used, 0, bindings.from_count * sizeof(bint))
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_INHERIT_FROM:
            is_used[bindings.items[i].from_index] = True
    for i in range(bindings.from_count):
        if not is_used[i]:
            begin_chunk(c, CHUNK_THUNK, bindings.froms[i], NO_NAME, 0)
            specified(c, bindings.froms[i], NONE, NO_NAME)
            op(c, OP_RETURN, bindings.froms[i], 0)
            end_chunk(c)
            c.chunk_count = kept
    release(is_used)


cdef void specified_finalise(Compiler* c, Tracked* tracked, uint32_t count) noexcept nogil:
    cdef uint32_t i
    cdef Node place
    for i in range(count):
        if tracked[i].binding != NULL and c.locals[tracked[i].local].needs_finaliser:
            place = place_node(tracked[i].binding.start_byte, tracked[i].binding.end_byte)
            op1(c, OP_FINALISE, c.locals[tracked[i].local].slot, &place, 0)


cdef void specified_alias(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    """A thunk of a variable whose value is there."""
    begin_chunk(c, CHUNK_THUNK, node, NO_NAME, 0)
    specified_variable(c, node, node.name, NONE)
    op(c, OP_RETURN, node, 0)
    close_chunk(c, node, local)


cdef void specified_value(Compiler* c, Bindings* bindings, Tracked* tracked, int kind, const bint* waits) noexcept nogil:
    cdef Binding* binding = tracked.binding
    cdef uint32_t local = NONE if kind == BINDINGS_ATTRS else tracked.local
    cdef Node place
    if binding == NULL:
        specified_forced(c, tracked.dynamic.name, tracked.dynamic.name)
        specified(c, tracked.dynamic.value, NONE, NO_NAME)
        return
    place = place_node(binding.start_byte, binding.end_byte)
    if kind != BINDINGS_LET:
        specified_string_constant(c, CONSTANT_ATTR_NAME, binding.name, &place)
    if binding.kind == BINDING_INHERIT_FROM:
        specified_inherited(c, bindings, binding, local)
    elif waits != NULL and waits[binding - bindings.items]:
        specified_alias(c, binding.value, local)
    else:
        specified(c, binding.value, local, binding.name)
    c.locals[tracked.local].is_initialised = True


cdef void specified_places(Compiler* c, Tracked* tracked, uint32_t total, Node* node) noexcept nogil:
    """Adds the spans of the computed names before the span of the set that comes next, because the operation itself has no room for them."""
    cdef Builder* b = &c.open.code
    cdef bint has_places = False
    cdef uint32_t i
    for i in range(total):
        if tracked[i].binding == NULL:
            builder_span(b, tracked[i].dynamic.start_byte, tracked[i].dynamic.end_byte)
            has_places = True
    if has_places:
        builder_span(b, node.start_byte, node.end_byte)


cdef void specified_bindings(Compiler* c, Node* node, int kind) noexcept nogil:
    """Pushes all values in their slots, then builds the set unless this is a `let`."""
    cdef Bindings* bindings = node.own.bindings
    cdef uint32_t count, total, i
    cdef Tracked* tracked
    cdef Turns turns
    cdef bint is_final = False
    if bindings == NULL or bindings.count + bindings.dynamic_count == 0:
        if bindings != NULL:
            specified_unused_sources(c, bindings)
        if kind != BINDINGS_LET:
            push_plain(c, CONSTANT_ATTRS, node)
        return
    settle_inherited(c, bindings)
    tracked = <Tracked*>hold((bindings.count + bindings.dynamic_count) * sizeof(Tracked))
    memset(tracked, 0, (bindings.count + bindings.dynamic_count) * sizeof(Tracked))
    count = specified_plain_inherits(c, bindings, kind)
    turns.order = NULL
    turns.waits = NULL
    if kind != BINDINGS_ATTRS:
        turns_of_bindings(c, bindings, False, &turns)
    total = specified_declare(c, bindings, kind, turns.order, tracked)
    specified_unused_sources(c, bindings)
    for i in range(total):
        if kind == BINDINGS_REC and tracked[i].binding == NULL and not is_final:
            specified_finalise(c, tracked, total)
            is_final = True
        specified_value(c, bindings, tracked + i, kind, turns.waits)
    if not is_final:
        specified_finalise(c, tracked, total)
    if kind != BINDINGS_LET:
        count += total
        specified_places(c, tracked, total, node)
        op1(c, OP_ATTRS, count, node, 1 - 2 * <int>count)
    forget_turns(&turns)
    release(tracked)


cdef void specified_let(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t locals_before = c.local_count, base = depth_of(c)
    specified_bindings(c, node, BINDINGS_LET)
    specified(c, node.a, NONE, NO_NAME)
    close_scope(c, depth_of(c) - base - 1, node)
    forget_locals(c, locals_before)


# ---- lambdas ----------------------------------------------------------------------------------------------------

cdef void specified_lambda_body(Compiler* c, Node* node, Name label) noexcept nogil:
    """The code of a lambda up to and with its Return."""
    cdef uint32_t locals_before = c.local_count, caught = NONE
    if node.own.pattern != NULL:
        caught = specified_pattern(c, node)
    else:
        c.open.chunk.parameter = c.names[node.name]
        declare_here(c, node.name)
    specified(c, node.a, NONE, label if node.a.kind == NODE_LAMBDA else NO_NAME)
    close_scope(c, depth_of(c) - 1, node)
    if caught != NONE:
        land(c, caught)
    op(c, OP_RETURN, node, 0)
    forget_locals(c, locals_before)


cdef uint32_t specified_pattern(Compiler* c, Node* node) noexcept nogil:
    """Returns the jump that goes behind the lambda's body."""
    cdef Pattern* pattern = node.own.pattern
    cdef NamedIndex* order = <NamedIndex*>hold(pattern.count * sizeof(NamedIndex))
    cdef uint32_t caught, slot = 1, i, turn, first
    cdef Turns turns
    c.open.chunk.formals = formals_of(c, pattern, order)
    turns_of_formals(c, pattern, &turns)
    release(order)
    if pattern.bind != NO_NAME:
        c.open.chunk.parameter = c.names[pattern.bind]
    declare_here(c, pattern.bind)
    op(c, OP_FORCE, node, 0)
    caught = jump(c, OP_JUMP_IF_CATCHABLE, node, 0)
    op(c, OP_ASSERT_ATTRS, node, 0)
    if not pattern.has_ellipsis:
        op(c, OP_VALIDATE_CLOSED_FORMALS, node, 0)
    first = c.local_count
    for i in range(pattern.count):
        turn = i if turns.order == NULL else turns.order[i].index
        declare(c, pattern.formals[turn].name, slot)
        slot += 1 if pattern.formals[turn].default == NULL else 2
    for i in range(pattern.count):
        turn = i if turns.order == NULL else turns.order[i].index
        specified_formal(c, node, pattern.formals + turn, first + i, turns.waits != NULL and turns.waits[turn])
    for i in range(pattern.count):
        if c.locals[first + i].needs_finaliser:
            slot = c.locals[first + i].slot
            finalise_on_request(c, node, slot)
    forget_turns(&turns)
    return caught


cdef void finalise_on_request(Compiler* c, Node* node, uint32_t slot) noexcept nogil:
    """Finalises a slot if the request in the slot after it says so."""
    cdef uint32_t over
    op1(c, OP_GET_LOCAL, slot + 1, node, 1)
    over = jump(c, OP_JUMP_IF_NO_FINALISE_REQUEST, node, 0)
    op1(c, OP_FINALISE, slot, node, 0)
    land(c, over)
    op(c, OP_POP, node, -1)


cdef void specified_formal(Compiler* c, Node* node, Formal* formal, uint32_t local, bint waits) noexcept nogil:
    """Selects the argument from the set; if the formal has a default, a finalise request follows the argument."""
    cdef Node place = place_node(formal.start_byte, formal.end_byte)
    cdef uint32_t missing, over
    op1(c, OP_GET_LOCAL, 0, node, 1)
    specified_string_constant(c, CONSTANT_STRING, formal.name, &place)
    if formal.default == NULL:
        op(c, OP_ATTRS_SELECT, &place, -1)
        c.locals[local].is_initialised = True
        return
    op(c, OP_ATTRS_TRY_SELECT, &place, -1)
    missing = jump(c, OP_JUMP_IF_NOT_FOUND, formal.default, 0)
    push_plain(c, CONSTANT_FALSE, formal.default)
    over = jump(c, OP_JUMP, formal.default, 0)
    c.open.code.depth -= 2
    land(c, missing)
    if waits:
        specified_alias(c, formal.default, local)
    else:
        specified(c, formal.default, local, name_of_default(formal))
    push_plain(c, CONSTANT_TRUE, formal.default)
    land(c, over)
    c.locals[local].is_initialised = True
