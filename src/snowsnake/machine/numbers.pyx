# cython: language_level=3
"""Arithmetic and comparison of numbers; the loop itself only adds and compares small ints."""
from libc.stdint cimport INT64_MIN, int64_t

from snowsnake.bytecode.opcodes cimport OP_ADD, OP_DIV, OP_LESS, OP_LESS_OR_EQ, OP_MORE, OP_MORE_OR_EQ, OP_MUL, OP_SUB
from snowsnake.diagnostics.message_table cimport MESSAGE_DIVISION_BY_ZERO, MESSAGE_INTEGER_OVERFLOW, MESSAGE_NUMBERS_NOT_COMPARABLE
from snowsnake.machine.descriptions cimport describe_value, raise_type, shown_type
from snowsnake.machine.errors cimport raise_message, worded
from snowsnake.machine.heap cimport make_float, make_int
from snowsnake.machine.state cimport DONE, RAISE, TAIL, Machine
from snowsnake.machine.word cimport bool_word, float_value, int_value, is_float, is_int
from libc.stdlib cimport free


cdef int _overflow(Machine* m, const char* verb, const char* sign, int64_t x, int64_t y) noexcept nogil:
    return raise_message(m, worded(MESSAGE_INTEGER_OVERFLOW, verb, <long long>x, sign, <long long>y))


cdef int _ints(Machine* m, int opcode, int64_t x, int64_t y, Word* out) noexcept nogil:
    cdef int64_t r = 0
    if opcode == OP_ADD:
        if add_overflows(x, y, &r):
            return _overflow(m, "adding", "+", x, y)
    elif opcode == OP_SUB:
        if sub_overflows(x, y, &r):
            return _overflow(m, "subtracting", "-", x, y)
    elif opcode == OP_MUL:
        if mul_overflows(x, y, &r):
            return _overflow(m, "multiplying", "*", x, y)
    elif opcode == OP_DIV:
        if y == 0:
            return raise_message(m, worded(MESSAGE_DIVISION_BY_ZERO))
        if x == INT64_MIN and y == -1:
            return _overflow(m, "dividing", "/", x, y)
        r = x // y
    elif opcode == OP_LESS:
        out[0] = bool_word(x < y)
        return DONE
    elif opcode == OP_LESS_OR_EQ:
        out[0] = bool_word(x <= y)
        return DONE
    elif opcode == OP_MORE:
        out[0] = bool_word(x > y)
        return DONE
    elif opcode == OP_MORE_OR_EQ:
        out[0] = bool_word(x >= y)
        return DONE
    else:
        out[0] = bool_word(x == y)
        return DONE
    out[0] = make_int(m, r)
    return DONE


cdef int _floats(Machine* m, int opcode, double x, double y, Word* out) noexcept nogil:
    cdef double r = 0
    if opcode == OP_ADD:
        r = x + y
    elif opcode == OP_SUB:
        r = x - y
    elif opcode == OP_MUL:
        r = x * y
    elif opcode == OP_DIV:
        if y == 0:
            return raise_message(m, worded(MESSAGE_DIVISION_BY_ZERO))
        r = x / y
    elif opcode == OP_LESS:
        out[0] = bool_word(x < y)
        return DONE
    elif opcode == OP_MORE:
        out[0] = bool_word(y < x)
        return DONE
    elif opcode == OP_LESS_OR_EQ:
        # Nix defines a <= b as !(b < a), which is true for NaN.
        out[0] = bool_word(not (y < x))
        return DONE
    elif opcode == OP_MORE_OR_EQ:
        out[0] = bool_word(not (x < y))
        return DONE
    else:
        out[0] = bool_word(x == y)
        return DONE
    out[0] = make_float(m, r)
    return DONE


cdef int arithmetic(Machine* m, int opcode, Word a, Word b, Word* out) noexcept nogil:
    cdef bint a_int = is_int(a)
    cdef bint b_int = is_int(b)
    if a_int and b_int:
        return _ints(m, opcode, int_value(a), int_value(b), out)
    if not (a_int or is_float(a)) or not (b_int or is_float(b)):
        return TAIL
    return _floats(m, opcode, <double>int_value(a) if a_int else float_value(a),
                   <double>int_value(b) if b_int else float_value(b), out)


cdef int arithmetic_mismatch(Machine* m, int opcode, Word a, Word b) noexcept nogil:
    cdef bint wants_float = is_float(a) or is_float(b)
    cdef char* x
    cdef char* y
    cdef char* left
    cdef char* right
    if opcode == OP_LESS or opcode == OP_LESS_OR_EQ or opcode == OP_MORE or opcode == OP_MORE_OR_EQ:
        x = describe_value(m, a)
        y = describe_value(m, b)
        left = shown_type(m, a)
        right = shown_type(m, b)
        raise_message(m, worded(MESSAGE_NUMBERS_NOT_COMPARABLE, left, right, x, y))
        free(left)
        free(right)
        free(x)
        free(y)
        return RAISE
    # Nix checks the divisor first: it must be a number other than zero, whatever the dividend is.
    if opcode == OP_DIV:
        if not is_int(b) and not is_float(b):
            return raise_type(m, "a float", b)
        if (int_value(b) == 0) if is_int(b) else (float_value(b) == 0):
            return raise_message(m, worded(MESSAGE_DIVISION_BY_ZERO))
    if is_int(a) or is_float(a):
        return raise_type(m, "a float" if wants_float else "an integer", b)
    return raise_type(m, "a float" if wants_float else "an integer", a)
