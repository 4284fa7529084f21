# cython: language_level=3
"""How text is written: Nix string literals and attribute names, XML attributes, UTF-8.

In: bytes.  Out: escaped text appended to a buffer, or a verdict.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, strlen
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_init, bytes_taken, bytes_text
from snowsnake.foundation.escapes cimport escape_letter

cdef const char* keywords[9]
keywords[:] = ["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit"]


# -- UTF-8 -------------------------------------------------------------------------------------------------------------

cdef Utf8Fault utf8_check(const uint8_t* data, size_t size_bytes, size_t* index) noexcept nogil:
    """Whether `data` is well-formed; if not, `index` is the place of the first byte that is wrong, or of the last byte if the text ends too early."""
    cdef size_t i = 0
    cdef uint64_t eight
    cdef uint8_t byte, low, high
    cdef int following
    while i < size_bytes:
        if size_bytes - i >= 8:
            memcpy(&eight, data + i, 8)
            if (eight & <uint64_t>0x8080808080808080) == 0:
                i += 8
                continue
        byte = data[i]
        if byte < 0x80:
            i += 1
            continue
        low = 0x80
        high = 0xBF
        if 0xC2 <= byte <= 0xDF:
            following = 1
        elif 0xE0 <= byte <= 0xEF:
            following = 2
            if byte == 0xE0:
                # Smaller bytes would encode what has a shorter form.
                low = 0xA0
            elif byte == 0xED:
                # Greater bytes would encode surrogates.
                high = 0x9F
        elif 0xF0 <= byte <= 0xF4:
            following = 3
            if byte == 0xF0:
                low = 0x90
            elif byte == 0xF4:
                # Greater bytes would encode numbers beyond the end of Unicode.
                high = 0x8F
        else:
            index[0] = i
            return UTF8_INVALID
        while following:
            i += 1
            if i == size_bytes:
                index[0] = i - 1
                return UTF8_INCOMPLETE
            if not (low <= data[i] <= high):
                index[0] = i
                return UTF8_INVALID
            low = 0x80
            high = 0xBF
            following -= 1
        i += 1
    return UTF8_OK


# -- Nix ---------------------------------------------------------------------------------------------------------------

cdef void append_nix_string(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Writes the literal, with its quotes, as Nix prints it."""
    cdef size_t i
    # The bytes from here on are not copied yet.
    cdef size_t plain = 0
    cdef uint8_t byte
    bytes_byte(out, c'"')
    for i in range(size_bytes):
        byte = data[i]
        if byte == c'"' or byte == c'\\':
            pass
        elif byte == c'$':
            if i + 1 == size_bytes or data[i + 1] != c'{':
                continue
        else:
            byte = escape_letter(byte)
            if byte == data[i]:
                continue
        bytes_append(out, data + plain, i - plain)
        bytes_byte(out, c'\\')
        bytes_byte(out, byte)
        plain = i + 1
    bytes_append(out, data + plain, size_bytes - plain)
    bytes_byte(out, c'"')


cdef bint is_keyword(const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Whether a word is a keyword, which cannot name a variable; `or`, `true` and `__curPos` are not keywords."""
    cdef int i
    for i in range(9):
        if strlen(keywords[i]) == size_bytes and memcmp(keywords[i], data, size_bytes) == 0:
            return True
    return False


cdef bint is_identifier(const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Whether these bytes have the form of an identifier; keywords have it, too."""
    cdef size_t i
    cdef uint8_t byte
    if size_bytes == 0 or c'0' <= data[0] <= c'9' or data[0] == c'-' or data[0] == c'\'':
        return False
    for i in range(size_bytes):
        byte = data[i]
        if not (c'a' <= byte <= c'z' or c'A' <= byte <= c'Z' or c'0' <= byte <= c'9' or byte == c'_' or byte == c'-'
                or byte == c'\''):
            return False
    return True


cdef void append_nix_name(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Writes an attribute name, in quotes where Nix uses them."""
    if is_identifier(data, size_bytes) and not is_keyword(data, size_bytes):
        bytes_append(out, data, size_bytes)
    else:
        append_nix_string(out, data, size_bytes)


# -- XML ---------------------------------------------------------------------------------------------------------------

cdef void append_xml_attribute(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil:
    """Writes the value of an attribute, without its quotes.  Of control characters, only the newline is escaped, as in Nix."""
    cdef size_t i
    cdef size_t plain = 0
    cdef uint8_t byte
    cdef const char* escape
    for i in range(size_bytes):
        byte = data[i]
        if byte == c'"':
            escape = "&quot;"
        elif byte == c'<':
            escape = "&lt;"
        elif byte == c'>':
            escape = "&gt;"
        elif byte == c'&':
            escape = "&amp;"
        elif byte == c'\n':
            # A reader would turn a newline into a space.
            escape = "&#xA;"
        else:
            continue
        bytes_append(out, data + plain, i - plain)
        bytes_text(out, escape)
        plain = i + 1
    bytes_append(out, data + plain, size_bytes - plain)


cdef void append_utf8(Bytes* out, uint32_t point) noexcept nogil:
    if point < 0x80:
        bytes_byte(out, <uint8_t>point)
        return
    if point < 0x800:
        bytes_byte(out, <uint8_t>(0xC0 | (point >> 6)))
    else:
        if point < 0x10000:
            bytes_byte(out, <uint8_t>(0xE0 | (point >> 12)))
        else:
            bytes_byte(out, <uint8_t>(0xF0 | (point >> 18)))
            bytes_byte(out, <uint8_t>(0x80 | ((point >> 12) & 0x3F)))
        bytes_byte(out, <uint8_t>(0x80 | ((point >> 6) & 0x3F)))
    bytes_byte(out, <uint8_t>(0x80 | (point & 0x3F)))


# -- Python's side -----------------------------------------------------------------------------------------------------

def nix_string(bytes text not None):
    """The literal: `nix_string(b"a${b}")` is `b'"a\\\\${b}"'`."""
    cdef Bytes buffer
    bytes_init(&buffer)
    append_nix_string(&buffer, text, len(text))
    return bytes_taken(&buffer)


def nix_name(bytes name not None):
    """`nix_name(b"a b")` is `b'"a b"'`."""
    cdef Bytes buffer
    bytes_init(&buffer)
    append_nix_name(&buffer, name, len(name))
    return bytes_taken(&buffer)


def xml_attribute(bytes text not None):
    """`xml_attribute(b"<")` is `b"&lt;"`."""
    cdef Bytes buffer
    bytes_init(&buffer)
    append_xml_attribute(&buffer, text, len(text))
    return bytes_taken(&buffer)


def utf8_fault(bytes text not None):
    """None, or (index, whether the text merely ends too early)."""
    cdef size_t index = 0
    cdef Utf8Fault fault = utf8_check(text, len(text), &index)
    return None if fault == UTF8_OK else (index, fault == UTF8_INCOMPLETE)
