# cython: language_level=3
"""The copying collector, and the safepoint that starts it."""
from libc.stdint cimport uint64_t
from snowsnake.machine.state cimport Machine, Tally

cdef int safepoint(Machine* m, uint64_t stack_words) noexcept nogil
    # The loop calls this when hp passed soft_limit or the stack may be short; the registers must be in m.  Returns DONE or RAISE.
cdef void collect(Machine* m) noexcept nogil
    # Moves everything that is alive.
cdef void collect_expressions(Machine* m) noexcept nogil
    # Likewise, and frees the sources and codes of expressions that nothing alive can run any more.  Nothing may be running on the machine.
cdef void collect_nursery(Machine* m) noexcept nogil
cdef void prepare_forks(Machine* m) noexcept nogil
    # Asks the system to put the old space into large pages, so that a fork has smaller page tables to copy.
cdef void renew_nursery(Machine* m) noexcept nogil
    # Must be called in a forked process: replaces all pages of the nursery's free part at once.  Otherwise the system would copy each of them when
    # the machine first writes to it.
cdef void plan_collection(Machine* m, uint64_t live, uint64_t used) noexcept nogil
    # Decides when to collect the old space next, given that `live` of its `used` words were alive.
cdef void size_nursery(Machine* m) noexcept nogil
    # Sets the size by that of the old space.
cdef void set_limits(Machine* m) noexcept nogil
    # Sets soft_limit from the nursery's size, attention and stress.
cdef void tally_nursery(Machine* m, Tally* total) noexcept nogil
    # Adds the objects made since the machine got a tally.
cdef void census(Machine* m, uint64_t* objects, uint64_t* words, uint64_t* states) noexcept nogil
    # Counts objects and words by kind (32 each), and words of thunks by state (8).
