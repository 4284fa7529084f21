# cython: language_level=3
"""Bracket expressions: C interface."""
from libc.stdint cimport uint8_t
from snowsnake.builtins.engines.regex_program cimport ByteSet

cdef const uint8_t* bracket_parse(const uint8_t* position, const uint8_t* end, ByteSet* byte_set) noexcept nogil
