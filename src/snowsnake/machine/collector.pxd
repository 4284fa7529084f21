# cython: language_level=3
"""The copying collector and the safepoint that starts it."""
from libc.stdint cimport uint64_t
from snowsnake.machine.state cimport Machine

cdef int safepoint(Machine* m, uint64_t stack_words) noexcept nogil
    # looked into when hp passed soft_limit or the stack may be short; the registers are in m.  DONE or RAISE
cdef void collect(Machine* m) noexcept nogil
    # everything alive moves
cdef void collect_nursery(Machine* m) noexcept nogil
cdef void set_limits(Machine* m) noexcept nogil
    # soft_limit from the nursery's size, attention and stress
cdef void census(Machine* m, uint64_t* objects, uint64_t* words, uint64_t* states) noexcept nogil
    # counts objects and words by kind (32 each), words of thunks by state (8)
