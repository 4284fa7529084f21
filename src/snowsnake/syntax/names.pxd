# cython: language_level=3
"""Names and strings as Nix text: see names.pyx."""
from libc.stdint cimport uint8_t
from snowsnake.syntax.nodes cimport Text

cdef bint is_plain_name(const Text* name) noexcept nogil
cdef size_t quoted_text_bytes(const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void write_quoted(const uint8_t* data, size_t size_bytes, uint8_t* written) noexcept nogil
cdef size_t name_text_bytes(const Text* name) noexcept nogil
cdef void write_name(const Text* name, uint8_t* written) noexcept nogil
