# cython: language_level=3
"""Nix arithmetic, in one place: 64-bit ints whose overflow is an error, and floats."""
from libc.stdint cimport int64_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef extern from *:
    bint add_overflows "__builtin_add_overflow"(int64_t a, int64_t b, int64_t* result) noexcept nogil
    bint sub_overflows "__builtin_sub_overflow"(int64_t a, int64_t b, int64_t* result) noexcept nogil
    bint mul_overflows "__builtin_mul_overflow"(int64_t a, int64_t b, int64_t* result) noexcept nogil

cdef int arithmetic(Machine* m, int opcode, Word a, Word b, Word* out) noexcept nogil
    # opcode is one of OP_ADD … OP_DIV, OP_LESS … OP_MORE_OR_EQUAL; both values are forced.  Returns DONE, with the result in *out; RAISE for
    # an overflow or a division by zero; TAIL if they are not two numbers.
cdef int arithmetic_mismatch(Machine* m, int opcode, Word a, Word b) noexcept nogil
    # Raises the type error of Sub, Mul, Div and the comparisons.
