# cython: language_level=3
"""Text as Nix, XML and UTF-8 write it: the C interface."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.foundation.buffer cimport Bytes

cdef enum Utf8Fault:
    UTF8_OK = 0
    UTF8_INVALID                      # the byte at `index` is not allowed there
    UTF8_INCOMPLETE                   # the text ends inside a character

cdef Utf8Fault utf8_check(const uint8_t* data, size_t size_bytes, size_t* index) noexcept nogil
cdef void append_nix_string(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void append_nix_name(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void append_xml_attribute(Bytes* out, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef bint is_keyword(const uint8_t* data, size_t size_bytes) noexcept nogil
cdef bint is_identifier(const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void append_utf8(Bytes* out, uint32_t point) noexcept nogil
    # Returns a code point.
