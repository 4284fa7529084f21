# cython: language_level=3
"""Variables that no scope defines.

In: a tree without faults.  Out: `undefined variable 'x'` faults in it.

`nix-instantiate --parse` checks this, so printing must; the compiler has scopes of its own and does not need it.  A count of
the scopes that bind each name makes every look-up one load; below a `with`, any name may be bound.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.syntax.deep_stack cimport call_on_deep_stack, stack_is_low, stack_limit
from snowsnake.syntax.global_names cimport find_global_name
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_PLAIN, NO_NAME, NODE_ATTR, NODE_ATTRS, NODE_BINARY, NODE_IF, NODE_LAMBDA,
    NODE_LEGACY_LET, NODE_LET, NODE_TEXT, NODE_VARIABLE, NODE_WITH, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, Bindings,
    Node, Pattern, SYNTAX_UNDEFINED, SyntaxFault, Text, arena_alloc,
)


cdef enum:
    MOST_FAULTS = 20
    NO_BYTE = 0xFFFFFFFF


cdef struct Check:
    Ast* ast
    uint32_t* bound                   # by name: how many enclosing scopes bind it
    uint32_t with_depth
    const char* stack_limit
    bint is_too_deep
    SyntaxFault* faults
    uint32_t fault_count


cdef void undefined_fault(Check* check, Node* node) noexcept nogil:
    cdef Text* name = &check.ast.names[node.name]
    cdef const char* before = "undefined variable '"
    cdef uint8_t* message
    cdef SyntaxFault* fault
    if check.fault_count == MOST_FAULTS:
        return
    message = <uint8_t*>arena_alloc(&check.ast.arena, <size_t>name.size_bytes + 22)
    memcpy(message, before, 20)
    memcpy(message + 20, name.data, name.size_bytes)
    message[20 + name.size_bytes] = c"'"
    if check.faults == NULL:
        check.faults = <SyntaxFault*>arena_alloc(&check.ast.arena, MOST_FAULTS * sizeof(SyntaxFault))
    fault = &check.faults[check.fault_count]
    check.fault_count += 1
    fault.kind = SYNTAX_UNDEFINED
    fault.start_byte = node.start_byte
    fault.end_byte = node.end_byte
    fault.message = <char*>message
    fault.other_byte = NO_BYTE


cdef inline void check_variable(Check* check, Node* node) noexcept nogil:
    if check.bound[node.name] == 0 and check.with_depth == 0 and find_global_name(check.ast.names[node.name], check.ast.features) == NULL:
        undefined_fault(check, node)


cdef void check_items(Check* check, Node* node) noexcept nogil:
    cdef Node* item
    cdef uint32_t i
    for i in range(node.count):
        item = node.items[i]
        if item.kind == NODE_ATTR:
            if item.name == NO_NAME:
                check_node(check, item.a)
        elif item.kind != NODE_TEXT:
            check_node(check, item)


cdef void bind(Check* check, Bindings* bindings) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.count):
        check.bound[bindings.items[i].name] += 1


cdef void unbind(Check* check, Bindings* bindings) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.count):
        check.bound[bindings.items[i].name] -= 1


cdef void check_inherited(Check* check, Bindings* bindings) noexcept nogil:
    """`inherit a`: the name is resolved outside the set."""
    cdef uint32_t i
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_INHERIT:
            check_variable(check, bindings.items[i].value)


cdef void check_values(Check* check, Bindings* bindings) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.from_count):
        check_node(check, bindings.froms[i])
    for i in range(bindings.count):
        if bindings.items[i].kind == BINDING_PLAIN:
            check_node(check, bindings.items[i].value)
    for i in range(bindings.dynamic_count):
        check_node(check, bindings.dynamic[i].name)
        check_node(check, bindings.dynamic[i].value)


cdef void check_recursive(Check* check, Bindings* bindings, Node* body) noexcept nogil:
    """`rec { … }`, `let … in body`, `let { … }`."""
    check_inherited(check, bindings)
    bind(check, bindings)
    check_values(check, bindings)
    if body != NULL:
        check_node(check, body)
    unbind(check, bindings)


cdef void check_lambda(Check* check, Node* node) noexcept nogil:
    cdef Pattern* pattern = node.own.pattern
    cdef uint32_t i
    if pattern == NULL:
        check.bound[node.name] += 1
        check_node(check, node.a)
        check.bound[node.name] -= 1
        return
    for i in range(pattern.count):
        check.bound[pattern.formals[i].name] += 1
    if pattern.bind != NO_NAME:
        check.bound[pattern.bind] += 1
    for i in range(pattern.count):
        if pattern.formals[i].default != NULL:
            check_node(check, pattern.formals[i].default)
    check_node(check, node.a)
    for i in range(pattern.count):
        check.bound[pattern.formals[i].name] -= 1
    if pattern.bind != NO_NAME:
        check.bound[pattern.bind] -= 1


cdef void check_node(Check* check, Node* node) noexcept nogil:
    cdef uint8_t kind = node.kind
    if stack_is_low(check.stack_limit):
        check.is_too_deep = True
        return
    if kind == NODE_VARIABLE:
        check_variable(check, node)
    elif kind == NODE_ATTRS and not node.flags & ATTRS_REC:
        check_inherited(check, node.own.bindings)
        check_values(check, node.own.bindings)
    elif kind == NODE_ATTRS or kind == NODE_LET or kind == NODE_LEGACY_LET:
        check_recursive(check, node.own.bindings, node.a)
    elif kind == NODE_LAMBDA:
        check_lambda(check, node)
    elif kind == NODE_WITH:
        check_node(check, node.a)
        check.with_depth += 1
        check_node(check, node.b)
        check.with_depth -= 1
    elif kind == NODE_BINARY and (node.op == OPERATOR_MORE or node.op == OPERATOR_LESS_OR_EQUAL):
        check_node(check, node.b)     # C++ Nix: `__lessThan b a`
        check_node(check, node.a)
    else:
        if node.a != NULL:
            check_node(check, node.a)
        if node.count != 0:
            check_items(check, node)
        if node.b != NULL:
            check_node(check, node.b)
        if kind == NODE_IF:
            check_node(check, node.own.c)


cdef void check_root(void* given) noexcept nogil:
    cdef Check* check = <Check*>given
    check.stack_limit = stack_limit()
    check_node(check, check.ast.root)


cdef bint check_bindings(Ast* ast) noexcept nogil:
    cdef Check check
    memset(&check, 0, sizeof(Check))
    check.ast = ast
    check.bound = <uint32_t*>allocate_zeros(<size_t>ast.name_count + 1, sizeof(uint32_t))
    if check.bound == NULL or not call_on_deep_stack(check_root, &check):
        free(check.bound)
        return False
    free(check.bound)
    if check.fault_count != 0:
        ast.faults = check.faults     # the tree had none
        ast.fault_count = check.fault_count
    return not check.is_too_deep
