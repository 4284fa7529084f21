# cython: language_level=3
"""The attributes of an input: see fetching.pyx."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int force_input_attributes(Machine* m, Word attrs, const char* what, bint are_scalars) noexcept nogil
    # forces them in name order: DONE; FORCE, to be called again; or RAISE, for a negative int and, if all must be
    # scalars, for what is neither an int nor a Boolean nor a string
