# cython: language_level=3
"""Attribute paths and bindings.

In: the parse state before an attribute path, or after the `{` or `let` of a set.  Out: elements on the stack of
nodes, or Bindings with nested paths merged and duplicates reported.

After a fault inside one binding the parse continues where that is safe: the parser looks for the `;` of the
binding, counting brackets, and continues after it, so that one run reports several faults.
"""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.syntax.lexer cimport Lexer
from snowsnake.syntax.literals cimport parse_indented_string, parse_path, parse_string
from snowsnake.syntax.merging cimport (
    AttributePath, add_at_path, add_from, add_named, new_set,
)
from snowsnake.syntax.nodes cimport (
    BINDING_INHERIT, BINDING_INHERIT_FROM, BINDING_PLAIN, NO_NAME, NODE_ATTR, NODE_VARIABLE, Text,
)
from snowsnake.syntax.parse_state cimport (
    FEATURE_BINDINGS, NO_BYTE, add_fault, advance, intern, is_static_string, new_node, note_opening, push, syntax_fault,
)
from snowsnake.syntax.tokens cimport (
    TOKEN_ASSIGN, TOKEN_DOLLAR_BRACE, TOKEN_DOT, TOKEN_END, TOKEN_HOME_PATH, TOKEN_IDENTIFIER, TOKEN_INDENTED_OPEN,
    TOKEN_INHERIT, TOKEN_LEFT_BRACE, TOKEN_LEFT_BRACKET, TOKEN_LEFT_PAREN, TOKEN_OR_WORD, TOKEN_PATH, TOKEN_QUOTE,
    TOKEN_RIGHT_BRACE, TOKEN_RIGHT_BRACKET, TOKEN_RIGHT_PAREN, TOKEN_SEMICOLON,
)


cdef Bindings* new_bindings(ParseState* state) noexcept nogil:
    return new_set(state)


cdef NameSpan current_name(ParseState* state) noexcept nogil:
    """The current token as a name: an identifier or `or`."""
    cdef NameSpan span = current_span(state)
    name_span(state, &span)
    return span


cdef void name_span(ParseState* state, NameSpan* span) noexcept nogil:
    """Names are numbered in the order in which this is called; `compiler/orders.pyx` says why that matters."""
    span.name = intern(state, state.lexer.data + span.start, span.end - span.start)


cdef NameSpan current_span(ParseState* state) noexcept nogil:
    """Like `current_name`, but the name is not numbered yet."""
    cdef Lexer* lexer = &state.lexer
    cdef NameSpan span
    span.start = lexer.start
    span.end = lexer.position
    span.doc_start = lexer.doc_start if lexer.doc_end != 0 else 0
    span.doc_end = lexer.doc_end
    span.name = NO_NAME
    return span


cdef Node* new_attribute(ParseState* state, Name name, uint32_t start, uint32_t end) noexcept nogil:
    cdef Node* node = new_node(state, NODE_ATTR, start, end)
    node.name = name
    return node


cdef Name static_name(ParseState* state, Node* text) noexcept nogil:
    if text.count == 0:
        return intern(state, state.lexer.data, 0)
    return intern(state, text.items[0].own.text, text.items[0].size_bytes)


cdef Node* attribute_of(ParseState* state, Node* expression, uint32_t start) noexcept nogil:
    """The element for an expression between quotes or in `${ }`."""
    cdef Node* node
    if is_static_string(expression):
        return new_attribute(state, static_name(state, expression), start, state.lexer.previous_end)
    node = new_attribute(state, NO_NAME, start, state.lexer.previous_end)
    node.a = expression
    return node


cdef Node* parse_attribute(ParseState* state) noexcept nogil:
    """One element of a path: `a`, `or`, `"a b"`, `${e}`."""
    cdef uint32_t start = state.lexer.start
    cdef uint8_t kind = state.lexer.kind
    cdef NameSpan span
    cdef Node* expression
    if kind == TOKEN_IDENTIFIER or kind == TOKEN_OR_WORD:
        span = current_name(state)
        advance(state)
        return new_attribute(state, span.name, span.start, span.end)
    if kind == TOKEN_QUOTE:
        expression = parse_string(state)
        return NULL if expression == NULL else attribute_of(state, expression, start)
    if kind != TOKEN_DOLLAR_BRACE:
        return syntax_fault(state, "identifier or 'or' or '${' or '\"'")
    note_opening(state, start)
    state.bracket_depth += 1
    advance(state)
    expression = state.parse_expression(state)
    if expression == NULL:
        return NULL
    if state.lexer.kind != TOKEN_RIGHT_BRACE:
        return syntax_fault(state, "'}'")
    state.bracket_depth -= 1
    advance(state)
    return attribute_of(state, expression, start)


cdef bint parse_attribute_path(ParseState* state) noexcept nogil:
    """Pushes the elements of a path."""
    cdef Node* node
    while True:
        node = parse_attribute(state)
        if node == NULL:
            return False
        push(state, node)
        if state.lexer.kind != TOKEN_DOT:
            return True
        advance(state)


cdef Node* parse_value(ParseState* state) noexcept nogil:
    """`= expression ;`"""
    cdef Node* value
    if state.lexer.kind != TOKEN_ASSIGN:
        return syntax_fault(state, "'.' or '='")
    advance(state)
    value = state.parse_expression(state)
    if value == NULL:
        return NULL
    if state.lexer.kind != TOKEN_SEMICOLON and not ends_without_semicolon(state):
        return syntax_fault(state, "';'")
    return value


cdef bint ends_without_semicolon(ParseState* state) noexcept nogil:
    return state.lexer.kind == TOKEN_END and state.features & FEATURE_BINDINGS


cdef bint parse_simple_binding(ParseState* state, Bindings* bindings, NameSpan* span) noexcept nogil:
    """`name = value;`, after the name."""
    cdef Node* value = parse_value(state)
    if value == NULL:
        return False
    add_named(state, bindings, BINDING_PLAIN, span.name, span.start, span.end, 0, span.doc_start, span.doc_end, value)
    advance(state)
    return True


cdef bint parse_path_binding(ParseState* state, Bindings* bindings, NameSpan* span, uint32_t base) noexcept nogil:
    """`a.b.c = value;`: elements from *base* on are already pushed; *span* is that of the path."""
    cdef AttributePath path
    cdef Node* value
    if not parse_attribute_path(state):
        return False
    path.end = state.lexer.previous_end
    value = parse_value(state)
    if value == NULL:
        return False
    path.elements = state.nodes + base
    path.count = state.node_count - base
    path.start = span.start
    path.doc_start = span.doc_start
    path.doc_end = span.doc_end
    add_at_path(state, bindings, &path, value)
    state.node_count = base
    advance(state)
    return True


cdef bint parse_binding(ParseState* state, Bindings* bindings, NameSpan* ahead) noexcept nogil:
    """One binding; *ahead* is its first name if that was read already, or NULL."""
    cdef NameSpan span
    cdef uint32_t base = state.node_count
    if ahead != NULL:
        span = ahead[0]
    elif state.lexer.kind == TOKEN_IDENTIFIER or state.lexer.kind == TOKEN_OR_WORD:
        span = current_name(state)
        advance(state)
    else:
        span.start = state.lexer.start
        span.doc_start = state.lexer.doc_start if state.lexer.doc_end != 0 else 0
        span.doc_end = state.lexer.doc_end
        return parse_path_binding(state, bindings, &span, base)
    if state.lexer.kind != TOKEN_DOT:
        return parse_simple_binding(state, bindings, &span)
    push(state, new_attribute(state, span.name, span.start, span.end))
    advance(state)
    return parse_path_binding(state, bindings, &span, base)


cdef void add_inherited(
    ParseState* state, Bindings* bindings, Node* attribute, uint32_t from_index, bint is_from,
) noexcept nogil:
    cdef Node* value = NULL
    if not is_from:
        value = new_node(state, NODE_VARIABLE, attribute.start_byte, attribute.end_byte)
        value.name = attribute.name
    add_named(
        state, bindings, BINDING_INHERIT_FROM if is_from else BINDING_INHERIT, attribute.name, attribute.start_byte, attribute.end_byte, from_index, 0, 0, value,
    )


cdef void push_inherited(ParseState* state, Node* attribute) noexcept nogil:
    """Pushes an inherited name.  Names are defined after all of them are read, so that a fault in a later one is reported before a name that is defined twice."""
    cdef Text empty
    if attribute.name != NO_NAME:
        push(state, attribute)
        return
    empty.data = <const uint8_t*>""
    empty.size_bytes = 0
    add_fault(
        state, attribute.start_byte, attribute.end_byte, NO_BYTE,
        "dynamic attributes not allowed in inherit", empty, "",
    )


cdef bint parse_inherit(ParseState* state, Bindings* bindings) noexcept nogil:
    """`inherit a "b";` and `inherit (e) a b;`"""
    cdef bint is_from = False
    cdef uint32_t from_index = 0, base = state.node_count, i
    cdef Node* node
    advance(state)
    if state.lexer.kind == TOKEN_LEFT_PAREN:
        state.bracket_depth += 1
        advance(state)
        node = state.parse_expression(state)
        if node == NULL:
            return False
        if state.lexer.kind != TOKEN_RIGHT_PAREN:
            syntax_fault(state, "')'")
            return False
        state.bracket_depth -= 1
        advance(state)
        is_from = True
        from_index = add_from(state, bindings, node)
    while True:
        if state.lexer.kind == TOKEN_SEMICOLON or ends_without_semicolon(state):
            for i in range(base, state.node_count):
                add_inherited(state, bindings, state.nodes[i], from_index, is_from)
            state.node_count = base
            advance(state)
            return True
        if not is_attribute_start(state.lexer.kind):
            syntax_fault(state, NULL)
            return False
        node = parse_attribute(state)
        if node == NULL:
            return False
        push_inherited(state, node)


cdef inline bint is_attribute_start(uint8_t kind) noexcept nogil:
    return kind == TOKEN_IDENTIFIER or kind == TOKEN_OR_WORD or kind == TOKEN_QUOTE or kind == TOKEN_DOLLAR_BRACE


cdef bint is_opening(uint8_t kind) noexcept nogil:
    return (
        kind == TOKEN_LEFT_PAREN or kind == TOKEN_LEFT_BRACKET or kind == TOKEN_LEFT_BRACE
        or kind == TOKEN_DOLLAR_BRACE
    )


cdef bint skip_literal(ParseState* state) noexcept nogil:
    """Skips a literal without reporting faults inside it."""
    cdef bint was_muted = state.is_muted
    cdef uint32_t base = state.node_count
    cdef Node* node
    state.is_muted = True
    if state.lexer.kind == TOKEN_QUOTE:
        node = parse_string(state)
    elif state.lexer.kind == TOKEN_INDENTED_OPEN:
        node = parse_indented_string(state)
    else:
        node = parse_path(state)
    state.is_muted = was_muted
    state.node_count = base
    return node != NULL


cdef bint recover(ParseState* state, uint32_t bracket_depth, uint32_t interpolation_depth) noexcept nogil:
    """After a fault, continues after the `;` of the binding, which began at these depths; returns False if that is not safe."""
    cdef uint32_t depth = state.bracket_depth
    cdef uint8_t kind
    if state.is_hopeless or state.interpolation_depth != interpolation_depth:
        return False
    while True:
        kind = state.lexer.kind
        if kind == TOKEN_END:
            return False
        if kind == TOKEN_QUOTE or kind == TOKEN_INDENTED_OPEN or kind == TOKEN_PATH or kind == TOKEN_HOME_PATH:
            if not skip_literal(state):
                return False
            continue
        if is_opening(kind):
            depth += 1
        elif kind == TOKEN_RIGHT_PAREN or kind == TOKEN_RIGHT_BRACKET or kind == TOKEN_RIGHT_BRACE:
            if depth == bracket_depth:
                return False
            depth -= 1
        elif kind == TOKEN_SEMICOLON and depth == bracket_depth:
            break
        advance(state)
    advance(state)
    state.bracket_depth = bracket_depth
    return True


cdef bint parse_bindings(ParseState* state, Bindings* bindings, NameSpan* ahead) noexcept nogil:
    """All bindings up to a token that begins none, which stays current; *ahead* as in parse_binding.

    Returns False after a fault that the parse cannot continue from.
    """
    cdef uint32_t bracket_depth = state.bracket_depth
    cdef uint32_t interpolation_depth = state.interpolation_depth
    cdef uint32_t base = state.node_count
    cdef bint is_parsed
    while True:
        if ahead != NULL or is_attribute_start(state.lexer.kind):
            is_parsed = parse_binding(state, bindings, ahead)
            ahead = NULL
        elif state.lexer.kind == TOKEN_INHERIT:
            is_parsed = parse_inherit(state, bindings)
        else:
            return True
        if not is_parsed:
            if not recover(state, bracket_depth, interpolation_depth):
                return False
            state.node_count = base
