# cython: language_level=3
"""Numbers as text: see numbers.pyx."""
from libc.stdint cimport int64_t
from snowsnake.syntax.nodes cimport Text

cdef bint text_to_int(Text text, int64_t* value) noexcept nogil
cdef bint text_to_float(Text text, double* value) noexcept nogil
cdef bint is_valid_number(Text text, bint is_float) noexcept nogil
