# cython: language_level=3
"""The forward walk through a pattern: C interface."""
from libc.stdint cimport int64_t
from snowsnake.builtins.engines.regex cimport Regex

cdef void clear_slots(Regex* regex, int64_t* slots) noexcept nogil
cdef int64_t walk(Regex* regex, int64_t place) noexcept nogil
cdef int64_t walk_exploring(Regex* regex, int64_t place) noexcept nogil
cdef int64_t walk_parallel(Regex* regex, int64_t begin, bint may_be_empty) noexcept nogil
