# cython: language_level=3
"""Reads JSON as a stream of events, and writes its strings.

In: bytes.  Out: events one at a time (a pull parser without recursion: memory bounds the depth), or the message of
C++ Nix 2.34; escaped strings.

What is accepted, the class of each number and every message are those of the library that C++ Nix uses (nlohmann's JSON 3):
integers beyond 64 bits become floats, a number from 2^63 to 2^64 - 1 is an error of Nix itself, and duplicate keys are
left to the caller.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset
from snowsnake.builtins.engines.events cimport (
    EVENT_BEGIN_ARRAY, EVENT_BEGIN_OBJECT, EVENT_END, EVENT_END_ARRAY, EVENT_END_OBJECT, EVENT_ERROR, EVENT_FALSE, EVENT_FLOAT,
    EVENT_INT, EVENT_KEY, EVENT_NULL, EVENT_STRING, EVENT_TRUE, Event, PythonDocument,
)
from snowsnake.builtins.engines.json_tokens cimport (
    CONTROL_FAULT, EXPECT_FIRST_ITEM, EXPECT_FIRST_KEY, EXPECT_MEMBER, EXPECT_MORE, EXPECT_NOTHING, EXPECT_VALUE,
    TOKEN_CLOSE_ARRAY, TOKEN_CLOSE_OBJECT, TOKEN_COLON, TOKEN_COMMA, TOKEN_COUNT, TOKEN_END, TOKEN_FALSE, TOKEN_FAULT,
    TOKEN_NONE, TOKEN_NULL, TOKEN_NUMBER, TOKEN_OPEN_ARRAY, TOKEN_OPEN_OBJECT, TOKEN_STRING, TOKEN_TRUE, TOKEN_VALUE,
    Token, read_token,
)
from snowsnake.builtins.engines.numbers cimport (
    NUMBER_INVALID, NUMBER_OK, NUMBER_OVERFLOW, NumberStatus, parse_double, parse_int64,
)
from snowsnake.builtins.engines.text cimport UTF8_INCOMPLETE, UTF8_OK, Utf8Fault, utf8_check
from snowsnake.foundation.allocate cimport resize_items
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_decimal, bytes_free, bytes_init, bytes_text
from snowsnake.foundation.escapes cimport json_escape_letter
from snowsnake.foundation.plain_bytes cimport plain_size

cdef const char* token_names[TOKEN_COUNT]
token_names[:] = [
    "", "true literal", "false literal", "null literal", "string literal", "number literal", "'['", "'{'", "']'", "'}'",
    "':'", "','", "<parse error>", "end of input", "'[', '{', or a literal",
]
cdef const char* control_names[32]
control_names[:] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
]


# -- set-up ------------------------------------------------------------------------------------------------------------

cdef void json_reader_init(JsonReader* reader, const uint8_t* data, size_t size_bytes) noexcept nogil:
    """`data` must live as long as the reader."""
    memset(reader, 0, sizeof(JsonReader))
    reader.data = data
    reader.size_bytes = size_bytes
    reader.state = EXPECT_VALUE
    bytes_init(&reader.unescaped)
    bytes_init(&reader.message)


cdef void json_reader_free(JsonReader* reader) noexcept nogil:
    free(reader.levels)
    bytes_free(&reader.unescaped)
    bytes_free(&reader.message)
    reader.levels = NULL


# -- messages ----------------------------------------------------------------------------------------------------------

cdef void append_hex(Bytes* out, uint32_t number, int digits) noexcept nogil:
    cdef const char* names = "0123456789ABCDEF"
    while digits:
        digits -= 1
        bytes_byte(out, <uint8_t>names[(number >> (4 * digits)) & 15])


cdef void append_place(JsonReader* reader, Token found) noexcept nogil:
    """Appends where parsing stopped.  The library reads one byte behind a number and puts it back; if that is a line end, it loses the column."""
    cdef int64_t line = 1
    cdef size_t line_start = 0
    cdef size_t i
    for i in range(reader.position if reader.position < reader.size_bytes else reader.size_bytes):
        if reader.data[i] == c'\n':
            line += 1
            line_start = i + 1
    bytes_text(&reader.message, "[json.exception.parse_error.101] parse error at line ")
    bytes_decimal(&reader.message, line)
    bytes_text(&reader.message, ", column ")
    if found == TOKEN_NUMBER and reader.position < reader.size_bytes and reader.data[reader.position] == c'\n':
        bytes_decimal(&reader.message, 0)
    else:
        bytes_decimal(&reader.message, <int64_t>(reader.position - line_start))
    bytes_text(&reader.message, ": ")


cdef void append_last_read(JsonReader* reader) noexcept nogil:
    """Appends the bytes from the start of the last string or number on, with control characters as `<U+…>`."""
    cdef size_t i
    cdef size_t end = reader.position if reader.position < reader.size_bytes else reader.size_bytes
    for i in range(reader.token_start, end):
        if reader.data[i] < 0x20:
            bytes_text(&reader.message, "<U+")
            append_hex(&reader.message, reader.data[i], 4)
            bytes_byte(&reader.message, c'>')
        else:
            bytes_byte(&reader.message, reader.data[i])


cdef void append_control_fault(JsonReader* reader) noexcept nogil:
    cdef Bytes* out = &reader.message
    cdef uint8_t byte = reader.data[reader.position - 1]
    cdef uint8_t short_form = json_escape_letter(byte)
    bytes_text(out, "invalid string: control character U+")
    append_hex(out, byte, 4)
    bytes_text(out, " (")
    bytes_text(out, control_names[byte])
    bytes_text(out, ") must be escaped to \\u")
    append_hex(out, byte, 4)
    if short_form:
        bytes_text(out, " or \\")
        bytes_byte(out, <uint8_t>short_form)


cdef Event syntax_error(JsonReader* reader, Token found, Token expected, const char* context) noexcept nogil:
    cdef Bytes* out = &reader.message
    append_place(reader, found)
    bytes_text(out, "syntax error while parsing ")
    bytes_text(out, context)
    bytes_text(out, " - ")
    if found == TOKEN_FAULT:
        if reader.fault == <const char*>CONTROL_FAULT:
            append_control_fault(reader)
        else:
            bytes_text(out, reader.fault)
        bytes_text(out, "; last read: '")
        append_last_read(reader)
        bytes_byte(out, c"'")
    else:
        bytes_text(out, "unexpected ")
        bytes_text(out, token_names[<int>found])
    if expected != TOKEN_NONE:
        bytes_text(out, "; expected ")
        bytes_text(out, token_names[<int>expected])
    reader.state = EXPECT_NOTHING
    return EVENT_ERROR


cdef Event failed(JsonReader* reader, const char* before, const char* after) noexcept nogil:
    """Fails with a message about the number just read, which is put between `before` and `after`."""
    bytes_text(&reader.message, before)
    bytes_append(&reader.message, reader.data + reader.token_start, reader.position - reader.token_start)
    bytes_text(&reader.message, after)
    reader.state = EXPECT_NOTHING
    return EVENT_ERROR


# -- events ------------------------------------------------------------------------------------------------------------

cdef Event nul_error(JsonReader* reader) noexcept nogil:
    """Fails because strings of Nix cannot contain NUL."""
    cdef size_t i
    bytes_text(&reader.message, "input string '")
    for i in range(reader.datum.text_size):
        if reader.datum.text[i]:
            bytes_byte(&reader.message, reader.datum.text[i])
        else:
            bytes_text(&reader.message, b"\xe2\x90\x80")
    bytes_text(&reader.message, "' cannot be represented as Nix string because it contains null bytes")
    reader.is_nix_error = True
    reader.state = EXPECT_NOTHING
    return EVENT_ERROR


cdef Event number_event(JsonReader* reader) noexcept nogil:
    cdef const uint8_t* text = reader.data + reader.token_start
    cdef size_t size_bytes = reader.position - reader.token_start
    cdef NumberStatus status = parse_int64(text, size_bytes, &reader.datum.integer)
    if status == NUMBER_OK:
        return EVENT_INT
    if status == NUMBER_OVERFLOW and text[0] != c'-' and fits_unsigned(text, size_bytes):
        reader.is_nix_error = True
        return failed(reader, "unsigned json number ", " outside of Nix integer range")
    status = parse_double(text, size_bytes, &reader.datum.number)
    if status == NUMBER_OVERFLOW:
        return failed(reader, "[json.exception.out_of_range.406] number overflow parsing '", "'")
    if status == NUMBER_INVALID:
        reader.message.failed = True
        reader.state = EXPECT_NOTHING
        return EVENT_ERROR
    return EVENT_FLOAT


cdef bint fits_unsigned(const uint8_t* digits, size_t size_bytes) noexcept nogil:
    """Whether these digits, without leading zeros, are at most 2^64 - 1."""
    cdef const char* largest = "18446744073709551615"
    cdef size_t i
    if size_bytes != 20:
        return size_bytes < 20
    for i in range(20):
        if digits[i] != <uint8_t>largest[i]:
            return digits[i] < <uint8_t>largest[i]
    return True


cdef Event open_level(JsonReader* reader, bint is_array) noexcept nogil:
    cdef uint8_t* levels
    cdef size_t capacity
    if reader.depth == reader.level_capacity:
        capacity = 2 * reader.level_capacity + 64
        levels = <uint8_t*>resize_items(reader.levels, capacity, 1)
        if levels == NULL:
            reader.message.failed = True
            reader.state = EXPECT_NOTHING
            return EVENT_ERROR
        reader.levels = levels
        reader.level_capacity = capacity
    reader.levels[reader.depth] = is_array
    reader.depth += 1
    reader.state = EXPECT_FIRST_ITEM if is_array else EXPECT_FIRST_KEY
    return EVENT_BEGIN_ARRAY if is_array else EVENT_BEGIN_OBJECT


cdef Event close_level(JsonReader* reader, Event event) noexcept nogil:
    reader.depth -= 1
    reader.state = EXPECT_MORE
    return event


cdef Event value_event(JsonReader* reader, Token token) noexcept nogil:
    reader.state = EXPECT_MORE
    if token == TOKEN_STRING:
        return nul_error(reader) if reader.has_nul else EVENT_STRING
    if token == TOKEN_NUMBER:
        return number_event(reader)
    if token == TOKEN_OPEN_OBJECT:
        return open_level(reader, False)
    if token == TOKEN_OPEN_ARRAY:
        return open_level(reader, True)
    if token == TOKEN_TRUE:
        return EVENT_TRUE
    if token == TOKEN_FALSE:
        return EVENT_FALSE
    if token == TOKEN_NULL:
        return EVENT_NULL
    if token == TOKEN_END and reader.position == 1:
        append_place(reader, TOKEN_FAULT)
        bytes_text(
            &reader.message,
            "attempting to parse an empty input; check that your input string or stream contains the expected JSON",
        )
        reader.state = EXPECT_NOTHING
        return EVENT_ERROR
    return syntax_error(reader, token, TOKEN_NONE if token == TOKEN_FAULT else TOKEN_VALUE, "value")


cdef Event key_event(JsonReader* reader, Token token) noexcept nogil:
    if token != TOKEN_STRING:
        return syntax_error(reader, token, TOKEN_STRING, "object key")
    if reader.has_nul:
        return nul_error(reader)
    reader.state = EXPECT_MEMBER
    return EVENT_KEY


cdef Event more_event(JsonReader* reader) noexcept nogil:
    """Expects, after a value, a comma and what follows it, a closing bracket, or the end."""
    cdef Token token = read_token(reader)
    if reader.depth == 0:
        reader.state = EXPECT_NOTHING
        return EVENT_END if token == TOKEN_END else syntax_error(reader, token, TOKEN_END, "value")
    if reader.levels[reader.depth - 1]:
        if token == TOKEN_COMMA:
            return value_event(reader, read_token(reader))
        if token == TOKEN_CLOSE_ARRAY:
            return close_level(reader, EVENT_END_ARRAY)
        return syntax_error(reader, token, TOKEN_CLOSE_ARRAY, "array")
    if token == TOKEN_COMMA:
        return key_event(reader, read_token(reader))
    if token == TOKEN_CLOSE_OBJECT:
        return close_level(reader, EVENT_END_OBJECT)
    return syntax_error(reader, token, TOKEN_CLOSE_OBJECT, "object")


cdef Event json_reader_next(JsonReader* reader) noexcept nogil:
    """The next event.  This must not be called again after EVENT_END or EVENT_ERROR."""
    cdef Token token
    if reader.state == EXPECT_MORE:
        return more_event(reader)
    if reader.state == EXPECT_NOTHING:
        return EVENT_END
    token = read_token(reader)
    if reader.state == EXPECT_FIRST_ITEM:
        if token == TOKEN_CLOSE_ARRAY:
            return close_level(reader, EVENT_END_ARRAY)
    elif reader.state == EXPECT_FIRST_KEY:
        if token == TOKEN_CLOSE_OBJECT:
            return close_level(reader, EVENT_END_OBJECT)
        return key_event(reader, token)
    elif reader.state == EXPECT_MEMBER:
        if token != TOKEN_COLON:
            return syntax_error(reader, token, TOKEN_COLON, "object separator")
        token = read_token(reader)
    return value_event(reader, token)


# -- writing -----------------------------------------------------------------------------------------------------------

cdef bint json_append_string(Bytes* out, const uint8_t* data, size_t size_bytes, Bytes* message) noexcept nogil:
    """Writes a string with its quotes.  If it is not UTF-8, returns false and writes `message`: Nix's words after "JSON serialization error: "."""
    cdef size_t i = 0, run
    cdef size_t index = 0
    cdef uint8_t byte, letter, seen = 0
    cdef Utf8Fault fault = utf8_check(data, size_bytes, &index)
    if fault != UTF8_OK:
        if fault == UTF8_INCOMPLETE:
            bytes_text(message, "[json.exception.type_error.316] incomplete UTF-8 string; last byte: 0x")
        else:
            bytes_text(message, "[json.exception.type_error.316] invalid UTF-8 byte at index ")
            bytes_decimal(message, <int64_t>index)
            bytes_text(message, ": 0x")
        append_hex(message, data[index], 2)
        return False
    bytes_byte(out, c'"')
    while True:
        run = plain_size(data + i, size_bytes - i, &seen)
        bytes_append(out, data + i, run)
        i += run
        if i == size_bytes:
            break
        byte = data[i]
        i += 1
        bytes_byte(out, c'\\')
        letter = json_escape_letter(byte)
        if letter:
            byte = letter
        elif byte < 0x20:
            bytes_text(out, "u00")
            bytes_byte(out, <uint8_t>(c'0' + (byte >> 4)))
            byte = <uint8_t>("0123456789abcdef"[byte & 15])
        bytes_byte(out, byte)
    bytes_byte(out, c'"')
    return True


# -- Python's side -----------------------------------------------------------------------------------------------------

class JsonError(ValueError):
    """A text is not JSON, or a string is not UTF-8; the message is Nix's."""


cdef object text_of(Bytes* buffer):
    return (<bytes>buffer.data[:buffer.size] if buffer.size else b"").decode("utf-8", "surrogateescape")


def loads(bytes data not None):
    """The text as a Python value (engines/events.pyx); JsonError if it is not JSON."""
    cdef JsonReader reader
    cdef Event event
    cdef PythonDocument document = PythonDocument()
    json_reader_init(&reader, data, len(data))
    try:
        while True:
            event = json_reader_next(&reader)
            if event == EVENT_END:
                return document.root()
            if event == EVENT_ERROR:
                raise JsonError(text_of(&reader.message))
            document.add(event, &reader.datum)
    finally:
        json_reader_free(&reader)


def json_string(bytes text not None):
    """The text as a JSON string, with its quotes."""
    cdef Bytes out
    cdef Bytes message
    bytes_init(&out)
    bytes_init(&message)
    try:
        if not json_append_string(&out, text, len(text), &message):
            raise JsonError(text_of(&message))
        return <bytes>out.data[:out.size]
    finally:
        bytes_free(&out)
        bytes_free(&message)
