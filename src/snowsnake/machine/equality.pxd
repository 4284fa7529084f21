# cython: language_level=3
"""Equality, order and deep forcing of nested values.  They are internal builtins, and keep the levels on a stack of their own."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine, TraceEntry
from snowsnake.machine.word cimport Word

cdef int equal(Machine* m, Word* fp) noexcept nogil
cdef int assert_equal(Machine* m, Word* fp) noexcept nogil
    # Like `equal`, but a difference raises the error of a failed assertion.
cdef int less(Machine* m, Word* fp) noexcept nogil
cdef int not_less(Machine* m, Word* fp) noexcept nogil
cdef uint32_t trace_less(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil
    # Writes a line of a trace for each pair of lists that `less` and `not_less` are inside of.
cdef int deep_force(Machine* m, Word* fp) noexcept nogil
cdef uint32_t trace_deepening(Machine* m, Word* fp, Word* top, TraceEntry* entries, uint32_t most) noexcept nogil
    # Writes a line for each attribute and list element that deep_force is inside of, the innermost first, and returns their number.
