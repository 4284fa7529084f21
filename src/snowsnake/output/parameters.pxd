# cython: language_level=3
"""What a function shows of itself: the parameter that it takes next, and its place."""
from libc.stdint cimport uint32_t
from snowsnake.bytecode.chunk cimport Chunk
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.syntax.nodes cimport Text

cdef struct Parameter:
    Chunk* chunk                      # NULL: a builtin
    Text name                         # of an identifier, or of `args@{ … }`; may be empty
    bint is_pattern                   # chunk.formals says what it takes
    uint32_t position                 # 0: unknown

cdef Parameter next_parameter(Machine* m, Word function) noexcept nogil
cdef bint is_derivation_function(Machine* m, Word function) noexcept nogil    # a builtin here, a function of a pattern in C++ Nix
