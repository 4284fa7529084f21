# cython: language_level=3
"""Literals: strings, indented strings, paths, URIs, numbers.

In: the parse state, whose current token opens the literal.  Out: a node, or NULL after a fault; the current token is the
one after the literal.

The pieces of an indented string stay apart where C++ Nix keeps them apart (`''a''$b''` has three), because printing
shows it and because such a string is not static as an attribute name.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memchr, memcpy
from snowsnake.foundation.escapes cimport unescaped
from snowsnake.syntax.indentation cimport strip_indentation
from snowsnake.syntax.lexer cimport CLASS_INDENTED_STOP, CLASS_STRING_STOP, Lexer, character_classes, path_piece_end
from snowsnake.syntax.nodes cimport (
    NODE_FLOAT, NODE_INT, NODE_PATH, NODE_SEARCH_PATH, NODE_STRING, NODE_TEXT, PATH_ABSOLUTE, PATH_HOME, PATH_RELATIVE,
    STRING_INDENTED, STRING_URI, Text,
)
from snowsnake.syntax.numbers cimport text_to_float, text_to_int
from snowsnake.syntax.parse_state cimport (
    NO_BYTE, add_fault, advance, allocate_text, collect, new_node, note_opening, push, syntax_fault, unexpected_fault,
)
from snowsnake.syntax.tokens cimport TOKEN_END, TOKEN_HOME_PATH, TOKEN_PATH_END, TOKEN_RIGHT_BRACE

cdef const uint8_t* CLASS_OF = character_classes()


cdef Node* new_text(ParseState* state, uint32_t start, uint32_t end) noexcept nogil:
    """A piece of text as the source has it."""
    cdef Node* node = new_node(state, NODE_TEXT, start, end)
    node.own.text = state.lexer.data + start
    node.size_bytes = end - start
    return node


cdef void null_byte_fault(ParseState* state, uint32_t start, uint32_t end) noexcept nogil:
    """Strings cannot hold NUL; the message shows it as ␀."""
    cdef const uint8_t* data = state.lexer.data
    cdef uint8_t* shown = allocate_text(state, <size_t>(end - start) * 3)
    cdef Text text
    cdef uint32_t size_bytes = 0
    cdef uint32_t i
    for i in range(start, end):
        if data[i] == 0:
            memcpy(shown + size_bytes, <const char*>b"\xe2\x90\x80", 3)
            size_bytes += 3
        else:
            shown[size_bytes] = data[i]
            size_bytes += 1
    text.data = shown
    text.size_bytes = size_bytes
    add_fault(
        state, start, end, NO_BYTE, "input string '", text,
        "' cannot be represented as Nix string because it contains null bytes",
    )


cdef bint has_null_byte(Node* text) noexcept nogil:
    """Whether there is a NUL in the text of a string.  Nix accepts one after a backslash."""
    cdef const uint8_t* end = text.own.text + text.size_bytes
    cdef const uint8_t* at = text.own.text
    if memchr(at, 0, text.size_bytes) == NULL:
        return False
    while at < end:
        if at[0] == 0:
            return True
        at += 2 if at[0] == c'\\' else 1
    return False


cdef void unescape(ParseState* state, Node* text) noexcept nogil:
    """Replaces the node's raw text: resolves escapes, and turns CR and CR LF into LF."""
    cdef const uint8_t* raw = text.own.text
    cdef uint8_t* written = allocate_text(state, text.size_bytes)
    cdef uint32_t size_bytes = 0
    cdef uint32_t i = 0
    cdef uint8_t byte
    while i < text.size_bytes:
        byte = raw[i]
        i += 1
        if byte == c'\\':
            byte = unescaped(raw[i])
            i += 1
        elif byte == c'\r':
            byte = c'\n'
            if i < text.size_bytes and raw[i] == c'\n':
                i += 1
        written[size_bytes] = byte
        size_bytes += 1
    text.own.text = written
    text.size_bytes = size_bytes


cdef bint parse_interpolation(ParseState* state, uint32_t position) noexcept nogil:
    """`${ … }` at *position*: pushes its expression, and leaves the lexer's position after the brace."""
    cdef Node* node
    note_opening(state, position)
    state.lexer.position = position + 2
    state.interpolation_depth += 1
    state.bracket_depth += 1
    advance(state)
    node = state.parse_expression(state)
    if node == NULL:
        return False
    if state.lexer.kind != TOKEN_RIGHT_BRACE:
        syntax_fault(state, "'}'")
        return False
    state.interpolation_depth -= 1
    state.bracket_depth -= 1
    push(state, node)
    return True


cdef uint32_t scan_string(ParseState* state, uint32_t start, bint* is_escaped) noexcept nogil:
    """The end of the text from *start*: at a quote, at `${`, or at the end of the source."""
    cdef const uint8_t* data = state.lexer.data
    cdef uint32_t size_bytes = state.lexer.size_bytes
    cdef uint32_t position = start
    cdef uint8_t byte
    while True:
        while not CLASS_OF[data[position]] & CLASS_STRING_STOP:
            position += 1
        byte = data[position]
        if byte == c'"':
            return position
        if byte == c'\\':
            if position + 1 >= size_bytes:
                return size_bytes
            is_escaped[0] = True
            position += 2
        elif byte == c'$':
            if data[position + 1] == c'{':
                return position
            position += 2 if data[position + 1] == c'$' else 1
        elif byte == c'\r':
            is_escaped[0] = True
            position += 1
        elif position >= size_bytes:
            # This is the NUL behind the source.
            return size_bytes
        else:
            # This NUL is a part of the source.
            position += 1


cdef Node* unclosed_fault(ParseState* state, const char* expecting) noexcept nogil:
    state.lexer.start = state.lexer.size_bytes
    state.lexer.position = state.lexer.size_bytes
    unexpected_fault(state, state.lexer.size_bytes, TOKEN_END, expecting)
    state.is_hopeless = True
    return NULL


cdef Node* parse_string(ParseState* state) noexcept nogil:
    cdef uint32_t start = state.lexer.start
    cdef uint32_t base = state.node_count
    cdef uint32_t position = state.lexer.position
    cdef uint32_t end
    cdef bint is_escaped
    cdef Node* text
    cdef Node* node
    while True:
        is_escaped = False
        end = scan_string(state, position, &is_escaped)
        if end > position:
            text = new_text(state, position, end)
            if has_null_byte(text):
                null_byte_fault(state, position, end)
            if is_escaped:
                unescape(state, text)
            push(state, text)
        if end >= state.lexer.size_bytes:
            return unclosed_fault(state, "'\"'")
        if state.lexer.data[end] == c'"':
            break
        if not parse_interpolation(state, end):
            return NULL
        position = state.lexer.position
    node = new_node(state, NODE_STRING, start, end + 1)
    node.count = state.node_count - base
    node.items = collect(state, base)
    state.lexer.position = end + 1
    advance(state)
    return node


cdef uint32_t scan_indented(ParseState* state, uint32_t start) noexcept nogil:
    """Returns the end of the plain text from *start*; *start* itself if something else is there."""
    cdef const uint8_t* data = state.lexer.data
    cdef uint32_t size_bytes = state.lexer.size_bytes
    cdef uint32_t position = start
    cdef uint8_t byte
    cdef uint8_t following
    while True:
        while not CLASS_OF[data[position]] & CLASS_INDENTED_STOP:
            position += 1
        if position >= size_bytes:
            return size_bytes
        byte = data[position]
        following = data[position + 1]
        if byte == 0:
            position += 1
            continue
        if position + 1 >= size_bytes or following == c"'" or (following == c'{' and byte == c'$'):
            return position
        if byte == c"'" and following == c'$':
            return position
        # In `$x` and `'x`, the second byte is plain, whatever it is.
        position += 2


cdef bint push_escape(ParseState* state, uint32_t* position) noexcept nogil:
    """Pushes the text of an escape in an indented string at *position*; returns False for the end or `${`."""
    cdef const uint8_t* at = state.lexer.data + position[0]
    cdef uint32_t start = position[0]
    cdef Node* text
    cdef uint8_t* byte
    if at[0] == c'$':
        if at[1] == c'{':
            return False
        push(state, new_text(state, start, start + 1))
        position[0] = start + 1
    elif at[1] != c"'":
        # This is a `'` before a `$`.
        push(state, new_text(state, start, start + 1))
        position[0] = start + 1
    elif at[2] == c'$':
        push(state, new_text(state, start + 2, start + 3))
        position[0] = start + 3
    elif at[2] == c"'":
        push(state, new_text(state, start, start + 2))
        position[0] = start + 3
    elif at[2] == c'\\' and start + 3 < state.lexer.size_bytes:
        text = new_text(state, start, start + 4)
        byte = allocate_text(state, 1)
        byte[0] = unescaped(at[3])
        text.own.text = byte
        text.size_bytes = 1
        push(state, text)
        position[0] = start + 4
    else:
        return False
    return True


cdef Node* parse_indented_string(ParseState* state) noexcept nogil:
    cdef Lexer* lexer = &state.lexer
    cdef const char* expecting = "indented string or '${' or end of an indented string"
    cdef uint32_t start = lexer.start
    cdef uint32_t base = state.node_count
    cdef uint32_t position = lexer.position
    cdef uint32_t end
    cdef Node* text
    while True:
        end = scan_indented(state, position)
        if end > position:
            text = new_text(state, position, end)
            # This flag makes the text count for the indentation.
            text.flags = STRING_INDENTED
            if memchr(text.own.text, 0, text.size_bytes) != NULL:
                null_byte_fault(state, position, end)
            push(state, text)
            position = end
        elif position >= lexer.size_bytes:
            return unclosed_fault(state, expecting)
        elif not push_escape(state, &position):
            if lexer.data[position] == c"'":
                break
            if not parse_interpolation(state, position):
                return NULL
            position = lexer.position
    lexer.position = position + 2
    text = strip_indentation(state, base, start, position + 2)
    advance(state)
    return text


cdef Node* path_end_fault(ParseState* state, uint32_t start, uint32_t end) noexcept nogil:
    cdef Text empty
    empty.data = <const uint8_t*>""
    empty.size_bytes = 0
    state.lexer.position = end
    add_fault(state, start, end, NO_BYTE, "path has a trailing slash", empty, "")
    state.is_hopeless = True
    return NULL


cdef Node* parse_path(ParseState* state) noexcept nogil:
    cdef Lexer* lexer = &state.lexer
    cdef uint32_t start = lexer.start
    cdef uint32_t base = state.node_count
    # The last literal piece began here.
    cdef uint32_t piece = start
    cdef uint32_t position = lexer.position
    cdef uint32_t end
    cdef bint is_interpolated = False
    cdef uint16_t flags = PATH_RELATIVE
    cdef Node* node
    if lexer.kind == TOKEN_HOME_PATH:
        flags = PATH_HOME
    elif lexer.data[start] == c'/':
        flags = PATH_ABSOLUTE
    push(state, new_text(state, start, position))
    while True:
        if lexer.data[position] == c'$' and lexer.data[position + 1] == c'{':
            if not parse_interpolation(state, position):
                return NULL
            is_interpolated = True
            position = lexer.position
            piece = position
            continue
        end = path_piece_end(lexer, position)
        if end == position:
            break
        push(state, new_text(state, position, end))
        piece = position
        position = end
    if position > piece and lexer.data[position - 1] == c'/':
        return path_end_fault(state, piece if position == lexer.size_bytes else position, position)
    lexer.position = position
    if position == lexer.size_bytes:
        state.end_start = piece if piece < position else position - 1
    if state.node_count - base > 1 and not is_interpolated:
        return unexpected_fault(state, start if position == lexer.size_bytes else piece, TOKEN_PATH_END, "'${'")
    node = new_node(state, NODE_PATH, start, position)
    node.flags = flags
    node.count = state.node_count - base
    node.items = collect(state, base)
    advance(state)
    return node


cdef Node* parse_search_path(ParseState* state) noexcept nogil:
    """`<nixpkgs/lib>`"""
    cdef Lexer* lexer = &state.lexer
    cdef Node* node = new_node(state, NODE_SEARCH_PATH, lexer.start, lexer.position)
    node.own.text = lexer.data + lexer.start + 1
    node.size_bytes = lexer.position - lexer.start - 2
    advance(state)
    return node


cdef Node* parse_uri(ParseState* state) noexcept nogil:
    cdef Lexer* lexer = &state.lexer
    cdef uint32_t base = state.node_count
    cdef Node* node = new_node(state, NODE_STRING, lexer.start, lexer.position)
    push(state, new_text(state, lexer.start, lexer.position))
    node.flags = STRING_URI
    node.count = 1
    node.items = collect(state, base)
    advance(state)
    return node


cdef Node* parse_int(ParseState* state) noexcept nogil:
    cdef Lexer* lexer = &state.lexer
    cdef Node* node = new_node(state, NODE_INT, lexer.start, lexer.position)
    cdef Text digits
    digits.data = lexer.data + lexer.start
    digits.size_bytes = lexer.position - lexer.start
    if not text_to_int(digits, &node.own.integer):
        add_fault(state, lexer.start, lexer.position, NO_BYTE, "invalid integer '", digits, "'")
    advance(state)
    return node


cdef Node* parse_float(ParseState* state) noexcept nogil:
    cdef Lexer* lexer = &state.lexer
    cdef Node* node = new_node(state, NODE_FLOAT, lexer.start, lexer.position)
    cdef Text digits
    digits.data = lexer.data + lexer.start
    digits.size_bytes = lexer.position - lexer.start
    if not text_to_float(digits, &node.own.number):
        add_fault(state, lexer.start, lexer.position, NO_BYTE, "invalid float '", digits, "'")
    advance(state)
    return node
