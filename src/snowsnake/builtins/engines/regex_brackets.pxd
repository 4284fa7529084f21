# cython: language_level=3
"""Bracket expressions: the C interface."""
from libc.stdint cimport uint8_t

cdef struct ByteSet:
    uint8_t bits[32]

cdef const uint8_t* bracket_parse(const uint8_t* position, const uint8_t* end, ByteSet* byte_set) noexcept nogil
