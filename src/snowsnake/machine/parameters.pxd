# cython: language_level=3
"""What a function shows of itself: the parameter that it takes next, and its place."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Formals, Machine
from snowsnake.machine.word cimport Word
from snowsnake.syntax.nodes cimport Text

cdef struct Parameter:
    bint is_known                     # else it is a builtin
    Text function                     # the name that the function was given, or empty
    Text name                         # of an identifier, or of `args@{ … }`; may be empty
    Formals* formals                  # what a pattern takes, else NULL
    uint32_t position                 # 0: unknown

cdef Parameter next_parameter(Machine* m, Word function) noexcept nogil
