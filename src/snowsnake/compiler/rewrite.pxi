# What the language defines in terms of other syntax: operators that a program may rebind; which sets have `__overrides`; path literals.
#
# Nix means `__sub a b` by `a - b`, with whatever `__sub` is in scope.  That matters only to programs that bind such a name, so
# the tree is rewritten for those alone.

cdef Node* new_node(Compiler* c, uint8_t kind, Node* place) noexcept nogil:
    cdef Node* node = <Node*>arena_alloc(&c.ast.arena, sizeof(Node))
    memset(node, 0, sizeof(Node))
    node.kind = kind
    node.name = NO_NAME
    node.start_byte = place.start_byte
    node.end_byte = place.end_byte
    return node


cdef Node* new_variable(Compiler* c, Name name, Node* place) noexcept nogil:
    cdef Node* node = new_node(c, NODE_VARIABLE, place)
    node.name = name
    return node


cdef Node* new_apply(Compiler* c, Node* function, Node* first, Node* second, Node* place) noexcept nogil:
    cdef Node* node = new_node(c, NODE_APPLY, place)
    node.a = function
    node.count = 2
    node.items = <Node**>arena_alloc(&c.ast.arena, 2 * sizeof(Node*))
    node.items[0] = first
    node.items[1] = second
    return node


cdef void select_name(Compiler* c, Node* node, Name variable, Name name) noexcept nogil:
    """Make of the node the selection `variable.name`."""
    node.kind = NODE_SELECT
    node.a = new_variable(c, variable, node)
    node.b = NULL
    node.count = 1
    node.items = <Node**>arena_alloc(&c.ast.arena, sizeof(Node*))
    node.items[0] = new_node(c, NODE_ATTR, node)
    node.items[0].name = name


cdef inline bint is_bound(Compiler* c, Name name) noexcept nogil:
    """Does the program bind this name around here?"""
    return name != NO_NAME and c.heads[name] != NONE


cdef Node* rewrite_operator(Compiler* c, Node* node) noexcept nogil:
    """The call that an operator means if the program has bound its function, else the node itself."""
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
    """`__findFile __nixPath "text"` if the program has bound one of them, else the node itself."""
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
    """A `rec` set, or old `let`, with an attribute `__overrides`, whose attributes replace those of the set, for the set itself as well."""
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

    Level 0 evaluates e again for each name that is inherited, which would be too late.  The node becomes that `let`, too: it may be
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


# ---- path literals ----------------------------------------------------------------------------------------------

cdef uint32_t _append_canonical(uint8_t* out, uint32_t size, const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    """Append the components of a path to a canonical one of `size` bytes; "" stands for the root."""
    cdef uint32_t i = 0, start
    while i < size_bytes:
        if data[i] == c'/':
            i += 1
            continue
        start = i
        while i < size_bytes and data[i] != c'/':
            i += 1
        if i - start == 1 and data[start] == c'.':
            continue
        if i - start == 2 and data[start] == c'.' and data[start + 1] == c'.':
            while size > 0 and out[size - 1] != c'/':
                size -= 1
            if size > 0:
                size -= 1
            continue
        out[size] = c'/'
        memcpy(out + size + 1, data + start, i - start)
        size += 1 + i - start
    return size


cdef Text path_text(Compiler* c, Node* node) noexcept nogil:
    """The absolute, canonical path of an absolute or relative literal (of its first piece, if it is interpolated)."""
    cdef Node* piece = node.items[0]
    cdef uint8_t* data = <uint8_t*>keep(c, c.base_dir_bytes + piece.size_bytes + 4)
    cdef uint32_t size = 0
    if not node.flags & PATH_ABSOLUTE:
        size = _append_canonical(data, 0, <const uint8_t*>c.base_dir, c.base_dir_bytes)
    size = _append_canonical(data, size, piece.own.text, piece.size_bytes)
    if size == 0:
        data[0] = c'/'
        size = 1
    return text_of(data, size)
