# cython: language_level=3
"""From a syntax tree to JSON, for tools.

In: a tree without faults.  Out: text; every node is an object with `kind`, `span` (start and end byte) and the fields
that its kind has, in source order.  Bytes that are not UTF-8 appear as U+FFFD.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdio cimport snprintf
from snowsnake.foundation.buffer cimport bytes_append, bytes_text
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.syntax.deep_stack cimport call_on_deep_stack, stack_is_low, stack_limit
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_INHERIT_FROM, NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTR, NODE_ATTRS,
    NODE_BINARY, NODE_CURRENT_POSITION, NODE_FLOAT, NODE_HAS_ATTR, NODE_IF, NODE_INT, NODE_LAMBDA, NODE_LEGACY_LET,
    NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT, NODE_PATH, NODE_SEARCH_PATH, NODE_SELECT, NODE_STRING, NODE_TEXT,
    NODE_VARIABLE, NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_CONCAT, OPERATOR_DIV, OPERATOR_EQUAL,
    OPERATOR_IMPLIES, OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE, OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL,
    OPERATOR_NOT_EQUAL, OPERATOR_OR, OPERATOR_SUB, OPERATOR_UPDATE, Binding, Bindings, DynamicBinding, Name, Node,
    Pattern,
)

ctypedef const char* CString

cdef CString[32] KIND_OF
cdef CString[32] OPERATOR_OF

KINDS = {
    NODE_INT: b"int", NODE_FLOAT: b"float", NODE_TEXT: b"text", NODE_STRING: b"string", NODE_PATH: b"path",
    NODE_SEARCH_PATH: b"searchPath", NODE_VARIABLE: b"variable", NODE_SELECT: b"select", NODE_HAS_ATTR: b"hasAttr",
    NODE_ATTR: b"attribute", NODE_APPLY: b"apply", NODE_LAMBDA: b"lambda", NODE_LET: b"let",
    NODE_LEGACY_LET: b"legacyLet", NODE_ATTRS: b"attrs", NODE_LIST: b"list", NODE_WITH: b"with", NODE_IF: b"if",
    NODE_ASSERT: b"assert", NODE_NOT: b"not", NODE_NEGATE: b"negate", NODE_BINARY: b"binary",
    NODE_CURRENT_POSITION: b"currentPosition",
}
OPERATORS = {
    OPERATOR_ADD: b"+", OPERATOR_SUB: b"-", OPERATOR_MUL: b"*", OPERATOR_DIV: b"/", OPERATOR_EQUAL: b"==",
    OPERATOR_NOT_EQUAL: b"!=", OPERATOR_LESS: b"<", OPERATOR_LESS_OR_EQUAL: b"<=", OPERATOR_MORE: b">",
    OPERATOR_MORE_OR_EQUAL: b">=", OPERATOR_AND: b"&&", OPERATOR_OR: b"||", OPERATOR_IMPLIES: b"->",
    OPERATOR_UPDATE: b"//", OPERATOR_CONCAT: b"++",
}
for number, name in KINDS.items():
    KIND_OF[<int>number] = <bytes>name
for number, name in OPERATORS.items():
    OPERATOR_OF[<int>number] = <bytes>name


cdef struct Writer:
    Bytes* buffer
    Ast* ast
    const char* stack_limit
    bint is_too_deep


cdef inline void put(Writer* writer, const char* text) noexcept nogil:
    bytes_text(writer.buffer, text)


cdef void put_escaped_byte(Writer* writer, uint8_t byte) noexcept nogil:
    cdef char[8] escape
    snprintf(escape, sizeof(escape), "\\u%04x", <unsigned int>byte)
    put(writer, escape)


cdef void put_string(Writer* writer, const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    # The bytes from here on are not written yet.
    cdef uint32_t plain = 0
    cdef uint32_t i
    put(writer, '"')
    for i in range(size_bytes):
        if data[i] >= 0x20 and data[i] != c'"' and data[i] != c'\\':
            continue
        bytes_append(writer.buffer, data + plain, i - plain)
        put_escaped_byte(writer, data[i])
        plain = i + 1
    bytes_append(writer.buffer, data + plain, size_bytes - plain)
    put(writer, '"')


cdef void put_name(Writer* writer, Name name) noexcept nogil:
    put_string(writer, writer.ast.names[name].data, writer.ast.names[name].size_bytes)


cdef void put_span(Writer* writer, uint32_t start, uint32_t end) noexcept nogil:
    cdef char[64] text
    snprintf(text, sizeof(text), '"span":[%u,%u]', <unsigned int>start, <unsigned int>end)
    put(writer, text)


cdef void put_field(Writer* writer, const char* name, Node* node) noexcept nogil:
    if node != NULL:
        put(writer, ',"')
        put(writer, name)
        put(writer, '":')
        put_node(writer, node)


cdef void put_items(Writer* writer, const char* name, Node* node) noexcept nogil:
    cdef uint32_t i
    put(writer, ',"')
    put(writer, name)
    put(writer, '":[')
    for i in range(node.count):
        if i != 0:
            put(writer, ",")
        put_node(writer, node.items[i])
    put(writer, "]")


cdef void put_float(Writer* writer, double number) noexcept nogil:
    cdef char[FLOAT_TEXT_BYTES] text
    float_text(text, sizeof(text), "%.17g", number)
    put(writer, ',"value":')
    put(writer, text)


cdef void put_integer(Writer* writer, Node* node) noexcept nogil:
    cdef char[64] text
    snprintf(text, sizeof(text), ',"value":%lld', <long long>node.own.integer)
    put(writer, text)


cdef void put_doc(Writer* writer, uint32_t start, uint32_t end) noexcept nogil:
    cdef char[64] text
    if end != 0:
        snprintf(text, sizeof(text), ',"doc":[%u,%u]', <unsigned int>start, <unsigned int>end)
        put(writer, text)


cdef void put_binding(Writer* writer, Binding* binding) noexcept nogil:
    cdef char[64] text
    put(writer, "{")
    put_span(writer, binding.start_byte, binding.end_byte)
    put(writer, ',"name":')
    put_name(writer, binding.name)
    if binding.kind == BINDING_INHERIT:
        put(writer, ',"inherited":true')
    elif binding.kind == BINDING_INHERIT_FROM:
        snprintf(text, sizeof(text), ',"from":%u', <unsigned int>binding.from_index)
        put(writer, text)
    else:
        put_field(writer, "value", binding.value)
    put_doc(writer, binding.doc_start_byte, binding.doc_end_byte)
    put(writer, "}")


cdef void put_dynamic(Writer* writer, DynamicBinding* binding) noexcept nogil:
    put(writer, "{")
    put_span(writer, binding.start_byte, binding.end_byte)
    put_field(writer, "name", binding.name)
    put_field(writer, "value", binding.value)
    put(writer, "}")


cdef void put_bindings(Writer* writer, Bindings* bindings) noexcept nogil:
    cdef uint32_t i
    put(writer, ',"bindings":[')
    for i in range(bindings.count):
        if i != 0:
            put(writer, ",")
        put_binding(writer, &bindings.items[i])
    put(writer, "]")
    if bindings.from_count != 0:
        put(writer, ',"froms":[')
        for i in range(bindings.from_count):
            if i != 0:
                put(writer, ",")
            put_node(writer, bindings.froms[i])
        put(writer, "]")
    if bindings.dynamic_count != 0:
        put(writer, ',"dynamic":[')
        for i in range(bindings.dynamic_count):
            if i != 0:
                put(writer, ",")
            put_dynamic(writer, &bindings.dynamic[i])
        put(writer, "]")


cdef void put_pattern(Writer* writer, Pattern* pattern) noexcept nogil:
    cdef uint32_t i
    put(writer, ',"formals":[')
    for i in range(pattern.count):
        put(writer, ",{" if i != 0 else "{")
        put_span(writer, pattern.formals[i].start_byte, pattern.formals[i].end_byte)
        put(writer, ',"name":')
        put_name(writer, pattern.formals[i].name)
        put_field(writer, "default", pattern.formals[i].default)
        put(writer, "}")
    put(writer, '],"ellipsis":')
    put(writer, "true" if pattern.has_ellipsis else "false")
    if pattern.bind != NO_NAME:
        put(writer, ',"bind":')
        put_name(writer, pattern.bind)


cdef void put_literal(Writer* writer, Node* node) noexcept nogil:
    cdef uint8_t kind = node.kind
    if kind == NODE_INT:
        put_integer(writer, node)
    elif kind == NODE_FLOAT:
        put_float(writer, node.own.number)
    elif kind == NODE_TEXT or kind == NODE_SEARCH_PATH:
        put(writer, ',"text":')
        put_string(writer, node.own.text, node.size_bytes)
    else:
        put(writer, ',"name":')
        put_name(writer, node.name)


cdef void put_fields(Writer* writer, Node* node) noexcept nogil:
    cdef uint8_t kind = node.kind
    if kind == NODE_VARIABLE or kind == NODE_INT or kind == NODE_FLOAT or kind == NODE_TEXT or kind == NODE_SEARCH_PATH:
        put_literal(writer, node)
    elif kind == NODE_STRING or kind == NODE_PATH:
        put_items(writer, "parts", node)
    elif kind == NODE_LIST:
        put_items(writer, "items", node)
    elif kind == NODE_ATTR:
        if node.name != NO_NAME:
            put_literal(writer, node)
        put_field(writer, "expression", node.a)
    elif kind == NODE_SELECT or kind == NODE_HAS_ATTR:
        put_field(writer, "set", node.a)
        put_items(writer, "path", node)
        put_field(writer, "default", node.b)
    elif kind == NODE_APPLY:
        put_field(writer, "function", node.a)
        put_items(writer, "arguments", node)
    elif kind == NODE_LAMBDA:
        put_doc(writer, node.count, node.size_bytes)
        if node.own.pattern != NULL:
            put_pattern(writer, node.own.pattern)
        else:
            put(writer, ',"parameter":')
            put_name(writer, node.name)
        put_field(writer, "body", node.a)
    elif kind == NODE_BINARY:
        put(writer, ',"operator":"')
        put(writer, OPERATOR_OF[node.op])
        put(writer, '"')
        put_field(writer, "left", node.a)
        put_field(writer, "right", node.b)
    elif kind == NODE_IF:
        put_field(writer, "condition", node.a)
        put_field(writer, "then", node.b)
        put_field(writer, "else", node.own.c)
    elif kind == NODE_ASSERT or kind == NODE_WITH:
        put_field(writer, "condition" if kind == NODE_ASSERT else "set", node.a)
        put_field(writer, "body", node.b)
    elif kind == NODE_NOT or kind == NODE_NEGATE:
        put_field(writer, "operand", node.a)
    elif kind != NODE_CURRENT_POSITION:
        if node.flags & ATTRS_REC:
            put(writer, ',"recursive":true')
        put_bindings(writer, node.own.bindings)
        put_field(writer, "body", node.a)


cdef void put_node(Writer* writer, Node* node) noexcept nogil:
    if stack_is_low(writer.stack_limit):
        writer.is_too_deep = True
        return
    put(writer, '{"kind":"')
    put(writer, KIND_OF[node.kind])
    put(writer, '",')
    put_span(writer, node.start_byte, node.end_byte)
    put_fields(writer, node)
    put(writer, "}")


cdef void print_root(void* given) noexcept nogil:
    cdef Writer* writer = <Writer*>given
    writer.stack_limit = stack_limit()
    put_node(writer, writer.ast.root)


cdef bint print_json(Ast* ast, Bytes* buffer) noexcept nogil:
    cdef Writer writer
    writer.buffer = buffer
    writer.ast = ast
    writer.is_too_deep = False
    if not call_on_deep_stack(print_root, &writer):
        buffer.failed = True
    return not writer.is_too_deep
