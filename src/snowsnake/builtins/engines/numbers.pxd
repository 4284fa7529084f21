# cython: language_level=3
"""Numbers as Nix reads and writes them: the C interface."""
from libc.stdint cimport int64_t, uint8_t
from snowsnake.foundation.buffer cimport Bytes

cdef enum NumberStatus:
    NUMBER_OK = 0
    # not a number at all
    NUMBER_INVALID
    # the number does not fit the type; a float becomes infinite
    NUMBER_OVERFLOW
    # a float too small for full precision; the result is the nearest one
    NUMBER_UNDERFLOW

cdef void format_float_tostring(Bytes* out, double number) noexcept nogil
cdef void format_float_json(Bytes* out, double number) noexcept nogil
cdef NumberStatus parse_int64(const uint8_t* data, size_t size_bytes, int64_t* number) noexcept nogil
cdef NumberStatus parse_double(const uint8_t* data, size_t size_bytes, double* number) noexcept nogil
