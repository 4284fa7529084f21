# cython: language_level=3
"""The message of a failed assertion."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Frame, Machine
from snowsnake.machine.word cimport Word

# indices of a compared pair that do not belong to an element
cdef enum:
    # two sets that the comparison has not looked into yet
    CHECK_DERIVATION = -1
    # two derivations: only their outPath counts
    COMPARE_OUT_PATH = -3
    # two derivations whose outPaths have been compared
    COMPARED_OUT_PATH = -2

cdef int raise_assertion(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # The condition is false; its operation ends just before pc.
cdef bint equality_is_asserted(Machine* m, Word function, const uint8_t* pc, Frame* waiting) noexcept nogil
    # Returns whether the `Equal` before pc is the condition of an assertion that frame *waiting* continues with.  Only level 0 needs this; the
    # other levels have an operation for it.
cdef int raise_difference(Machine* m, Word a, Word b) noexcept nogil
    # The two forced values were to be equal and are not.
cdef void trace_difference(Machine* m, Word* fp, Word function, const uint8_t* pc, uint32_t most_entries) noexcept nogil
    # Adds two parts to the trace, the innermost first: the path into the values that the activation of __assertEqual at fp compared, and
    # the condition, which `function` was evaluating just before pc.
