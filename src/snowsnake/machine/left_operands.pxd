# cython: language_level=3
"""Level 0 in the order of Nix: which operands are left to the operation that takes them."""
from libc.stdint cimport uint8_t
from snowsnake.machine.state cimport Code, Machine
from snowsnake.machine.word cimport Word

cdef bint force_is_left(Machine* m, Word function, const uint8_t* pc) noexcept nogil
cdef bint coercion_is_left(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # *pc* is behind the operation, with its operand
