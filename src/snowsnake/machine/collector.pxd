# cython: language_level=3
"""The copying collector and the safepoint that starts it."""
from libc.stdint cimport uint64_t
from snowsnake.machine.state cimport Machine, Tally

cdef int safepoint(Machine* m, uint64_t stack_words) noexcept nogil
    # looked into when hp passed soft_limit or the stack may be short; the registers are in m.  DONE or RAISE
cdef void collect(Machine* m) noexcept nogil
    # everything alive moves
cdef void collect_expressions(Machine* m) noexcept nogil
    # the same, and the sources and codes of expressions that nothing alive can run any more are freed.  The machine is at rest
cdef void collect_nursery(Machine* m) noexcept nogil
cdef void plan_collection(Machine* m, uint64_t live, uint64_t used) noexcept nogil
    # when to look at the old space next, of whose `used` words `live` were alive
cdef void size_nursery(Machine* m) noexcept nogil
    # by the size of the old space
cdef void set_limits(Machine* m) noexcept nogil
    # soft_limit from the nursery's size, attention and stress
cdef void tally_nursery(Machine* m, Tally* total) noexcept nogil
    # objects made since the machine got a tally
cdef void census(Machine* m, uint64_t* objects, uint64_t* words, uint64_t* states) noexcept nogil
    # counts objects and words by kind (32 each), words of thunks by state (8)
