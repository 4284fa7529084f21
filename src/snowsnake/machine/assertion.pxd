# cython: language_level=3
"""What a failed assertion says."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Frame, Machine
from snowsnake.machine.word cimport Word

cdef enum:                            # index of a pair under comparison, when it is no element's
    CHECK_DERIVATION = -1             # two sets that have not been looked at
    COMPARE_OUT_PATH = -3             # two derivations: only their outPath counts
    COMPARED_OUT_PATH = -2

cdef int raise_assertion(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # the condition whose operation ends before pc is false
cdef bint equality_is_asserted(Machine* m, Word function, const uint8_t* pc, Frame* waiting) noexcept nogil
    # at level 0, where the bytes do not say so: whether the `Equal` before pc is the condition of an assertion, which *waiting* is to go on with
cdef int raise_difference(Machine* m, Word a, Word b) noexcept nogil
    # two forced values that should be equal
cdef void trace_difference(Machine* m, Word* fp, Word function, const uint8_t* pc, uint32_t most_entries) noexcept nogil
    # adds to the trace, innermost first: the way into the values of the activation of __assertEqual at fp, then the
    # condition, which is what `function` did before pc
