# cython: language_level=3
"""The parser: from source bytes to a syntax tree.

In: bytes and feature bits.  Out: an Ast with nodes, interned names and faults.

It uses recursive descent for everything that opens with a word or bracket, and precedence climbing for operators.  It looks at one
token; where that does not decide (`{` may open a set or a pattern, an identifier may be a parameter), it
reads on, and hands what it has read to the rule that applies.  The grammar is that of C++ Nix 2.34:
a lambda, `let`, `with`, `assert` or `if` cannot be an operand, list elements and arguments are selections.

Functions return NULL after a fault that they have recorded.
Over 600 lines: the rules for expressions call one another.
"""
from libc.stdint cimport uint16_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.syntax.bindings cimport (
    NameSpan, current_name, current_span, name_span, new_bindings, parse_attribute_path, parse_bindings,
)
from snowsnake.syntax.deep_stack cimport call_on_deep_stack
from snowsnake.syntax.literals cimport (
    parse_float, parse_indented_string, parse_int, parse_path, parse_search_path, parse_string, parse_uri,
)
from snowsnake.syntax.merging cimport close_set
from snowsnake.syntax.nodes cimport (
    APPLY_OR, APPLY_PIPE, ATTRS_REC, NO_NAME, NODE_APPLY, NODE_ASSERT, NODE_ATTRS, NODE_BINARY, NODE_CURRENT_POSITION,
    NODE_HAS_ATTR, NODE_IF, NODE_LAMBDA, NODE_LEGACY_LET, NODE_LET, NODE_LIST, NODE_NEGATE, NODE_NOT,
    NODE_PARENTHESISED, NODE_SELECT, NODE_VARIABLE, NODE_WITH, OPERATOR_ADD, OPERATOR_AND, OPERATOR_CONCAT,
    OPERATOR_DIV, OPERATOR_EQUAL, OPERATOR_IMPLIES, OPERATOR_LESS, OPERATOR_LESS_OR_EQUAL, OPERATOR_MORE,
    OPERATOR_MORE_OR_EQUAL, OPERATOR_MUL, OPERATOR_NOT_EQUAL, OPERATOR_OR, OPERATOR_SUB, OPERATOR_UPDATE, Bindings,
    Name, Node, OrCall, Pattern, SYNTAX_MALFORMED, SyntaxFault, Text, arena_alloc, arena_free,
)
from snowsnake.syntax.parse_state cimport (
    FEATURE_BINDINGS, FEATURE_PIPE_OPERATORS, LARGEST_SOURCE_BYTES, NO_BYTE, ParseState, add_fault, advance, allocate, collect, depth_fault, is_too_deep,
    new_node, push, state_close, state_free, state_open, syntax_fault,
)
from snowsnake.syntax.patterns cimport check_formals, follows_lambda, parse_formals
from snowsnake.syntax.tokens cimport (
    TOKEN_AND, TOKEN_ASSERT, TOKEN_AT, TOKEN_COLON, TOKEN_COMMA, TOKEN_CONCAT, TOKEN_COUNT, TOKEN_DOT, TOKEN_ELLIPSIS,
    TOKEN_ELSE, TOKEN_END, TOKEN_EQUAL, TOKEN_FLOAT, TOKEN_HOME_PATH, TOKEN_IDENTIFIER, TOKEN_IF, TOKEN_IMPLIES,
    TOKEN_IN, TOKEN_INDENTED_OPEN, TOKEN_INT, TOKEN_LAST_SIMPLE, TOKEN_LEFT_BRACE, TOKEN_LEFT_BRACKET, TOKEN_LEFT_PAREN,
    TOKEN_LESS, TOKEN_LESS_OR_EQUAL, TOKEN_LET, TOKEN_MINUS, TOKEN_MORE, TOKEN_MORE_OR_EQUAL, TOKEN_NOT,
    TOKEN_NOT_EQUAL, TOKEN_OR, TOKEN_OR_WORD, TOKEN_PATH, TOKEN_PIPE_FROM, TOKEN_PIPE_INTO, TOKEN_PLUS, TOKEN_QUESTION,
    TOKEN_QUOTE, TOKEN_REC, TOKEN_RIGHT_BRACE, TOKEN_RIGHT_BRACKET, TOKEN_RIGHT_PAREN, TOKEN_SEARCH_PATH,
    TOKEN_SEMICOLON, TOKEN_SLASH, TOKEN_STAR, TOKEN_THEN, TOKEN_UPDATE, TOKEN_URI, TOKEN_WITH,
)


cdef struct Infix:
    # 0 means that the token is not an infix operator.
    uint8_t precedence
    # Operators inside the right operand have at least this precedence.
    uint8_t right_precedence
    uint8_t operator
    # If this is false, a chain such as `a == b == c` is an error.
    bint is_chainable


cdef enum:
    # Operators with a higher precedence bind tighter than `!`.
    PRECEDENCE_NOT = 7
    PRECEDENCE_HAS_ATTR = 11
    PRECEDENCE_NEGATE = 12

cdef Infix[TOKEN_COUNT] INFIX_OF


cdef fill_table():
    left, right, none = range(3)
    for token, operator, precedence, associates in [
        (TOKEN_IMPLIES, OPERATOR_IMPLIES, 1, right),
        (TOKEN_OR, OPERATOR_OR, 2, left),
        (TOKEN_AND, OPERATOR_AND, 3, left),
        (TOKEN_EQUAL, OPERATOR_EQUAL, 4, none),
        (TOKEN_NOT_EQUAL, OPERATOR_NOT_EQUAL, 4, none),
        (TOKEN_LESS, OPERATOR_LESS, 5, none),
        (TOKEN_LESS_OR_EQUAL, OPERATOR_LESS_OR_EQUAL, 5, none),
        (TOKEN_MORE, OPERATOR_MORE, 5, none),
        (TOKEN_MORE_OR_EQUAL, OPERATOR_MORE_OR_EQUAL, 5, none),
        (TOKEN_UPDATE, OPERATOR_UPDATE, 6, right),
        (TOKEN_PLUS, OPERATOR_ADD, 8, left),
        (TOKEN_MINUS, OPERATOR_SUB, 8, left),
        (TOKEN_STAR, OPERATOR_MUL, 9, left),
        (TOKEN_SLASH, OPERATOR_DIV, 9, left),
        (TOKEN_CONCAT, OPERATOR_CONCAT, 10, right),
        (TOKEN_QUESTION, 0, PRECEDENCE_HAS_ATTR, left),
    ]:
        INFIX_OF[<int>token].precedence = precedence
        INFIX_OF[<int>token].right_precedence = precedence if associates == right else precedence + 1
        INFIX_OF[<int>token].operator = operator
        INFIX_OF[<int>token].is_chainable = associates != none


fill_table()


# This is a simple expression that we read while we decided which rule applies.
cdef struct Ahead:
    Node* node
    uint32_t start


cdef Node* variable_of(ParseState* state, NameSpan* span) noexcept nogil:
    cdef uint32_t size_bytes = span.end - span.start
    cdef Node* node
    if size_bytes == 8 and memcmp(state.lexer.data + span.start, <const char*>"__curPos", 8) == 0:
        return new_node(state, NODE_CURRENT_POSITION, span.start, span.end)
    node = new_node(state, NODE_VARIABLE, span.start, span.end)
    node.name = span.name
    return node


cdef Node* parse_parenthesised(ParseState* state) noexcept nogil:
    cdef Node* node
    state.bracket_depth += 1
    advance(state)
    node = parse_expression(state)
    if node == NULL:
        return NULL
    if state.lexer.kind != TOKEN_RIGHT_PAREN:
        return syntax_fault(state, "')'")
    state.bracket_depth -= 1
    advance(state)
    node.flags |= NODE_PARENTHESISED
    return node


cdef Node* parse_list(ParseState* state) noexcept nogil:
    cdef uint32_t start = state.lexer.start
    cdef uint32_t base = state.node_count
    cdef Node* node
    state.bracket_depth += 1
    advance(state)
    while state.lexer.kind != TOKEN_RIGHT_BRACKET:
        if not is_simple_start(state.lexer.kind):
            return syntax_fault(state, NULL)
        node = noting_or(state, parse_select(state, NULL))
        if node == NULL:
            return NULL
        push(state, node)
    state.bracket_depth -= 1
    node = new_node(state, NODE_LIST, start, state.lexer.position)
    node.count = state.node_count - base
    node.items = collect(state, base)
    advance(state)
    return node


cdef Node* finish_set(ParseState* state, uint8_t kind, uint16_t flags, uint32_t start, NameSpan* name) noexcept nogil:
    """Bindings and `}`, after `{` and perhaps the first *name*."""
    cdef Bindings* bindings = new_bindings(state)
    cdef Node* node
    if not parse_bindings(state, bindings, name):
        return NULL
    if state.lexer.kind != TOKEN_RIGHT_BRACE:
        return syntax_fault(state, "'inherit'" if kind == NODE_ATTRS and flags == 0 else "'inherit' or '}'")
    state.bracket_depth -= 1
    close_set(state, bindings)
    node = new_node(state, kind, start, state.lexer.position)
    node.flags = flags
    node.own.bindings = bindings
    advance(state)
    return node


cdef Node* parse_worded_set(ParseState* state, uint8_t kind, uint16_t flags) noexcept nogil:
    """`rec { … }` and `let { … }`, at the word."""
    cdef uint32_t start = state.lexer.start
    advance(state)
    if state.lexer.kind != TOKEN_LEFT_BRACE:
        return syntax_fault(state, "'{'")
    state.bracket_depth += 1
    advance(state)
    return finish_set(state, kind, flags, start, NULL)


cdef Node* parse_plain_set(ParseState* state) noexcept nogil:
    """`{ … }` where no lambda is allowed."""
    cdef uint32_t start = state.lexer.start
    state.bracket_depth += 1
    advance(state)
    return finish_set(state, NODE_ATTRS, 0, start, NULL)


cdef inline bint is_simple_start(uint8_t kind) noexcept nogil:
    return kind != TOKEN_END and kind <= TOKEN_LAST_SIMPLE


cdef Node* parse_simple(ParseState* state) noexcept nogil:
    cdef uint8_t kind = state.lexer.kind
    cdef NameSpan span
    if kind == TOKEN_IDENTIFIER:
        span = current_name(state)
        advance(state)
        return variable_of(state, &span)
    if kind == TOKEN_QUOTE:
        return parse_string(state)
    if kind == TOKEN_LEFT_PAREN:
        return parse_parenthesised(state)
    if kind == TOKEN_LEFT_BRACKET:
        return parse_list(state)
    if kind == TOKEN_LEFT_BRACE:
        return parse_plain_set(state)
    if kind == TOKEN_INDENTED_OPEN:
        return parse_indented_string(state)
    if kind == TOKEN_PATH or kind == TOKEN_HOME_PATH:
        return parse_path(state)
    if kind == TOKEN_INT:
        return parse_int(state)
    if kind == TOKEN_REC:
        return parse_worded_set(state, NODE_ATTRS, ATTRS_REC)
    if kind == TOKEN_LET:
        return parse_worded_set(state, NODE_LEGACY_LET, 0)
    if kind == TOKEN_FLOAT:
        return parse_float(state)
    if kind == TOKEN_SEARCH_PATH:
        return parse_search_path(state)
    if kind == TOKEN_URI:
        return parse_uri(state)
    return syntax_fault(state, NULL)


cdef Node* parse_attributes_of(ParseState* state, uint8_t kind, Node* of, uint32_t start) noexcept nogil:
    """After the `.` or `?` that follows *of*: a node of *kind* with the attribute path."""
    cdef uint32_t base = state.node_count
    cdef Node* node
    advance(state)
    if not parse_attribute_path(state):
        return NULL
    node = new_node(state, kind, start, state.lexer.previous_end)
    node.a = of
    node.count = state.node_count - base
    node.items = collect(state, base)
    return node


cdef Node* apply_to_or(ParseState* state, Node* function, uint32_t start) noexcept nogil:
    """`f or`: here `or` is a variable, so that old code works."""
    cdef uint32_t base = state.node_count
    cdef NameSpan span = current_name(state)
    cdef Node* node = new_node(state, NODE_APPLY, start, state.lexer.position)
    node.flags = APPLY_OR
    # C++ Nix says that the variable begins here.
    span.start = start
    push(state, variable_of(state, &span))
    node.a = function
    node.count = 1
    node.items = collect(state, base)
    advance(state)
    return node


cdef Node* noting_or(ParseState* state, Node* node) noexcept nogil:
    """Notes an argument, an element or a default that is `f or`, for a warning; returns the node."""
    cdef OrCall* call
    if node == NULL or not (node.kind == NODE_APPLY and node.flags & APPLY_OR) or state.is_muted or state.fault_count:
        return node
    call = <OrCall*>allocate(state, sizeof(OrCall))
    call.start_byte = node.start_byte
    call.end_byte = node.end_byte
    call.next = NULL
    if state.ast.last_or_call == NULL:
        state.ast.or_calls = call
    else:
        state.ast.last_or_call.next = call
    state.ast.last_or_call = call
    return node


cdef Node* parse_select(ParseState* state, Ahead* ahead) noexcept nogil:
    """A simple expression (or *ahead*), and `.a.b` and `or e` after it."""
    cdef uint32_t start
    cdef Node* node
    if is_too_deep(state):
        return depth_fault(state)
    if ahead == NULL:
        start = state.lexer.start
        node = parse_simple(state)
        if node == NULL:
            return NULL
    else:
        start = ahead.start
        node = ahead.node
    if state.lexer.kind == TOKEN_DOT:
        node = parse_attributes_of(state, NODE_SELECT, node, start)
        if node == NULL or state.lexer.kind != TOKEN_OR_WORD:
            return node
        advance(state)
        node.b = noting_or(state, parse_select(state, NULL))
        if node.b == NULL:
            return NULL
        node.end_byte = state.lexer.previous_end
    elif state.lexer.kind == TOKEN_OR_WORD:
        return apply_to_or(state, node, start)
    return node


cdef Node* parse_application(ParseState* state, Ahead* ahead) noexcept nogil:
    """`f x y`"""
    cdef uint32_t start = state.lexer.start if ahead == NULL else ahead.start
    cdef uint32_t base
    cdef Node* function = parse_select(state, ahead)
    cdef Node* node
    if function != NULL and function.kind == NODE_APPLY:
        # As the function of a call, `f or` means the same in every version, so we remove its mark.
        function.flags &= ~<uint16_t>APPLY_OR
    if function == NULL or not is_simple_start(state.lexer.kind):
        return function
    base = state.node_count
    while is_simple_start(state.lexer.kind):
        node = noting_or(state, parse_select(state, NULL))
        if node == NULL:
            return NULL
        push(state, node)
    node = new_node(state, NODE_APPLY, start, state.lexer.previous_end)
    node.a = function
    node.count = state.node_count - base
    node.items = collect(state, base)
    return node


cdef Node* parse_prefixed(ParseState* state, Ahead* ahead) noexcept nogil:
    """`!e`, `-e` or an application."""
    cdef uint8_t kind = state.lexer.kind
    cdef uint32_t start
    cdef Node* node
    cdef Node* operand
    if ahead != NULL or (kind != TOKEN_NOT and kind != TOKEN_MINUS):
        return parse_application(state, ahead)
    start = state.lexer.start
    advance(state)
    operand = parse_operation(state, NULL, PRECEDENCE_NOT + 1 if kind == TOKEN_NOT else PRECEDENCE_NEGATE)
    if operand == NULL:
        return NULL
    node = new_node(state, NODE_NOT if kind == TOKEN_NOT else NODE_NEGATE, start, state.lexer.previous_end)
    node.a = operand
    return node


cdef Node* parse_operation(ParseState* state, Ahead* ahead, uint8_t least) noexcept nogil:
    """Operands joined by operators of precedence *least* and above."""
    cdef uint32_t start = state.lexer.start if ahead == NULL else ahead.start
    cdef Node* left
    cdef Node* right
    cdef Node* node
    cdef Infix* infix
    cdef uint32_t operator_byte
    if is_too_deep(state):
        return depth_fault(state)
    left = parse_prefixed(state, ahead)
    while left != NULL:
        infix = &INFIX_OF[state.lexer.kind]
        if infix.precedence == 0 or infix.precedence < least:
            return left
        if infix.operator == 0:
            left = parse_attributes_of(state, NODE_HAS_ATTR, left, start)
            continue
        operator_byte = state.lexer.start
        advance(state)
        right = parse_operation(state, NULL, infix.right_precedence)
        if right == NULL:
            return NULL
        node = new_node(state, NODE_BINARY, start, state.lexer.previous_end)
        node.op = infix.operator
        node.size_bytes = operator_byte
        node.a = left
        node.b = right
        if not infix.is_chainable and INFIX_OF[state.lexer.kind].precedence == infix.precedence:
            return syntax_fault(state, NULL)
        left = node
    return NULL


cdef Node* new_pipe(ParseState* state, Node* function, Node* argument, uint32_t start, uint32_t operator_byte) noexcept nogil:
    cdef uint32_t base = state.node_count
    cdef Node* node = new_node(state, NODE_APPLY, start, state.lexer.previous_end)
    push(state, argument)
    node.flags = APPLY_PIPE
    node.size_bytes = operator_byte
    node.a = function
    node.count = 1
    node.items = collect(state, base)
    return node


cdef Node* parse_pipe_from(ParseState* state, Node* function, uint32_t start) noexcept nogil:
    """`f <| g <| x`, at the first operator; it groups to the right."""
    cdef uint32_t argument_start, operator_byte = state.lexer.start
    cdef Node* argument
    if is_too_deep(state):
        return depth_fault(state)
    advance(state)
    argument_start = state.lexer.start
    argument = parse_operation(state, NULL, 0)
    if argument != NULL and state.lexer.kind == TOKEN_PIPE_FROM:
        argument = parse_pipe_from(state, argument, argument_start)
    if argument == NULL:
        return NULL
    return new_pipe(state, function, argument, start, operator_byte)


cdef Node* parse_pipes(ParseState* state, Ahead* ahead) noexcept nogil:
    """An operation, or several joined by pipes of one direction."""
    cdef uint32_t start = state.lexer.start if ahead == NULL else ahead.start, operator_byte
    cdef Node* node = parse_operation(state, ahead, 0)
    cdef Node* function
    if node == NULL or (state.lexer.kind != TOKEN_PIPE_FROM and state.lexer.kind != TOKEN_PIPE_INTO):
        return node
    if not state.features & FEATURE_PIPE_OPERATORS:
        return syntax_fault(state, NULL)
    if state.lexer.kind == TOKEN_PIPE_FROM:
        return parse_pipe_from(state, node, start)
    while state.lexer.kind == TOKEN_PIPE_INTO:
        operator_byte = state.lexer.start
        advance(state)
        function = parse_operation(state, NULL, 0)
        if function == NULL:
            return NULL
        node = new_pipe(state, function, node, start, operator_byte)
    return node


cdef Node* finish_lambda(ParseState* state, NameSpan* place, NameSpan* name, Pattern* pattern) noexcept nogil:
    """The body, after the `:`.  *place*: where the lambda begins; *name*: its parameter or that of the whole *pattern*, if there is one."""
    cdef Node* node
    cdef Node* body = parse_expression(state)
    if body == NULL:
        return NULL
    if name.end != 0:
        name_span(state, name)
    if pattern != NULL:
        pattern.bind = name.name
        check_formals(state, pattern, place.start)
    node = new_node(state, NODE_LAMBDA, place.start, state.lexer.previous_end)
    node.name = name.name if pattern == NULL else <Name>NO_NAME
    node.own.pattern = pattern
    node.a = body
    node.count = place.doc_start
    node.size_bytes = place.doc_end
    return node


cdef Node* parse_from_name(ParseState* state) noexcept nogil:
    """`x: e`, `x@{ … }: e`, or an operation that begins with an identifier."""
    cdef NameSpan span = current_span(state)
    cdef Ahead ahead
    cdef Pattern* pattern
    advance(state)
    if state.lexer.kind == TOKEN_COLON:
        advance(state)
        return finish_lambda(state, &span, &span, NULL)
    if state.lexer.kind != TOKEN_AT:
        name_span(state, &span)
        ahead.node = variable_of(state, &span)
        ahead.start = span.start
        return parse_pipes(state, &ahead)
    advance(state)
    if state.lexer.kind != TOKEN_LEFT_BRACE:
        return syntax_fault(state, "'{'")
    state.bracket_depth += 1
    advance(state)
    pattern = parse_formals(state, NULL, &span)
    if pattern == NULL:
        return NULL
    if state.lexer.kind != TOKEN_COLON:
        return syntax_fault(state, "':'")
    advance(state)
    return finish_lambda(state, &span, &span, pattern)


cdef Node* parse_from_pattern(ParseState* state, NameSpan* brace, NameSpan* first) noexcept nogil:
    """`{ … }: e` and `{ … }@x: e`, inside the braces, after *first* if there is a name.  *brace*: where the lambda begins."""
    cdef NameSpan bind
    cdef Pattern* pattern
    memset(&bind, 0, sizeof(NameSpan))
    bind.name = NO_NAME
    pattern = parse_formals(state, first, &bind)
    if pattern == NULL:
        return NULL
    if state.lexer.kind != TOKEN_COLON:
        return syntax_fault(state, "':'" if bind.end != 0 else "':' or '@'")
    advance(state)
    return finish_lambda(state, brace, &bind, pattern)


cdef Node* parse_from_brace(ParseState* state) noexcept nogil:
    """A pattern's lambda, or an operation that begins with a set."""
    cdef uint32_t start = state.lexer.start
    cdef uint8_t kind
    cdef NameSpan brace
    cdef NameSpan span
    cdef Ahead ahead
    cdef Bindings* none
    brace.start = start
    brace.doc_start = state.lexer.doc_start if state.lexer.doc_end != 0 else 0
    brace.doc_end = state.lexer.doc_end
    state.bracket_depth += 1
    advance(state)
    kind = state.lexer.kind
    ahead.start = start
    if kind == TOKEN_ELLIPSIS:
        return parse_from_pattern(state, &brace, NULL)
    if kind == TOKEN_IDENTIFIER:
        span = current_span(state)
        advance(state)
        kind = state.lexer.kind
        if kind == TOKEN_COMMA or kind == TOKEN_QUESTION or kind == TOKEN_RIGHT_BRACE:
            return parse_from_pattern(state, &brace, &span)
        name_span(state, &span)
        ahead.node = finish_set(state, NODE_ATTRS, 0, start, &span)
    elif kind == TOKEN_RIGHT_BRACE:
        if follows_lambda(state):
            return parse_from_pattern(state, &brace, NULL)
        none = new_bindings(state)
        state.bracket_depth -= 1
        ahead.node = new_node(state, NODE_ATTRS, start, state.lexer.position)
        ahead.node.own.bindings = none
        advance(state)
    else:
        ahead.node = finish_set(state, NODE_ATTRS, 0, start, NULL)
    if ahead.node == NULL:
        return NULL
    return parse_pipes(state, &ahead)


cdef Node* parse_let(ParseState* state) noexcept nogil:
    """`let … in e`, or an operation that begins with `let { … }`."""
    cdef uint32_t start = state.lexer.start
    cdef Ahead ahead
    cdef Bindings* bindings
    cdef Node* node
    advance(state)
    if state.lexer.kind == TOKEN_LEFT_BRACE:
        state.bracket_depth += 1
        advance(state)
        ahead.start = start
        ahead.node = finish_set(state, NODE_LEGACY_LET, 0, start, NULL)
        return NULL if ahead.node == NULL else parse_pipes(state, &ahead)
    bindings = new_bindings(state)
    if not parse_bindings(state, bindings, NULL):
        return NULL
    if state.lexer.kind != TOKEN_IN:
        return syntax_fault(state, "'in' or 'inherit'")
    close_set(state, bindings)
    advance(state)
    node = new_node(state, NODE_LET, start, start)
    node.own.bindings = bindings
    node.a = parse_expression(state)
    if node.a == NULL:
        return NULL
    node.end_byte = state.lexer.previous_end
    if bindings.dynamic_count != 0:
        dynamic_let_fault(state, node)
    return node


cdef void dynamic_let_fault(ParseState* state, Node* node) noexcept nogil:
    cdef Text empty
    empty.data = <const uint8_t*>""
    empty.size_bytes = 0
    # The span is that of the word `let`, because the author must use another word.
    add_fault(
        state, node.start_byte, node.start_byte + 3, NO_BYTE,
        "dynamic attributes not allowed in let", empty, "",
    )


cdef Node* parse_scoped(ParseState* state, uint8_t kind) noexcept nogil:
    """`with e; e` and `assert e; e`, at the word."""
    cdef uint32_t start = state.lexer.start
    cdef Node* node
    cdef Node* first
    advance(state)
    first = parse_expression(state)
    if first == NULL:
        return NULL
    if state.lexer.kind != TOKEN_SEMICOLON:
        return syntax_fault(state, "';'")
    advance(state)
    node = new_node(state, kind, start, start)
    node.a = first
    node.b = parse_expression(state)
    if node.b == NULL:
        return NULL
    node.end_byte = state.lexer.previous_end
    return node


cdef Node* parse_if(ParseState* state) noexcept nogil:
    cdef Node* node = new_node(state, NODE_IF, state.lexer.start, state.lexer.start)
    advance(state)
    node.a = parse_expression(state)
    if node.a == NULL:
        return NULL
    if state.lexer.kind != TOKEN_THEN:
        return syntax_fault(state, "'then'")
    advance(state)
    node.b = parse_expression(state)
    if node.b == NULL:
        return NULL
    if state.lexer.kind != TOKEN_ELSE:
        return syntax_fault(state, "'else'")
    advance(state)
    node.own.c = parse_expression(state)
    if node.own.c == NULL:
        return NULL
    node.end_byte = state.lexer.previous_end
    return node


cdef Node* parse_expression(ParseState* state) noexcept nogil:
    cdef uint8_t kind = state.lexer.kind
    if is_too_deep(state):
        return depth_fault(state)
    if kind == TOKEN_IDENTIFIER:
        return parse_from_name(state)
    if kind == TOKEN_LEFT_BRACE:
        return parse_from_brace(state)
    if kind == TOKEN_LET:
        return parse_let(state)
    if kind == TOKEN_IF:
        return parse_if(state)
    if kind == TOKEN_WITH:
        return parse_scoped(state, NODE_WITH)
    if kind == TOKEN_ASSERT:
        return parse_scoped(state, NODE_ASSERT)
    return parse_pipes(state, NULL)


# This struct has the arguments and the state of a parse, because a function on the deep stack gets only one pointer.
cdef struct ParseRequest:
    Ast* ast
    const uint8_t* data
    size_t size_bytes
    uint32_t features
    bint is_padded
    # The state is here, so that we can free its memory after the parser left the deep stack in the middle.
    ParseState state


cdef Node* parse_bare_bindings(ParseState* state) noexcept nogil:
    """The inside of a set, without braces, up to the end of the source."""
    cdef Bindings* bindings = new_bindings(state)
    cdef Node* node
    if not parse_bindings(state, bindings, NULL):
        return NULL
    node = new_node(state, NODE_ATTRS, 0, state.lexer.position)
    node.own.bindings = bindings
    return node


cdef void parse_request(void* given) noexcept nogil:
    cdef ParseRequest* request = <ParseRequest*>given
    cdef ParseState* state = &request.state
    cdef Node* root
    state_open(state, request.ast, request.data, request.size_bytes, request.features, request.is_padded)
    state.parse_expression = parse_expression
    advance(state)
    root = parse_bare_bindings(state) if state.features & FEATURE_BINDINGS else parse_expression(state)
    if root != NULL and state.lexer.kind != TOKEN_END:
        root = syntax_fault(state, "end of file")
    if state.fault_count == 0:
        request.ast.root = root
    state_close(state)


cdef Ast* parse(const uint8_t* data, size_t size_bytes, uint32_t features, ArenaPool* pool) noexcept nogil:
    return _parse(data, size_bytes, features, pool, False)


cdef Ast* parse_padded(const uint8_t* data, size_t size_bytes, uint32_t features, ArenaPool* pool) noexcept nogil:
    return _parse(data, size_bytes, features, pool, True)


cdef Ast* _parse(const uint8_t* data, size_t size_bytes, uint32_t features, ArenaPool* pool, bint is_padded) noexcept nogil:
    cdef ParseRequest request
    request.ast = <Ast*>allocate_zeros(1, sizeof(Ast))
    if request.ast == NULL:
        return NULL
    request.ast.arena.pool = pool
    request.ast.features = features
    request.data = data
    request.size_bytes = size_bytes
    request.features = features
    request.is_padded = is_padded
    if size_bytes > LARGEST_SOURCE_BYTES:
        too_large_fault(request.ast)
        return request.ast
    memset(&request.state, 0, sizeof(ParseState))
    if not call_on_deep_stack(parse_request, &request):
        state_free(&request.state)
        ast_free(request.ast)
        return NULL
    return request.ast


cdef void too_large_fault(Ast* ast) noexcept nogil:
    ast.faults = <SyntaxFault*>arena_alloc(&ast.arena, sizeof(SyntaxFault))
    ast.faults.message = "the source is larger than 4 GiB"
    ast.faults.kind = SYNTAX_MALFORMED
    ast.faults.other_byte = NO_BYTE
    ast.fault_count = 1


cdef void ast_free(Ast* ast) noexcept nogil:
    arena_free(&ast.arena)
    free(ast)
