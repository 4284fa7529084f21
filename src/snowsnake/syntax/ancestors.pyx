# cython: language_level=3
"""The nodes from the root of a tree down to a place in its source, from which the lines of a trace are made.

In: a tree without faults and a span.  Out: a tuple for each node from the root down:
(role in its parent, kind, operator, start, end, place, name, name's offset, variable).  The place is the offset of an operator or a pipe, or the
start of another call; the name is that of the attribute or variable whose value the node is.  The last tuple is for the innermost node that
contains the span.  The tuples for the parts of one node have the same form.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset

from snowsnake.syntax.lexer cimport Lexer, lexer_next
from snowsnake.syntax.nodes cimport (
    APPLY_PIPE, ATTRS_REC, NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTR, NODE_ATTRS, NODE_BINARY, NODE_CURRENT_POSITION, NODE_HAS_ATTR, NODE_IF, NODE_LAMBDA,
    NODE_LEGACY_LET, NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT, NODE_PATH, NODE_SEARCH_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT,
    NODE_VARIABLE, NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_CONCAT, OPERATOR_DIV, OPERATOR_EQUAL,
    OPERATOR_IMPLIES, OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL,
    OPERATOR_NOT_EQUAL, OPERATOR_OR, OPERATOR_SUB, OPERATOR_UPDATE, Binding, Bindings, Name, Node, Pattern, is_number_or_text,
)

_KINDS = {
    NODE_TEXT: "text", NODE_STRING: "string", NODE_PATH: "path", NODE_VARIABLE: "variable", NODE_SELECT: "select", NODE_HAS_ATTR: "hasAttr",
    NODE_APPLY: "apply", NODE_LAMBDA: "lambda", NODE_LET: "let", NODE_LEGACY_LET: "legacyLet", NODE_ATTRS: "attrs", NODE_LIST: "list",
    NODE_WITH: "with", NODE_IF: "if", NODE_ASSERT: "assert", NODE_NOT: "not", NODE_NEGATE: "negate", NODE_BINARY: "binary",
    NODE_CURRENT_POSITION: "currentPosition", NODE_SEARCH_PATH: "searchPath",
}
_OPERATORS = {
    OPERATOR_ADD: "+", OPERATOR_SUB: "-", OPERATOR_MUL: "*", OPERATOR_DIV: "/", OPERATOR_EQUAL: "==", OPERATOR_NOT_EQUAL: "!=",
    OPERATOR_LESS: "<", OPERATOR_LESS_OR_EQUAL: "<=", OPERATOR_MORE: ">", OPERATOR_MORE_OR_EQUAL: ">=", OPERATOR_AND: "&&",
    OPERATOR_OR: "||", OPERATOR_IMPLIES: "->", OPERATOR_UPDATE: "//", OPERATOR_CONCAT: "++",
}


cdef enum:
    # We go into at most this many names of one attribute path.
    MOST_NESTED_PATH = 100


# A step leads from a node to one of its children.
cdef struct Step:
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
        # `a.b = …` makes a set in a set, and the span of the outer set does not contain the inner one.
        if binding.value != NULL and binding.value.kind == NODE_ATTRS and _into_bindings(step, binding.value.own.bindings, start, end, depth + 1):
            return True
    for i in range(bindings.dynamic_count):
        # The set that `${a}.b = …` makes has the span of the whole path, and so contains the name.
        if _take(step, "name", bindings.dynamic[i].name, bindings.dynamic[i].start_byte, start, end):
            return True
        if _take(step, "value", bindings.dynamic[i].value, bindings.dynamic[i].start_byte, start, end):
            return True
    for i in range(bindings.from_count):
        if _take(step, "from", bindings.froms[i], 0, start, end):
            return True
    return False


cdef const char* _role_of_items(Node* node) noexcept nogil:
    return "argument" if node.kind == NODE_APPLY else "item" if node.kind == NODE_LIST else "part"


cdef bint _into_items(Step* step, Node* node, uint32_t start, uint32_t end) noexcept nogil:
    cdef Node* item
    cdef uint32_t i
    for i in range(node.count):
        item = node.items[i]
        if item != NULL and item.kind == NODE_ATTR:
            if _take(step, "name", item.a, item.start_byte, start, end):
                return True
        elif _take(step, _role_of_items(node), item, 0, start, end):
            return True
    return False


cdef const char* _role_of_a(Node* node) noexcept nogil:
    if node.kind == NODE_IF or node.kind == NODE_ASSERT:
        return "condition"
    if node.kind == NODE_BINARY:
        return "left"
    if node.kind == NODE_SELECT or node.kind == NODE_HAS_ATTR or node.kind == NODE_WITH:
        return "set"
    if node.kind == NODE_APPLY:
        return "function"
    return "operand" if node.kind == NODE_NOT or node.kind == NODE_NEGATE else "body"


cdef bint _step(Node* node, uint32_t start, uint32_t end, Step* step) noexcept nogil:
    """The child that contains the span."""
    cdef const char* b = "right" if node.kind == NODE_BINARY else "body"
    cdef uint32_t i
    if is_number_or_text(node.kind):
        return False
    if node.kind == NODE_STRING:
        return _into_items(step, node, start, end)
    if _take(step, _role_of_a(node), node.a, 0, start, end) or _take(step, b, node.b, 0, start, end):
        return True
    if node.kind == NODE_IF and _take(step, "body", node.own.c, 0, start, end):
        return True
    if node.kind == NODE_LAMBDA and node.own.pattern != NULL:
        for i in range(node.own.pattern.count):
            if _take(step, "default", node.own.pattern.formals[i].default, node.own.pattern.formals[i].start_byte, start, end):
                return True
    if node.items != NULL and _into_items(step, node, start, end):
        return True
    if node.kind == NODE_ATTRS or node.kind == NODE_LET or node.kind == NODE_LEGACY_LET:
        return _into_bindings(step, node.own.bindings, start, end, 0)
    return False


cdef str _text(Ast* ast, Name name):
    if name == NO_NAME:
        return ""
    return (<char*>ast.names[name].data)[:ast.names[name].size_bytes].decode("utf-8", "replace")


cdef uint32_t _place(Node* node) noexcept:
    if node.kind == NODE_BINARY or node.flags & APPLY_PIPE:
        return node.size_bytes
    return node.start_byte if node.kind == NODE_APPLY else 0


cdef tuple _described(Ast* ast, Step* step):
    cdef Node* node = step.node
    return (
        (<bytes>step.role).decode(), _KINDS.get(node.kind, ""), _OPERATORS.get(node.op, ""), node.start_byte, node.end_byte,
        _place(node), _text(ast, step.name), step.place,
        _text(ast, node.name) if node.kind == NODE_VARIABLE else "",
    )


cdef void _begin(Ast* ast, Step* step) noexcept:
    step.role = ""
    step.node = ast.root
    step.place = 0
    step.name = NO_NAME


cdef list ancestors_of(Ast* ast, uint32_t start_byte, uint32_t end_byte):
    cdef Step step
    found = []
    _begin(ast, &step)
    if not _holds(step.node, start_byte, end_byte):
        return found
    while True:
        found.append(_described(ast, &step))
        if not _step(step.node, start_byte, end_byte, &step):
            return found


cdef int _bind(set names, Ast* ast, Node* node) except -1:
    """Adds the names that a node binds for the nodes inside it."""
    cdef Pattern* pattern
    cdef Bindings* bindings
    cdef uint32_t i
    if node.kind == NODE_LAMBDA and node.own.pattern == NULL:
        names.add(_text(ast, node.name))
    elif node.kind == NODE_LAMBDA:
        pattern = node.own.pattern
        for i in range(pattern.count):
            names.add(_text(ast, pattern.formals[i].name))
        if pattern.bind != NO_NAME:
            names.add(_text(ast, pattern.bind))
    elif node.kind == NODE_LET or (node.kind == NODE_ATTRS and node.flags & ATTRS_REC):
        bindings = node.own.bindings
        for i in range(bindings.count):
            names.add(_text(ast, bindings.items[i].name))
    return 0


cdef set names_at(Ast* ast, uint32_t offset):
    cdef Step step
    cdef set names = set()
    _begin(ast, &step)
    if _holds(step.node, offset, offset + 1):
        _bind(names, ast, step.node)
        while _step(step.node, offset, offset + 1, &step):
            _bind(names, ast, step.node)
    return names


cdef list path_of(Ast* ast):
    cdef Node* part
    cdef uint32_t i
    path = []
    if ast.root.kind == NODE_SELECT:
        for i in range(ast.root.count):
            part = ast.root.items[i]
            if part.name != NO_NAME:
                path.append((_text(ast, part.name), part.start_byte, part.end_byte))
            else:
                path.append((None, part.a.start_byte, part.a.end_byte))
    return path


# ---- the parts of a node ----------------------------------------------------------------------------------------

cdef uint32_t _opening(Ast* ast, uint32_t offset, bint is_behind) noexcept:
    """The last `${` before a byte, or (*is_behind*) the first one from it on; the byte itself if there is none."""
    cdef uint32_t low = 0, high = ast.opening_count, middle
    while low < high:
        middle = (low + high) // 2
        if ast.openings[middle] < offset:
            low = middle + 1
        else:
            high = middle
    if is_behind:
        return ast.openings[low] if low < ast.opening_count else offset
    return ast.openings[low - 1] if low else offset


cdef int _add(list found, Ast* ast, const char* role, Node* node, uint32_t place) except -1:
    cdef Step step
    if node != NULL and node.kind != NODE_ATTR:
        step.role = role
        step.node = node
        step.place = place
        step.name = NO_NAME
        found.append(_described(ast, &step))
    return 0


cdef list children_of(Ast* ast, uint32_t start_byte, uint32_t end_byte, str kind):
    cdef Step step
    cdef Node* node
    cdef Node* item
    cdef uint32_t i
    found = []
    _begin(ast, &step)
    if not _holds(step.node, start_byte, end_byte):
        return found
    while (step.node.start_byte, step.node.end_byte) != (start_byte, end_byte) or _KINDS.get(step.node.kind, "") != kind:
        if not _step(step.node, start_byte, end_byte, &step):
            return found
    node = step.node
    if is_number_or_text(node.kind):
        return found
    if node.kind != NODE_STRING:
        _add(found, ast, _role_of_a(node), node.a, 0)
        _add(found, ast, "right" if node.kind == NODE_BINARY else "body", node.b, 0)
    if node.kind == NODE_IF:
        _add(found, ast, "body", node.own.c, 0)
    if node.items != NULL:
        for i in range(node.count):
            item = node.items[i]
            if item != NULL and item.kind == NODE_ATTR:
                _add(found, ast, "name", item.a, item.start_byte)
            elif item != NULL:
                _add(found, ast, _role_of_items(node), item, _opening(ast, item.start_byte, False))
    if node.kind == NODE_ATTRS or node.kind == NODE_LET or node.kind == NODE_LEGACY_LET:
        for i in range(node.own.bindings.dynamic_count):
            _add(found, ast, "name", node.own.bindings.dynamic[i].name, _opening(ast, node.own.bindings.dynamic[i].start_byte, True))
        for i in range(node.own.bindings.from_count):
            _add(found, ast, "from", node.own.bindings.froms[i], 0)
    return found


cdef uint32_t token_start(Ast* ast, uint32_t offset) noexcept:
    cdef Lexer lexer
    memset(&lexer, 0, sizeof(lexer))
    lexer.data = ast.source.data
    lexer.size_bytes = ast.source.size_bytes
    lexer.position = min(offset, ast.source.size_bytes)
    lexer_next(&lexer)
    return lexer.start
