# cython: language_level=3
"""The parameter that a function takes next, and the place of the function, for messages."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Formals, Machine
from snowsnake.machine.word cimport Word
from snowsnake.syntax.nodes cimport Text

cdef struct Parameter:
    bint is_known                     # False: it is a builtin
    Text function                     # the name that the program gave to the function, or empty
    Text name                         # name of an identifier, or of `args@{ … }`; it may be empty
    Formals* formals                  # what a pattern takes, or NULL
    uint32_t position                 # 0: unknown

cdef Parameter next_parameter(Machine* m, Word function) noexcept nogil
