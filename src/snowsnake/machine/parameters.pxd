# cython: language_level=3
"""The parameter that a function takes next, and the place of the function, for messages."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Formals, Machine
from snowsnake.machine.word cimport Word
from snowsnake.syntax.nodes cimport Text

cdef struct Parameter:
    # False if the function is a builtin
    bint is_known
    # the name that the program gave to the function, or empty
    Text function
    # the name of an identifier, or of `args@{ … }`; it may be empty
    Text name
    # what a pattern takes, or NULL
    Formals* formals
    # 0 if it is unknown
    uint32_t position

cdef Parameter next_parameter(Machine* m, Word function) noexcept nogil
