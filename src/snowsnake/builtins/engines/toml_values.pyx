# cython: language_level=3
"""Numbers, dates and strings of TOML.

In: a reader at the start of a value.  Out: the filled node, and the reader behind the value; or a failed reader, with a
message in the form of C++ Nix's library: a title, the line, a caret and a note.
"""
from libc.math cimport INFINITY, NAN, copysign
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp
from snowsnake.builtins.engines.numbers cimport (
    NUMBER_INVALID, NUMBER_OK, NUMBER_OVERFLOW, NumberStatus, parse_double, parse_int64,
)
from snowsnake.builtins.engines.text cimport append_utf8, hex_digit, is_digit
from snowsnake.builtins.engines.toml_document cimport (
    TOML_BOOLEAN, TOML_DATE_TIME, TOML_FLOAT, TOML_INTEGER, TOML_STRING, TomlNode,
)
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_decimal, bytes_text
from snowsnake.foundation.escapes cimport json_unescaped

cdef enum:
    END_OF_INPUT = -1


cdef inline int peek(const TomlReader* reader, size_t ahead) noexcept nogil:
    if reader.size_bytes - reader.position <= ahead:
        return END_OF_INPUT
    return reader.data[reader.position + ahead]


cdef enum:
    # A message shows at most this many bytes of a line before the place of a fault, and as many behind it.
    MOST_SHOWN_BYTES = 1000


# -- messages ----------------------------------------------------------------------------------------------------------

cdef bint toml_fail(TomlReader* reader, const char* title, size_t place, const char* note) noexcept nogil:
    """Records the first failure, at byte `place`; always returns false."""
    cdef Bytes* out = &reader.message
    cdef size_t line_start = 0
    cdef size_t line_end = place
    cdef size_t line_size, i, before
    cdef int64_t line = 1
    if reader.has_failed:
        return False
    reader.has_failed = True
    for i in range(place):
        if reader.data[i] == c'\n':
            line += 1
            line_start = i + 1
    while line_end < reader.size_bytes and reader.data[line_end] != c'\n' and reader.data[line_end] != c'\r':
        line_end += 1
    # A message shows only a part of a very long line, around the place of the fault.
    if place - line_start > MOST_SHOWN_BYTES:
        line_start = place - MOST_SHOWN_BYTES
        while line_start < place and reader.data[line_start] & 0xC0 == 0x80:
            line_start += 1
    if line_end - place > MOST_SHOWN_BYTES:
        line_end = place + MOST_SHOWN_BYTES
        while line_end > place and reader.data[line_end] & 0xC0 == 0x80:
            line_end -= 1
    line_size = line_end - line_start
    bytes_text(out, "while parsing TOML: [error] ")
    bytes_text(out, title)
    bytes_text(out, "\n --> fromTOML\n")
    before = out.size
    bytes_byte(out, c' ')
    bytes_decimal(out, line)
    before = out.size - before
    out.size -= before
    append_margin(out, before)
    bytes_text(out, "\n ")
    bytes_decimal(out, line)
    bytes_text(out, " | ")
    bytes_append(out, reader.data + line_start, line_size)
    bytes_byte(out, c'\n')
    append_margin(out, before)
    bytes_byte(out, c' ')
    for i in range(line_start, place):
        bytes_byte(out, c' ')
    bytes_text(out, "^-- ")
    bytes_text(out, note)
    return False


cdef void append_margin(Bytes* out, size_t width) noexcept nogil:
    cdef size_t i
    for i in range(width):
        bytes_byte(out, c' ')
    bytes_text(out, " |")


# -- strings -----------------------------------------------------------------------------------------------------------

cdef bint bad_string(TomlReader* reader, bint is_literal, bint is_long, const char* note) noexcept nogil:
    cdef const char* title
    if is_long:
        title = "toml::parse_ml_literal_string: invalid string format" if is_literal \
            else "toml::parse_ml_basic_string: invalid string format"
    else:
        title = "toml::parse_literal_string: invalid string format" if is_literal \
            else "toml::parse_basic_string: invalid string format"
    return toml_fail(reader, title, reader.position, note)


cdef bint read_code_point(TomlReader* reader, int digits) noexcept nogil:
    """Reads the digits after `\\u` or `\\U`."""
    cdef uint32_t point = 0
    cdef int digit
    for _ in range(digits):
        digit = hex_digit(peek(reader, 0))
        if digit < 0:
            return toml_fail(reader, "toml::parse_basic_string: invalid string format", reader.position,
                             "expected a hexadecimal digit")
        point = point * 16 + <uint32_t>digit
        reader.position += 1
    if 0xD800 <= point <= 0xDFFF:
        return toml_fail(reader, "toml::parse_utf8_codepoint: [0xD800, 0xDFFF] is not a valid UTF-8",
                         reader.position - digits, "here")
    if point > 0x10FFFF:
        return toml_fail(reader, "toml::parse_utf8_codepoint: input codepoint is too large.", reader.position - digits,
                         "must be in range [0x00, 0x10FFFF]")
    append_utf8(&reader.document.texts, point)
    return True


cdef bint read_line_end(TomlReader* reader) noexcept nogil:
    """Skips LF or CRLF if there is one."""
    if peek(reader, 0) == c'\n':
        reader.position += 1
        return True
    if peek(reader, 0) == c'\r' and peek(reader, 1) == c'\n':
        reader.position += 2
        return True
    return False


cdef bint read_continuation(TomlReader* reader) noexcept nogil:
    """After a backslash in a long string: skips blanks, at least one line end, and all white space after it."""
    while peek(reader, 0) == c' ' or peek(reader, 0) == c'\t':
        reader.position += 1
    if not read_line_end(reader):
        return bad_string(reader, False, True, "expected a line end behind a backslash and blanks")
    while peek(reader, 0) == c' ' or peek(reader, 0) == c'\t' or read_line_end(reader):
        if peek(reader, 0) == c' ' or peek(reader, 0) == c'\t':
            reader.position += 1
    return True


cdef bint read_escape(TomlReader* reader, bint is_long) noexcept nogil:
    """Reads an escape after its backslash."""
    cdef int byte = peek(reader, 0), control
    if is_long and (byte == c' ' or byte == c'\t' or byte == c'\n' or byte == c'\r'):
        return read_continuation(reader)
    if byte == c'u' or byte == c'U':
        reader.position += 1
        return read_code_point(reader, 4 if byte == c'u' else 8)
    control = json_unescaped(byte)
    if control:
        byte = control
    elif byte != c'"' and byte != c'\\':
        reader.position -= 1
        return bad_string(reader, False, is_long, "no such escape sequence")
    reader.position += 1
    bytes_byte(&reader.document.texts, <uint8_t>byte)
    return True


cdef bint read_long_end(TomlReader* reader, int quote, bint* is_end) noexcept nogil:
    """At a quote in a long string: of three to five quotes, the last three close it."""
    cdef int count = 0
    cdef int inner
    while count < 5 and peek(reader, 0) == quote:
        count += 1
        reader.position += 1
    is_end[0] = count >= 3
    inner = count - 3 if count >= 3 else count
    for _ in range(inner):
        bytes_byte(&reader.document.texts, <uint8_t>quote)
    return True


cdef bint toml_read_string(TomlReader* reader, bint may_have_lines, size_t* start, size_t* size_bytes) noexcept nogil:
    """Reads a string of any of the four kinds, from its quote on, and appends its text to the document's texts; sets its place and size there."""
    cdef Bytes* texts = &reader.document.texts
    cdef int quote = peek(reader, 0)
    cdef bint is_literal = quote == c"'"
    cdef bint is_long = may_have_lines and peek(reader, 1) == quote and peek(reader, 2) == quote
    cdef bint is_end = False
    cdef int byte
    cdef size_t plain
    start[0] = texts.size
    reader.position += 3 if is_long else 1
    if is_long:
        read_line_end(reader)
    while not is_end:
        plain = reader.position
        while True:
            byte = peek(reader, 0)
            if byte < 0x20 and byte != c'\t' or byte == 0x7F or byte == quote or byte == c'\\':
                if byte != c'\\' or not is_literal:
                    break
            reader.position += 1
        bytes_append(texts, reader.data + plain, reader.position - plain)
        if byte == quote:
            if is_long:
                read_long_end(reader, quote, &is_end)
            else:
                reader.position += 1
                is_end = True
        elif byte == c'\\':
            reader.position += 1
            if not read_escape(reader, is_long):
                return False
        elif is_long and byte == c'\n' or byte == c'\r' and is_long and peek(reader, 1) == c'\n':
            plain = reader.position
            read_line_end(reader)
            bytes_append(texts, reader.data + plain, reader.position - plain)
        else:
            return bad_string(reader, is_literal, is_long, "expected '" if is_literal else "expected \"")
    size_bytes[0] = texts.size - start[0]
    return True


# -- numbers -----------------------------------------------------------------------------------------------------------

cdef bint has_word(const TomlReader* reader, size_t ahead, const char* word, size_t size_bytes) noexcept nogil:
    return reader.size_bytes - reader.position >= ahead + size_bytes \
        and memcmp(reader.data + reader.position + ahead, word, size_bytes) == 0


cdef bint read_digits(TomlReader* reader, const char* title) noexcept nogil:
    """Reads at least one digit, with underscores between digits, which are not copied."""
    if not is_digit(peek(reader, 0)):
        return toml_fail(reader, title, reader.position, "expected a digit")
    while True:
        bytes_byte(&reader.document.texts, <uint8_t>peek(reader, 0))
        reader.position += 1
        if peek(reader, 0) == c'_':
            reader.position += 1
            if not is_digit(peek(reader, 0)):
                return toml_fail(reader, "bad number: `_` must be surrounded by digits", reader.position, "expected a digit")
        elif not is_digit(peek(reader, 0)):
            return True


cdef int radix_digit(int byte, int bits) noexcept nogil:
    cdef int digit = hex_digit(byte)
    return digit if digit < (1 << bits) else -1


cdef bint read_radix(TomlReader* reader, TomlNode* node, int bits) noexcept nogil:
    """Reads a number that begins with `0x`, `0o` or `0b`."""
    cdef uint64_t value = 0
    cdef int digit
    reader.position += 2
    while True:
        digit = radix_digit(peek(reader, 0), bits)
        if digit < 0:
            return toml_fail(reader, "bad integer: invalid digit", reader.position, "this digit is not allowed")
        if value >> (63 - bits):
            return toml_fail(reader, "bad integer: too large integer: current max value = 2^63", reader.position,
                             "must be < 2^63")
        value = (value << bits) | <uint64_t>digit
        reader.position += 1
        if peek(reader, 0) == c'_':
            reader.position += 1
        elif radix_digit(peek(reader, 0), bits) < 0:
            break
    node.kind = TOML_INTEGER
    node.integer = <int64_t>value
    return True


cdef bint read_word_number(TomlReader* reader, TomlNode* node, size_t sign_size) noexcept nogil:
    """Reads `inf` or `nan`, after a sign of 0 or 1 bytes."""
    cdef bint is_nan = has_word(reader, sign_size, "nan", 3)
    if not is_nan and not has_word(reader, sign_size, "inf", 3):
        return toml_fail(reader, "bad format: unknown value appeared", reader.position, "here")
    node.kind = TOML_FLOAT
    node.number = copysign(NAN if is_nan else INFINITY, -1.0 if peek(reader, 0) == c'-' else 1.0)
    reader.position += sign_size + 3
    return True


cdef bint read_number(TomlReader* reader, TomlNode* node) noexcept nogil:
    cdef Bytes* texts = &reader.document.texts
    cdef size_t start = texts.size
    cdef size_t place = reader.position
    cdef size_t sign_size = 1 if peek(reader, 0) == c'-' or peek(reader, 0) == c'+' else 0
    cdef bint is_float = False
    cdef NumberStatus status
    if not is_digit(peek(reader, sign_size)):
        return read_word_number(reader, node, sign_size)
    if sign_size == 0 and peek(reader, 0) == c'0':
        if peek(reader, 1) == c'x':
            return read_radix(reader, node, 4)
        if peek(reader, 1) == c'o':
            return read_radix(reader, node, 3)
        if peek(reader, 1) == c'b':
            return read_radix(reader, node, 1)
    if peek(reader, 0) == c'-':
        bytes_byte(texts, c'-')
    reader.position += sign_size
    if peek(reader, 0) == c'0' and (is_digit(peek(reader, 1)) or peek(reader, 1) == c'_'):
        return toml_fail(reader, "bad integer: leading zero", reader.position, "here")
    if not read_digits(reader, "bad number: invalid format"):
        return False
    if peek(reader, 0) == c'.':
        is_float = True
        bytes_byte(texts, c'.')
        reader.position += 1
        if not read_digits(reader, "bad float: invalid format"):
            return False
    if peek(reader, 0) == c'e' or peek(reader, 0) == c'E':
        is_float = True
        bytes_byte(texts, c'e')
        reader.position += 1
        if peek(reader, 0) == c'-' or peek(reader, 0) == c'+':
            bytes_byte(texts, <uint8_t>peek(reader, 0))
            reader.position += 1
        if not read_digits(reader, "bad float: invalid format"):
            return False
    if texts.failed:
        return toml_fail(reader, "no memory for a number", place, "here")
    node.kind = TOML_FLOAT if is_float else TOML_INTEGER
    if is_float:
        status = parse_double(texts.data + start, texts.size - start, &node.number)
        if status == NUMBER_OVERFLOW or status == NUMBER_INVALID:
            return toml_fail(reader, "toml::parse_floating: failed to read floating point value from stream",
                             reader.position, "here")
    elif parse_int64(texts.data + start, texts.size - start, &node.integer) != NUMBER_OK:
        return toml_fail(reader, "toml::parse_dec_integer: too large integer: current max digits = 2^63",
                         reader.position, "must be < 2^63")
    texts.size = start
    return True


# -- dates and times ---------------------------------------------------------------------------------------------------

cdef int two_digits(const TomlReader* reader, size_t ahead) noexcept nogil:
    """The value of these digits, or -1."""
    if not is_digit(peek(reader, ahead)) or not is_digit(peek(reader, ahead + 1)):
        return -1
    return 10 * (peek(reader, ahead) - c'0') + (peek(reader, ahead + 1) - c'0')


cdef int days_in_month(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef bint read_date(TomlReader* reader) noexcept nogil:
    """Reads `YYYY-MM-DD`, and checks that there is such a day."""
    cdef int year = 100 * two_digits(reader, 0) + two_digits(reader, 2)
    cdef int month = two_digits(reader, 5)
    cdef int day = two_digits(reader, 8)
    if month < 0 or day < 0 or peek(reader, 7) != c'-':
        return toml_fail(reader, "bad datetime: invalid format", reader.position, "here")
    if month < 1 or month > 12 or day < 1 or day > days_in_month(year, month):
        return toml_fail(
            reader, "toml::parse_local_date: invalid date.", reader.position,
            "month must be 01-12, day must be any of 01-28,29,30,31 depending on the month/year.",
        )
    bytes_append(&reader.document.texts, reader.data + reader.position, 10)
    reader.position += 10
    return True


cdef bint read_time(TomlReader* reader) noexcept nogil:
    """Reads `HH:MM:SS` and a fraction, of which 0, 3, 6 or 9 digits are kept: as few as possible without losing any of the first nine but zeros."""
    cdef Bytes* texts = &reader.document.texts
    cdef int hour = two_digits(reader, 0)
    cdef int minute = two_digits(reader, 3)
    cdef int second = two_digits(reader, 6)
    cdef size_t shown = 0
    cdef size_t count = 0
    if hour < 0 or minute < 0 or second < 0 or peek(reader, 2) != c':' or peek(reader, 5) != c':':
        return toml_fail(reader, "bad time: must be HH:MM:SS.subsec", reader.position, "here")
    if hour > 23 or minute > 59:
        return toml_fail(reader, "toml::parse_local_time: invalid time.", reader.position,
                         "hour must be 00-23, minute must be 00-59.")
    if second > 60:
        return toml_fail(reader, "toml::parse_local_time: invalid time.", reader.position, "second must be 00-60.")
    bytes_append(texts, reader.data + reader.position, 8)
    reader.position += 8
    if peek(reader, 0) != c'.' or not is_digit(peek(reader, 1)):
        return True
    reader.position += 1
    while is_digit(peek(reader, count)):
        count += 1
        if count <= 9 and peek(reader, count - 1) != c'0':
            shown = (count + 2) // 3 * 3
    if shown:
        bytes_byte(texts, c'.')
        bytes_append(texts, reader.data + reader.position, count if count < shown else shown)
        while shown > count:
            bytes_byte(texts, c'0')
            shown -= 1
    reader.position += count
    return True


cdef void append_two(Bytes* out, int number) noexcept nogil:
    bytes_byte(out, <uint8_t>(c'0' + number // 10))
    bytes_byte(out, <uint8_t>(c'0' + number % 10))


cdef bint read_offset(TomlReader* reader) noexcept nogil:
    """Reads `Z` or `+HH:MM`, if there is one."""
    cdef Bytes* texts = &reader.document.texts
    cdef int byte = peek(reader, 0)
    cdef int hours = two_digits(reader, 1)
    cdef int minutes = two_digits(reader, 4)
    if byte == c'Z' or byte == c'z':
        reader.position += 1
        bytes_byte(texts, c'Z')
        return True
    if byte != c'+' and byte != c'-':
        return True
    if hours < 0 or minutes < 0 or peek(reader, 3) != c':':
        return toml_fail(reader, "bad offset: must be +HH:MM or -HH:MM", reader.position, "here")
    if hours > 24 or minutes > 60:
        return toml_fail(reader, "toml::parse_offset_datetime: too large offset: |hour| <= 24, |minute| <= 60",
                         reader.position, "here")
    reader.position += 6
    minutes += 60 * hours
    if minutes == 0:
        bytes_byte(texts, c'Z')
        return True
    bytes_byte(texts, <uint8_t>byte)
    append_two(texts, minutes // 60)
    bytes_byte(texts, c':')
    append_two(texts, minutes % 60)
    return True


cdef bint read_date_time(TomlReader* reader, TomlNode* node, bint has_date) noexcept nogil:
    cdef int separator
    node.kind = TOML_DATE_TIME
    node.text_start = reader.document.texts.size
    if has_date:
        if not read_date(reader):
            return False
        separator = peek(reader, 0)
        if separator == c'T' or separator == c't' or (separator == c' ' and is_digit(peek(reader, 1))):
            reader.position += 1
            bytes_byte(&reader.document.texts, c'T')
            if not read_time(reader) or not read_offset(reader):
                return False
    elif not read_time(reader):
        return False
    node.text_size = reader.document.texts.size - node.text_start
    return True


# -- any scalar --------------------------------------------------------------------------------------------------------

cdef bint toml_read_scalar(TomlReader* reader, int32_t node_index) noexcept nogil:
    """Reads a value that is neither an array nor an inline table."""
    cdef TomlNode* node = &reader.document.nodes[node_index]
    cdef int byte = peek(reader, 0)
    cdef bint has_two = two_digits(reader, 0) >= 0
    if byte == c'"' or byte == c"'":
        node.kind = TOML_STRING
        return toml_read_string(reader, True, &node.text_start, &node.text_size)
    if byte == c't' or byte == c'f':
        node.kind = TOML_BOOLEAN
        node.integer = byte == c't'
        if not has_word(reader, 0, "true" if node.integer else "false", 4 if node.integer else 5):
            return toml_fail(
                reader, "toml::parse_boolean: invalid boolean: boolean must be `true` or `false`, in lowercase."
                " string must be surrounded by `\"`", reader.position, "expected true or false",
            )
        reader.position += 4 if node.integer else 5
        return True
    if has_two and two_digits(reader, 2) >= 0 and peek(reader, 4) == c'-':
        return read_date_time(reader, node, True)
    if has_two and peek(reader, 2) == c':':
        return read_date_time(reader, node, False)
    if is_digit(byte) or byte == c'-' or byte == c'+' or byte == c'i' or byte == c'n':
        return read_number(reader, node)
    return toml_fail(reader, "bad format: unknown value appeared", reader.position, "here")
