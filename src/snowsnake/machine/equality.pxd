# cython: language_level=3
"""Equality, order and deep forcing of nested values, as internal builtins with a stack of their own."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine, TraceEntry
from snowsnake.machine.word cimport Word

cdef enum:
    HEADER_DEEP = 256                 # bit 8 of a list or set: forced all the way down
    HEADER_DEEPENING = 512            # bit 9: being forced by a frame that is still there


cdef int equal(Machine* m, Word* fp) noexcept nogil
cdef int assert_equal(Machine* m, Word* fp) noexcept nogil
    # as `equal`, but a difference raises what an assertion says of it
cdef int less(Machine* m, Word* fp) noexcept nogil
cdef int not_less(Machine* m, Word* fp) noexcept nogil
cdef uint32_t trace_less(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil
    # a line for each pair of lists that `less` and `not_less` are inside of
cdef int deep_force(Machine* m, Word* fp) noexcept nogil
cdef uint32_t trace_deepening(Machine* m, Word* fp, Word* top, TraceEntry* entries, uint32_t most) noexcept nogil
    # a line for each attribute and list element that deep_force was inside of, the innermost first; gives their number
