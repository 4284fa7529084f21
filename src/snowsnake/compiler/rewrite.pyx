# cython: language_level=3
"""Syntax that the language defines in terms of other syntax: operators that a program may rebind, sets with `__overrides`, path literals.

By `a - b` Nix means `__sub a b`, with whatever `__sub` is in scope.  That matters only to programs that bind such a name, so
only their trees are rewritten.
"""
from libc.string cimport memset

from snowsnake.compiler.names cimport fresh_name, known_name
from snowsnake.compiler.new_nodes cimport new_node, new_variable
from snowsnake.compiler.scope cimport is_environment_there, is_variable
from snowsnake.syntax.nodes cimport (
    ATTRS_REC, BINDING_PLAIN, NODE_APPLY, NODE_ATTRS, NODE_INT, NODE_LEGACY_LET, NODE_LET, NODE_NEGATE, NODE_NOT,
    NODE_STRING, NODE_TEXT, NODE_VARIABLE, OPERATOR_DIV, OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE,
    OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL, OPERATOR_SUB, Binding, Bindings, arena_alloc,
)


cdef Node* new_apply(Compiler* c, Node* function, Node* first, Node* second, Node* place) noexcept nogil:
    cdef Node* node = new_node(c, NODE_APPLY, place)
    node.a = function
    node.count = 2
    node.items = <Node**>arena_alloc(&c.ast.arena, 2 * sizeof(Node*))
    node.items[0] = first
    node.items[1] = second
    return node


cdef Node* rewrite_operator(Compiler* c, Node* node) noexcept nogil:
    """The call that an operator means if the program has bound its function; otherwise the node itself."""
    cdef Node* outer
    cdef Name name = NO_NAME
    if node.kind == NODE_NEGATE:
        if not is_bound(c, c.name_sub):
            return node
        outer = new_node(c, NODE_INT, node)
        return new_apply(c, new_variable(c, c.name_sub, node), outer, node.a, node)
    if node.op == OPERATOR_SUB:
        name = c.name_sub
    elif node.op == OPERATOR_MUL:
        name = c.name_mul
    elif node.op == OPERATOR_DIV:
        name = c.name_div
    elif OPERATOR_LESS <= node.op <= OPERATOR_MORE_OR_EQUAL:
        name = c.name_less_than
    if not is_bound(c, name):
        return node
    if node.op == OPERATOR_MORE or node.op == OPERATOR_LESS_OR_EQUAL:
        outer = new_apply(c, new_variable(c, name, node), node.b, node.a, node)
    else:
        outer = new_apply(c, new_variable(c, name, node), node.a, node.b, node)
    if node.op == OPERATOR_LESS_OR_EQUAL or node.op == OPERATOR_MORE_OR_EQUAL:
        node = new_node(c, NODE_NOT, node)
        node.a = outer
        return node
    return outer


cdef Node* rewrite_search_path(Compiler* c, Node* node) noexcept nogil:
    """`__findFile __nixPath "text"` if the program has bound one of them; otherwise the node itself."""
    cdef Node* text
    cdef Node* piece
    if not is_bound(c, c.name_find_file) and not is_bound(c, c.name_nix_path):
        return node
    piece = new_node(c, NODE_TEXT, node)
    piece.own.text = node.own.text
    piece.size_bytes = node.size_bytes
    text = new_node(c, NODE_STRING, node)
    text.count = 1
    text.items = <Node**>arena_alloc(&c.ast.arena, sizeof(Node*))
    text.items[0] = piece
    return new_apply(c, new_variable(c, known_name(c, &c.name_find_file, b"__findFile"), node),
                     new_variable(c, known_name(c, &c.name_nix_path, b"__nixPath"), node), text, node)


# ---- __overrides ------------------------------------------------------------------------------------------------

cdef bint has_overrides(Compiler* c, Node* node) noexcept nogil:
    """Whether a node is a `rec` set, or an old `let`, with an attribute `__overrides`: its attributes replace those of the set, also for the set itself."""
    cdef uint32_t i
    if c.name_overrides == NO_NAME or node.own.bindings == NULL:
        return False
    if not node.flags & ATTRS_REC and node.kind != NODE_LEGACY_LET:
        return False
    for i in range(node.own.bindings.count):
        if node.own.bindings.items[i].name == c.name_overrides:
            return True
    return False


cdef Node* bind_sources(Compiler* c, Node* node) noexcept nogil:
    """`let s = e; in node` for each e of an `inherit (e)` in the node that is a name of a set with `__overrides` around it.

    Level 0 evaluates e again for each inherited name, which would be too late.  The node becomes that `let`, too: it may be
    compiled again, and then the sources are variables that somebody must bind.
    """
    cdef Bindings* bindings = node.own.bindings
    cdef Bindings* outer
    cdef Node* let = node
    cdef Node* inner
    cdef Node* moved = NULL
    cdef uint32_t i
    if c.name_overrides == NO_NAME or bindings == NULL:
        return node
    for i in range(bindings.from_count):
        if bindings.froms[i].kind == NODE_VARIABLE and (node.kind == NODE_ATTRS and not node.flags & ATTRS_REC
                                                        or not _binds(bindings, bindings.froms[i].name)) \
                and not is_variable(c, bindings.froms[i]) and is_environment_there(c, bindings.froms[i]):
            outer = <Bindings*>arena_alloc(&c.ast.arena, sizeof(Bindings))
            memset(outer, 0, sizeof(Bindings))
            outer.items = <Binding*>arena_alloc(&c.ast.arena, sizeof(Binding))
            memset(outer.items, 0, sizeof(Binding))
            outer.count = 1
            outer.items.kind = BINDING_PLAIN
            outer.items.name = fresh_name(c)
            outer.items.value = bindings.froms[i]
            bindings.froms[i] = new_variable(c, outer.items.name, bindings.froms[i])
            inner = let
            if moved == NULL:
                inner = moved = <Node*>arena_alloc(&c.ast.arena, sizeof(Node))
                moved[0] = node[0]
            let = new_node(c, NODE_LET, node)
            let.own.bindings = outer
            let.a = inner
    if moved != NULL:
        node[0] = let[0]
    return let


cdef bint _binds(Bindings* bindings, Name name) noexcept nogil:
    cdef uint32_t i
    for i in range(bindings.count):
        if bindings.items[i].name == name:
            return True
    return False
