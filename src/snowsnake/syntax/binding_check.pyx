# cython: language_level=3
"""Variables that no scope defines.

In: a tree without faults.  Out: `undefined variable 'x'` faults in it.

`nix-instantiate --parse` checks this, so printing must; the compiler has scopes of its own and does not need it.  A count of
the scopes that bind each name makes every look-up one load; below a `with`, any name may be bound.

Of several undefined variables, C++ Nix names the one that it meets first.  It goes through the names of a set, a `let` and a pattern in the order in
which it knows them (syntax/turns.pyx).  The expressions of `inherit (e)` come before these names, and dynamic names after them.  The default of a
selection comes before the dynamic names of its path.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.merging cimport merge_sort, never_stops
from snowsnake.syntax.deep_stack cimport call_on_deep_stack, stack_is_low, stack_limit
from snowsnake.syntax.global_names cimport find_global_name
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_PLAIN, NO_NAME, NODE_ATTR, NODE_ATTRS, NODE_BINARY, NODE_IF, NODE_LAMBDA,
    NODE_LEGACY_LET, NODE_LET, NODE_SELECT, NODE_STRING, NODE_TEXT, NODE_VARIABLE, NODE_WITH, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, Binding,
    Bindings, Name, Node, Pattern, SYNTAX_UNDEFINED, SyntaxFault, Text, arena_alloc, is_number_or_text,
)
from snowsnake.syntax.names cimport name_text_bytes, write_name
from snowsnake.syntax.turns cimport turn_of


cdef enum:
    MOST_FAULTS = 20
    NO_BYTE = 0xFFFFFFFF


cdef struct Check:
    Ast* ast
    const Text* names
    # For each name, this counts the enclosing scopes that bind it.
    uint32_t* bound
    uint32_t with_depth
    const char* stack_limit
    bint is_too_deep
    # The check goes through names by their turns, and it ends at the first fault.
    bint is_ordered
    # An ordered check keeps the turns of names here; 0 means that we do not know the turn yet.
    uint32_t* turns
    SyntaxFault* faults
    uint32_t fault_count


# A name has this place in a set or in a pattern.
cdef struct NamePlace:
    uint32_t turn
    uint32_t index


cdef inline bint _is_later(const void* context, const NamePlace* a, const NamePlace* b) noexcept nogil:
    return a.turn > b.turn


cdef inline uint32_t _turn(Check* check, Name name) noexcept nogil:
    if check.turns[name] == 0:
        check.turns[name] = 1 + turn_of(check.names, name)
    return check.turns[name]


cdef void sort_places(Check* check, NamePlace* places, uint32_t count) noexcept nogil:
    cdef NamePlace* scratch = <NamePlace*>arena_alloc(&check.ast.arena, count * sizeof(NamePlace))
    merge_sort(places, scratch, count, _is_later, never_stops, NULL)


cdef inline bint is_done(Check* check) noexcept nogil:
    return check.is_ordered and check.fault_count != 0


cdef void undefined_fault(Check* check, Node* node) noexcept nogil:
    cdef const Text* name = &check.names[node.name]
    cdef size_t name_bytes = name_text_bytes(name)
    cdef const char* before = "undefined variable '"
    cdef uint8_t* message
    cdef SyntaxFault* fault
    if check.fault_count == MOST_FAULTS or is_done(check):
        return
    message = <uint8_t*>arena_alloc(&check.ast.arena, name_bytes + 22)
    memcpy(message, before, 20)
    write_name(name, message + 20)
    message[20 + name_bytes] = c"'"
    message[21 + name_bytes] = 0
    if check.faults == NULL:
        check.faults = <SyntaxFault*>arena_alloc(&check.ast.arena, MOST_FAULTS * sizeof(SyntaxFault))
    fault = &check.faults[check.fault_count]
    check.fault_count += 1
    fault.kind = SYNTAX_UNDEFINED
    fault.start_byte = node.start_byte
    fault.end_byte = node.end_byte
    fault.message = <char*>message
    fault.other_byte = NO_BYTE


cdef inline void check_variable(Check* check, Node* node, uint32_t own) noexcept nogil:
    """`own`: how many of the scopes that bind it do not count.  Names without a text are the compiler's own, which it binds."""
    if check.names[node.name].data == NULL:
        return
    if check.bound[node.name] == own and check.with_depth == 0 and find_global_name(check.names[node.name], check.ast.features) == NULL:
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


cdef inline void check_binding(Check* check, Binding* binding, uint32_t own) noexcept nogil:
    """`inherit a`: the name is resolved outside the set, which binds it `own` times."""
    if binding.kind == BINDING_INHERIT:
        check_variable(check, binding.value, own)
    elif binding.kind == BINDING_PLAIN:
        check_node(check, binding.value)


cdef void check_in_turn(Check* check, Bindings* bindings, uint32_t own) noexcept nogil:
    cdef NamePlace* places = <NamePlace*>arena_alloc(&check.ast.arena, bindings.count * sizeof(NamePlace))
    cdef uint32_t i
    for i in range(bindings.count):
        places[i].turn = _turn(check, bindings.items[i].name)
        places[i].index = i
    sort_places(check, places, bindings.count)
    for i in range(bindings.count):
        if is_done(check):
            return
        check_binding(check, &bindings.items[places[i].index], own)


cdef void check_values(Check* check, Bindings* bindings, uint32_t own) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.from_count):
        check_node(check, bindings.froms[i])
    if check.is_ordered and bindings.count > 1:
        check_in_turn(check, bindings, own)
    else:
        for i in range(bindings.count):
            check_binding(check, &bindings.items[i], own)
    for i in range(bindings.dynamic_count):
        check_node(check, bindings.dynamic[i].name)
        check_node(check, bindings.dynamic[i].value)


cdef void check_recursive(Check* check, Bindings* bindings, Node* body) noexcept nogil:
    """`rec { … }`, `let … in body`, `let { … }`."""
    bind(check, bindings)
    check_values(check, bindings, 1)
    if body != NULL:
        check_node(check, body)
    unbind(check, bindings)


cdef void check_defaults(Check* check, Pattern* pattern) noexcept nogil:
    cdef NamePlace* places = NULL
    cdef Node* default
    cdef uint32_t i
    if check.is_ordered and pattern.count > 1:
        places = <NamePlace*>arena_alloc(&check.ast.arena, pattern.count * sizeof(NamePlace))
        for i in range(pattern.count):
            places[i].turn = _turn(check, pattern.formals[i].name)
            places[i].index = i
        sort_places(check, places, pattern.count)
    for i in range(pattern.count):
        default = pattern.formals[places[i].index if places != NULL else i].default
        if default != NULL:
            check_node(check, default)


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
    check_defaults(check, pattern)
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
    if is_done(check):
        return
    if kind == NODE_VARIABLE:
        check_variable(check, node, 0)
    elif kind == NODE_ATTRS and not node.flags & ATTRS_REC:
        check_values(check, node.own.bindings, 0)
    elif kind == NODE_ATTRS or kind == NODE_LET or kind == NODE_LEGACY_LET:
        check_recursive(check, node.own.bindings, node.a)
    elif kind == NODE_LAMBDA:
        check_lambda(check, node)
    elif kind == NODE_WITH:
        check_node(check, node.a)
        check.with_depth += 1
        check_node(check, node.b)
        check.with_depth -= 1
    elif kind == NODE_STRING:
        check_items(check, node)
    elif kind == NODE_BINARY and (node.op == OPERATOR_MORE or node.op == OPERATOR_LESS_OR_EQUAL):
        # C++ Nix makes `__lessThan b a` of this, so we check the right operand first.
        check_node(check, node.b)
        check_node(check, node.a)
    elif not is_number_or_text(kind):
        if node.a != NULL:
            check_node(check, node.a)
        if kind == NODE_SELECT and node.b != NULL:
            check_node(check, node.b)
        if node.count != 0:
            check_items(check, node)
        if kind != NODE_SELECT and node.b != NULL:
            check_node(check, node.b)
        if kind == NODE_IF:
            check_node(check, node.own.c)


cdef void check_root(void* given) noexcept nogil:
    cdef Check* check = <Check*>given
    check.stack_limit = stack_limit()
    check_node(check, check.ast.root)


cdef SyntaxFault* first_undefined(Ast* ast, Node* root, const Text* names, uint32_t name_count, const char* limit) noexcept nogil:
    cdef Check check
    memset(&check, 0, sizeof(Check))
    check.ast = ast
    check.names = names
    check.stack_limit = limit
    check.is_ordered = True
    check.bound = <uint32_t*>arena_alloc(&ast.arena, <size_t>name_count * sizeof(uint32_t))
    check.turns = <uint32_t*>arena_alloc(&ast.arena, <size_t>name_count * sizeof(uint32_t))
    check_node(&check, root)
    return check.faults if not check.is_too_deep else NULL


cdef void find_first(void* given) noexcept nogil:
    """Puts the one that C++ Nix names before the others."""
    cdef Check* check = <Check*>given
    cdef Ast* ast = check.ast
    cdef SyntaxFault* first = first_undefined(ast, ast.root, ast.names, ast.name_count, stack_limit())
    cdef SyntaxFault usual
    cdef uint32_t i
    if first == NULL:
        return
    usual = check.faults[0]
    for i in range(check.fault_count):
        if check.faults[i].start_byte == first.start_byte:
            check.faults[i] = usual
            break
    check.faults[0] = first[0]


cdef bint check_bindings(Ast* ast, bint* is_too_deep) noexcept nogil:
    cdef Check check
    cdef bint is_complete = True
    memset(&check, 0, sizeof(Check))
    check.ast = ast
    check.names = ast.names
    check.bound = <uint32_t*>allocate_zeros(<size_t>ast.name_count + 1, sizeof(uint32_t))
    is_complete = check.bound != NULL and call_on_deep_stack(check_root, &check)
    if is_complete and check.fault_count > 1:
        is_complete = call_on_deep_stack(find_first, &check)
    free(check.bound)
    if not is_complete:
        return False
    if check.fault_count != 0:
        # The tree had no faults before, so we replace nothing.
        ast.faults = check.faults
        ast.fault_count = check.fault_count
    is_too_deep[0] = check.is_too_deep
    return True
