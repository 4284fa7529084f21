# cython: language_level=3
"""Runs short functions on the spot, if they need nothing evaluated: without an activation, and without leaving the builtin.

In: a function and its arguments, or a thunk as `map` makes them.  Out: the result, or WORD_NOT_FOUND if the machine must make the call.

A builtin that calls a function for each of a million elements leaves and enters the loop as often; with `x: x + 1` or `a: b: a.x < b.x` that
is most of the work.  Here such code runs up to its `Return`.  It is given up at the first operation that would evaluate something, fail, call, or
make a function.  So nobody can see a difference: no order of evaluation, no error, no cell that others hold.
The list or set of a result is new, as it would be in the machine.

Safepoints have more to do (collections, requests to stop), which only the machine can do: when one is due, nothing is called here.
If a builtin keeps the results of a million short calls (the elements of a list, once they are forced), they are made in the old space
(`more_room`); otherwise collections would move them there one by one.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport strcmp

from snowsnake.bytecode.opcodes cimport (
    OP_ADD, OP_ARITHMETIC, OP_ATTRS_KEYS, OP_BRANCH_COMPARE, OP_BRANCH_FALSE, OP_COERCE_TO_STRING, OP_CONSTANT, OP_DIV, OP_EAGER_ARITHMETIC, OP_EQUAL, OP_FORCE,
    OP_FORCE_LOCAL, OP_GET_LOCAL, OP_GET_UPVALUE, OP_HAS_ATTR_NAME, OP_INVERT, OP_JUMP, OP_LESS, OP_LESS_OR_EQ, OP_LIST, OP_MORE, OP_MORE_OR_EQ, OP_MUL, OP_RETURN,
    OP_SELECT, OP_SELECT_PLACE, OP_SUB, OP_THUNK_SUSPENDED,
)
from snowsnake.foundation.buffer cimport DECIMAL_SIZE, write_decimal
from snowsnake.machine.attention cimport set_soft_limit
from snowsnake.machine.attrs cimport attrs_lookup
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.heap cimport CODE_APPLY, cell_of, heap_alloc, heap_reserve, keeps_cell, make_string, new_list
from snowsnake.machine.numbers cimport arithmetic, mul_overflows
from snowsnake.machine.operations cimport equal_quickly
from snowsnake.machine.state cimport DONE, Code, Machine
from snowsnake.machine.symbols cimport compare_strings
from snowsnake.machine.word cimport (
    IMMEDIATE_CHUNK, KIND_ATTRS, KIND_BUILTIN, KIND_CLOSURE, KIND_THUNK, TAG_ATTRS, TAG_FUNCTION, TAG_INT, TAG_THUNK, THUNK_SUSPENDED, WORD_FALSE,
    WORD_NOT_FOUND, WORD_TRUE, Word, bool_word,
    code_header, fits_small, header_code, header_kind, header_of, header_size, header_state, int_value, is_float, is_string, pointer_of, small_int, tagged, val,
)

cdef enum:
    # The code of the function has at most so many bytes.
    MOST_BYTES = 48
    # More room is worthwhile if at least so many elements are left.
    LEAST_BULK = 4096
    # The frame of the function has at most so many values, including the 8 more that the machine adds.
    MOST_VALUES = 16


cdef inline Word _number(int64_t x) noexcept nogil:
    return small_int(x) if fits_small(x) else WORD_NOT_FOUND


cdef inline Word _binary(Machine* m, int op, Word a, Word b) noexcept nogil:
    """An operation on two values; WORD_NOT_FOUND if it could fail, or would take long."""
    cdef int64_t x, y, product
    cdef int outcome
    cdef Word r
    if ((a | b) & 7) == TAG_INT:
        x = <int64_t>a >> 3
        y = <int64_t>b >> 3
        if op == OP_ADD:
            return _number(x + y)
        if op == OP_LESS:
            return bool_word(x < y)
        if op == OP_EQUAL:
            return bool_word(x == y)
        if op == OP_SUB:
            return _number(x - y)
        if op == OP_MUL:
            return WORD_NOT_FOUND if mul_overflows(x, y, &product) else _number(product)
        if op == OP_LESS_OR_EQ:
            return bool_word(x <= y)
        if op == OP_MORE:
            return bool_word(x > y)
        if op == OP_MORE_OR_EQ:
            return bool_word(x >= y)
        return r if op == OP_DIV and y != 0 and arithmetic(m, op, a, b, &r) == DONE else WORD_NOT_FOUND
    if (a & 7) == TAG_THUNK or (b & 7) == TAG_THUNK:
        return WORD_NOT_FOUND
    if op == OP_EQUAL:
        outcome = equal_quickly(m, a, b)
        return WORD_NOT_FOUND if outcome < 0 else bool_word(outcome)
    if is_string(a) and is_string(b):
        if op == OP_LESS:
            return bool_word(compare_strings(a, b) < 0)
        if op == OP_LESS_OR_EQ:
            return bool_word(compare_strings(a, b) <= 0)
        if op == OP_MORE:
            return bool_word(compare_strings(a, b) > 0)
        if op == OP_MORE_OR_EQ:
            return bool_word(compare_strings(a, b) >= 0)
    elif op != OP_DIV and (is_float(a) or is_float(b)):
        return r if arithmetic(m, op, a, b, &r) == DONE else WORD_NOT_FOUND
    return WORD_NOT_FOUND


cdef inline Word _operand(uint8_t place, const Word* frame, Word* upvalues, Word* constants) noexcept nogil:
    if (place & 3) == 0:
        return val(frame[place >> 2])
    if (place & 3) == 1:
        return val(upvalues[place >> 2])
    return val(constants[place >> 2])


cdef Word _text_of(Machine* m, Word w) noexcept nogil:
    """`toString`, which programs map over numbers more often than any other builtin."""
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int start
    if is_string(w):
        return w
    if (w & 7) != TAG_INT:
        return WORD_NOT_FOUND
    start = write_decimal(int_value(w), digits)
    return make_string(m, digits + start, DECIMAL_SIZE - start, 0)


cdef Word _forced_argument(Machine* m, Word w) noexcept nogil:
    """The argument of `toString`, which forces it first.  Only a thunk of a closure: a chain of `map toString` could be of any length."""
    cdef Word* p
    cdef Word f
    w = val(w)
    if (w & 7) == TAG_THUNK:
        p = pointer_of(w)
        if header_state(p[0]) == THUNK_SUSPENDED and header_code(p[0]) == CODE_APPLY:
            f = val(p[1])
            if (f & 7) == TAG_FUNCTION and header_kind(pointer_of(f)[0]) == KIND_CLOSURE:
                return settled(m, w)
    return w


cdef inline Word _given_up(Machine* m, Word* unfinished) noexcept nogil:
    m.hp = unfinished
    return WORD_NOT_FOUND


cdef inline Word new_attrs(Machine* m, Word* keys, const Word* values, uint32_t count) noexcept nogil:
    """A set of a literal's keys; its values in the order of the literal."""
    cdef const uint32_t* order
    cdef Word* p
    cdef uint32_t i
    if count == 0:
        return m.empty_attrs
    order = <const uint32_t*>(<Word*>keys[1] + 1)
    p = heap_alloc(m, 2 + count)
    p[0] = header_of(KIND_ATTRS, count)
    p[1] = <Word>keys
    for i in range(count):
        p[2 + order[i]] = values[i]
    return tagged(p, TAG_ATTRS)


cdef Word short_call(Machine* m, Word function, const Word* arguments, uint32_t count) noexcept nogil:
    # Like the machine's loop, this is one long loop over operations, so that its variables stay in registers.
    # As in the machine, the frame has the arguments, what `let` binds, and then the values of operations.
    cdef Word[MOST_VALUES + 1] frame
    cdef Word* sp = frame + count
    cdef Word* upvalues
    cdef Word* constants
    cdef Word* made = m.hp
    cdef Word* p
    cdef const uint8_t* pc
    cdef Code* code
    cdef Word a, b
    cdef int op
    cdef uint32_t i, n
    function = val(function)
    if (function & 7) != TAG_FUNCTION or m.hp > m.soft_limit or m.observer != NULL or m.depth + 2 >= m.depth_limit:
        return WORD_NOT_FOUND
    p = pointer_of(function)
    if header_kind(p[0]) != KIND_CLOSURE:
        if count == 1 and header_kind(p[0]) == KIND_BUILTIN and strcmp(m.builtins[header_size(p[0])].name, "toString") == 0:
            return _text_of(m, _forced_argument(m, arguments[0]))
        return WORD_NOT_FOUND
    code = m.codes[header_code(p[0])]
    if code.arity != count or code.max_stack > MOST_VALUES or code.size_bytes > MOST_BYTES:
        return WORD_NOT_FOUND
    for i in range(count):
        frame[i] = arguments[i]
    pc = code.start
    upvalues = p + 1
    constants = code.constants
    while True:
        op = pc[0]
        # These operations handle only operands of one byte.
        if op == OP_ARITHMETIC or op == OP_BRANCH_COMPARE or op == OP_EAGER_ARITHMETIC:
            if (pc[2] | pc[3]) & 0x80:
                return WORD_NOT_FOUND
            a = _operand(pc[2], frame, upvalues, constants)
            b = _operand(pc[3], frame, upvalues, constants)
            if op == OP_EAGER_ARITHMETIC and ((a | b) & 7) != TAG_INT:
                # The value is then a thunk, which the next operation makes.
                pc += 6
                continue
            a = _binary(m, pc[1], a, b)
            if a == WORD_NOT_FOUND:
                return a
            if op == OP_BRANCH_COMPARE:
                pc += 6 if a == WORD_TRUE else 6 + (pc[4] | <uint32_t>pc[5] << 8)
                continue
            sp[0] = a
            sp += 1
            pc += 4 if op == OP_ARITHMETIC else 6 + (pc[4] | <uint32_t>pc[5] << 8)
        elif op == OP_RETURN:
            a = val(sp[-1])
            # A function, or a list whose cell matters, is known by its cell, and here it would be in another one.
            if (a & 7) == TAG_THUNK or (keeps_cell(m, a) and (pointer_of(a) < made or pointer_of(a) >= m.hp)):
                return WORD_NOT_FOUND
            return a
        elif op == OP_ADD or op == OP_SUB or op == OP_MUL or op == OP_LESS or op == OP_LESS_OR_EQ or op == OP_MORE or op == OP_MORE_OR_EQ \
                or op == OP_EQUAL:
            a = _binary(m, op, val(sp[-2]), val(sp[-1]))
            if a == WORD_NOT_FOUND:
                return a
            sp -= 1
            sp[-1] = a
            pc += 1
        elif op == OP_BRANCH_FALSE:
            sp -= 1
            a = val(sp[0])
            if a != WORD_TRUE and a != WORD_FALSE:
                return WORD_NOT_FOUND
            pc += 3 if a == WORD_TRUE else 3 + (pc[1] | <uint32_t>pc[2] << 8)
        elif op == OP_JUMP:
            pc += 3 + (pc[1] | <uint32_t>pc[2] << 8)
        elif op == OP_FORCE:
            sp[-1] = val(sp[-1])
            if (sp[-1] & 7) == TAG_THUNK:
                return WORD_NOT_FOUND
            pc += 1
        elif op == OP_INVERT:
            a = val(sp[-1])
            if a != WORD_TRUE and a != WORD_FALSE:
                return WORD_NOT_FOUND
            sp[-1] = a ^ (WORD_TRUE ^ WORD_FALSE)
            pc += 1
        elif pc[1] & 0x80:
            return WORD_NOT_FOUND
        elif op == OP_GET_LOCAL:
            sp[0] = frame[pc[1]]
            sp += 1
            pc += 2
        elif op == OP_FORCE_LOCAL:
            sp[0] = val(frame[pc[1]])
            if (sp[0] & 7) == TAG_THUNK:
                return WORD_NOT_FOUND
            sp += 1
            pc += 2
        elif op == OP_GET_UPVALUE:
            sp[0] = upvalues[pc[1]]
            sp += 1
            pc += 2
        elif op == OP_CONSTANT:
            a = constants[pc[1]]
            if (a & 0xFF) == IMMEDIATE_CHUNK:
                return WORD_NOT_FOUND
            sp[0] = a
            sp += 1
            pc += 2
        elif op == OP_LIST:
            n = pc[1]
            sp -= n
            a = new_list(m, n)
            for i in range(n):
                (pointer_of(a) + 1)[i] = sp[i]
            sp[0] = a
            sp += 1
            pc += 2
        elif op == OP_THUNK_SUSPENDED:
            n = pc[2]
            # This leaves thunks in the scope of a `with`, or with a count of several bytes, to the machine.
            if n & 0x81:
                return WORD_NOT_FOUND
            n >>= 1
            p = heap_alloc(m, 1 + max(n, 1))
            p[1] = 0
            p[0] = code_header(KIND_THUNK, max(n, 1), <uint32_t>(constants[pc[1]] >> 3))
            for i in range(n):
                # The captured value is not there yet, or its place has several bytes.
                if pc[3 + i] & 0x81:
                    return _given_up(m, p)
                p[1 + i] = cell_of(m, upvalues[pc[3 + i] >> 2] if pc[3 + i] & 2 else frame[pc[3 + i] >> 2])
            sp[0] = tagged(p, TAG_THUNK)
            sp += 1
            pc += 3 + n
        elif op == OP_ATTRS_KEYS:
            p = pointer_of(constants[pc[1]])
            n = <uint32_t>header_size(p[0])
            sp -= n
            a = new_attrs(m, p, sp, n)
            sp[0] = a
            sp += 1
            pc += 2
        elif op == OP_SELECT or op == OP_SELECT_PLACE:
            i = pc[1]
            if op == OP_SELECT:
                sp -= 1
                a = val(sp[0])
                pc += 1
            else:
                a = val(upvalues[i >> 1] if i & 1 else frame[i >> 1])
                pc += 2
            if (a & 7) != TAG_ATTRS or pc[0] & 0x80:
                return WORD_NOT_FOUND
            p = attrs_lookup(m, a, <uint32_t>(constants[pc[0]] >> 8))
            if p == NULL:
                return WORD_NOT_FOUND
            sp[0] = p[0]
            sp += 1
            pc += 1
        elif op == OP_HAS_ATTR_NAME:
            a = val(sp[-1])
            if (a & 7) == TAG_THUNK:
                return WORD_NOT_FOUND
            sp[-1] = bool_word((a & 7) == TAG_ATTRS and attrs_lookup(m, a, <uint32_t>(constants[pc[1]] >> 8)) != NULL)
            pc += 2
        elif op == OP_COERCE_TO_STRING:
            a = val(sp[-1])
            # This handles only an integer as the left operand of `+`, which stays as it is.
            if (a & 7) != TAG_INT or not pc[1] & 4:
                return WORD_NOT_FOUND
            sp[-1] = a
            pc += 2
        else:
            return WORD_NOT_FOUND


cdef Word short_apply(Machine* m, Word thunk) noexcept nogil:
    cdef Word* p = pointer_of(thunk)
    if header_state(p[0]) != THUNK_SUSPENDED or header_code(p[0]) != CODE_APPLY:
        return WORD_NOT_FOUND
    return short_call(m, p[1], p + 2, 1)


cdef bint more_room(Machine* m, uint64_t left) noexcept nogil:
    if left < LEAST_BULK or m.hp <= m.soft_limit or m.attention or m.observer != NULL:
        return False
    if m.young_hp != NULL:
        m.last_direct_words += BULK_WORDS
    # If there is no room, the machine collects first, or raises the error when nothing helps.
    if not heap_reserve(m, BULK_WORDS):
        error_clear(m)
        return False
    if m.young_hp == NULL:
        return False
    set_soft_limit(m, m.hp + BULK_WORDS - 4096)
    return True
