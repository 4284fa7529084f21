# cython: language_level=3
"""The tokens of JSON: strings, whose escapes are decoded, and the extent of numbers.

In: a reader.  Out: the next token; for a string its `text`, for a number the bytes from `token_start` to `position`; for an
invalid token `fault`, with `position` behind the byte that made it invalid, which is how C++ Nix's messages count.
"""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.builtins.engines.text cimport append_utf8, hex_digit, is_digit
from snowsnake.foundation.buffer cimport bytes_append, bytes_byte, bytes_clear
from snowsnake.foundation.escapes cimport json_unescaped

cdef enum:
    END_OF_INPUT = -1
    BAD_ESCAPE = -1


# -- bytes -------------------------------------------------------------------------------------------------------------

cdef inline int get(JsonReader* reader) noexcept nogil:
    if reader.position < reader.size_bytes:
        reader.position += 1
        return reader.data[reader.position - 1]
    reader.position = reader.size_bytes + 1
    return END_OF_INPUT


cdef inline Token fault(JsonReader* reader, const char* text) noexcept nogil:
    reader.fault = text
    return TOKEN_FAULT


# -- strings -----------------------------------------------------------------------------------------------------------

cdef int four_hex_digits(JsonReader* reader) noexcept nogil:
    cdef int value = 0
    cdef int digit, i
    for i in range(4):
        digit = hex_digit(get(reader))
        if digit < 0:
            return BAD_ESCAPE
        value = value * 16 + digit
    return value


cdef Token read_unicode_escape(JsonReader* reader) noexcept nogil:
    """Reads the four digits after `\\u`, and the second escape of a surrogate pair."""
    cdef int point = four_hex_digits(reader)
    cdef int second
    if point == BAD_ESCAPE:
        return fault(reader, "invalid string: '\\u' must be followed by 4 hex digits")
    if 0xD800 <= point <= 0xDBFF:
        if get(reader) != c'\\' or get(reader) != c'u':
            return fault(reader, "invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF")
        second = four_hex_digits(reader)
        if second == BAD_ESCAPE:
            return fault(reader, "invalid string: '\\u' must be followed by 4 hex digits")
        if not (0xDC00 <= second <= 0xDFFF):
            return fault(reader, "invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF")
        point = 0x10000 + ((point - 0xD800) << 10) + (second - 0xDC00)
    elif 0xDC00 <= point <= 0xDFFF:
        return fault(reader, "invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF")
    if point == 0:
        reader.has_nul = True
    append_utf8(&reader.unescaped, <uint32_t>point)
    return TOKEN_STRING


cdef Token read_escape(JsonReader* reader) noexcept nogil:
    """Appends the character that an escape stands for, after its backslash."""
    cdef int byte = get(reader), control
    if byte == c'u':
        return read_unicode_escape(reader)
    control = json_unescaped(byte)
    if control:
        byte = control
    elif byte != c'"' and byte != c'\\' and byte != c'/':
        return fault(reader, "invalid string: forbidden character after backslash")
    bytes_byte(&reader.unescaped, <uint8_t>byte)
    return TOKEN_STRING


cdef bint read_multibyte(JsonReader* reader, int first) noexcept nogil:
    """Reads the rest of a UTF-8 character; if it is ill-formed, returns false with `position` behind the first wrong byte."""
    cdef int following = 1
    cdef int low = 0x80
    cdef int high = 0xBF
    cdef int byte
    if first < 0xC2 or first > 0xF4:
        return False
    if first >= 0xF0:
        following = 3
        if first == 0xF0:
            low = 0x90
        elif first == 0xF4:
            high = 0x8F
    elif first >= 0xE0:
        following = 2
        if first == 0xE0:
            low = 0xA0
        elif first == 0xED:
            high = 0x9F
    while following:
        byte = get(reader)
        if byte < low or byte > high:
            return False
        low = 0x80
        high = 0xBF
        following -= 1
    return True


cdef Token read_string(JsonReader* reader) noexcept nogil:
    """Reads a string after its opening quote."""
    cdef const uint8_t* data = reader.data
    # The bytes from here on are not copied yet.
    cdef size_t plain = reader.position
    cdef bint is_copied = False
    cdef int byte
    reader.token_start = reader.position - 1
    reader.has_nul = False
    while True:
        while reader.position < reader.size_bytes:
            byte = data[reader.position]
            if byte < 0x20 or byte >= 0x80 or byte == c'"' or byte == c'\\':
                break
            reader.position += 1
        byte = get(reader)
        if byte == c'"':
            break
        if byte == END_OF_INPUT:
            return fault(reader, "invalid string: missing closing quote")
        if byte == c'\\':
            if not is_copied:
                bytes_clear(&reader.unescaped)
                is_copied = True
            bytes_append(&reader.unescaped, data + plain, reader.position - 1 - plain)
            if read_escape(reader) == TOKEN_FAULT:
                return TOKEN_FAULT
            plain = reader.position
        elif byte < 0x20:
            return fault(reader, <const char*>CONTROL_FAULT)
        elif not read_multibyte(reader, byte):
            return fault(reader, "invalid string: ill-formed UTF-8 byte")
    if is_copied:
        bytes_append(&reader.unescaped, data + plain, reader.position - 1 - plain)
        if reader.unescaped.failed:
            reader.message.failed = True
            return fault(reader, "no memory for a string")
        reader.datum.text = reader.unescaped.data
        reader.datum.text_size = reader.unescaped.size
    else:
        reader.datum.text = data + plain
        reader.datum.text_size = reader.position - 1 - plain
    return TOKEN_STRING


# -- numbers and literals ----------------------------------------------------------------------------------------------

cdef Token read_number(JsonReader* reader, int byte) noexcept nogil:
    """Finds the extent of a number; `number_event` computes its value."""
    reader.token_start = reader.position - 1
    if byte == c'-':
        byte = get(reader)
        if not is_digit(byte):
            return fault(reader, "invalid number; expected digit after '-'")
    if byte == c'0':
        byte = get(reader)
    else:
        while is_digit(byte):
            byte = get(reader)
    if byte == c'.':
        byte = get(reader)
        if not is_digit(byte):
            return fault(reader, "invalid number; expected digit after '.'")
        while is_digit(byte):
            byte = get(reader)
    if byte == c'e' or byte == c'E':
        byte = get(reader)
        if byte == c'+' or byte == c'-':
            byte = get(reader)
            if not is_digit(byte):
                return fault(reader, "invalid number; expected digit after exponent sign")
        elif not is_digit(byte):
            return fault(reader, "invalid number; expected '+', '-', or digit after exponent")
        while is_digit(byte):
            byte = get(reader)
    reader.position -= 1
    return TOKEN_NUMBER


cdef Token read_literal(JsonReader* reader, const char* rest, Token token) noexcept nogil:
    while rest[0]:
        if get(reader) != rest[0]:
            return fault(reader, "invalid literal")
        rest += 1
    return token


cdef Token read_token(JsonReader* reader) noexcept nogil:
    cdef int byte
    if reader.position == 0 and reader.size_bytes and reader.data[0] == 0xEF:
        reader.position = 1
        if get(reader) != 0xBB or get(reader) != 0xBF:
            return fault(reader, "invalid BOM; must be 0xEF 0xBB 0xBF if given")
    while True:
        byte = get(reader)
        if byte != c' ' and byte != c'\n' and byte != c'\t' and byte != c'\r':
            break
    if byte == c'"':
        return read_string(reader)
    if byte == c',':
        return TOKEN_COMMA
    if byte == c':':
        return TOKEN_COLON
    if byte == c'-' or is_digit(byte):
        return read_number(reader, byte)
    if byte == c'{':
        return TOKEN_OPEN_OBJECT
    if byte == c'}':
        return TOKEN_CLOSE_OBJECT
    if byte == c'[':
        return TOKEN_OPEN_ARRAY
    if byte == c']':
        return TOKEN_CLOSE_ARRAY
    if byte == c't':
        return read_literal(reader, "rue", TOKEN_TRUE)
    if byte == c'f':
        return read_literal(reader, "alse", TOKEN_FALSE)
    if byte == c'n':
        return read_literal(reader, "ull", TOKEN_NULL)
    if byte == END_OF_INPUT or byte == 0:
        return TOKEN_END
    return fault(reader, "invalid literal")
