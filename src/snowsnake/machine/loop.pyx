# cython: language_level=3
"""The loop: runs bytecode on the machine's own stacks, without C recursion or Python objects.

It is one long function on purpose: the registers (pc, sp, fp, up, k, fr) stay in C locals, and the chain of comparisons over
the opcode enum becomes one jump table.  An operation that needs something first (a value forced, a function called)
sets `action` and leaves the chain for the code at the end of the loop, which does it and comes back to `resume`.
Over 600 lines for the same reason.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memmove

from snowsnake.bytecode.opcodes cimport (
    OP_ADD, OP_ARITHMETIC, OP_ASSERT_ATTRS, OP_ASSERT_BOOL, OP_ASSERT_EQUAL, OP_ASSERT_FAIL, OP_ATTRS, OP_ATTRS_DYNAMIC,
    OP_ATTRS_KEYS, OP_ATTRS_OVERRIDE, OP_ATTRS_SELECT, OP_ATTRS_TRY_SELECT, OP_ATTRS_UPDATE, OP_BIND_FORMALS,
    OP_BRANCH_COMPARE, OP_BRANCH_FALSE, OP_BRANCH_RESULT, OP_CALL, OP_CALL_BUILTIN, OP_CALL_N, OP_CLOSE_SCOPE,
    OP_CLOSURE, OP_COERCE_TO_STRING, OP_CONCAT, OP_CONCATENATE, OP_CONCATENATE_PATH, OP_CONSTANT, OP_DIV,
    OP_DYNAMIC_NAME, OP_EAGER_ARITHMETIC, OP_EAGER_SELECT, OP_EQUAL, OP_FINALISE, OP_FIND_FILE, OP_FORCE, OP_FORCE_LOCAL, OP_GET_LOCAL,
    OP_GET_UPVALUE, OP_HALT, OP_HAS_ATTR, OP_HAS_ATTR_NAME, OP_INTERPOLATE, OP_INVERT, OP_JUMP, OP_JUMP_IF_CATCHABLE,
    OP_JUMP_IF_FALSE, OP_JUMP_IF_NO_FINALISE_REQUEST, OP_JUMP_IF_NOT_FOUND, OP_JUMP_IF_SET, OP_JUMP_IF_TRUE,
    OP_JUMP_WIDE, OP_LESS, OP_LESS_OR_EQ, OP_LINK, OP_LIST, OP_MORE, OP_MORE_OR_EQ, OP_MUL, OP_NATIVE, OP_NEGATE,
    OP_POP, OP_POP_WITH, OP_PUSH_WITH, OP_RESOLVE_HOME_PATH, OP_RESOLVE_WITH, OP_RESOLVE_WITH_NAME, OP_RETURN,
    OP_SELECT, OP_SELECT_PLACE, OP_SET_LOCAL, OP_SUB, OP_TAIL_CALL_N, OP_THUNK_CLOSURE, OP_THUNK_SUSPENDED,
    OP_TRY_SELECT, OP_VALIDATE_CLOSED_FORMALS,
)
from snowsnake.diagnostics.message_table cimport MESSAGE_INFINITE_RECURSION, MESSAGE_INVALID_OPERATION
from snowsnake.machine.assertion cimport equality_is_asserted, raise_assertion
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport attrs_lookup, attrs_update
from snowsnake.machine.collector cimport safepoint
from snowsnake.machine.descriptions cimport raise_missing_selection, raise_not_a_function, raise_type
from snowsnake.machine.errors cimport raise_message, worded
from snowsnake.machine.frames cimport push_frame, raise_depth, spill, spill_all
from snowsnake.machine.heap cimport captures_barrier, cell_of, heap_reserve, keeps_cell, thunk_barrier
from snowsnake.machine.internals cimport (
    INTERNAL_ADD, INTERNAL_ASSERT_EQUAL, INTERNAL_COERCE, INTERNAL_COERCE_STORE, INTERNAL_CONCATENATE,
    INTERNAL_CONCATENATE_PATH, INTERNAL_EQUAL, INTERNAL_LESS, INTERNAL_NOT_LESS, INTERNAL_TO_STRING,
)
from snowsnake.machine.left_operands cimport coercion_is_left, force_is_left
from snowsnake.machine.link cimport code_of, link_code
from snowsnake.machine.numbers cimport arithmetic, arithmetic_mismatch
from snowsnake.machine.operations cimport (
    COERCE, add_dynamic_attrs, bind_formals, build_attrs_of_pairs, check_closed_formals, check_dynamic_name,
    check_required_formals, concatenate_lists, concatenate_strings, equal_now, interpret_home_path, interpret_search_path,
    override_attrs, prepare, raise_context, resolve_with,
)
from snowsnake.machine.state cimport CALL, DONE, FORCE, FRAME_PUSHES, RAISE, TAIL, Builtin, Code, Frame, Machine
from snowsnake.machine.symbols cimport symbol_of
from snowsnake.machine.unwind cimport functor_code, raise_failure, unwind
from snowsnake.machine.word cimport (
    HEADER_DEFERRED, IMMEDIATE_CHUNK, IMMEDIATE_DEFERRED, KIND_ATTR_NAME, KIND_ATTRS, KIND_BUILTIN, KIND_CLOSURE,
    KIND_LIST, KIND_PARTIAL, KIND_THUNK, KIND_WITH, TAG_ATTRS, TAG_BOX, TAG_FUNCTION, TAG_INT, TAG_LIST, TAG_STRING,
    TAG_THUNK, THUNK_DONE, THUNK_FAILED, THUNK_RUNNING, THUNK_SUSPENDED, WORD_FALSE, WORD_NOT_FOUND, WORD_NULL,
    WORD_TRUE, WORD_UNSET, Word, attrs_find, bool_word, code_header, header_code, header_kind, header_of,
    header_payload_words, header_size, header_state, is_thunk, keys_positions, keys_size, kind_of, pointer_of,
    small_int, string_context, tag_of, val, with_state,
)

cdef extern from *:
    """
    #define SN_LIKELY(x) __builtin_expect(!!(x), 1)
    #define SN_UNLIKELY(x) __builtin_expect(!!(x), 0)
    """
    bint LIKELY "SN_LIKELY"(bint x) noexcept nogil
    bint UNLIKELY "SN_UNLIKELY"(bint x) noexcept nogil

cdef extern from *:
    """
    /* observe/traced_loop.pyx, which includes this file, defines it. */
    #ifndef SN_OBSERVE
    #define SN_OBSERVE(m, pc, fp, sp, fr, function) ((void)0)
    #endif
    """
    void OBSERVE "SN_OBSERVE"(Machine* m, const uint8_t* pc, Word* fp, Word* sp, Frame* fr, Word function) noexcept nogil

cdef enum Action:
    # The machine forces `need`, and then continues at `resume`.
    ACTION_FORCE = 0
    # The machine calls the function on top with the `n` arguments below it, and then continues at `resume`.
    ACTION_CALL = 1
    ACTION_TAIL_CALL = 2
    ACTION_RAISE = 3
    # The machine runs the builtin word `need` on the `n` words on top, in a frame of its own, and then continues at `resume`.
    ACTION_NATIVE = 4
    # The machine collects if it is time, and then continues at `resume`.
    ACTION_SAFEPOINT = 6
    # The machine calls the builtin word `need` on the `n` words on top.  The builtin gets a frame only if it needs one.
    ACTION_BUILTIN = 5

# These arrays are the machine's own code, which is immutable after import.  The first one is `Force`, `Halt`.
cdef uint8_t[4] FORCE_CODE
# This is `Return`.
cdef uint8_t[3] RETURN_CODE
# The four steps of a native frame prepare the arguments, prepare them after a coercion, force the result of a call, and run the builtin.
cdef uint8_t[4] NATIVE_CODE
# This is `BranchResult`.
cdef uint8_t[2] BRANCH_CODE
# For each n, this is `CallN n`, `Halt`.
cdef uint8_t[256][4] CALL_CODE
# For each n, `TailCallN n` applies a result to the arguments that were left over.
cdef uint8_t[256][4] REST_CODE

FORCE_CODE[0] = OP_FORCE
FORCE_CODE[1] = OP_HALT
RETURN_CODE[0] = OP_RETURN
BRANCH_CODE[0] = OP_BRANCH_RESULT
NATIVE_CODE[0] = OP_NATIVE
NATIVE_CODE[1] = OP_NATIVE
NATIVE_CODE[2] = OP_FORCE
NATIVE_CODE[3] = OP_NATIVE


def _make_call_codes():
    for n in range(128):
        CALL_CODE[n][0] = OP_CALL_N
        CALL_CODE[n][1] = n
        CALL_CODE[n][2] = OP_HALT
        REST_CODE[n][0] = OP_TAIL_CALL_N
        REST_CODE[n][1] = n
        REST_CODE[n][2] = OP_RETURN


_make_call_codes()


cdef inline uint64_t read_uvarint(const uint8_t** pc) noexcept nogil:
    """Reads a vu128 number (see the specification): most operands are one byte."""
    cdef const uint8_t* p = pc[0]
    cdef uint64_t b = p[0]
    cdef uint64_t x
    cdef int n, i
    if LIKELY(b < 0x80):
        pc[0] = p + 1
        return b
    if b < 0xC0:
        pc[0] = p + 2
        return (b & 0x3F) | (<uint64_t>p[1] << 6)
    if b < 0xE0:
        pc[0] = p + 3
        return (b & 0x1F) | (<uint64_t>p[1] << 5) | (<uint64_t>p[2] << 13)
    if b < 0xF0:
        pc[0] = p + 4
        return (b & 0x0F) | (<uint64_t>p[1] << 4) | (<uint64_t>p[2] << 12) | (<uint64_t>p[3] << 20)
    n = <int>(b & 0x0F) + 1
    x = 0
    for i in range(n):
        x |= <uint64_t>p[1 + i] << (8 * i)
    pc[0] = p + 1 + n
    return x


cdef inline uint32_t read_u16(const uint8_t* pc) noexcept nogil:
    return pc[0] | (<uint32_t>pc[1] << 8)


cdef inline Word operand(uint64_t place, Word* fp, Word* up, Word* k) noexcept nogil:
    if (place & 3) == 0:
        return fp[place >> 2]
    if (place & 3) == 1:
        return up[place >> 2]
    return k[place >> 2]


cdef inline Word name_of_attr(Word w) noexcept nogil:
    """The string of a name; at level 0 a name may come with its place."""
    w = val(w)
    if (w & 7) == TAG_BOX and kind_of(w) == KIND_ATTR_NAME:
        return pointer_of(w)[1]
    return w


cdef inline Word current_scope(Machine* m, Word* fp, Word* up, Word function, int32_t with_slot) noexcept nogil:
    cdef Code* code
    if with_slot >= 0:
        return fp[with_slot]
    code = code_of(m, function)
    if code.captures_with:
        return up[code.upvalue_count - 1]
    return WORD_NULL


cdef inline void replace_thunk(Machine* m, Frame* fr, Word w, Word r) noexcept nogil:
    """This activation's value is the value of another thunk, `r`, which is evaluated in its place.  `w` is `r`, or a thunk that leads to it."""
    cdef Word a = fr.thunk
    cdef Word* p
    if a == 0:
        fr.thunk = r | FRAME_PUSHES
        return
    p = pointer_of(a)
    p[1] = w
    p[0] = with_state(p[0], THUNK_DONE)
    thunk_barrier(m, p)
    fr.thunk = r | (a & FRAME_PUSHES)


cdef int run(Machine* m) noexcept nogil:
    """Runs from m.pc until Halt.  DONE: the value is in m.result; RAISE: everything above the base frame has been removed."""
    cdef const uint8_t* pc = m.pc
    cdef const uint8_t* op0
    cdef const uint8_t* resume
    cdef Word* sp = m.sp
    cdef Word* fp = m.fp
    cdef Word* up = NULL
    cdef Word* k = m.constants
    cdef Frame* fr = m.fr
    cdef Frame* base = m.fr
    cdef Word function = m.function
    cdef uint32_t depth = m.depth
    cdef int32_t with_slot = m.with_slot
    cdef int op, action, outcome
    cdef Word a, b, r, need
    cdef Word* p
    cdef Word* q
    cdef uint64_t n, i, x
    cdef uint32_t symbol
    cdef uint32_t* order
    cdef Code* code
    cdef Builtin* builtin
    while True:
        op0 = pc
        op = pc[0]
        OBSERVE(m, pc, fp, sp, fr, function)
        pc += 1
        if op == OP_CONSTANT:
            a = k[read_uvarint(&pc)]
            # A chunk that is a constant has no captures: each evaluation makes a new cell.
            if UNLIKELY((a & 0xFF) == IMMEDIATE_CHUNK):
                q = m.hp
                m.hp = q + 2
                q[0] = code_header(KIND_CLOSURE if a & 0x100 else KIND_THUNK, 1, a >> 9)
                q[1] = 0
                a = <Word>q | (TAG_FUNCTION if a & 0x100 else TAG_THUNK)
            sp[0] = a
            sp += 1
            continue
        elif op == OP_GET_LOCAL:
            sp[0] = fp[read_uvarint(&pc)]
            sp += 1
            continue
        elif op == OP_GET_UPVALUE:
            sp[0] = up[read_uvarint(&pc)]
            sp += 1
            continue
        elif op == OP_FORCE_LOCAL:
            p = fp + read_uvarint(&pc)
            a = val(p[0])
            if LIKELY((a & 7) != TAG_THUNK):
                if a != p[0] and not keeps_cell(m, a):
                    p[0] = a
                sp[0] = a
                sp += 1
                continue
            need = a
            resume = op0
            action = ACTION_FORCE
        elif op == OP_POP:
            sp -= 1
            continue
        elif op == OP_SET_LOCAL:
            sp -= 1
            fp[read_uvarint(&pc)] = sp[0]
            continue
        elif op == OP_CLOSE_SCOPE:
            n = read_uvarint(&pc)
            sp[-1 - <int64_t>n] = sp[-1]
            sp -= n
            continue
        elif op == OP_FORCE:
            a = val(sp[-1])
            if LIKELY((a & 7) != TAG_THUNK) or force_is_left(m, function, pc):
                sp[-1] = a
                continue
            need = a
            resume = pc
            action = ACTION_FORCE
        # ---- arithmetic -----------------------------------------------------------------------------------------
        elif op == OP_ADD:
            a = sp[-2]
            b = sp[-1]
            r = a + b
            if LIKELY(((a | b) & 7) == 0 and (((a ^ r) & (b ^ r)) >> 63) == 0):
                sp -= 1
                sp[-1] = r
                continue
            a = val(a)
            b = val(b)
            resume = op0
            if (a & 7) == TAG_THUNK:
                need = a
                action = ACTION_FORCE
            elif (b & 7) == TAG_THUNK:
                need = b
                action = ACTION_FORCE
                if (a & 7) != TAG_INT and (a & 7) != TAG_STRING and (a & 7) != TAG_BOX:
                    # The builtin coerces a, or fails, before it evaluates b.
                    need = m.internals[INTERNAL_ADD]
                    n = 2
                    resume = pc
                    action = ACTION_NATIVE
            else:
                outcome = arithmetic(m, OP_ADD, a, b, &r)
                if outcome == DONE:
                    sp -= 1
                    sp[-1] = r
                    continue
                if outcome == TAIL:
                    if (a & 7) == TAG_STRING and (b & 7) == TAG_STRING:
                        sp[-2] = a
                        sp[-1] = b
                        outcome = concatenate_strings(m, sp - 2, 2)
                        action = ACTION_RAISE
                        if outcome == DONE:
                            sp -= 1
                            sp[-1] = m.result
                            if LIKELY(m.hp <= m.soft_limit):
                                continue
                            resume = pc
                            action = ACTION_SAFEPOINT
                    else:
                        need = m.internals[INTERNAL_ADD]
                        n = 2
                        resume = pc
                        action = ACTION_NATIVE
                else:
                    action = ACTION_RAISE
        elif op == OP_SUB or op == OP_MUL or op == OP_DIV or op == OP_LESS or op == OP_LESS_OR_EQ or op == OP_MORE \
                or op == OP_MORE_OR_EQ:
            a = val(sp[-2])
            b = val(sp[-1])
            resume = op0
            if UNLIKELY((a & 7) == TAG_THUNK):
                need = a
                action = ACTION_FORCE
            elif UNLIKELY((b & 7) == TAG_THUNK):
                need = b
                action = ACTION_FORCE
            else:
                if ((a | b) & 7) == 0:
                    if op == OP_SUB:
                        r = a - b
                        if LIKELY((((a ^ b) & (a ^ r)) >> 63) == 0):
                            sp -= 1
                            sp[-1] = r
                            continue
                    elif op == OP_LESS:
                        sp -= 1
                        sp[-1] = bool_word(<int64_t>a < <int64_t>b)
                        continue
                outcome = arithmetic(m, op, a, b, &r)
                if outcome == DONE:
                    sp -= 1
                    sp[-1] = r
                    continue
                action = ACTION_RAISE
                if outcome == TAIL:
                    if op == OP_SUB or op == OP_MUL or op == OP_DIV:
                        arithmetic_mismatch(m, op, a, b)
                    else:
                        # a <= b is !(b < a), and a > b is b < a.
                        if op == OP_LESS or op == OP_MORE_OR_EQ:
                            sp[-2] = a
                            sp[-1] = b
                        else:
                            sp[-2] = b
                            sp[-1] = a
                        need = m.internals[INTERNAL_LESS]
                        n = 2
                        resume = pc
                        if op == OP_LESS_OR_EQ or op == OP_MORE_OR_EQ:
                            need = m.internals[INTERNAL_NOT_LESS]
                        action = ACTION_NATIVE
        elif op == OP_EQUAL or op == OP_ASSERT_EQUAL:
            a = val(sp[-2])
            b = val(sp[-1])
            resume = op0
            if UNLIKELY((a & 7) == TAG_THUNK):
                need = a
                action = ACTION_FORCE
            elif UNLIKELY((b & 7) == TAG_THUNK):
                need = b
                action = ACTION_FORCE
            else:
                outcome = equal_now(m, a, b)
                if UNLIKELY(m.level == 0) and outcome <= 0 and op == OP_EQUAL and equality_is_asserted(m, function, pc, fr):
                    op = OP_ASSERT_EQUAL
                if outcome > 0 or (outcome == 0 and op == OP_EQUAL):
                    sp -= 1
                    sp[-1] = bool_word(outcome)
                    continue
                need = m.internals[INTERNAL_EQUAL if op == OP_EQUAL else INTERNAL_ASSERT_EQUAL]
                n = 2
                resume = pc
                action = ACTION_NATIVE
        elif op == OP_ARITHMETIC or op == OP_BRANCH_COMPARE:
            op = pc[0]
            pc += 1
            a = val(operand(read_uvarint(&pc), fp, up, k))
            b = val(operand(read_uvarint(&pc), fp, up, k))
            resume = op0
            if UNLIKELY((a & 7) == TAG_THUNK):
                need = a
                action = ACTION_FORCE
            elif UNLIKELY((b & 7) == TAG_THUNK):
                need = b
                action = ACTION_FORCE
                if op == OP_ADD and (a & 7) != TAG_INT and (a & 7) != TAG_STRING and (a & 7) != TAG_BOX:
                    # The builtin coerces a, or fails, before it evaluates b.
                    sp[0] = a
                    sp[1] = b
                    sp += 2
                    need = m.internals[INTERNAL_ADD]
                    n = 2
                    resume = pc
                    action = ACTION_NATIVE
            else:
                outcome = TAIL
                if LIKELY(((a | b) & 7) == 0):
                    if op == OP_LESS:
                        r = bool_word(<int64_t>a < <int64_t>b)
                        outcome = DONE
                    elif op == OP_EQUAL:
                        r = bool_word(a == b)
                        outcome = DONE
                    elif op == OP_ADD:
                        r = a + b
                        if LIKELY((((a ^ r) & (b ^ r)) >> 63) == 0):
                            outcome = DONE
                    elif op == OP_SUB:
                        r = a - b
                        if LIKELY((((a ^ b) & (a ^ r)) >> 63) == 0):
                            outcome = DONE
                if outcome != DONE:
                    if op == OP_EQUAL:
                        outcome = equal_now(m, a, b)
                        r = bool_word(outcome == 1)
                        outcome = DONE if outcome >= 0 else TAIL
                    else:
                        outcome = arithmetic(m, op, a, b, &r)
                if LIKELY(outcome == DONE):
                    if op0[0] == OP_ARITHMETIC:
                        sp[0] = r
                        sp += 1
                    else:
                        pc += 2 if r == WORD_TRUE else 2 + read_u16(pc)
                    continue
                action = ACTION_RAISE
                # A native frame compares strings, lists and sets, and continues with the result.
                if outcome == TAIL:
                    if op == OP_SUB or op == OP_MUL or op == OP_DIV:
                        arithmetic_mismatch(m, op, a, b)
                    else:
                        resume = pc
                        # BranchResult then does the branch itself.
                        if op0[0] == OP_BRANCH_COMPARE:
                            sp[0] = small_int(pc - code_of(m, function).start)
                            sp += 1
                            resume = &BRANCH_CODE[0]
                        if op == OP_LESS_OR_EQ or op == OP_MORE:
                            sp[0] = b
                            sp[1] = a
                        else:
                            sp[0] = a
                            sp[1] = b
                        sp += 2
                        if op == OP_EQUAL:
                            need = m.internals[INTERNAL_EQUAL]
                        elif op == OP_ADD:
                            need = m.internals[INTERNAL_ADD]
                        elif op == OP_LESS or op == OP_MORE:
                            need = m.internals[INTERNAL_LESS]
                        else:
                            need = m.internals[INTERNAL_NOT_LESS]
                        n = 2
                        action = ACTION_NATIVE
        elif op == OP_EAGER_ARITHMETIC:
            op = pc[0]
            pc += 1
            a = val(operand(read_uvarint(&pc), fp, up, k))
            b = val(operand(read_uvarint(&pc), fp, up, k))
            if ((a | b) & 7) == 0:
                outcome = TAIL
                if op == OP_ADD:
                    r = a + b
                    if (((a ^ r) & (b ^ r)) >> 63) == 0:
                        outcome = DONE
                elif op == OP_SUB:
                    r = a - b
                    if (((a ^ b) & (a ^ r)) >> 63) == 0:
                        outcome = DONE
                elif op == OP_MUL:
                    if ((a + (<Word>1 << 32)) >> 33) == 0 and ((b + (<Word>1 << 32)) >> 33) == 0:
                        r = <Word>((<int64_t>a >> 3) * <int64_t>b)
                        outcome = DONE
                elif op == OP_LESS:
                    r = bool_word(<int64_t>a < <int64_t>b)
                    outcome = DONE
                elif op == OP_EQUAL:
                    r = bool_word(a == b)
                    outcome = DONE
                elif op == OP_LESS_OR_EQ:
                    r = bool_word(<int64_t>a <= <int64_t>b)
                    outcome = DONE
                elif op == OP_MORE:
                    r = bool_word(<int64_t>a > <int64_t>b)
                    outcome = DONE
                elif op == OP_MORE_OR_EQ:
                    r = bool_word(<int64_t>a >= <int64_t>b)
                    outcome = DONE
                if outcome == DONE:
                    sp[0] = r
                    sp += 1
                    pc += 2 + read_u16(pc)
                    continue
            pc += 2
            continue
        elif op == OP_NEGATE:
            a = val(sp[-1])
            if (a & 7) == TAG_THUNK:
                need = a
                resume = op0
                action = ACTION_FORCE
            else:
                outcome = arithmetic(m, OP_SUB, 0, a, &r)
                if outcome == DONE:
                    sp[-1] = r
                    continue
                if outcome == TAIL:
                    raise_type(m, "an integer", a)
                action = ACTION_RAISE
        elif op == OP_INVERT:
            a = val(sp[-1])
            if a == WORD_TRUE or a == WORD_FALSE:
                sp[-1] = a ^ (WORD_TRUE ^ WORD_FALSE)
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
            if (a & 7) != TAG_THUNK:
                raise_type(m, "a Boolean", a)
                action = ACTION_RAISE
        # ---- jumps ----------------------------------------------------------------------------------------------
        elif op == OP_BRANCH_FALSE:
            a = val(sp[-1])
            if a == WORD_TRUE:
                sp -= 1
                pc += 2
                continue
            if a == WORD_FALSE:
                sp -= 1
                pc += 2 + read_u16(pc)
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
            if (a & 7) != TAG_THUNK:
                raise_type(m, "a Boolean", a)
                action = ACTION_RAISE
        elif op == OP_JUMP:
            pc += 2 + read_u16(pc)
            continue
        elif op == OP_JUMP_WIDE:
            pc += 4 + (read_u16(pc) | (read_u16(pc + 2) << 16))
            continue
        elif op == OP_JUMP_IF_TRUE or op == OP_JUMP_IF_FALSE:
            a = val(sp[-1])
            if a == WORD_TRUE or a == WORD_FALSE:
                sp[-1] = a
                if (a == WORD_TRUE) == (op == OP_JUMP_IF_TRUE):
                    pc += 2 + read_u16(pc)
                else:
                    pc += 2
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
            if (a & 7) != TAG_THUNK:
                raise_type(m, "a Boolean", a)
                action = ACTION_RAISE
        elif op == OP_JUMP_IF_CATCHABLE:
            pc += 2
            continue
        elif op == OP_JUMP_IF_NOT_FOUND:
            if sp[-1] == WORD_NOT_FOUND:
                sp -= 1
                pc += 2 + read_u16(pc)
            else:
                pc += 2
            continue
        elif op == OP_JUMP_IF_NO_FINALISE_REQUEST:
            if sp[-1] == WORD_FALSE:
                pc += 2 + read_u16(pc)
            else:
                pc += 2
            continue
        elif op == OP_JUMP_IF_SET:
            p = fp + read_uvarint(&pc)
            if p[0] != WORD_UNSET:
                pc += 2 + read_u16(pc)
            else:
                pc += 2
            continue
        elif op == OP_ASSERT_BOOL:
            a = val(sp[-1])
            sp[-1] = a
            if a == WORD_TRUE or a == WORD_FALSE:
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
            if (a & 7) != TAG_THUNK:
                raise_type(m, "a Boolean", a)
                action = ACTION_RAISE
        elif op == OP_ASSERT_ATTRS:
            a = val(sp[-1])
            sp[-1] = a
            if (a & 7) == TAG_ATTRS:
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
            if (a & 7) != TAG_THUNK:
                raise_type(m, "a set", a)
                action = ACTION_RAISE
        elif op == OP_ASSERT_FAIL:
            raise_assertion(m, function, pc)
            resume = pc
            action = ACTION_RAISE
        # ---- closures and thunks --------------------------------------------------------------------------------
        elif op == OP_THUNK_SUSPENDED or op == OP_CLOSURE or op == OP_THUNK_CLOSURE:
            # This is the index of the code.
            r = k[read_uvarint(&pc)] >> 3
            n = read_uvarint(&pc)
            x = n >> 1
            if UNLIKELY(x > 4096) and not heap_reserve(m, x + 8):
                resume = pc
                action = ACTION_RAISE
            else:
                # This reads hp only now, because a large reservation moves it.
                q = m.hp
                p = q + 1
                # This becomes HEADER_DEFERRED if a captured value is not there yet.
                b = 0
                while x:
                    x -= 1
                    i = read_uvarint(&pc)
                    if (i & 3) == 0:
                        a = fp[i >> 2]
                        p[0] = cell_of(m, a)
                    elif (i & 3) == 2:
                        a = up[i >> 2]
                        p[0] = cell_of(m, a)
                    else:
                        p[0] = ((i >> 2) << 8) | IMMEDIATE_DEFERRED
                        b = HEADER_DEFERRED
                    p += 1
                if n & 1:
                    p[0] = current_scope(m, fp, up, function, with_slot)
                    p += 1
                if p == q + 1:
                    p[0] = 0
                    p += 1
                m.hp = p
                x = p - q - 1
                if op == OP_THUNK_SUSPENDED:
                    q[0] = code_header(KIND_THUNK, x, r) | b
                    sp[0] = <Word>q | TAG_THUNK
                else:
                    q[0] = code_header(KIND_CLOSURE, x, r) | b
                    sp[0] = <Word>q | TAG_FUNCTION
                sp += 1
                continue
        elif op == OP_FINALISE:
            a = fp[read_uvarint(&pc)]
            if (a & 7) == TAG_THUNK or ((a & 7) == TAG_FUNCTION and kind_of(a) == KIND_CLOSURE):
                p = pointer_of(a)
                if p[0] & HEADER_DEFERRED:
                    p[0] &= ~<Word>HEADER_DEFERRED
                    captures_barrier(m, p)
                    n = header_payload_words(p[0])
                    for i in range(1, n + 1):
                        if (p[i] & 0xFF) == IMMEDIATE_DEFERRED:
                            p[i] = fp[p[i] >> 8]
            continue
        elif op == OP_RETURN:
            r = val(sp[-1])
            if LIKELY((r & 7) != TAG_THUNK):
                a = fr.thunk
                sp = fp
                if a == 0:
                    sp[0] = r
                    sp += 1
                else:
                    p = pointer_of(a)
                    p[1] = r
                    p[0] = with_state(p[0], THUNK_DONE)
                    thunk_barrier(m, p)
                    if a & FRAME_PUSHES:
                        sp[0] = r
                        sp += 1
                pc = fr.pc
                fp = fr.fp
                function = fr.function
                k = fr.constants
                depth = fr.depth
                with_slot = fr.with_slot
                up = pointer_of(function) + 1
                fr -= 1
                if LIKELY(m.hp <= m.soft_limit):
                    continue
                resume = pc
                action = ACTION_SAFEPOINT
            else:
                # This enters the thunk in the present frame.
                p = pointer_of(r)
                need = r
                resume = op0
                action = ACTION_FORCE
                outcome = header_state(p[0])
                if LIKELY(outcome == THUNK_SUSPENDED):
                    replace_thunk(m, fr, sp[-1], r)
                    p[0] = with_state(p[0], THUNK_RUNNING)
                    code = m.codes[header_code(p[0])]
                    pc = code.start
                    k = code.constants
                    up = p + 1
                    function = r
                    with_slot = -1
                    sp = fp
                    if UNLIKELY(m.hp > m.soft_limit or sp + code.max_stack > m.stack_end):
                        spill_all(m, pc, sp, fp, fr, function, k)
                        outcome = safepoint(m, code.max_stack)
                        function = m.function
                        up = pointer_of(function) + 1
                        if outcome == DONE:
                            continue
                        op0 = pc
                        resume = pc
                        action = ACTION_RAISE
                    else:
                        continue
                elif outcome == THUNK_FAILED:
                    replace_thunk(m, fr, sp[-1], r)
                    function = r
                    sp = fp
                    raise_failure(m, r)
                    action = ACTION_RAISE
        # ---- calls ----------------------------------------------------------------------------------------------
        elif op == OP_CALL_N:
            n = read_uvarint(&pc)
            a = val(sp[-1])
            resume = pc
            action = ACTION_CALL
            p = pointer_of(a)
            if LIKELY((a & 7) == TAG_FUNCTION and header_kind(p[0]) == KIND_CLOSURE):
                code = m.codes[header_code(p[0])]
                if LIKELY(code.arity == n and fr < m.frames_end and depth < m.depth_limit):
                    fr = push_frame(fr, pc, fp, function, k, 0, depth, with_slot)
                    depth += 1
                    sp -= 1
                    fp = sp - n
                    pc = code.start
                    k = code.constants
                    up = p + 1
                    function = a
                    with_slot = -1
                    if LIKELY(m.hp <= m.soft_limit and sp + code.max_stack <= m.stack_end):
                        continue
                    spill_all(m, pc, sp, fp, fr, function, k)
                    outcome = safepoint(m, code.max_stack)
                    function = m.function
                    up = pointer_of(function) + 1
                    if outcome == DONE:
                        continue
                    op0 = pc
                    action = ACTION_RAISE
        elif op == OP_CALL:
            n = 1
            resume = pc
            action = ACTION_TAIL_CALL if pc[0] == OP_RETURN else ACTION_CALL
        elif op == OP_TAIL_CALL_N:
            n = read_uvarint(&pc)
            resume = pc
            action = ACTION_TAIL_CALL
        elif op == OP_CALL_BUILTIN:
            need = k[read_uvarint(&pc)]
            n = read_uvarint(&pc)
            resume = pc
            action = ACTION_BUILTIN
        elif op == OP_NATIVE:
            builtin = &m.builtins[header_size(pointer_of(function)[0])]
            spill(m, sp, fp, fr, function)
            m.depth = depth
            outcome = DONE
            if op0 != &NATIVE_CODE[3]:
                # The result of a coercion replaces the first argument that was not ready.
                if op0 == &NATIVE_CODE[1]:
                    sp -= 1
                    r = sp[0]
                    m.sp = sp
                    outcome = prepare(m, builtin, fp)
                    if outcome == COERCE:
                        fp[m.result >> 3] = r
                outcome = prepare(m, builtin, fp)
                if outcome == FORCE:
                    need = m.need
                    resume = &NATIVE_CODE[0]
                    action = ACTION_FORCE
                elif outcome == COERCE:
                    sp[0] = fp[m.result >> 3]
                    sp[1] = m.need
                    sp += 2
                    n = 1
                    resume = &NATIVE_CODE[1]
                    action = ACTION_CALL
                elif outcome == RAISE:
                    resume = pc
                    action = ACTION_RAISE
            if outcome == DONE:
                outcome = builtin.function(m, fp)
                sp = m.sp
                resume = &NATIVE_CODE[3]
                if outcome == DONE or outcome == TAIL:
                    sp[0] = m.result
                    sp += 1
                    pc = &RETURN_CODE[0]
                    if UNLIKELY(m.hp > m.soft_limit):
                        m.pc = pc
                        m.sp = sp
                        m.constants = k
                        outcome = safepoint(m, 0)
                        function = m.function
                        if outcome == DONE:
                            continue
                        action = ACTION_RAISE
                    else:
                        continue
                elif outcome == FORCE:
                    need = m.need
                    action = ACTION_FORCE
                elif outcome >= CALL:
                    n = outcome - CALL
                    action = ACTION_CALL
                else:
                    # A Python function may have run the machine, and the collector with it.
                    function = m.function
                    action = ACTION_RAISE
        # ---- sets -----------------------------------------------------------------------------------------------
        elif op == OP_SELECT or op == OP_SELECT_PLACE:
            if op == OP_SELECT:
                a = val(sp[-1])
            else:
                i = read_uvarint(&pc)
                p = up + (i >> 1) if i & 1 else fp + (i >> 1)
                a = val(p[0])
            if LIKELY((a & 7) == TAG_ATTRS):
                symbol = <uint32_t>(k[read_uvarint(&pc)] >> 8)
                p = attrs_lookup(m, a, symbol)
                if LIKELY(p != NULL):
                    if op == OP_SELECT:
                        sp[-1] = p[0]
                    else:
                        sp[0] = p[0]
                        sp += 1
                    continue
                raise_missing_selection(m, symbol, a)
                resume = pc
                action = ACTION_RAISE
            else:
                resume = op0
                need = a
                action = ACTION_FORCE
                if (a & 7) != TAG_THUNK:
                    raise_type(m, "a set", a)
                    action = ACTION_RAISE
        elif op == OP_TRY_SELECT:
            a = val(sp[-1])
            if (a & 7) == TAG_ATTRS:
                symbol = <uint32_t>(k[read_uvarint(&pc)] >> 8)
                p = attrs_lookup(m, a, symbol)
                if p != NULL:
                    sp[-1] = p[0]
                    pc += 2
                else:
                    sp -= 1
                    pc += 2 + read_u16(pc)
                continue
            if (a & 7) != TAG_THUNK:
                read_uvarint(&pc)
                sp -= 1
                pc += 2 + read_u16(pc)
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
        elif op == OP_HAS_ATTR_NAME:
            a = val(sp[-1])
            if (a & 7) != TAG_THUNK:
                symbol = <uint32_t>(k[read_uvarint(&pc)] >> 8)
                sp[-1] = bool_word((a & 7) == TAG_ATTRS and attrs_lookup(m, a, symbol) != NULL)
                continue
            resume = op0
            need = a
            action = ACTION_FORCE
        elif op == OP_EAGER_SELECT:
            i = read_uvarint(&pc)
            a = val(up[i >> 1] if i & 1 else fp[i >> 1])
            symbol = <uint32_t>(k[read_uvarint(&pc)] >> 8)
            if (a & 7) == TAG_ATTRS:
                p = attrs_lookup(m, a, symbol)
                if p != NULL:
                    r = val(p[0])
                    # If the cell of the value matters, a thunk follows, which is a cell of its own.
                    if (r & 7) != TAG_THUNK and not keeps_cell(m, r):
                        sp[0] = r
                        sp += 1
                        pc += 2 + read_u16(pc)
                        continue
            pc += 2
            continue
        elif op == OP_ATTRS_SELECT or op == OP_ATTRS_TRY_SELECT or op == OP_HAS_ATTR:
            a = val(sp[-2])
            b = name_of_attr(sp[-1])
            resume = op0
            if (b & 7) != TAG_THUNK and ((b & 7) != TAG_STRING or string_context(b)):
                if (b & 7) == TAG_STRING:
                    raise_context(m, b)
                else:
                    raise_type(m, "a string", b)
                action = ACTION_RAISE
            elif (a & 7) == TAG_THUNK:
                need = a
                action = ACTION_FORCE
            elif (b & 7) == TAG_THUNK:
                need = b
                action = ACTION_FORCE
            elif (a & 7) != TAG_ATTRS:
                if op == OP_ATTRS_SELECT:
                    raise_type(m, "a set", a)
                    action = ACTION_RAISE
                else:
                    sp -= 1
                    sp[-1] = WORD_FALSE if op == OP_HAS_ATTR else WORD_NOT_FOUND
                    continue
            else:
                symbol = symbol_of(m, b)
                p = attrs_lookup(m, a, symbol)
                if op == OP_HAS_ATTR:
                    sp -= 1
                    sp[-1] = bool_word(p != NULL)
                    continue
                if p != NULL:
                    sp -= 1
                    sp[-1] = p[0]
                    continue
                if op == OP_ATTRS_TRY_SELECT:
                    sp -= 1
                    sp[-1] = WORD_NOT_FOUND
                    continue
                code = code_of(m, function)
                if code.level > 0 or code.formals == NULL or check_required_formals(m, code, a) == DONE:
                    raise_missing_selection(m, symbol, a)
                action = ACTION_RAISE
        elif op == OP_ATTRS_KEYS:
            p = pointer_of(k[read_uvarint(&pc)])
            n = p[0] >> 12
            if n == 0:
                sp[0] = m.empty_attrs
                sp += 1
                continue
            if UNLIKELY(n > 4096) and not heap_reserve(m, n + 8):
                resume = pc
                action = ACTION_RAISE
            else:
                order = <uint32_t*>(<Word*>p[1] + 1)
                q = m.hp
                m.hp = q + 2 + n
                q[0] = header_of(KIND_ATTRS, n)
                q[1] = <Word>p
                sp -= n
                for i in range(n):
                    q[2 + order[i]] = sp[i]
                sp[0] = <Word>q | TAG_ATTRS
                sp += 1
                continue
        elif op == OP_ATTRS:
            n = read_uvarint(&pc)
            m.sp = sp
            outcome = build_attrs_of_pairs(m, sp - 2 * n, n, function, op0)
            if outcome == DONE:
                sp -= 2 * n
                sp[0] = m.result
                sp += 1
                continue
            resume = op0
            need = m.need
            action = ACTION_FORCE if outcome == FORCE else ACTION_RAISE
        elif op == OP_ATTRS_DYNAMIC:
            p = pointer_of(k[read_uvarint(&pc)])
            n = keys_size(p)
            m.sp = sp
            outcome = add_dynamic_attrs(m, val(sp[-1 - 2 * <int64_t>n]), sp - 2 * n, n, keys_positions(p))
            if outcome == DONE:
                sp -= 2 * n
                sp[-1] = m.result
                continue
            resume = op0
            need = m.need
            action = ACTION_FORCE if outcome == FORCE else ACTION_RAISE
        elif op == OP_DYNAMIC_NAME:
            b = k[read_uvarint(&pc)]
            n = read_uvarint(&pc)
            p = fp + read_uvarint(&pc)
            m.sp = sp
            outcome = check_dynamic_name(m, sp - 1, n, p, b)
            if outcome == DONE:
                continue
            resume = op0
            need = m.need
            action = ACTION_FORCE if outcome == FORCE else ACTION_RAISE
        elif op == OP_ATTRS_UPDATE:
            a = val(sp[-2])
            b = val(sp[-1])
            resume = op0
            # The right side comes first, as in Nix since 2.32.
            if (b & 7) != TAG_ATTRS:
                need = b
                action = ACTION_FORCE
                if (b & 7) != TAG_THUNK:
                    raise_type(m, "a set", b)
                    action = ACTION_RAISE
            elif (a & 7) != TAG_ATTRS:
                need = a
                action = ACTION_FORCE
                if (a & 7) != TAG_THUNK:
                    raise_type(m, "a set", a)
                    action = ACTION_RAISE
            else:
                r = attrs_update(m, a, b)
                action = ACTION_RAISE
                if r:
                    sp -= 1
                    sp[-1] = r
                    if LIKELY(m.hp <= m.soft_limit):
                        continue
                    resume = pc
                    action = ACTION_SAFEPOINT
        elif op == OP_ATTRS_OVERRIDE:
            p = fp + read_uvarint(&pc)
            a = val(sp[-1])
            resume = op0
            need = a
            action = ACTION_FORCE
            if (a & 7) != TAG_THUNK:
                action = ACTION_RAISE
                if override_attrs(m, p[0], a) == DONE:
                    sp[-1] = m.result
                    continue
        elif op == OP_BIND_FORMALS:
            a = val(fp[0])
            read_uvarint(&pc)
            resume = op0
            if LIKELY((a & 7) == TAG_ATTRS):
                fp[0] = a
                code = code_of(m, function)
                outcome = bind_formals(m, code, a, sp)
                if LIKELY(outcome == DONE):
                    sp += code.formals.count
                    continue
                action = ACTION_RAISE
            elif (a & 7) == TAG_THUNK:
                need = a
                action = ACTION_FORCE
            else:
                raise_type(m, "a set", a)
                action = ACTION_RAISE
        elif op == OP_VALIDATE_CLOSED_FORMALS:
            a = val(sp[-1])
            code = code_of(m, function)
            if check_required_formals(m, code, a) == DONE and check_closed_formals(m, code, a) == DONE:
                continue
            resume = pc
            action = ACTION_RAISE
        # ---- lists and strings ----------------------------------------------------------------------------------
        elif op == OP_LIST:
            n = read_uvarint(&pc)
            if UNLIKELY(n > 4096) and not heap_reserve(m, n + 8):
                resume = pc
                action = ACTION_RAISE
            else:
                sp -= n
                if n == 0:
                    sp[0] = m.empty_list
                else:
                    q = m.hp
                    m.hp = q + 1 + n
                    q[0] = header_of(KIND_LIST, n)
                    for i in range(n):
                        q[1 + i] = sp[i]
                    sp[0] = <Word>q | TAG_LIST
                sp += 1
                continue
        elif op == OP_CONCAT:
            a = val(sp[-2])
            b = val(sp[-1])
            resume = op0
            if (a & 7) == TAG_THUNK:
                need = a
                action = ACTION_FORCE
            elif (b & 7) == TAG_THUNK:
                need = b
                action = ACTION_FORCE
            elif (a & 7) != TAG_LIST or (b & 7) != TAG_LIST:
                raise_type(m, "a list", b if (a & 7) == TAG_LIST else a)
                action = ACTION_RAISE
            elif concatenate_lists(m, a, b) == DONE:
                sp -= 1
                sp[-1] = m.result
                if LIKELY(m.hp <= m.soft_limit):
                    continue
                resume = pc
                action = ACTION_SAFEPOINT
            else:
                action = ACTION_RAISE
        elif op == OP_CONCATENATE or op == OP_INTERPOLATE or op == OP_CONCATENATE_PATH:
            n = read_uvarint(&pc)
            if op == OP_CONCATENATE_PATH:
                n += 1
                outcome = TAIL
            else:
                # The specified level pushes the last part first.
                if op == OP_INTERPOLATE:
                    p = sp - n
                    q = sp - 1
                    while p < q:
                        r = p[0]
                        p[0] = q[0]
                        q[0] = r
                        p += 1
                        q -= 1
                outcome = concatenate_strings(m, sp - n, n)
                if op == OP_INTERPOLATE and outcome == FORCE:
                    # A frame of its own forces the part; another run of this operation would reverse the parts once more.
                    outcome = TAIL
            if LIKELY(outcome == DONE):
                sp -= n
                sp[0] = m.result
                sp += 1
                continue
            resume = op0
            need = m.need
            action = ACTION_FORCE if outcome == FORCE else ACTION_RAISE
            # [parts] becomes [count, parts], and then a frame of its own joins them.
            if outcome == TAIL:
                memmove(sp - n + 1, sp - n, n * sizeof(Word))
                sp[-<int64_t>n] = small_int(n)
                sp += 1
                n += 1
                need = m.internals[INTERNAL_CONCATENATE_PATH if op == OP_CONCATENATE_PATH else INTERNAL_CONCATENATE]
                resume = pc
                action = ACTION_NATIVE
        elif op == OP_COERCE_TO_STRING:
            a = val(sp[-1])
            i = pc[0]
            pc += 1
            if (a & 7) == TAG_STRING:
                sp[-1] = a
                continue
            if i & 4 and (tag_of(a) == TAG_INT or tag_of(a) == TAG_BOX):
                # This is the left operand of `+`: numbers and paths stay as they are.
                sp[-1] = a
                continue
            if i == 2 and coercion_is_left(m, function, pc):
                continue
            if i & 4 and is_thunk(a):
                need = a
                resume = op0
                action = ACTION_FORCE
            else:
                n = 1
                need = m.internals[INTERNAL_COERCE_STORE if i & 2 else (INTERNAL_TO_STRING if i & 1 else INTERNAL_COERCE)]
                resume = pc
                action = ACTION_NATIVE
        # ---- names ----------------------------------------------------------------------------------------------
        elif op == OP_PUSH_WITH:
            n = read_uvarint(&pc)
            q = m.hp
            m.hp = q + 4
            q[0] = header_of(KIND_WITH, 3)
            q[1] = current_scope(m, fp, up, function, with_slot)
            q[2] = fp[n]
            q[3] = <Word><int64_t>with_slot << 3
            fp[n] = <Word>q | TAG_BOX
            with_slot = <int32_t>n
            continue
        elif op == OP_POP_WITH:
            with_slot = <int32_t>(<int64_t>pointer_of(fp[with_slot])[3] >> 3)
            continue
        elif op == OP_RESOLVE_WITH or op == OP_RESOLVE_WITH_NAME:
            if op == OP_RESOLVE_WITH:
                symbol = symbol_of(m, name_of_attr(sp[-1]))
            else:
                symbol = <uint32_t>(k[read_uvarint(&pc)] >> 8)
            outcome = resolve_with(m, current_scope(m, fp, up, function, with_slot), symbol)
            if outcome == DONE:
                if op == OP_RESOLVE_WITH:
                    sp -= 1
                sp[0] = m.result
                sp += 1
                continue
            resume = op0
            need = m.need
            action = ACTION_FORCE if outcome == FORCE else ACTION_RAISE
        elif op == OP_FIND_FILE or op == OP_RESOLVE_HOME_PATH:
            m.sp = sp
            if op == OP_FIND_FILE:
                outcome = interpret_search_path(m, sp[-1])
            else:
                outcome = interpret_home_path(m, sp[-1])
            if outcome == DONE:
                sp[-1] = m.result
                continue
            resume = pc
            action = ACTION_RAISE
        elif op == OP_BRANCH_RESULT:
            # The stack has [offset of the branch operand, result]: a native frame did the comparison of BranchCompare.
            r = sp[-1]
            pc = code_of(m, function).start + (sp[-2] >> 3)
            sp -= 2
            pc += 2 if r == WORD_TRUE else 2 + read_u16(pc)
            continue
        elif op == OP_LINK:
            code = link_code(m, header_code(pointer_of(function)[0]))
            resume = pc
            action = ACTION_RAISE
            if code != NULL:
                if LIKELY(sp + code.max_stack <= m.stack_end):
                    pc = code.start
                    k = code.constants
                    continue
                raise_depth(m)
        elif op == OP_HALT:
            m.result = sp[-1]
            m.sp = fp
            m.fp = fr.fp
            m.pc = fr.pc
            m.function = fr.function
            m.constants = fr.constants
            m.depth = fr.depth
            m.with_slot = fr.with_slot
            m.fr = fr - 1
            return DONE
        else:
            raise_message(m, worded(MESSAGE_INVALID_OPERATION, op))
            resume = pc
            action = ACTION_RAISE

        # ---- what operations need done ----------------------------------------------------------------------------
        while True:
            if action == ACTION_FORCE:
                p = pointer_of(need)
                outcome = header_state(p[0])
                if LIKELY(outcome == THUNK_SUSPENDED and fr < m.frames_end):
                    fr = push_frame(fr, resume, fp, function, k, need, depth, with_slot)
                    p[0] = with_state(p[0], THUNK_RUNNING)
                    code = m.codes[header_code(p[0])]
                    pc = code.start
                    k = code.constants
                    up = p + 1
                    function = need
                    with_slot = -1
                    fp = sp
                    if LIKELY(m.hp <= m.soft_limit and sp + code.max_stack <= m.stack_end):
                        break
                    spill_all(m, pc, sp, fp, fr, function, k)
                    outcome = safepoint(m, code.max_stack)
                    function = m.function
                    up = pointer_of(function) + 1
                    if outcome == DONE:
                        break
                    resume = pc
                    op0 = pc
                    action = ACTION_RAISE
                    continue
                action = ACTION_RAISE
                if outcome == THUNK_RUNNING:
                    # The trace finds the activation that evaluates this thunk.
                    m.need = need
                    raise_message(m, worded(MESSAGE_INFINITE_RECURSION))
                elif outcome == THUNK_FAILED and fr < m.frames_end:
                    # The machine enters the thunk as it did the first time, so that the trace is the same.
                    fr = push_frame(fr, resume, fp, function, k, need, depth, with_slot)
                    fp = sp
                    function = need
                    raise_failure(m, need)
                else:
                    raise_depth(m)
                continue
            elif action == ACTION_CALL or action == ACTION_TAIL_CALL:
                a = val(sp[-1])
                if (a & 7) == TAG_FUNCTION:
                    p = pointer_of(a)
                    outcome = header_kind(p[0])
                    if outcome == KIND_CLOSURE:
                        code = m.codes[header_code(p[0])]
                        if LIKELY(code.arity == n):
                            if UNLIKELY(depth >= m.depth_limit or fr >= m.frames_end):
                                raise_depth(m)
                                action = ACTION_RAISE
                                continue
                            depth += 1
                            sp -= 1
                            if action == ACTION_TAIL_CALL:
                                # The machine keeps nothing else of the caller: errors of the call itself need this.
                                m.tail_pc = op0
                                m.tail_target = code
                                q = sp - n
                                for i in range(n):
                                    fp[i] = q[i]
                                sp = fp + n
                            else:
                                fr = push_frame(fr, resume, fp, function, k, 0, depth - 1, with_slot)
                                fp = sp - n
                            pc = code.start
                            k = code.constants
                            up = p + 1
                            function = a
                            with_slot = -1
                            if LIKELY(m.hp <= m.soft_limit and sp + code.max_stack <= m.stack_end):
                                break
                            spill_all(m, pc, sp, fp, fr, function, k)
                            outcome = safepoint(m, code.max_stack)
                            function = m.function
                            up = pointer_of(function) + 1
                            if outcome == DONE:
                                break
                            resume = pc
                            op0 = pc
                            action = ACTION_RAISE
                            continue
                        if UNLIKELY(not code.is_linked):
                            if link_code(m, header_code(p[0])) == NULL:
                                action = ACTION_RAISE
                            continue
                        i = code.arity
                    elif outcome == KIND_BUILTIN:
                        i = m.builtins[header_size(p[0])].arity
                        if i == n:
                            sp -= 1
                            if action == ACTION_TAIL_CALL:
                                resume = &RETURN_CODE[0]
                            need = a
                            action = ACTION_BUILTIN
                            continue
                    else:
                        # This is a partial application: its arguments go under the new ones, and its function goes on top.
                        x = header_size(p[0])
                        if n + x > 127:
                            raise_depth(m)
                            action = ACTION_RAISE
                            continue
                        memmove(sp - 1 - n + x, sp - 1 - n, n * sizeof(Word))
                        q = sp - 1 - n
                        for i in range(x):
                            q[i] = p[2 + i]
                        sp += x
                        sp[-1] = p[1]
                        n += x
                        continue
                    # Too few arguments make a partial application.
                    if n < i:
                        q = m.hp
                        m.hp = q + 2 + n
                        q[0] = header_of(KIND_PARTIAL, n)
                        q[1] = a
                        for i in range(n):
                            q[2 + i] = sp[<int64_t>i - 1 - <int64_t>n]
                        sp -= n
                        sp[-1] = <Word>q | TAG_FUNCTION
                        pc = resume if action == ACTION_CALL else &RETURN_CODE[0]
                        break
                elif (a & 7) == TAG_THUNK:
                    # This forces the function in its place, then repeats the call.  The word on top stays: it may lead to the thunk.
                    need = a
                    if action == ACTION_TAIL_CALL:
                        memmove(fp, sp - 1 - n, (n + 1) * sizeof(Word))
                        sp = fp + n + 1
                        if n < 128:
                            resume = &REST_CODE[n][0]
                    elif op0[0] == OP_CALL_N or op0[0] == OP_CALL:
                        resume = op0
                    else:
                        # A builtin calls, so the call gets an activation of its own.
                        fr = push_frame(fr, resume, fp, function, k, 0, depth, with_slot)
                        fp = sp - 1 - n
                        function = m.internals[INTERNAL_EQUAL]
                        k = NULL
                        with_slot = -1
                        resume = &REST_CODE[n][0]
                    action = ACTION_FORCE
                    continue
                elif (a & 7) == TAG_ATTRS:
                    p = attrs_find(a, m.symbol_functor)
                    if p != NULL and m.level == 2 and n > 1:
                        # The functor takes one argument here, and its caller applies the result to the rest, so that a trace names both calls.
                        i = 1
                    elif p != NULL:
                        # This counts as a call, so that a functor that leads to itself ends at the depth limit, and can be stopped.
                        depth += 1
                        m.sp = sp
                        if UNLIKELY(depth > m.depth_limit):
                            raise_depth(m)
                            action = ACTION_RAISE
                            continue
                        if UNLIKELY(must_stop(m)):
                            stop(m)
                            action = ACTION_RAISE
                            continue
                        r = p[0]
                        if m.level == 2:
                            # [arg, set] becomes [set, set, arg, __functor].
                            b = sp[-2]
                            if action == ACTION_TAIL_CALL:
                                q = fp
                            else:
                                fr = push_frame(fr, resume, fp, function, k, 0, depth - 1, with_slot)
                                q = sp - 2
                            q[0] = a
                            q[1] = a
                            q[2] = b
                            q[3] = r
                            sp = q + 4
                            fp = q
                            function = m.internals[INTERNAL_EQUAL]
                            k = NULL
                            with_slot = -1
                            pc = functor_code()
                            if UNLIKELY(fr >= m.frames_end):
                                raise_depth(m)
                                action = ACTION_RAISE
                                continue
                            break
                        # [args, set] becomes [set, args, __functor].
                        memmove(sp - n, sp - 1 - n, n * sizeof(Word))
                        sp[-1 - <int64_t>n] = a
                        sp[0] = r
                        sp += 1
                        n += 1
                        if n > 126:
                            raise_depth(m)
                            action = ACTION_RAISE
                            continue
                        if action == ACTION_TAIL_CALL:
                            memmove(fp, sp - 1 - n, (n + 1) * sizeof(Word))
                            sp = fp + n + 1
                            pc = &REST_CODE[n][0]
                            break
                        # This happens in an activation of its own, so that an unevaluated __functor can be forced.
                        fr = push_frame(fr, resume, fp, function, k, 0, depth - 1, with_slot)
                        fp = sp - 1 - n
                        function = m.internals[INTERNAL_EQUAL]
                        k = NULL
                        with_slot = -1
                        pc = &REST_CODE[n][0]
                        if UNLIKELY(fr >= m.frames_end):
                            raise_depth(m)
                            action = ACTION_RAISE
                            continue
                        break
                else:
                    p = NULL
                if p == NULL:
                    raise_not_a_function(m, a)
                    action = ACTION_RAISE
                    continue
                # There are more arguments than f takes at once (i): [a1 … an f] becomes [the rest] and a call of f with the first i arguments, in an
                # activation that applies the result to the rest.
                x = n - i
                if sp + n + 64 > m.stack_end or fr + 2 >= m.frames_end:
                    raise_depth(m)
                    action = ACTION_RAISE
                    continue
                q = sp - 1 - n
                if action == ACTION_TAIL_CALL:
                    memmove(fp, q, (n + 1) * sizeof(Word))
                    sp = fp + n + 1
                    q = fp
                else:
                    fr = push_frame(fr, resume, fp, function, k, 0, depth, with_slot)
                    fp = q
                # Any builtin serves here, because this activation has no code of its own.
                function = m.internals[INTERNAL_EQUAL]
                k = NULL
                with_slot = -1
                # This rotates the words: the first i arguments and f go behind the rest.
                memmove(sp, q, i * sizeof(Word))
                r = sp[-1]
                memmove(q, q + i, x * sizeof(Word))
                memmove(q + x, sp, i * sizeof(Word))
                q[n] = r
                sp = q + n + 1
                n = i
                resume = &REST_CODE[x][0]
                action = ACTION_CALL
                continue
            elif action == ACTION_BUILTIN:
                # The arguments are on top.
                builtin = &m.builtins[header_size(pointer_of(need)[0])]
                spill(m, sp, fp, fr, function)
                m.depth = depth
                outcome = prepare(m, builtin, sp - n)
                # A frame of its own forces, coerces or fails.
                if UNLIKELY(outcome != DONE):
                    action = ACTION_NATIVE
                    continue
                outcome = builtin.function(m, sp - n)
                if LIKELY(outcome <= TAIL):
                    sp -= n
                    a = m.result
                    sp[0] = a
                    sp += 1
                    pc = resume
                    if (a & 7) == TAG_THUNK and (outcome == TAIL or resume == &NATIVE_CODE[3]):
                        # A builtin that calls another one takes values, never cells.
                        a = val(a)
                        sp[-1] = a
                        if (a & 7) == TAG_THUNK:
                            need = a
                            action = ACTION_FORCE
                            if resume == &NATIVE_CODE[3]:
                                resume = &NATIVE_CODE[2]
                            continue
                    break
                # The builtin needs its frame after all: the machine comes back to it, or it must appear in the trace.
                if UNLIKELY(depth >= m.depth_limit or fr >= m.frames_end or m.sp + 4096 > m.stack_end):
                    raise_depth(m)
                    action = ACTION_RAISE
                    continue
                fr = push_frame(fr, resume, fp, function, k, 0, depth, with_slot)
                depth += 1
                fp = sp - n
                sp = m.sp
                function = need
                k = NULL
                with_slot = -1
                resume = &NATIVE_CODE[3]
                op0 = resume
                if outcome == FORCE:
                    need = m.need
                    action = ACTION_FORCE
                elif outcome == RAISE:
                    action = ACTION_RAISE
                else:
                    n = outcome - CALL
                    action = ACTION_CALL
                continue
            elif action == ACTION_NATIVE:
                if UNLIKELY(depth >= m.depth_limit or fr >= m.frames_end or sp + 4096 > m.stack_end):
                    raise_depth(m)
                    action = ACTION_RAISE
                    continue
                fr = push_frame(fr, resume, fp, function, k, 0, depth, with_slot)
                depth += 1
                fp = sp - n
                function = need
                k = NULL
                with_slot = -1
                pc = &NATIVE_CODE[0]
                if need == m.internals[INTERNAL_CONCATENATE] or need == m.internals[INTERNAL_CONCATENATE_PATH]:
                    pc = &NATIVE_CODE[3]
                break
            elif action == ACTION_SAFEPOINT:
                # The words that a recursion leaves behind while it returns are garbage, too.
                spill_all(m, resume, sp, fp, fr, function, k)
                outcome = safepoint(m, 0)
                function = m.function
                up = pointer_of(function) + 1
                if outcome == DONE:
                    pc = resume
                    break
                op0 = resume
                action = ACTION_RAISE
                continue
            else:
                # The action is ACTION_RAISE.
                spill(m, sp, fp, fr, function)
                m.depth = depth
                outcome = unwind(m, base, op0 + 1)
                if outcome == RAISE:
                    return RAISE
                sp = m.sp
                fp = m.fp
                fr = m.fr
                function = m.function
                k = m.constants
                depth = m.depth
                with_slot = m.with_slot
                up = pointer_of(function) + 1
                pc = &RETURN_CODE[0] if outcome == DONE else &NATIVE_CODE[3]
                break


# ---- entry points -----------------------------------------------------------------------------------------

cdef int _enter(Machine* m, const uint8_t* code, uint32_t count) noexcept nogil:
    """Runs the machine's own code in a base activation whose frame is the topmost `count` words."""
    if m.fr + 2 >= m.frames_end or m.sp + 4096 > m.stack_end:
        m.sp -= count
        return raise_depth(m)
    m.fr = push_frame(m.fr, m.pc, m.fp, m.function, m.constants, 0, m.depth, m.with_slot)
    m.fp = m.sp - count
    m.pc = code
    m.function = m.internals[INTERNAL_EQUAL]
    m.constants = NULL
    m.with_slot = -1
    if UNLIKELY(m.observer != NULL):
        return m.observer.run(m)
    return run(m)


cdef int machine_force(Machine* m, Word w) noexcept nogil:
    m.sp[0] = w
    m.sp += 1
    return _enter(m, &FORCE_CODE[0], 1)


cdef int machine_call(Machine* m, uint32_t count) noexcept nogil:
    return _enter(m, &CALL_CODE[count][0], count + 1)
