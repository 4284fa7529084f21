# cython: language_level=3
"""Patterns of lambdas: `{ a, b ? 1, ... }`, with `@ name` on either side.

In: the parse state inside the braces.  Out: a Pattern, or NULL after a fault; the current token is the one
after the pattern and its `@ name`.  Repeated names are found when the whole lambda has been read, as in
C++ Nix.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.syntax.bindings cimport current_span, name_span
from snowsnake.syntax.deep_stack cimport leave_out_of_memory
from snowsnake.syntax.lexer cimport Lexer
from snowsnake.syntax.nodes cimport NO_NAME, Formal, Name, Text
from snowsnake.syntax.parse_state cimport NO_BYTE, add_fault, advance, allocate, syntax_fault
from snowsnake.syntax.tokens cimport (
    TOKEN_AT, TOKEN_COLON, TOKEN_COMMA, TOKEN_ELLIPSIS, TOKEN_IDENTIFIER, TOKEN_QUESTION, TOKEN_RIGHT_BRACE,
)

cdef enum:
    FIRST_CAPACITY = 4
    # Up to this many names, we compare them in pairs.
    LARGEST_COMPARED = 16
    # 2.34.8 takes no more.
    MOST_FORMALS = 65535


cdef bint parse_formal(ParseState* state, Formal* formal, NameSpan* ahead) noexcept nogil:
    """`a` or `a ? e`; *ahead* is the name if it was read already."""
    cdef NameSpan span
    if ahead != NULL:
        span = ahead[0]
    else:
        span = current_span(state)
        advance(state)
    formal.start_byte = span.start
    formal.end_byte = span.end
    formal.default = NULL
    if state.lexer.kind == TOKEN_QUESTION:
        advance(state)
        formal.default = state.parse_expression(state)
        if formal.default == NULL:
            return False
    name_span(state, &span)
    formal.name = span.name
    return True


cdef bint parse_items(ParseState* state, Pattern* pattern, NameSpan* ahead) noexcept nogil:
    """Everything up to the closing brace."""
    cdef uint32_t capacity = 0
    cdef Formal* larger
    while True:
        if ahead == NULL:
            if state.lexer.kind == TOKEN_RIGHT_BRACE:
                return True
            if state.lexer.kind == TOKEN_ELLIPSIS:
                pattern.has_ellipsis = True
                advance(state)
                if state.lexer.kind != TOKEN_RIGHT_BRACE:
                    syntax_fault(state, "'}'")
                    return False
                return True
            if state.lexer.kind != TOKEN_IDENTIFIER:
                syntax_fault(state, "identifier or '...' or '}'")
                return False
        if pattern.count == capacity:
            capacity = capacity * 2 if capacity != 0 else FIRST_CAPACITY
            larger = <Formal*>allocate(state, (capacity * sizeof(Formal) + 7) & ~<size_t>7)
            if pattern.count != 0:
                memcpy(larger, pattern.formals, pattern.count * sizeof(Formal))
            pattern.formals = larger
        if not parse_formal(state, &pattern.formals[pattern.count], ahead):
            return False
        pattern.count += 1
        ahead = NULL
        if state.lexer.kind == TOKEN_COMMA:
            advance(state)
        elif state.lexer.kind != TOKEN_RIGHT_BRACE:
            syntax_fault(state, "'}' or ','")
            return False


cdef void duplicate_fault(ParseState* state, Name name, uint32_t start, uint32_t end) noexcept nogil:
    add_fault(state, start, end, NO_BYTE, "duplicate formal function argument '", state.names[name], "'")


cdef void check_few(ParseState* state, Pattern* pattern) noexcept nogil:
    cdef Formal* formal
    cdef uint32_t i, j
    for i in range(1, pattern.count):
        formal = &pattern.formals[i]
        for j in range(i):
            if formal.name == pattern.formals[j].name:
                duplicate_fault(state, formal.name, formal.start_byte, formal.end_byte)
                break


cdef void check_many(ParseState* state, Pattern* pattern) noexcept nogil:
    cdef uint8_t* is_seen = <uint8_t*>allocate_zeros(state.name_count, 1)
    cdef Formal* formal
    cdef uint32_t i
    if is_seen == NULL:
        leave_out_of_memory()
    for i in range(pattern.count):
        formal = &pattern.formals[i]
        if is_seen[formal.name]:
            duplicate_fault(state, formal.name, formal.start_byte, formal.end_byte)
        is_seen[formal.name] = 1
    free(is_seen)


cdef void check_formals(ParseState* state, Pattern* pattern, uint32_t start) noexcept nogil:
    """Reports names that occur twice in the pattern of the lambda at *start*, and too many of them."""
    cdef uint32_t i
    cdef Text nothing
    if pattern.count <= LARGEST_COMPARED:
        check_few(state, pattern)
    else:
        check_many(state, pattern)
    for i in range(pattern.count):
        if pattern.formals[i].name == pattern.bind:
            duplicate_fault(state, pattern.bind, start, pattern.formals[i].end_byte)
    if pattern.count > MOST_FORMALS:
        memset(&nothing, 0, sizeof(nothing))
        add_fault(state, start, start + 1, NO_BYTE, "too many formal arguments, implementation supports at most 65535", nothing, "")


cdef Pattern* parse_formals(ParseState* state, NameSpan* first, NameSpan* bind) noexcept nogil:
    """Parses a pattern, inside its braces.

    *first*: a name that was read already, or NULL.  *bind*: the name before the `@`.  If its `end` is 0, there is none, and *bind* becomes the name
    behind the pattern, if there is one.  The caller numbers this name.
    """
    cdef Pattern* pattern = <Pattern*>allocate(state, (sizeof(Pattern) + 7) & ~<size_t>7)
    memset(pattern, 0, sizeof(Pattern))
    pattern.bind = NO_NAME
    if not parse_items(state, pattern, first):
        return NULL
    state.bracket_depth -= 1
    advance(state)
    if bind.end != 0:
        pattern.bind_is_first = True
    elif state.lexer.kind == TOKEN_AT:
        advance(state)
        if state.lexer.kind != TOKEN_IDENTIFIER:
            syntax_fault(state, "identifier")
            return NULL
        bind[0] = current_span(state)
        advance(state)
    return pattern


cdef bint follows_lambda(ParseState* state) noexcept nogil:
    """Whether `:` or `@` follows the current token."""
    cdef Lexer before = state.lexer
    cdef uint8_t kind
    advance(state)
    kind = state.lexer.kind
    state.lexer = before
    return kind == TOKEN_COLON or kind == TOKEN_AT
