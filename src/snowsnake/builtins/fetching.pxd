# cython: language_level=3
"""The attributes of a fetcher's input: see fetching.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int force_input_attributes(Machine* m, Word attrs, const char* what, bint are_scalars) noexcept nogil
    # Forces the attributes in name order.  Returns DONE; FORCE, and must be called again; or RAISE, for a negative int and, if all must be
    # scalars, for a value that is not an int, a Boolean or a string.
