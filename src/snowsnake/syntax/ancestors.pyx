# cython: language_level=3
"""The way from the root of a tree to a place in its source: what the lines of a trace are made of.

In: a tree without faults and a span.  Out: a tuple for each node on the way, the root first:
(role in its parent, kind, operator, start, end, operator's offset, name, name's offset), the last two of the attribute or variable
that it is the value of.  The last one is the innermost node that contains the span.
"""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport (
    NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTR, NODE_ATTRS, NODE_BINARY, NODE_HAS_ATTR, NODE_IF, NODE_LAMBDA,
    NODE_LEGACY_LET, NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT, NODE_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT,
    NODE_VARIABLE, NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_CONCAT, OPERATOR_DIV, OPERATOR_EQUAL,
    OPERATOR_IMPLIES, OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL,
    OPERATOR_NOT_EQUAL, OPERATOR_OR, OPERATOR_SUB, OPERATOR_UPDATE, Binding, Bindings, Name, Node,
)

_KINDS = {
    NODE_STRING: "string", NODE_PATH: "path", NODE_VARIABLE: "variable", NODE_SELECT: "select", NODE_HAS_ATTR: "hasAttr",
    NODE_APPLY: "apply", NODE_LAMBDA: "lambda", NODE_LET: "let", NODE_LEGACY_LET: "legacyLet", NODE_ATTRS: "attrs", NODE_LIST: "list",
    NODE_WITH: "with", NODE_IF: "if", NODE_ASSERT: "assert", NODE_NOT: "not", NODE_NEGATE: "negate", NODE_BINARY: "binary",
}
_OPERATORS = {
    OPERATOR_ADD: "+", OPERATOR_SUB: "-", OPERATOR_MUL: "*", OPERATOR_DIV: "/", OPERATOR_EQUAL: "==", OPERATOR_NOT_EQUAL: "!=",
    OPERATOR_LESS: "<", OPERATOR_LESS_OR_EQUAL: "<=", OPERATOR_MORE: ">", OPERATOR_MORE_OR_EQUAL: ">=", OPERATOR_AND: "&&",
    OPERATOR_OR: "||", OPERATOR_IMPLIES: "->", OPERATOR_UPDATE: "//", OPERATOR_CONCAT: "++",
}


cdef enum:
    MOST_NESTED_PATH = 100            # names of an attribute path


cdef struct Step:                     # to a child
    const char* role
    Node* node
    uint32_t place
    Name name


cdef inline bint _holds(Node* node, uint32_t start_byte, uint32_t end_byte) noexcept nogil:
    return node != NULL and node.start_byte <= start_byte and end_byte <= node.end_byte


cdef bint _take(Step* step, const char* role, Node* node, uint32_t place, uint32_t start, uint32_t end) noexcept nogil:
    if not _holds(node, start, end):
        return False
    step.role = role
    step.node = node
    step.place = place
    step.name = NO_NAME
    return True


cdef bint _into_bindings(Step* step, Bindings* bindings, uint32_t start, uint32_t end, int depth) noexcept nogil:
    cdef Binding* binding
    cdef uint32_t i
    if bindings == NULL or depth == MOST_NESTED_PATH:
        return False
    for i in range(bindings.count):
        binding = &bindings.items[i]
        if _take(step, "value", binding.value, binding.start_byte, start, end):
            step.name = binding.name
            return True
        # `a.b = …` is a set in a set, whose span is not that of what stands in it
        if binding.value != NULL and binding.value.kind == NODE_ATTRS and _into_bindings(step, binding.value.own.bindings, start, end, depth + 1):
            return True
    for i in range(bindings.dynamic_count):
        if _take(step, "value", bindings.dynamic[i].value, bindings.dynamic[i].start_byte, start, end):
            return True
        if _take(step, "name", bindings.dynamic[i].name, bindings.dynamic[i].start_byte, start, end):
            return True
    for i in range(bindings.from_count):
        if _take(step, "from", bindings.froms[i], 0, start, end):
            return True
    return False


cdef bint _into_items(Step* step, Node* node, uint32_t start, uint32_t end) noexcept nogil:
    cdef const char* role = "part"
    cdef Node* item
    cdef uint32_t i
    if node.kind == NODE_APPLY:
        role = "argument"
    elif node.kind == NODE_LIST:
        role = "item"
    for i in range(node.count):
        item = node.items[i]
        if item != NULL and item.kind == NODE_ATTR:
            if _take(step, "name", item.a, item.start_byte, start, end):
                return True
        elif _take(step, role, item, 0, start, end):
            return True
    return False


cdef bint _step(Node* node, uint32_t start, uint32_t end, Step* step) noexcept nogil:
    """The child that contains the span."""
    cdef const char* a = "body"
    cdef const char* b = "body"
    cdef uint32_t i
    if node.kind == NODE_IF or node.kind == NODE_ASSERT:
        a = "condition"
    elif node.kind == NODE_BINARY:
        a = "left"
        b = "right"
    elif node.kind == NODE_SELECT or node.kind == NODE_HAS_ATTR or node.kind == NODE_WITH:
        a = "set"
    elif node.kind == NODE_APPLY:
        a = "function"
    elif node.kind == NODE_NOT or node.kind == NODE_NEGATE:
        a = "operand"
    if _take(step, a, node.a, 0, start, end) or _take(step, b, node.b, 0, start, end):
        return True
    if node.kind == NODE_IF and _take(step, "body", node.own.c, 0, start, end):
        return True
    if node.kind == NODE_LAMBDA and node.own.pattern != NULL:
        for i in range(node.own.pattern.count):
            if _take(step, "default", node.own.pattern.formals[i].default, node.own.pattern.formals[i].start_byte, start, end):
                return True
    if node.kind != NODE_TEXT and node.items != NULL and _into_items(step, node, start, end):
        return True
    if node.kind == NODE_ATTRS or node.kind == NODE_LET or node.kind == NODE_LEGACY_LET:
        return _into_bindings(step, node.own.bindings, start, end, 0)
    return False


cdef list ancestors_of(Ast* ast, uint32_t start_byte, uint32_t end_byte):
    cdef Step step
    cdef Node* node
    found = []
    step.role = ""
    step.node = ast.root
    step.place = 0
    step.name = NO_NAME
    if not _holds(step.node, start_byte, end_byte):
        return found
    while True:
        node = step.node
        operator = node.size_bytes if node.kind == NODE_BINARY else 0
        name = ""
        if step.name != NO_NAME:
            name = (<char*>ast.names[step.name].data)[:ast.names[step.name].size_bytes].decode("utf-8", "replace")
        found.append(((<bytes>step.role).decode(), _KINDS.get(node.kind, ""), _OPERATORS.get(node.op, ""), node.start_byte, node.end_byte,
                      operator, name, step.place))
        if not _step(node, start_byte, end_byte, &step):
            return found


cdef object item_start_of(Ast* ast, uint32_t start_byte, uint32_t end_byte, uint32_t index):
    """Where an item (piece of a string, element of a path) of the innermost node with just this span starts, or None."""
    cdef Step step
    cdef Node* node
    step.node = ast.root
    if not _holds(step.node, start_byte, end_byte):
        return None
    while True:
        node = step.node
        if node.start_byte == start_byte and node.end_byte == end_byte and index < node.count and node.items != NULL:
            return None if node.items[index] == NULL else node.items[index].start_byte
        if not _step(node, start_byte, end_byte, &step):
            return None
