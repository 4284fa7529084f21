# cython: language_level=3
"""Level 0 evaluates in the order of Nix: which operands a code leaves to the operation that takes them."""
from libc.stdint cimport uint8_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef bint force_is_left(Machine* m, Word function, const uint8_t* pc) noexcept nogil
cdef bint coercion_is_left(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # *pc* is just behind the operation and its operand.
