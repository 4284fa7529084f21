# cython: language_level=3
"""The default level of delaying an expression: pushes a word that stands for its value.

A thunk is made only where Nix would delay and the delay matters: constants, variables and lambdas are pushed as they are, and
where a select or an arithmetic operation could be done at once without failing, the machine tries that first.
"""
from snowsnake.bytecode.builder cimport builder_byte, builder_constant, builder_jump, grow
from snowsnake.bytecode.chunk cimport CHUNK_THUNK, CONSTANT_CHUNK, Constant
from snowsnake.bytecode.opcodes cimport (
    OP_ADD, OP_CONSTANT, OP_EAGER_ARITHMETIC, OP_EAGER_SELECT, OP_EQUAL, OP_INVALID, OP_LESS, OP_MORE_OR_EQ, OP_MUL,
    OP_RESOLVE_WITH_NAME, OP_SUB,
)
from snowsnake.compiler.emit cimport (
    LEVEL_KEEPS_FRAMES, global_constant, is_too_deep, land, literal_constant, name_constant, op, op1, op_return, operand, push_constant,
)
from snowsnake.compiler.expressions cimport evaluate, folded_builtin, push_variable
from snowsnake.compiler.globals cimport find_global
from snowsnake.compiler.patterns cimport push_lambda
from snowsnake.compiler.rewrite cimport rewrite_operator
from snowsnake.compiler.scope cimport (
    MEANS_DEFERRED, MEANS_LOCAL, MEANS_UPVALUE, MEANS_WITH, begin_chunk, capture_with, close_chunk,
    is_environment_there, is_variable, resolve,
)
from snowsnake.compiler.state cimport DEEP, NO_PLACE, NONE, SMALL_COLLECTION, LaterThunk
from snowsnake.syntax.global_table cimport GLOBAL_BUILTIN, GLOBAL_BUILTINS, Global
from snowsnake.syntax.leaving cimport leave_if_asked
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_PLAIN, NO_NAME, NODE_ATTRS, NODE_BINARY, NODE_CURRENT_POSITION, NODE_FLOAT, NODE_INT, NODE_LAMBDA, NODE_LIST,
    NODE_NEGATE, NODE_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT, NODE_VARIABLE, OPERATOR_ADD, OPERATOR_EQUAL,
    OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL, OPERATOR_NOT_EQUAL,
    OPERATOR_SUB, PATH_HOME, SELECT_ENVIRONMENT, Bindings,
)


cdef bint is_literal(Compiler* c, Node* node) noexcept nogil:
    """Whether the value is known, whatever the scope is."""
    if node.kind == NODE_INT or node.kind == NODE_FLOAT or node.kind == NODE_CURRENT_POSITION:
        return True
    if node.kind == NODE_STRING:
        return node.count == 0 or (node.count == 1 and node.items[0].kind == NODE_TEXT)
    if node.kind == NODE_PATH:
        return node.count == 1 and not node.flags & PATH_HOME
    if node.kind == NODE_LIST:
        return node.count == 0
    if node.kind == NODE_ATTRS:
        return node.own.bindings == NULL or (node.own.bindings.count == 0 and node.own.bindings.dynamic_count == 0 and node.own.bindings.from_count == 0)
    if node.kind == NODE_VARIABLE:
        return c.heads[node.name] == NONE and is_plain_global(find_global(c, node.name))
    return is_negative_int(c, node)


cdef bint is_numeric_literal(Compiler* c, Node* node) noexcept nogil:
    return node.kind == NODE_INT or node.kind == NODE_FLOAT or is_negative_int(c, node)


cdef bint is_plain_global(Global* which) noexcept nogil:
    """`true`, `false` or `null`."""
    return which != NULL and which.kind != GLOBAL_BUILTIN and which.kind != GLOBAL_BUILTINS


cdef bint is_negative_int(Compiler* c, Node* node) noexcept nogil:
    """`-1`, unless the program binds `__sub`."""
    return node.kind == NODE_NEGATE and node.a.kind == NODE_INT and c.name_sub == NO_NAME


cdef bint is_trivial(Compiler* c, Node* node) noexcept nogil:
    """A literal, or a variable whose value is ready: pushing it takes one operation and cannot fail."""
    cdef uint32_t local
    if not is_variable(c, node):
        return is_literal(c, node)
    local = c.heads[node.name]
    if local == NONE:
        return find_global(c, node.name) != NULL
    return c.locals[local].owner != c.open.index or c.locals[local].is_initialised


cdef bint is_small_collection(Compiler* c, Node* node) noexcept nogil:
    """A list or set of a few trivial elements, which costs no more to build than a thunk of it."""
    cdef uint32_t i
    if node.kind == NODE_LIST:
        if node.count > SMALL_COLLECTION:
            return False
        for i in range(node.count):
            if not is_trivial(c, node.items[i]):
                return False
        return True
    if node.flags & ATTRS_REC or node.own.bindings.count > SMALL_COLLECTION or node.own.bindings.dynamic_count:
        return False
    for i in range(node.own.bindings.count):
        if node.own.bindings.items[i].value == NULL or not is_trivial(c, node.own.bindings.items[i].value):
            return False
    return True


cdef bint is_never_thunk(Compiler* c, Node* node) noexcept nogil:
    """Whether C++ Nix makes no thunk of it: messages with sets and lists show which elements are thunks."""
    if node.kind == NODE_CURRENT_POSITION or node.kind == NODE_NEGATE or node.kind == NODE_ATTRS:
        return False
    return is_literal(c, node) or is_variable(c, node)


cdef void delay(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    """Pushes the value or a thunk of it.  `local`: the local that it becomes, or NONE; `label`: the name that the program gives it."""
    if is_too_deep(c, node):
        return
    if c.level == LEVEL_KEEPS_FRAMES and not is_never_thunk(c, node):
        push_thunk(c, node, local, label)
    elif is_literal(c, node):
        op1(c, OP_CONSTANT, literal_constant(c, node), node, 1)
    elif is_variable(c, node):
        delay_variable(c, node, local)
    elif node.kind == NODE_LAMBDA:
        push_lambda(c, node, local, label)
    elif node.kind == NODE_SELECT:
        delay_select(c, node, local, label)
    elif node.kind == NODE_BINARY:
        delay_binary(c, node, local, label)
    elif (node.kind == NODE_LIST or node.kind == NODE_ATTRS) and is_small_collection(c, node):
        evaluate(c, node, False, label)
    else:
        push_thunk(c, node, local, label)


cdef bint _look_later(Compiler* c, Node* node, uint32_t* count) noexcept nogil:
    """False if a node is not data.  `is_data` looks at the parts of a list or set later."""
    if is_literal(c, node):
        return True
    if node.kind != NODE_LIST and node.kind != NODE_ATTRS:
        c.not_data = node
        return False
    if count[0] == c.looked_at_capacity:
        c.looked_at = <Node**>grow(c.looked_at, &c.looked_at_capacity, count[0] + 1, sizeof(Node*))
    c.looked_at[count[0]] = node
    count[0] += 1
    return True


cdef bint is_data(Compiler* c, Node* node) noexcept nogil:
    """Whether it consists of lists, sets and literals only.

    A node around the one that was found last to be no data is none either: otherwise the time would grow with the square of the depth.
    """
    cdef Bindings* bindings
    cdef uint32_t i, count = 0
    if c.not_data != NULL and node.start_byte <= c.not_data.start_byte and c.not_data.end_byte <= node.end_byte:
        return False
    if not _look_later(c, node, &count):
        return False
    while count:
        leave_if_asked()
        count -= 1
        node = c.looked_at[count]
        if node.kind == NODE_LIST:
            for i in range(node.count):
                if not _look_later(c, node.items[i], &count):
                    return False
            continue
        bindings = node.own.bindings
        if node.flags & ATTRS_REC or bindings.dynamic_count or bindings.from_count:
            c.not_data = node
            return False
        for i in range(bindings.count):
            if bindings.items[i].kind != BINDING_PLAIN:
                c.not_data = node
                return False
            if not _look_later(c, bindings.items[i].value, &count):
                return False
    return True


cdef void leave_for_later(Compiler* c, Node* node, Name label) noexcept nogil:
    """Pushes a thunk whose chunk is still to come: what captures nothing can be compiled at any time.

    A source of a hundred thousand levels, which is data, would otherwise need as many chunks under construction.
    """
    cdef Constant* constant
    cdef LaterThunk* thunk
    if c.later_count == c.later_capacity:
        c.later = <LaterThunk*>grow(c.later, &c.later_capacity, c.later_count + 1, sizeof(LaterThunk))
    thunk = c.later + c.later_count
    thunk.node = node
    thunk.chunk = c.chunk_count
    thunk.label = label
    c.later_count += 1
    constant = builder_constant(&c.open.code, CONSTANT_CHUNK)
    constant.own.chunk = c.chunk_count
    c.chunk_count += 1
    push_constant(c, node)


cdef void push_thunk(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    # This looks at a deep tree that is not data only once every DEEP levels, not on each level.
    if c.open_chunk_count % DEEP == 0 and (c.is_in_data or is_data(c, node)):
        leave_for_later(c, node, label)
        return
    begin_chunk(c, CHUNK_THUNK, node, label, 0)
    evaluate(c, node, True, label)
    close_chunk(c, node, local)


cdef void delay_variable(Compiler* c, Node* node, uint32_t local) noexcept nogil:
    cdef uint32_t index = 0
    cdef int meaning = resolve(c, node.name, &index)
    if meaning == MEANS_DEFERRED:
        push_thunk(c, node, local, NO_NAME)
    elif meaning == MEANS_WITH:
        delay_with_variable(c, node, node.name)
    else:
        push_variable(c, node, meaning, index)


cdef void delay_with_variable(Compiler* c, Node* node, Name name) noexcept nogil:
    """A thunk that resolves a name in the with-scopes, even if something else here binds the name."""
    begin_chunk(c, CHUNK_THUNK, node, NO_NAME, 0)
    capture_with(c)
    op1(c, OP_RESOLVE_WITH_NAME, name_constant(c, name), node, 1)
    op_return(c, node)
    close_chunk(c, node, NONE)


cdef uint64_t place_of(Compiler* c, Node* node) noexcept nogil:
    """The place of a variable that is a local with its value on the stack, or an upvalue; otherwise NO_PLACE."""
    cdef uint32_t index = 0
    cdef int meaning
    if not is_variable(c, node) or c.heads[node.name] == NONE:
        return NO_PLACE
    meaning = resolve(c, node.name, &index)
    if meaning == MEANS_LOCAL:
        return <uint64_t>c.locals[index].slot << 1
    if meaning == MEANS_UPVALUE:
        return <uint64_t>index << 1 | 1
    return NO_PLACE


cdef bint may_be_forced(Compiler* c, Node* node) noexcept nogil:
    """Whether the value of this operand can be known when the chunk gets here.  If not, trying an operation at once is useless."""
    cdef uint32_t local
    if not is_variable(c, node):
        return True
    local = c.heads[node.name]
    return local == NONE or c.locals[local].owner != c.open.index or not c.locals[local].is_suspended


cdef void delay_select(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    cdef Global* folded = folded_builtin(c, node)
    cdef uint64_t place = NO_PLACE
    cdef uint32_t found
    if folded != NULL and not folded.is_function:
        op1(c, OP_CONSTANT, global_constant(c, folded), node, 1)
        return
    # A function gets a new cell each time, by which `==` knows it.
    if folded != NULL:
        push_thunk(c, node, local, label)
        return
    if node.flags & SELECT_ENVIRONMENT and is_environment_there(c, node):
        evaluate(c, node, False, label)
        return
    if node.count == 1 and node.b == NULL and node.items[0].name != NO_NAME:
        place = place_of(c, node.a)
    if place == NO_PLACE or not may_be_forced(c, node.a):
        push_thunk(c, node, local, label)
        return
    op1(c, OP_EAGER_SELECT, place, node, 0)
    operand(c, name_constant(c, node.items[0].name))
    found = builder_jump(&c.open.code)
    push_thunk(c, node, local, label)
    land(c, found)


cdef uint64_t value_of(Compiler* c, Node* node) noexcept nogil:
    """A variable's place or a literal as a VALUE operand; otherwise NO_PLACE."""
    cdef uint64_t place
    if is_literal(c, node):
        return <uint64_t>literal_constant(c, node) << 2 | 2
    place = place_of(c, node)
    if place == NO_PLACE:
        return NO_PLACE
    return (place >> 1) << 2 | (place & 1)


cdef bint is_operand(Compiler* c, Node* node) noexcept nogil:
    """Whether `value_of` will return a value."""
    cdef uint32_t local
    if is_literal(c, node):
        return True
    if not is_variable(c, node):
        return False
    local = c.heads[node.name]
    return local != NONE and (c.locals[local].owner != c.open.index or c.locals[local].is_initialised)


cdef uint8_t arithmetic_of(Node* node, bint* swapped) noexcept nogil:
    """The operation for a binary node with operands in places, or OP_INVALID; `a > b` is `b < a`, as in Nix."""
    swapped[0] = False
    if node.op == OPERATOR_ADD:
        return OP_ADD
    if node.op == OPERATOR_SUB:
        return OP_SUB
    if node.op == OPERATOR_MUL:
        return OP_MUL
    if node.op == OPERATOR_EQUAL or node.op == OPERATOR_NOT_EQUAL:
        return OP_EQUAL
    if node.op == OPERATOR_LESS:
        return OP_LESS
    if node.op == OPERATOR_MORE_OR_EQUAL:
        return OP_MORE_OR_EQ
    if node.op == OPERATOR_MORE:
        swapped[0] = True
        return OP_LESS
    if node.op == OPERATOR_LESS_OR_EQUAL:
        swapped[0] = True
        return OP_MORE_OR_EQ
    return OP_INVALID


cdef void arithmetic_operands(Compiler* c, uint8_t opcode, uint8_t which, Node* left, Node* right, Node* node,
                              int effect) noexcept nogil:
    """An operation of the family of Arithmetic, with its operands; a jump's distance must still follow."""
    cdef uint64_t first = value_of(c, left)
    cdef uint64_t second = value_of(c, right)
    op(c, opcode, node, effect)
    builder_byte(&c.open.code, which)
    operand(c, first)
    operand(c, second)


cdef bint is_numeric(Compiler* c, Node* node) noexcept nogil:
    """An operand that may be a small number."""
    return node.kind == NODE_INT or (node.kind == NODE_VARIABLE and not is_literal(c, node)) or is_negative_int(c, node)


cdef void delay_binary(Compiler* c, Node* node, uint32_t local, Name label) noexcept nogil:
    cdef bint is_swapped = False
    cdef uint8_t which = arithmetic_of(node, &is_swapped)
    cdef Node* left = node.b if is_swapped else node.a
    cdef Node* right = node.a if is_swapped else node.b
    cdef uint32_t found
    if which == OP_INVALID or node.op == OPERATOR_NOT_EQUAL or rewrite_operator(c, node) != node \
            or not is_operand(c, left) or not is_operand(c, right) or not is_numeric(c, left) or not is_numeric(c, right) \
            or not may_be_forced(c, left) or not may_be_forced(c, right):
        push_thunk(c, node, local, label)
        return
    arithmetic_operands(c, OP_EAGER_ARITHMETIC, which, left, right, node, 0)
    found = builder_jump(&c.open.code)
    push_thunk(c, node, local, label)
    land(c, found)
