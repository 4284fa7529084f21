# cython: language_level=3
"""Reads what a tree describes without evaluation: literals, and sets and lists of literals.

In: a tree without faults.  Out: Python objects, nested `Literal`s; an expression that would have to be evaluated is of the kind `thunk`.
The bodies of functions are not read, so that a large file costs what its outermost sets cost.
"""
from libc.stdint cimport uint32_t

from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_INHERIT, BINDING_INHERIT_FROM, NODE_ATTRS, NODE_FLOAT, NODE_INT, NODE_LAMBDA, NODE_LIST,
    NODE_PATH, NODE_STRING, NODE_TEXT, NODE_VARIABLE, Binding, Bindings, Name, Node, Pattern,
)

MOST_LEVELS = 100


class Literal:
    """A value that the source describes.

    `kind` is `string`, `path`, `int`, `float`, `bool`, `null`, `set`, `list`, `function` or `thunk`.  `value` of a set: its attributes, name
    to (literal, start_byte, end_byte) in source order; of a list: literals; of a function: the names of its pattern, or None; of a path:
    its text as written.
    """

    __slots__ = ("kind", "value")

    def __init__(self, kind, value=None):
        self.kind = kind
        self.value = value

    def __repr__(self):
        return f"Literal({self.kind!r}, {self.value!r})"


cdef str _text(const unsigned char* data, uint32_t size):
    return (<char*>data)[:size].decode("utf-8", "surrogateescape")


cdef str _name(Ast* ast, Name name):
    return _text(ast.names[name].data, ast.names[name].size_bytes)


cdef object _variable(str name, list scopes):
    """A variable that the source binds, seen from inside its set; a constant; or an expression to be evaluated."""
    for scope in reversed(scopes):
        if name in scope:
            return scope[name][0]
    if name in ("true", "false"):
        return Literal("bool", name == "true")
    return Literal("null") if name == "null" else Literal("thunk")


cdef object _set(Ast* ast, Node* node, list scopes, int depth):
    cdef Bindings* bindings = node.own.bindings
    cdef Binding* binding
    cdef uint32_t i
    if bindings.dynamic_count:
        return Literal("thunk")
    found = {}
    inner = scopes
    if node.flags & ATTRS_REC:
        # A variable of the same set may occur before its value.
        inner = scopes + [{_name(ast, bindings.items[i].name): (Literal("thunk"), 0, 0) for i in range(bindings.count)}]
    for i in range(bindings.count):
        binding = &bindings.items[i]
        if binding.kind == BINDING_INHERIT_FROM:
            value = Literal("thunk")
        else:
            value = _literal(ast, binding.value, scopes if binding.kind == BINDING_INHERIT else inner, depth + 1)
        found[_name(ast, binding.name)] = (value, binding.start_byte, binding.end_byte)
    return Literal("set", found)


cdef object _literal(Ast* ast, Node* node, list scopes, int depth):
    cdef Pattern* pattern
    cdef uint32_t i
    cdef int kind = node.kind
    if depth > MOST_LEVELS:
        return Literal("thunk")
    if kind == NODE_INT:
        return Literal("int", node.own.integer)
    if kind == NODE_FLOAT:
        return Literal("float", node.own.number)
    if kind == NODE_STRING or kind == NODE_PATH:
        if node.count == 0:
            return Literal("string", "")
        if node.count > 1 or node.items[0].kind != NODE_TEXT:
            return Literal("thunk")
        return Literal("string" if kind == NODE_STRING else "path", _text(node.items[0].own.text, node.items[0].size_bytes))
    if kind == NODE_VARIABLE:
        return _variable(_name(ast, node.name), scopes)
    if kind == NODE_ATTRS:
        return _set(ast, node, scopes, depth)
    if kind == NODE_LIST:
        return Literal("list", [_literal(ast, node.items[i], scopes, depth + 1) for i in range(node.count)])
    if kind == NODE_LAMBDA:
        pattern = node.own.pattern
        return Literal("function", None if pattern == NULL else [_name(ast, pattern.formals[i].name) for i in range(pattern.count)])
    return Literal("thunk")


cdef object outline_of(Ast* ast):
    return _literal(ast, ast.root, [], 0)
