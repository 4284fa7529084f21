# cython: language_level=3
"""The lexer: from bytes to tokens, one at a time, when the parser needs them.

In: a buffer that ends in NUL bytes.  Out: kind and span of the next token, in the Lexer struct; nothing is allocated.
Text inside strings, indented strings and paths has rules of its own; the parser reads it (literals.pyx) and then sets
`position` behind it.

As in C++ Nix, the longest match wins: `a/b` is a path, `a:b` a URI, `1.5/x` a path.  Whether a name or number continues as
a path depends on where its run of path characters ends; that end is remembered, so that `a.b.c.d…` takes linear time.
"""
from libc.string cimport memcmp
from snowsnake.syntax.tokens cimport (
    TOKEN_AND, TOKEN_ASSERT, TOKEN_ASSIGN, TOKEN_AT, TOKEN_COLON, TOKEN_COMMA, TOKEN_CONCAT, TOKEN_DOLLAR_BRACE,
    TOKEN_DOT, TOKEN_ELLIPSIS, TOKEN_ELSE, TOKEN_END, TOKEN_EQUAL, TOKEN_FLOAT, TOKEN_HOME_PATH, TOKEN_IDENTIFIER,
    TOKEN_IF, TOKEN_IMPLIES, TOKEN_IN, TOKEN_INDENTED_OPEN, TOKEN_INHERIT, TOKEN_INT, TOKEN_INVALID, TOKEN_LEFT_BRACE,
    TOKEN_LEFT_BRACKET, TOKEN_LEFT_PAREN, TOKEN_LESS, TOKEN_LESS_OR_EQUAL, TOKEN_LET, TOKEN_MINUS, TOKEN_MORE,
    TOKEN_MORE_OR_EQUAL, TOKEN_NOT, TOKEN_NOT_EQUAL, TOKEN_OR, TOKEN_OR_WORD, TOKEN_PATH, TOKEN_PIPE_FROM,
    TOKEN_PIPE_INTO, TOKEN_PLUS, TOKEN_QUESTION, TOKEN_QUOTE, TOKEN_REC, TOKEN_RIGHT_BRACE, TOKEN_RIGHT_BRACKET,
    TOKEN_RIGHT_PAREN, TOKEN_SEARCH_PATH, TOKEN_SEMICOLON, TOKEN_SLASH, TOKEN_STAR, TOKEN_THEN, TOKEN_UPDATE, TOKEN_URI,
    TOKEN_WITH,
)

# Each byte has its bits of `CharacterClass` here.
cdef uint8_t[256] CLASS_OF
# Each byte has the kind of token that begins with it: a `FirstByte`, or a `TokenKind` + 128.
cdef uint8_t[256] FIRST_OF


cdef enum FirstByte:
    FIRST_INVALID = 0
    FIRST_END
    # The byte is a letter or `_`.
    FIRST_LETTER
    FIRST_DIGIT
    FIRST_DOT
    FIRST_MINUS
    FIRST_PLUS
    FIRST_SLASH
    FIRST_TILDE
    FIRST_LESS
    FIRST_MORE
    FIRST_EQUAL
    FIRST_EXCLAMATION
    FIRST_AMPERSAND
    FIRST_BAR
    FIRST_DOLLAR
    FIRST_APOSTROPHE
    # The byte is a token by itself.
    FIRST_SINGLE = 128


cdef fill_tables():
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    digits = b"0123456789"
    classes = [
        (CLASS_NAME, letters + digits + b"_'-"),
        (CLASS_PATH, letters + digits + b"._-+"),
        (CLASS_SCHEME, letters + digits + b"+-."),
        (CLASS_URI, letters + digits + b"%/?:@&=+$,-_.!~*'"),
        (CLASS_SPACE, b" \t\r\n"),
        (CLASS_DIGIT, digits),
        (CLASS_STRING_STOP, b'"\\$\r\0'),
        (CLASS_INDENTED_STOP, b"'$\0"),
    ]
    for bit, members in classes:
        for byte in members:
            CLASS_OF[<int>byte] |= <int>bit
    starts = [
        (FIRST_LETTER, letters + b"_"), (FIRST_DIGIT, digits), (FIRST_END, b"\0"), (FIRST_DOT, b"."),
        (FIRST_MINUS, b"-"), (FIRST_PLUS, b"+"), (FIRST_SLASH, b"/"), (FIRST_TILDE, b"~"), (FIRST_LESS, b"<"),
        (FIRST_MORE, b">"), (FIRST_EQUAL, b"="), (FIRST_EXCLAMATION, b"!"), (FIRST_AMPERSAND, b"&"), (FIRST_BAR, b"|"),
        (FIRST_DOLLAR, b"$"), (FIRST_APOSTROPHE, b"'"),
    ]
    for start, members in starts:
        for byte in members:
            FIRST_OF[<int>byte] = <int>start
    singles = {
        b"(": TOKEN_LEFT_PAREN, b")": TOKEN_RIGHT_PAREN, b"[": TOKEN_LEFT_BRACKET, b"]": TOKEN_RIGHT_BRACKET,
        b"{": TOKEN_LEFT_BRACE, b"}": TOKEN_RIGHT_BRACE, b";": TOKEN_SEMICOLON, b":": TOKEN_COLON, b",": TOKEN_COMMA,
        b"@": TOKEN_AT, b"?": TOKEN_QUESTION, b"*": TOKEN_STAR, b'"': TOKEN_QUOTE,
    }
    for member, kind in singles.items():
        FIRST_OF[<int>member[0]] = FIRST_SINGLE + <int>kind


fill_tables()


cdef const uint8_t* character_classes() noexcept nogil:
    return CLASS_OF


cdef inline bint is_class(uint8_t byte, int bits) noexcept nogil:
    return (CLASS_OF[byte] & bits) != 0


cdef inline uint32_t block_comment_end(Lexer* lexer, uint32_t start) noexcept nogil:
    """The offset after the comment that opens at *start*, or 0 if it is not closed."""
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = start + 2
    if lexer.has_open_comment:
        return 0
    while position < lexer.size_bytes:
        if data[position] == c'*' and data[position + 1] == c'/':
            return position + 2
        position += 1
    lexer.has_open_comment = True
    return 0


cdef inline void skip_trivia(Lexer* lexer) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = lexer.position
    cdef uint32_t end
    cdef uint8_t byte
    lexer.doc_end = 0
    while True:
        while is_class(data[position], CLASS_SPACE):
            position += 1
        byte = data[position]
        if byte == c'#':
            while position < lexer.size_bytes and data[position] != c'\n' and data[position] != c'\r':
                position += 1
        elif byte == c'/' and data[position + 1] == c'*':
            end = block_comment_end(lexer, position)
            if end == 0:
                # Nothing closes the comment, so we read a slash, which the parser refuses.
                break
            if data[position + 2] == c'*' and data[position + 3] != c'*' and data[position + 3] != c'/':
                lexer.doc_start = position
                lexer.doc_end = end
            position = end
        else:
            break
    lexer.position = position


cdef inline uint32_t path_run_end(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef uint32_t position
    if lexer.path_run_end <= start:
        position = start
        while is_class(lexer.data[position], CLASS_PATH):
            position += 1
        lexer.path_run_end = position
    return lexer.path_run_end


cdef inline bint is_interpolation(const uint8_t* at) noexcept nogil:
    return at[0] == c'$' and at[1] == c'{'


cdef uint32_t path_segments_end(Lexer* lexer, uint32_t slash) noexcept nogil:
    """The end of `(/segment)+/?` that begins with the slash at *slash*; *slash* itself if no segment follows."""
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = slash
    while data[position] == c'/' and is_class(data[position + 1], CLASS_PATH):
        position += 1
        while is_class(data[position], CLASS_PATH):
            position += 1
    if position > slash and data[position] == c'/':
        position += 1
    return position


cdef uint32_t path_end(Lexer* lexer, uint32_t start) noexcept nogil:
    """The end of the first literal piece of a path that begins at *start*, or 0 if none does."""
    cdef uint32_t run_end = path_run_end(lexer, start)
    if lexer.data[run_end] != c'/':
        return 0
    if is_class(lexer.data[run_end + 1], CLASS_PATH):
        return path_segments_end(lexer, run_end)
    if is_interpolation(lexer.data + run_end + 1):
        return run_end + 1
    return 0


cdef uint32_t path_piece_end(Lexer* lexer, uint32_t start) noexcept nogil:
    """The end of a further literal piece of a path; *start* itself if there is none."""
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = start
    while is_class(data[position], CLASS_PATH):
        position += 1
    if data[position] == c'/':
        if is_class(data[position + 1], CLASS_PATH):
            return path_segments_end(lexer, position)
        return position + 1
    return position


cdef uint32_t uri_end(Lexer* lexer, uint32_t start) noexcept nogil:
    """The end of the URI that begins at *start*, or 0 if none does."""
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position
    if not is_class(data[start], CLASS_SCHEME):
        # The byte is `_`, with which no scheme begins.
        return 0
    if lexer.scheme_run_end <= start:
        position = start
        while is_class(data[position], CLASS_SCHEME):
            position += 1
        lexer.scheme_run_end = position
    position = lexer.scheme_run_end
    if data[position] != c':' or not is_class(data[position + 1], CLASS_URI):
        return 0
    position += 1
    while is_class(data[position], CLASS_URI):
        position += 1
    return position


cdef uint8_t keyword_or_identifier(const uint8_t* name, uint32_t size_bytes) noexcept nogil:
    cdef uint8_t first = name[0]
    if size_bytes > 7 or size_bytes < 2:
        return TOKEN_IDENTIFIER
    if first == c'i':
        if size_bytes == 2:
            if name[1] == c'n':
                return TOKEN_IN
            if name[1] == c'f':
                return TOKEN_IF
        elif size_bytes == 7 and memcmp(name, <const char*>"inherit", 7) == 0:
            return TOKEN_INHERIT
    elif first == c'o':
        if size_bytes == 2 and name[1] == c'r':
            return TOKEN_OR_WORD
    elif first == c'l':
        if size_bytes == 3 and name[1] == c'e' and name[2] == c't':
            return TOKEN_LET
    elif first == c'r':
        if size_bytes == 3 and name[1] == c'e' and name[2] == c'c':
            return TOKEN_REC
    elif first == c't':
        if size_bytes == 4 and memcmp(name, <const char*>"then", 4) == 0:
            return TOKEN_THEN
    elif first == c'e':
        if size_bytes == 4 and memcmp(name, <const char*>"else", 4) == 0:
            return TOKEN_ELSE
    elif first == c'w':
        if size_bytes == 4 and memcmp(name, <const char*>"with", 4) == 0:
            return TOKEN_WITH
    elif first == c'a':
        if size_bytes == 6 and memcmp(name, <const char*>"assert", 6) == 0:
            return TOKEN_ASSERT
    return TOKEN_IDENTIFIER


cdef inline void take(Lexer* lexer, uint8_t kind, uint32_t end) noexcept nogil:
    lexer.kind = kind
    lexer.position = end


cdef inline bint take_path(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef uint32_t end = path_end(lexer, start)
    if end == 0:
        return False
    take(lexer, TOKEN_PATH, end)
    return True


cdef inline void lex_name(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = start + 1
    cdef uint32_t end
    cdef uint8_t byte
    while is_class(data[position], CLASS_NAME):
        position += 1
    byte = data[position]
    if byte == c'.' or byte == c'/' or byte == c'+' or byte == c':':
        if byte != c':' and take_path(lexer, start):
            return
        end = uri_end(lexer, start)
        if end != 0:
            take(lexer, TOKEN_URI, end)
            return
    take(lexer, TOKEN_IDENTIFIER if position == start + 1 else keyword_or_identifier(data + start, position - start), position)


cdef void lex_fraction(Lexer* lexer, uint32_t dot) noexcept nogil:
    """A float whose point is at *dot*."""
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = dot + 1
    cdef uint32_t exponent
    while is_class(data[position], CLASS_DIGIT):
        position += 1
    if data[position] == c'e' or data[position] == c'E':
        exponent = position + 1
        if data[exponent] == c'+' or data[exponent] == c'-':
            exponent += 1
        if is_class(data[exponent], CLASS_DIGIT):
            position = exponent
            while is_class(data[position], CLASS_DIGIT):
                position += 1
    take(lexer, TOKEN_FLOAT, position)


cdef inline void lex_number(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = start + 1
    while is_class(data[position], CLASS_DIGIT):
        position += 1
    if (is_class(data[position], CLASS_PATH) or data[position] == c'/') and take_path(lexer, start):
        return
    # `0.` is not a float, but `0.5` and `1.` are, and `00.5` is two numbers.
    if data[position] == c'.':
        if data[start] != c'0' or (position == start + 1 and is_class(data[position + 1], CLASS_DIGIT)):
            lex_fraction(lexer, position)
            return
    take(lexer, TOKEN_INT, position)


cdef void lex_less(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = start + 1
    if data[position] == c'=':
        take(lexer, TOKEN_LESS_OR_EQUAL, position + 1)
        return
    if data[position] == c'|':
        take(lexer, TOKEN_PIPE_FROM, position + 1)
        return
    while is_class(data[position], CLASS_PATH):
        position += 1
        if data[position] == c'/':
            position += 1
        elif data[position] == c'>':
            take(lexer, TOKEN_SEARCH_PATH, position + 1)
            return
    take(lexer, TOKEN_LESS, start + 1)


cdef inline void take_pair(Lexer* lexer, uint32_t start, uint8_t second, uint8_t pair, uint8_t single) noexcept nogil:
    if lexer.data[start + 1] == second:
        take(lexer, pair, start + 2)
    else:
        take(lexer, single, start + 1)


cdef void lex_slash(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    if is_class(data[start + 1], CLASS_PATH):
        take(lexer, TOKEN_PATH, path_segments_end(lexer, start))
    elif is_interpolation(data + start + 1):
        take(lexer, TOKEN_PATH, start + 1)
    else:
        take_pair(lexer, start, c'/', TOKEN_UPDATE, TOKEN_SLASH)


cdef void lex_tilde(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    if data[start + 1] == c'/' and is_class(data[start + 2], CLASS_PATH):
        take(lexer, TOKEN_HOME_PATH, path_segments_end(lexer, start + 1))
    elif data[start + 1] == c'/' and is_interpolation(data + start + 2):
        take(lexer, TOKEN_HOME_PATH, start + 2)
    else:
        take(lexer, TOKEN_INVALID, start + 1)


cdef void lex_dot(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    cdef uint8_t byte = data[start + 1]
    if (is_class(byte, CLASS_PATH) or byte == c'/') and take_path(lexer, start):
        return
    if is_class(byte, CLASS_DIGIT):
        lex_fraction(lexer, start)
    elif byte == c'.' and data[start + 2] == c'.':
        take(lexer, TOKEN_ELLIPSIS, start + 3)
    else:
        take(lexer, TOKEN_DOT, start + 1)


cdef void lex_sign(Lexer* lexer, uint32_t start) noexcept nogil:
    """`+` and `-`: the start of a path such as `-a/b`, or an operator."""
    cdef uint8_t byte = lexer.data[start + 1]
    if (is_class(byte, CLASS_PATH) or byte == c'/') and take_path(lexer, start):
        return
    if lexer.data[start] == c'-':
        take_pair(lexer, start, c'>', TOKEN_IMPLIES, TOKEN_MINUS)
    else:
        take_pair(lexer, start, c'+', TOKEN_CONCAT, TOKEN_PLUS)


cdef void lex_apostrophe(Lexer* lexer, uint32_t start) noexcept nogil:
    cdef const uint8_t* data = lexer.data
    cdef uint32_t position = start + 2
    if data[start + 1] != c"'":
        take(lexer, TOKEN_INVALID, start + 1)
        return
    while data[position] == c' ':
        position += 1
    take(lexer, TOKEN_INDENTED_OPEN, position + 1 if data[position] == c'\n' else start + 2)


cdef void lexer_next(Lexer* lexer) noexcept nogil:
    """Moves on to the next token."""
    cdef uint32_t start
    cdef uint8_t first
    lexer.previous_end = lexer.position
    skip_trivia(lexer)
    start = lexer.position
    lexer.start = start
    first = FIRST_OF[lexer.data[start]]
    if first >= FIRST_SINGLE:
        take(lexer, first - FIRST_SINGLE, start + 1)
    elif first == FIRST_LETTER:
        lex_name(lexer, start)
    elif first == FIRST_EQUAL:
        take_pair(lexer, start, c'=', TOKEN_EQUAL, TOKEN_ASSIGN)
    elif first == FIRST_DOT:
        lex_dot(lexer, start)
    elif first == FIRST_DIGIT:
        lex_number(lexer, start)
    elif first == FIRST_APOSTROPHE:
        lex_apostrophe(lexer, start)
    elif first == FIRST_PLUS or first == FIRST_MINUS:
        lex_sign(lexer, start)
    elif first == FIRST_SLASH:
        lex_slash(lexer, start)
    elif first == FIRST_DOLLAR:
        take_pair(lexer, start, c'{', TOKEN_DOLLAR_BRACE, TOKEN_INVALID)
    elif first == FIRST_LESS:
        lex_less(lexer, start)
    elif first == FIRST_MORE:
        take_pair(lexer, start, c'=', TOKEN_MORE_OR_EQUAL, TOKEN_MORE)
    elif first == FIRST_EXCLAMATION:
        take_pair(lexer, start, c'=', TOKEN_NOT_EQUAL, TOKEN_NOT)
    elif first == FIRST_AMPERSAND:
        take_pair(lexer, start, c'&', TOKEN_AND, TOKEN_INVALID)
    elif first == FIRST_BAR:
        if lexer.data[start + 1] == c'>':
            take(lexer, TOKEN_PIPE_INTO, start + 2)
        else:
            take_pair(lexer, start, c'|', TOKEN_OR, TOKEN_INVALID)
    elif first == FIRST_TILDE:
        lex_tilde(lexer, start)
    elif first == FIRST_END:
        take(lexer, TOKEN_END, start)
    else:
        take(lexer, TOKEN_INVALID, start + 1)
