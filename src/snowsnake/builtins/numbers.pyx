# cython: language_level=3
"""Builtins on numbers: arithmetic, bits, rounding, and `lessThan`.

In: evaluated values.  Out: numbers, booleans; overflow and division by zero are errors.  The arithmetic itself is
machine/numbers.pyx, which the operators use, too.
"""
from libc.math cimport ceil, floor
from libc.stdint cimport int64_t

from snowsnake.builtins.protocol cimport call_internal2, done
from snowsnake.builtins.registry cimport define
from snowsnake.bytecode.opcodes cimport OP_ADD, OP_DIV, OP_LESS, OP_MUL, OP_SUB
from snowsnake.diagnostics.message_table cimport MESSAGE_FLOAT_OUTSIDE_INT, MESSAGE_ROUNDING_LOSS, MESSAGE_ROUNDING_UNDEFINED
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport of_part, raise_message, worded
from snowsnake.machine.heap cimport make_int, pop
from snowsnake.machine.internals cimport INTERNAL_LESS
from snowsnake.machine.numbers cimport arithmetic, arithmetic_mismatch
from snowsnake.machine.state cimport DONE, TAIL, Machine
from snowsnake.machine.symbols cimport compare_strings
from snowsnake.machine.word cimport Word, bool_word, float_value, int_value, is_float, is_int, is_string

# The least int as a float.  Its negative is the least float that is greater than every int.
cdef double LEAST_INT = -9223372036854775808.0


cdef inline int _arithmetic(Machine* m, int opcode, Word* fp) noexcept nogil:
    cdef int outcome = arithmetic(m, opcode, fp[0], fp[1], &m.result)
    return arithmetic_mismatch(m, opcode, fp[0], fp[1]) if outcome == TAIL else outcome


cdef int add(Machine* m, Word* fp) noexcept nogil:
    return _arithmetic(m, OP_ADD, fp)


cdef int sub(Machine* m, Word* fp) noexcept nogil:
    return _arithmetic(m, OP_SUB, fp)


cdef int mul(Machine* m, Word* fp) noexcept nogil:
    return _arithmetic(m, OP_MUL, fp)


cdef int div(Machine* m, Word* fp) noexcept nogil:
    return _arithmetic(m, OP_DIV, fp)


# ---- bits -------------------------------------------------------------------------------------------------------

cdef int bit_and(Machine* m, Word* fp) noexcept nogil:
    return done(m, make_int(m, int_value(fp[0]) & int_value(fp[1])))


cdef int bit_or(Machine* m, Word* fp) noexcept nogil:
    return done(m, make_int(m, int_value(fp[0]) | int_value(fp[1])))


cdef int bit_xor(Machine* m, Word* fp) noexcept nogil:
    return done(m, make_int(m, int_value(fp[0]) ^ int_value(fp[1])))


# ---- rounding ---------------------------------------------------------------------------------------------------

cdef int _rounded_int(Machine* m, Word w) noexcept nogil:
    """Returns an int unchanged; C++ Nix refuses those that a float cannot represent, and so do we."""
    cdef int64_t i = int_value(w)
    cdef double d = <double>i
    if d >= -LEAST_INT:
        return raise_message(m, worded(MESSAGE_ROUNDING_UNDEFINED, <long long>i))
    if <int64_t>d != i:
        return raise_message(m, worded(MESSAGE_ROUNDING_LOSS, <long long>i, <long long><int64_t>d))
    return done(m, w)


cdef inline int _rounded(Machine* m, Word w, double rounded) noexcept nogil:
    cdef char[FLOAT_TEXT_BYTES] text
    if rounded >= LEAST_INT and rounded < -LEAST_INT:
        return done(m, make_int(m, <int64_t>rounded))
    float_text(text, sizeof(text), "%g", float_value(w))
    return raise_message(m, worded(MESSAGE_FLOAT_OUTSIDE_INT, <char*>text))


cdef int ceil_(Machine* m, Word* fp) noexcept nogil:
    if is_int(fp[0]):
        return _rounded_int(m, fp[0])
    if not is_float(fp[0]):
        return of_part(m, 1, raise_type(m, "a float", fp[0]))
    return _rounded(m, fp[0], ceil(float_value(fp[0])))


cdef int floor_(Machine* m, Word* fp) noexcept nogil:
    if is_int(fp[0]):
        return _rounded_int(m, fp[0])
    if not is_float(fp[0]):
        return of_part(m, 1, raise_type(m, "a float", fp[0]))
    return _rounded(m, fp[0], floor(float_value(fp[0])))


# ---- order ------------------------------------------------------------------------------------------------------

cdef int less_than(Machine* m, Word* fp) noexcept nogil:
    if m.sp > fp + 2:
        return done(m, pop(m))
    if is_string(fp[0]) and is_string(fp[1]):
        return done(m, bool_word(compare_strings(fp[0], fp[1]) < 0))
    if arithmetic(m, OP_LESS, fp[0], fp[1], &m.result) == DONE:
        return DONE
    return call_internal2(m, INTERNAL_LESS, fp[0], fp[1])


define("add", add)
define("sub", sub)
define("mul", mul)
define("div", div)
define("bitAnd", bit_and)
define("bitOr", bit_or)
define("bitXor", bit_xor)
define("ceil", ceil_)
define("floor", floor_)
define("lessThan", less_than)
