# cython: language_level=3
"""Text as Nix, XML and UTF-8 write it: the C interface."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.foundation.buffer cimport Bytes

cdef enum Utf8Fault:
    UTF8_OK = 0
    # the byte at `index` is not allowed there
    UTF8_INVALID
    # the text ends inside a character
    UTF8_INCOMPLETE

cdef Utf8Fault utf8_check(const uint8_t* data, size_t size_bytes, size_t* index) noexcept nogil
cdef void append_nix_string(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void append_nix_name(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void append_xml_attribute(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef bint is_keyword(const uint8_t* data, size_t size_bytes) noexcept nogil
cdef bint is_identifier(const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void append_utf8(Bytes* out, uint32_t point) noexcept nogil
    # Appends a code point in UTF-8.


cdef inline bint is_digit(int byte) noexcept nogil:
    return c'0' <= byte <= c'9'


cdef inline int hex_digit(int byte) noexcept nogil:
    """The value of a hexadecimal digit, or -1."""
    if is_digit(byte):
        return byte - c'0'
    if c'a' <= (byte | 32) <= c'f' and byte >= 0:
        return (byte | 32) - c'a' + 10
    return -1
