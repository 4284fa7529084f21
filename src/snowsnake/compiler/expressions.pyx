# cython: language_level=3
"""The default level of evaluating an expression.

`evaluate` leaves the value on the stack, perhaps unforced (its consumer forces), or, in tail position, leaves the chunk with it.
What can be observed happens in the order of C++ Nix: where a later operand has effects, an earlier one is forced first.
Over 600 lines: the functions for the kinds of expressions call one another through `evaluate`.
"""
from libc.stdint cimport uint64_t

from snowsnake.bytecode.builder cimport builder_byte, builder_jump
from snowsnake.bytecode.chunk cimport (
    CONSTANT_FALSE, CONSTANT_HOME_PATH, CONSTANT_NULL, CONSTANT_PATH, CONSTANT_SEARCH_PATH, CONSTANT_STRING,
    CONSTANT_TRUE,
)
from snowsnake.bytecode.opcodes cimport (
    OP_ADD, OP_ARITHMETIC, OP_ASSERT_ATTRS, OP_ASSERT_EQUAL, OP_ASSERT_FAIL, OP_ATTRS_SELECT, OP_ATTRS_TRY_SELECT,
    OP_ATTRS_UPDATE, OP_BRANCH_COMPARE, OP_BRANCH_FALSE, OP_CALL_BUILTIN, OP_CALL_N, OP_CLOSE_SCOPE,
    OP_COERCE_TO_STRING, OP_CONCAT, OP_CONCATENATE, OP_CONCATENATE_PATH, OP_CONSTANT, OP_DIV, OP_EQUAL, OP_FIND_FILE,
    OP_FORCE, OP_FORCE_LOCAL, OP_GET_LOCAL, OP_GET_UPVALUE, OP_HAS_ATTR, OP_HAS_ATTR_NAME, OP_INVALID, OP_INVERT,
    OP_JUMP, OP_JUMP_IF_NOT_FOUND, OP_LESS, OP_LESS_OR_EQ, OP_LIST, OP_MORE, OP_MORE_OR_EQ, OP_MUL, OP_NEGATE, OP_POP,
    OP_POP_WITH, OP_PUSH_WITH, OP_RESOLVE_HOME_PATH, OP_RESOLVE_WITH_NAME, OP_RETURN, OP_SELECT, OP_SELECT_PLACE,
    OP_SUB, OP_TAIL_CALL_N, OP_TRY_SELECT,
)
from snowsnake.compiler.bindings cimport evaluate_attrs, evaluate_legacy_let, evaluate_let
from snowsnake.compiler.emit cimport (
    LEVEL_KEEPS_FRAMES, add_jump, add_text, depth_of, fault, global_constant, is_too_deep, jump, keep, land, land_all, literal_constant, name_constant, op,
    op1, op_return, operand, path_text, push_constant, push_plain, text_constant, text_of,
)
from snowsnake.compiler.globals cimport find_global
from snowsnake.compiler.lazy cimport (
    arithmetic_of, arithmetic_operands, delay, is_literal, is_numeric_literal, is_operand, place_of,
)
from snowsnake.compiler.new_nodes cimport free_before, is_tree_apart
from snowsnake.compiler.patterns cimport push_lambda
from snowsnake.compiler.rewrite cimport has_overrides, is_bound, rewrite_operator, rewrite_search_path
from snowsnake.compiler.scope cimport (
    MEANS_GLOBAL, MEANS_LOCAL, MEANS_NOTHING, MEANS_UPVALUE, MEANS_WITH, capture_with, is_variable, resolve,
)
from snowsnake.compiler.state cimport LEAST_CHAIN, MAX_ARGUMENTS, NO_PLACE, NONE
from snowsnake.syntax.global_names cimport find_builtin
from snowsnake.syntax.leaving cimport hold, release
from snowsnake.syntax.nodes cimport (
    NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTRS, NODE_BINARY, NODE_HAS_ATTR, NODE_IF, NODE_LAMBDA, NODE_LEGACY_LET,
    NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT, NODE_PATH, NODE_SEARCH_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT,
    NODE_VARIABLE, NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_DIV, OPERATOR_EQUAL, OPERATOR_IMPLIES, OPERATOR_LESS,
    OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL, OPERATOR_NOT_EQUAL, OPERATOR_OR,
    OPERATOR_SUB, OPERATOR_UPDATE, PATH_HOME, SYNTAX_MALFORMED, SYNTAX_UNDEFINED, Text,
)

cdef enum:
    # The compiler frees the trees of so many elements at once.
    FREED_AT_ONCE = 1 << 14


cdef void push_elements(Compiler* c, Node* node) noexcept nogil:
    """The elements of a list.  If the whole source is a long one, the trees of those that are done are freed."""
    cdef Node** items = node.items
    cdef uint32_t i, count = node.count
    cdef bint is_freed = node == c.ast.root and count >= FREED_AT_ONCE and is_tree_apart(c)
    for i in range(count):
        delay(c, items[i], NONE, NO_NAME)
        if is_freed and i % FREED_AT_ONCE == FREED_AT_ONCE - 1 and c.fault_count == 0 and c.later_count == 0:
            free_before(c, items[i])
            # Whoever looks at the tree after a later fault must not find the freed elements.
            node.items = items + i + 1
            node.count = count - i - 1


cdef inline void evaluate_variable(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef uint32_t index = 0
    cdef int meaning = resolve(c, node.name, &index)
    push_variable(c, node, meaning, index)
    if c.level == LEVEL_KEEPS_FRAMES and meaning == MEANS_WITH and not tail:
        op(c, OP_FORCE, node, 0)


cdef void evaluate(Compiler* c, Node* node, bint tail, Name label) noexcept nogil:
    cdef uint32_t index
    if is_too_deep(c, node):
        return
    if is_literal(c, node):
        op1(c, OP_CONSTANT, literal_constant(c, node), node, 1)
    elif is_variable(c, node):
        evaluate_variable(c, node, tail)
    elif node.kind == NODE_APPLY:
        evaluate_apply(c, node, tail)
        return
    elif node.kind == NODE_SELECT:
        evaluate_select(c, node, tail)
        return
    elif node.kind == NODE_LAMBDA:
        push_lambda(c, node, NONE, label)
    elif node.kind == NODE_STRING:
        evaluate_string(c, node)
    elif node.kind == NODE_PATH:
        evaluate_path(c, node)
    elif node.kind == NODE_SEARCH_PATH:
        if evaluate_search_path(c, node, tail):
            return
    elif node.kind == NODE_IF:
        evaluate_if(c, node, tail)
        return
    elif node.kind == NODE_LET:
        evaluate_let(c, node, tail)
        return
    elif node.kind == NODE_WITH:
        evaluate_with(c, node, tail)
        return
    elif node.kind == NODE_ASSERT:
        evaluate_assert(c, node, tail)
        return
    elif node.kind == NODE_ATTRS:
        evaluate_attrs(c, node)
    elif node.kind == NODE_LEGACY_LET:
        evaluate_legacy_let(c, node)
    elif node.kind == NODE_LIST:
        index = node.count
        push_elements(c, node)
        op1(c, OP_LIST, index, node, 1 - <int>index)
    elif node.kind == NODE_HAS_ATTR:
        evaluate_has_attr(c, node)
    elif node.kind == NODE_NOT:
        evaluate(c, node.a, False, NO_NAME)
        op(c, OP_INVERT, node, 0)
    elif node.kind == NODE_NEGATE:
        if rewrite_operator(c, node) != node:
            evaluate_apply(c, rewrite_operator(c, node), tail)
            return
        evaluate(c, node.a, False, NO_NAME)
        op(c, OP_NEGATE, node, 0)
    elif node.kind == NODE_BINARY:
        evaluate_binary(c, node, tail)
        return
    leave(c, node, tail)


cdef inline void leave(Compiler* c, Node* node, bint tail) noexcept nogil:
    if tail:
        op_return(c, node)


cdef bint is_passive(Compiler* c, Node* node) noexcept nogil:
    """Whether pushing it has no effect.  (A variable may still be a thunk.)"""
    if is_variable(c, node):
        return c.heads[node.name] != NONE or find_global(c, node.name) != NULL
    if node.kind == NODE_ATTRS:
        return node.own.bindings == NULL or (node.own.bindings.dynamic_count == 0 and not has_overrides(c, node))
    return node.kind == NODE_LAMBDA or node.kind == NODE_LIST or is_literal(c, node)


cdef bint may_be_thunk(Node* node) noexcept nogil:
    """Whether evaluating it without forcing can leave a thunk."""
    return (
        node.kind == NODE_VARIABLE
        or node.kind == NODE_SELECT
        or node.kind == NODE_IF
        or node.kind == NODE_LET
        or node.kind == NODE_LEGACY_LET
        or node.kind == NODE_WITH
        or node.kind == NODE_ASSERT
    )


cdef void push_variable(Compiler* c, Node* node, int meaning, uint32_t index) noexcept nogil:
    if meaning == MEANS_LOCAL:
        op1(c, OP_GET_LOCAL, c.locals[index].slot, node, 1)
    elif meaning == MEANS_UPVALUE:
        op1(c, OP_GET_UPVALUE, index, node, 1)
    elif meaning == MEANS_GLOBAL:
        op1(c, OP_CONSTANT, global_constant(c, find_global(c, node.name)), node, 1)
    elif meaning == MEANS_WITH:
        capture_with(c)
        op1(c, OP_RESOLVE_WITH_NAME, name_constant(c, node.name), node, 1)
    else:
        if meaning == MEANS_NOTHING:
            fault(c, SYNTAX_UNDEFINED, "undefined variable '", c.names[node.name], "'", node)
        else:
            fault(c, SYNTAX_MALFORMED, "bug: the value of '", c.names[node.name], "' is used before it is there", node)
        push_plain(c, CONSTANT_NULL, node)


cdef void evaluate_forced(Compiler* c, Node* node) noexcept nogil:
    """Evaluates and forces an operand that later ones must not overtake."""
    cdef uint32_t local
    if is_variable(c, node):
        local = c.heads[node.name]
        if local != NONE and c.locals[local].owner == c.open.index and c.locals[local].is_initialised:
            op1(c, OP_FORCE_LOCAL, c.locals[local].slot, node, 1)
            return
    evaluate(c, node, False, NO_NAME)
    if may_be_thunk(node):
        op(c, OP_FORCE, node, 0)


cdef void evaluate_before(Compiler* c, Node* node, Node* following) noexcept nogil:
    """Evaluates an operand; `following` is evaluated after it."""
    if is_passive(c, following):
        evaluate(c, node, False, NO_NAME)
    else:
        evaluate_forced(c, node)


cdef enum:
    # A longer path of a selection has no line with its computed names.
    MOST_KEPT = 60


# ---- calls ------------------------------------------------------------------------------------------------------

cdef Global* folded_builtin(Compiler* c, Node* node) noexcept nogil:
    """The builtin that a node certainly names: `builtins.x`, or NULL."""
    cdef Global* found
    if node.kind != NODE_SELECT or node.count != 1 or node.b != NULL or node.a.kind != NODE_VARIABLE:
        return NULL
    if c.name_builtins == NO_NAME or node.a.name != c.name_builtins or is_bound(c, c.name_builtins):
        return NULL
    if node.items[0].name == NO_NAME:
        return NULL
    found = find_builtin(c.names[node.items[0].name])
    return found if found != NULL and found.is_fixed else NULL


cdef Global* called_builtin(Compiler* c, Node* function) noexcept nogil:
    """The builtin in function position, if it is known and takes arguments, or NULL."""
    cdef Global* found = NULL
    if function.kind == NODE_VARIABLE and c.heads[function.name] == NONE:
        found = find_global(c, function.name)
    elif function.kind == NODE_SELECT:
        found = folded_builtin(c, function)
    return found if found != NULL and found.arity > 0 else NULL


cdef void evaluate_apply(Compiler* c, Node* node, bint tail) noexcept nogil:
    """Pushes delayed arguments, then the function; a builtin that has all its arguments is called directly."""
    cdef Global* builtin = called_builtin(c, node.a)
    cdef uint32_t taken = 0, i, group, end
    if c.level == LEVEL_KEEPS_FRAMES and builtin == NULL and node.count <= MAX_ARGUMENTS:
        evaluate_kept_call(c, node, tail)
        return
    if builtin != NULL and builtin.arity <= node.count:
        taken = builtin.arity
    group = taken
    while group + MAX_ARGUMENTS < node.count:
        group += MAX_ARGUMENTS
    end = node.count
    # The last group lies deepest, so that each call finds its own arguments on top.
    while True:
        for i in range(group, end):
            delay(c, node.items[i], NONE, NO_NAME)
        if group == taken:
            break
        end = group
        group -= MAX_ARGUMENTS
    if taken:
        for i in range(taken):
            delay(c, node.items[i], NONE, NO_NAME)
        op1(c, OP_CALL_BUILTIN, global_constant(c, builtin), node, 1 - <int>taken)
        operand(c, taken)
    else:
        evaluate(c, node.a, False, NO_NAME)
    if taken < node.count:
        while taken + MAX_ARGUMENTS < node.count:
            op1(c, OP_CALL_N, MAX_ARGUMENTS, node, -MAX_ARGUMENTS)
            taken += MAX_ARGUMENTS
        if tail and c.level != LEVEL_KEEPS_FRAMES:
            op1(c, OP_TAIL_CALL_N, node.count - taken, node, -<int>(node.count - taken))
        else:
            op1(c, OP_CALL_N, node.count - taken, node, -<int>(node.count - taken))
            leave(c, node, tail)
    elif tail:
        # This does not force the result, as op_return would: a trace looks for the builtin's call just before the place where the activation waits.
        op(c, OP_RETURN, node, 0)


cdef void evaluate_kept_call(Compiler* c, Node* node, bint tail) noexcept nogil:
    """A call at level 2.  The function stays on the stack: if it is a builtin that returned what is being evaluated, a trace has a line for it (machine/unwind.pyx)."""
    cdef uint32_t slot = depth_of(c), i
    evaluate(c, node.a, False, NO_NAME)
    for i in range(node.count):
        delay(c, node.items[i], NONE, NO_NAME)
    op1(c, OP_GET_LOCAL, slot, node, 1)
    op1(c, OP_CALL_N, node.count, node, -<int>node.count)
    op(c, OP_FORCE, node, 0)
    if tail:
        op(c, OP_RETURN, node, 0)
        # What follows in the chunk is another way, on which the function was not pushed.
        c.open.code.depth -= 1
    else:
        op1(c, OP_CLOSE_SCOPE, 1, node, -1)


# ---- selecting --------------------------------------------------------------------------------------------------

cdef void evaluate_select(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef Global* folded = folded_builtin(c, node)
    cdef uint32_t i = 0
    cdef uint64_t place = NO_PLACE
    # If this is true, the set stays on the stack, because an error in a selection says where the last attribute that was found is defined.
    cdef bint is_kept = False
    if folded != NULL:
        op1(c, OP_CONSTANT, global_constant(c, folded), node, 1)
        leave(c, node, tail)
        return
    if c.level == LEVEL_KEEPS_FRAMES and keeps_names(node):
        evaluate_computed_select(c, node, tail)
        return
    if node.b != NULL:
        evaluate_select_or(c, node, tail)
        return
    if node.items[0].name != NO_NAME:
        place = place_of(c, node.a)
        is_kept = c.level == LEVEL_KEEPS_FRAMES and place == NO_PLACE
    if is_kept:
        place = <uint64_t>depth_of(c) << 1
        evaluate(c, node.a, False, NO_NAME)
    if place != NO_PLACE:
        op1(c, OP_SELECT_PLACE, place, node, 1)
        operand(c, name_constant(c, node.items[0].name))
        i = 1
    else:
        evaluate_set(c, node)
    while i < node.count:
        if node.items[i].name != NO_NAME:
            op1(c, OP_SELECT, name_constant(c, node.items[i].name), node, 0)
        else:
            evaluate_name(c, node.items[i].a, i)
            op(c, OP_ATTRS_SELECT, node, -1)
        i += 1
    if c.level == LEVEL_KEEPS_FRAMES and not tail:
        # In a trace, the selection needs the value, not the operation that uses it.
        op(c, OP_FORCE, node, 0)
    if is_kept and not tail:
        op1(c, OP_CLOSE_SCOPE, 1, node, -1)
    leave(c, node, tail)
    if is_kept and tail:
        # The activation has ended with the set below its result; what follows in the chunk is another way, on which the set was not pushed.
        c.open.code.depth -= 1


cdef inline bint is_literal_name(Compiler* c, Node* node) noexcept nogil:
    return node.kind == NODE_STRING and is_literal(c, node)


cdef void evaluate_set(Compiler* c, Node* node) noexcept nogil:
    """The set of a select: it is forced before a computed name."""
    if node.items[0].name == NO_NAME and not is_literal_name(c, node.items[0].a):
        evaluate_forced(c, node.a)
    else:
        evaluate(c, node.a, False, NO_NAME)


cdef void evaluate_name(Compiler* c, Node* node, uint32_t place) noexcept nogil:
    """A computed name: it is forced before the set that an earlier fragment returned."""
    if place == 0:
        evaluate(c, node, False, NO_NAME)
    else:
        evaluate_forced(c, node)


cdef void try_select(Compiler* c, Node* attr, Node* node, uint32_t* missing) noexcept nogil:
    """Selects from the top of the stack; if there is nothing, drops it and jumps."""
    if attr.name != NO_NAME:
        op1(c, OP_TRY_SELECT, name_constant(c, attr.name), node, 0)
        add_jump(c, missing, builder_jump(&c.open.code))
    else:
        evaluate_name(c, attr.a, 1)
        op(c, OP_ATTRS_TRY_SELECT, node, -1)
        add_jump(c, missing, jump(c, OP_JUMP_IF_NOT_FOUND, node, 0))


cdef void evaluate_select_or(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef uint32_t missing = NONE, done = NONE, i
    # If this is true, the set stays on the stack, because an error in the default says where the last attribute that was found is defined.
    cdef bint is_kept = c.level == LEVEL_KEEPS_FRAMES and node.items[0].name != NO_NAME
    if is_kept:
        push_kept_set(c, node)
    else:
        evaluate_set(c, node)
    for i in range(node.count):
        try_select(c, node.items[i], node, &missing)
    if c.level == LEVEL_KEEPS_FRAMES:
        op(c, OP_FORCE, node, 0)
    if tail and not is_kept:
        op_return(c, node)
    else:
        done = jump(c, OP_JUMP, node, 0)
    c.open.code.depth -= 1
    land_all(c, missing)
    evaluate_result(c, node.b, tail and not is_kept)
    if done != NONE:
        land(c, done)
    if is_kept:
        op1(c, OP_CLOSE_SCOPE, 1, node, -1)
        leave(c, node, tail)


cdef bint keeps_names(Node* node) noexcept nogil:
    """Whether a selection has computed names, and is short enough to keep all words that an error may show."""
    cdef uint32_t i
    if node.count > MOST_KEPT:
        return False
    for i in range(node.count):
        if node.items[i].name == NO_NAME:
            return True
    return False


cdef void evaluate_computed_select(Compiler* c, Node* node, bint tail) noexcept nogil:
    """A selection with computed names, at level 2: an error says what they are, and where the last attribute that was found is defined.

    All names, delayed, the set, each name that is computed and each value that was found stay on the stack; machine/selections.pyx follows the operations
    once more.
    """
    cdef uint32_t first = depth_of(c), current, i, name
    cdef uint32_t* missing = <uint32_t*>keep(c, node.count * sizeof(uint32_t)) if node.b != NULL else NULL
    push_delayed_names(c, node)
    current = depth_of(c)
    evaluate_set(c, node)
    for i in range(node.count):
        name = NONE
        if node.items[i].name == NO_NAME:
            name = depth_of(c)
            evaluate_name(c, node.items[i].a, i)
        op1(c, OP_GET_LOCAL, current, node, 1)
        if missing != NULL:
            missing[i] = try_kept(c, node, i, name)
        elif name != NONE:
            op1(c, OP_GET_LOCAL, name, node, 1)
            op(c, OP_ATTRS_SELECT, node, -1)
        else:
            op1(c, OP_SELECT, name_constant(c, node.items[i].name), node, 0)
        current = depth_of(c) - 1
    if missing != NULL or not tail:
        op(c, OP_FORCE, node, 0)
    if missing != NULL:
        evaluate_kept_default(c, node, missing)
    if missing != NULL or not tail:
        op1(c, OP_CLOSE_SCOPE, current - first, node, -<int>(current - first))
        leave(c, node, tail)
    else:
        leave(c, node, tail)
        c.open.code.depth -= current - first


cdef void push_delayed_names(Compiler* c, Node* node) noexcept nogil:
    """Pushes the computed names, delayed, and then once more as the first operations of the selection itself."""
    cdef uint32_t first = depth_of(c), i, end
    for i in range(node.count):
        if node.items[i].name == NO_NAME:
            delay(c, node.items[i].a, NONE, NO_NAME)
    end = depth_of(c)
    for i in range(first, end):
        op1(c, OP_GET_LOCAL, i, node, 1)


cdef uint32_t try_kept(Compiler* c, Node* node, uint32_t i, uint32_t name) noexcept nogil:
    """Selects from the top of the stack by name number *i*, which is in the slot *name* if it is computed.  Returns the jump for an attribute that is missing."""
    if name == NONE:
        op1(c, OP_TRY_SELECT, name_constant(c, node.items[i].name), node, 0)
        return builder_jump(&c.open.code)
    op1(c, OP_GET_LOCAL, name, node, 1)
    op(c, OP_ATTRS_TRY_SELECT, node, -1)
    return jump(c, OP_JUMP_IF_NOT_FOUND, node, 0)


cdef void evaluate_kept_default(Compiler* c, Node* node, uint32_t* missing) noexcept nogil:
    """The default of a selection, where as many words lie below as if everything was found."""
    cdef uint32_t done = jump(c, OP_JUMP, node, 0), i
    # Each step has pushed the value, and the name before it if that is computed; every way here has pushed the first name.
    for i in range(node.count):
        c.open.code.depth -= 1 + (i > 0 and node.items[i].name == NO_NAME)
    for i in range(node.count):
        if i > 0:
            push_plain(c, CONSTANT_NULL, node)
            if node.items[i].name == NO_NAME:
                push_plain(c, CONSTANT_NULL, node)
        land(c, missing[i])
    evaluate_result(c, node.b, False)
    land(c, done)


cdef void push_kept_set(Compiler* c, Node* node) noexcept nogil:
    """Pushes the set of a selection, and once more as the selection's own first operation."""
    cdef uint64_t place = place_of(c, node.a)
    cdef uint32_t slot = depth_of(c)
    evaluate(c, node.a, False, NO_NAME)
    if place != NO_PLACE and place & 1:
        op1(c, OP_GET_UPVALUE, place >> 1, node, 1)
    else:
        op1(c, OP_GET_LOCAL, slot, node, 1)


cdef void evaluate_result(Compiler* c, Node* node, bint tail) noexcept nogil:
    """An expression whose value is that of the expression around it.  For a trace, a variable is needed here, not where the value is used."""
    evaluate(c, node, tail, NO_NAME)
    if c.level == LEVEL_KEEPS_FRAMES and not tail and is_variable(c, node):
        op(c, OP_FORCE, node, 0)


cdef void evaluate_has_attr(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t missing = NONE, done, i
    cdef Node* attr
    evaluate(c, node.a, False, NO_NAME)
    for i in range(node.count):
        attr = node.items[i]
        if attr.name == NO_NAME and not is_literal_name(c, attr.a) and (i > 0 or may_be_thunk(node.a)):
            op(c, OP_FORCE, node, 0)
        if i + 1 < node.count:
            try_select(c, attr, node, &missing)
        elif attr.name != NO_NAME:
            op1(c, OP_HAS_ATTR_NAME, name_constant(c, attr.name), node, 0)
        else:
            evaluate(c, attr.a, False, NO_NAME)
            op(c, OP_HAS_ATTR, node, -1)
    if missing != NONE:
        done = jump(c, OP_JUMP, node, 0)
        c.open.code.depth -= 1
        land_all(c, missing)
        push_plain(c, CONSTANT_FALSE, node)
        land(c, done)


# ---- strings and paths ------------------------------------------------------------------------------------------

cdef void push_parts(Compiler* c, Node* node, uint32_t first, uint8_t kind) noexcept nogil:
    """The pieces of an interpolation.  A piece before one with effects is coerced at once, as in C++ Nix."""
    cdef uint32_t i, last_effect = 0
    cdef Node* piece
    for i in range(first, node.count):
        piece = node.items[i]
        if piece.kind != NODE_TEXT and not is_passive(c, piece):
            last_effect = i
    for i in range(first, node.count):
        piece = node.items[i]
        if piece.kind == NODE_TEXT:
            op1(c, OP_CONSTANT, text_constant(c, CONSTANT_STRING, text_of(piece.own.text, piece.size_bytes), 0), node, 1)
            continue
        evaluate(c, piece, False, NO_NAME)
        if i < last_effect:
            op(c, OP_COERCE_TO_STRING, piece, 0)
            builder_byte(&c.open.code, kind)


cdef void evaluate_string(Compiler* c, Node* node) noexcept nogil:
    push_parts(c, node, 0, 2)
    op1(c, OP_CONCATENATE, node.count, node, 1 - <int>node.count)


cdef uint32_t push_path_start(Compiler* c, Node* node) noexcept nogil:
    """The first piece of a path literal: the path, and a slash as a piece of its own if more follows.

    Returns the number of pieces after the path.
    """
    cdef Node* piece = node.items[0]
    cdef Text text
    if node.flags & PATH_HOME:
        text = text_of(piece.own.text + 2, piece.size_bytes - 2)
        add_text(c, CONSTANT_HOME_PATH, text)
        push_constant(c, node)
        op(c, OP_RESOLVE_HOME_PATH, node, 0)
    else:
        text = path_text(c, node)
        add_text(c, CONSTANT_PATH, text)
        push_constant(c, node)
    if node.count == 1 or piece.size_bytes == 0 or piece.own.text[piece.size_bytes - 1] != c'/':
        return 0
    add_text(c, CONSTANT_STRING, text_of(piece.own.text + piece.size_bytes - 1, 1))
    push_constant(c, node)
    return 1


cdef void evaluate_path(Compiler* c, Node* node) noexcept nogil:
    cdef uint32_t count = push_path_start(c, node)
    if node.count == 1:
        return
    push_parts(c, node, 1, 0)
    count += node.count - 1
    op1(c, OP_CONCATENATE_PATH, count, node, -<int>count)


cdef bint evaluate_search_path(Compiler* c, Node* node, bint tail) noexcept nogil:
    """Returns True if the chunk has been left."""
    cdef Node* other = rewrite_search_path(c, node)
    if other != node:
        evaluate_apply(c, other, tail)
        return True
    add_text(c, CONSTANT_SEARCH_PATH, text_of(node.own.text, node.size_bytes))
    push_constant(c, node)
    op(c, OP_FIND_FILE, node, 0)
    return False


# ---- operators --------------------------------------------------------------------------------------------------

cdef uint8_t binary_opcode(uint8_t operator) noexcept nogil:
    if operator == OPERATOR_ADD:
        return OP_ADD
    if operator == OPERATOR_SUB:
        return OP_SUB
    if operator == OPERATOR_MUL:
        return OP_MUL
    if operator == OPERATOR_DIV:
        return OP_DIV
    if operator == OPERATOR_EQUAL or operator == OPERATOR_NOT_EQUAL:
        return OP_EQUAL
    if operator == OPERATOR_LESS:
        return OP_LESS
    if operator == OPERATOR_LESS_OR_EQUAL:
        return OP_LESS_OR_EQ
    if operator == OPERATOR_MORE:
        return OP_MORE
    if operator == OPERATOR_MORE_OR_EQUAL:
        return OP_MORE_OR_EQ
    if operator == OPERATOR_UPDATE:
        return OP_ATTRS_UPDATE
    return OP_CONCAT


cdef void evaluate_left_of_add(Compiler* c, Node* node, Node* following) noexcept nogil:
    """`a + b` rejects or coerces a before it evaluates b."""
    if is_numeric_literal(c, node) or node.kind == NODE_STRING or is_passive(c, following):
        evaluate(c, node, False, NO_NAME)
        return
    evaluate(c, node, False, NO_NAME)
    op(c, OP_COERCE_TO_STRING, node, 0)
    builder_byte(&c.open.code, 4)


cdef bint evaluate_string_chain(Compiler* c, Node* node) noexcept nogil:
    """`"a" + "b" + …` of strings alone, which are joined at once; returns False if it is something else, or short."""
    cdef Node* last = node
    cdef Node** parts
    cdef uint32_t count = 1, i
    # If chain_left is not 0, this is a part of a chain that was checked already.
    if c.chain_left:
        c.chain_left -= 1
        return False
    while last.kind == NODE_BINARY and last.op == OPERATOR_ADD and last.b.kind == NODE_STRING:
        count += 1
        last = last.a
    if last.kind != NODE_STRING or count < LEAST_CHAIN:
        c.chain_left = count - 2 if count > 2 else 0
        return False
    parts = <Node**>hold(count * sizeof(Node*))
    last = node
    for i in range(count - 1):
        parts[count - 1 - i] = last.b
        last = last.a
    parts[0] = last
    for i in range(count):
        evaluate(c, parts[i], False, NO_NAME)
    release(parts)
    op1(c, OP_CONCATENATE, count, node, 1 - <int>count)
    return True


cdef void evaluate_binary(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef bint is_swapped = False
    cdef uint8_t which
    cdef Node* left
    cdef Node* right
    if node.op == OPERATOR_AND or node.op == OPERATOR_OR or node.op == OPERATOR_IMPLIES:
        evaluate_logic(c, node, tail)
        return
    if node.op == OPERATOR_UPDATE:
        evaluate_update(c, node, tail)
        return
    left = rewrite_operator(c, node)
    if left != node:
        evaluate(c, left, tail, NO_NAME)
        return
    if node.op == OPERATOR_ADD and evaluate_string_chain(c, node):
        leave(c, node, tail)
        return
    which = arithmetic_of(node, &is_swapped)
    left = node.b if is_swapped else node.a
    right = node.a if is_swapped else node.b
    if which != OP_INVALID and is_operand(c, left) and is_operand(c, right):
        arithmetic_operands(c, OP_ARITHMETIC, which, left, right, node, 1)
    else:
        if which == OP_ADD:
            evaluate_left_of_add(c, left, right)
        else:
            evaluate_before(c, left, right)
        evaluate(c, right, False, NO_NAME)
        op(c, binary_opcode(node.op) if which == OP_INVALID else which, node, -1)
    if node.op == OPERATOR_NOT_EQUAL:
        op(c, OP_INVERT, node, 0)
    leave(c, node, tail)


cdef void evaluate_update(Compiler* c, Node* node, bint tail) noexcept nogil:
    """`a // b`: C++ Nix evaluates b first.  Where both have effects, b waits in a slot below a."""
    cdef uint32_t slot
    if is_passive(c, node.b) and (is_passive(c, node.a) or node.b.kind == NODE_ATTRS):
        evaluate(c, node.a, False, NO_NAME)
        evaluate(c, node.b, False, NO_NAME)
    elif is_passive(c, node.a):
        evaluate(c, node.a, False, NO_NAME)
        evaluate(c, node.b, False, NO_NAME)
    else:
        evaluate(c, node.b, False, NO_NAME)
        op(c, OP_ASSERT_ATTRS, node, 0)
        slot = depth_of(c) - 1
        evaluate(c, node.a, False, NO_NAME)
        op1(c, OP_GET_LOCAL, slot, node, 1)
        op(c, OP_ATTRS_UPDATE, node, -1)
        if not tail:
            op1(c, OP_CLOSE_SCOPE, 1, node, -1)
        else:
            c.open.code.depth -= 1
            op(c, OP_RETURN, node, 0)
        return
    op(c, OP_ATTRS_UPDATE, node, -1)
    leave(c, node, tail)


# ---- conditions -------------------------------------------------------------------------------------------------

cdef void condition(Compiler* c, Node* node, bint negated, uint32_t* otherwise) noexcept nogil:
    """Continues if the condition (or its negation) holds, and jumps otherwise; the jump is added to `otherwise`."""
    cdef uint32_t elsewhere = NONE
    if is_too_deep(c, node):
        c.open.code.depth -= 1
        return
    if node.kind == NODE_NOT:
        condition(c, node.a, not negated, otherwise)
    elif node.kind != NODE_BINARY:
        branch(c, node, negated, otherwise)
    elif node.op == OPERATOR_AND and not negated:
        condition(c, node.a, False, otherwise)
        condition(c, node.b, False, otherwise)
    elif node.op == OPERATOR_AND:
        condition(c, node.a, False, &elsewhere)
        condition(c, node.b, True, otherwise)
        land_all(c, elsewhere)
    elif node.op == OPERATOR_OR and not negated:
        condition(c, node.a, True, &elsewhere)
        condition(c, node.b, False, otherwise)
        land_all(c, elsewhere)
    elif node.op == OPERATOR_OR:
        condition(c, node.a, True, otherwise)
        condition(c, node.b, True, otherwise)
    elif node.op == OPERATOR_IMPLIES and not negated:
        condition(c, node.a, False, &elsewhere)
        condition(c, node.b, False, otherwise)
        land_all(c, elsewhere)
    elif node.op == OPERATOR_IMPLIES:
        condition(c, node.a, False, otherwise)
        condition(c, node.b, True, otherwise)
    else:
        branch(c, node, negated, otherwise)


cdef void branch(Compiler* c, Node* node, bint negated, uint32_t* otherwise) noexcept nogil:
    """A condition without `!`, `&&`, `||` or `->` on top."""
    if node.kind == NODE_BINARY and branch_compare(c, node, negated, otherwise):
        return
    evaluate(c, node, False, NO_NAME)
    if negated:
        op(c, OP_INVERT, node, 0)
    add_jump(c, otherwise, jump(c, OP_BRANCH_FALSE, node, -1))


cdef bint branch_compare(Compiler* c, Node* node, bint negated, uint32_t* otherwise) noexcept nogil:
    """Compares two places and branches at once, if the node is such a comparison."""
    cdef bint is_swapped = False
    cdef uint8_t which = arithmetic_of(node, &is_swapped)
    cdef Node* left = node.b if is_swapped else node.a
    cdef Node* right = node.a if is_swapped else node.b
    cdef uint32_t differs
    if which != OP_EQUAL and which != OP_LESS and which != OP_MORE_OR_EQ:
        return False
    if not is_operand(c, left) or not is_operand(c, right) or rewrite_operator(c, node) != node:
        return False
    if node.op == OPERATOR_NOT_EQUAL:
        negated = not negated
    if negated and which != OP_EQUAL:
        which = OP_MORE_OR_EQ if which == OP_LESS else OP_LESS
        negated = False
    arithmetic_operands(c, OP_BRANCH_COMPARE, which, left, right, node, 0)
    differs = builder_jump(&c.open.code)
    if negated:
        add_jump(c, otherwise, jump(c, OP_JUMP, node, 0))
        land(c, differs)
    else:
        add_jump(c, otherwise, differs)
    return True


cdef void evaluate_logic(Compiler* c, Node* node, bint tail) noexcept nogil:
    """`&&`, `||`, `->` as values."""
    cdef uint32_t otherwise = NONE, done = NONE
    condition(c, node, False, &otherwise)
    push_plain(c, CONSTANT_TRUE, node)
    if tail:
        op(c, OP_RETURN, node, 0)
    else:
        done = jump(c, OP_JUMP, node, 0)
    c.open.code.depth -= 1
    land_all(c, otherwise)
    push_plain(c, CONSTANT_FALSE, node)
    if tail:
        op(c, OP_RETURN, node, 0)
    else:
        land(c, done)


cdef void evaluate_if(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef uint32_t otherwise = NONE, done = NONE
    condition(c, node.a, False, &otherwise)
    evaluate_result(c, node.b, tail)
    if not tail:
        done = jump(c, OP_JUMP, node, 0)
    c.open.code.depth -= 1
    land_all(c, otherwise)
    evaluate_result(c, node.own.c, tail)
    if not tail:
        land(c, done)


cdef void evaluate_assert(Compiler* c, Node* node, bint tail) noexcept nogil:
    cdef uint32_t otherwise = NONE, done = NONE
    if node.a.kind == NODE_BINARY and node.a.op == OPERATOR_EQUAL:
        evaluate_before(c, node.a.a, node.a.b)
        evaluate(c, node.a.b, False, NO_NAME)
        op(c, OP_ASSERT_EQUAL, node.a, -1)
        op(c, OP_POP, node.a, -1)
        evaluate_result(c, node.b, tail)
        return
    condition(c, node.a, False, &otherwise)
    evaluate_result(c, node.b, tail)
    if not tail:
        done = jump(c, OP_JUMP, node, 0)
    land_all(c, otherwise)
    op(c, OP_ASSERT_FAIL, node.a, 0)
    if not tail:
        land(c, done)


cdef void evaluate_with(Compiler* c, Node* node, bint tail) noexcept nogil:
    """The set goes into a slot, unforced; the first name that is resolved forces it."""
    delay(c, node.a, NONE, NO_NAME)
    op1(c, OP_PUSH_WITH, depth_of(c) - 1, node.a, 0)
    c.open.with_count += 1
    evaluate_result(c, node.b, tail)
    c.open.with_count -= 1
    if tail:
        c.open.code.depth -= 1
        return
    op(c, OP_POP_WITH, node, 0)
    op1(c, OP_CLOSE_SCOPE, 1, node, -1)
