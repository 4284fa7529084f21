# cython: language_level=3
"""Errors on their way out.  The trace is taken before anything is unwound, unless a try frame will swallow it."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from snowsnake.machine.attrs cimport Entry, attrs_build
from snowsnake.bytecode.chunk cimport Chunk
from snowsnake.bytecode.image cimport take
from snowsnake.bytecode.opcodes cimport OP_ARITHMETIC, OP_BRANCH_COMPARE, OP_FORCE
from snowsnake.machine.assertion cimport trace_difference
from snowsnake.machine.coercion cimport (
    INTERNAL_ADD, INTERNAL_ASSERT_EQUAL, INTERNAL_CONCATENATE, INTERNAL_CONCATENATE_PATH, INTERNAL_DEEP_FORCE,
)
from snowsnake.machine.equality cimport HEADER_DEEPENING, trace_deepening
from snowsnake.machine.errors cimport error_clear, format_text
from snowsnake.machine.heap cimport push
from snowsnake.machine.positions cimport position_in
from snowsnake.machine.state cimport *
from snowsnake.machine.word cimport *

cdef enum:
    MOST_TRACE_ENTRIES = 200          # innermost ones; an error a million calls deep must not copy a million frames
    MOST_CONTEXT_ENTRIES = 100        # of addErrorContext further out
    MOST_DEEP_ENTRIES = 50            # of attributes and list elements, of one deep evaluation


cdef bint is_catchable(int code) noexcept nogil:
    return code == ERROR_THROW or code == ERROR_ASSERT or code == ERROR_SEARCH_PATH


cdef bint _is_transient(int code) noexcept nogil:
    """Errors after which the same thunk may succeed: it goes back to suspended."""
    return code == ERROR_INTERRUPT or code == ERROR_TIMEOUT or code == ERROR_DEPTH or code == ERROR_MEMORY \
        or code == ERROR_INTERNAL


cdef bint _has_try_frame(Machine* m, Frame* base) noexcept nogil:
    cdef Frame* fr = m.fr
    if m.function == m.try_eval_word:
        return True
    while fr > base:
        if fr.function == m.try_eval_word:
            return True
        fr -= 1
    return False


cdef bint _accepts(Machine* m, char letter, Word w) noexcept nogil:
    """Whether a value is what a letter of `Builtin.forces` asks for."""
    if letter == c'l':
        return is_list(w)
    if letter == c'a':
        return is_attrs(w)
    if letter == c's' or letter == c'c' or letter == c'p':
        return is_string(w) or (is_path(w) and letter != c's')
    if letter == c'S':
        return is_string(w) and string_context(w) == 0
    if letter == c'i':
        return is_int(w)
    if letter == c'n':
        return is_int(w) or is_float(w)
    if letter == c'b':
        return is_bool(w)
    if letter == c'f':
        return is_function(w) or (is_attrs(w) and attrs_find(w, m.symbol_functor) != NULL)
    return True


cdef uint8_t _argument_at_fault(Machine* m, Builtin* b, Word* fp) noexcept nogil:
    """The argument that was being evaluated, or is of a wrong type, + 1; else 0."""
    cdef int i
    cdef Word w
    for i in range(b.arity):
        if b.forces[i] == c'.':
            continue
        w = val(fp[i])
        if is_thunk(w) or not _accepts(m, b.forces[i], w):
            return <uint8_t>(i + 1)
    return 0


cdef inline uint8_t _tag(Word w) noexcept nogil:
    return <uint8_t>tag_of(val(w))


cdef Word _placed_operand(const uint8_t** p, Code* code, Word function, Word* fp, Word* top) noexcept nogil:
    """A VALUE operand of an instruction: what stands in that slot, upvalue or constant."""
    cdef uint64_t x = take(p), i = x >> 2
    if x & 3 == 0 and fp + i < top:
        return fp[i]
    if x & 3 == 1 and i < code.upvalue_count:
        return pointer_of(function)[1 + i]
    if x & 3 == 2 and i < code.constant_count:
        return code.constants[i]
    return WORD_NULL


cdef bint _is_repeated(const uint8_t* pc, Word* top, Word inner) noexcept nogil:
    """Whether an activation stands before the operation that it was in, to do it again, or behind it.

    Operations that force an operand are done again; `Force` itself is not.  `inner` is the function of the activation inside.
    """
    return tag_of(inner) == TAG_THUNK and not (pc[-1] == OP_FORCE and is_thunk(val(top[-1])))


cdef void _note_code(Machine* m, TraceEntry* entry, Word function, const uint8_t* pc, Word* fp, Word* top, Word inner) noexcept nogil:
    """Where an activation stood, in which operation, and the tags of its operands."""
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    cdef Chunk* chunk = code.chunk
    cdef const uint8_t* end
    entry.code = header_code(pointer_of(function)[0]) + 1
    if chunk == NULL:
        return
    end = chunk.code + chunk.code_size_bytes
    if (pc < chunk.code or pc > end) and top > fp and tag_of(top[-1]) == TAG_INT:
        pc = chunk.code + (top[-1] >> 3)                   # of a comparison that runs as a builtin: behind its operands
    if inner == 0 and pc > chunk.code and pc <= end:       # the innermost one: just behind the operation's first byte
        entry.opcode = pc[-1]
    elif pc >= chunk.code and pc < end and (pc == chunk.code or _is_repeated(pc, top, inner)):
        entry.opcode = pc[0]
        pc += 1
    entry.position = position_in(code, pc, &entry.position_end)
    if (entry.opcode == OP_ARITHMETIC or entry.opcode == OP_BRANCH_COMPARE) and pc + 3 <= end:
        pc += 1
        entry.left = _tag(_placed_operand(&pc, code, function, fp, top))
        entry.right = _tag(_placed_operand(&pc, code, function, fp, top))
    elif top >= fp + 2:
        entry.left = _tag(top[-2])
        entry.right = _tag(top[-1])
    elif top == fp + 1:
        entry.right = _tag(top[-1])


cdef uint32_t _note_builtin(Machine* m, TraceEntry* entry, Word function, Word* fp, Word* top) noexcept nogil:
    """The builtin's own entry, with those of its own before it; gives their number."""
    cdef uint32_t number = <uint32_t>header_size(pointer_of(function)[0]), own = 0
    cdef Word* piece
    if m.trace_hook != NULL:
        own = m.trace_hook(m, number, fp, entry)
    if function == m.internals[INTERNAL_DEEP_FORCE]:
        own = trace_deepening(m, fp, top, entry, MOST_DEEP_ENTRIES)
    entry += own
    entry.builtin = <uint16_t>(number + 1)
    entry.left = _tag(fp[0]) if top > fp else 0
    entry.right = _tag(fp[1]) if top > fp + 1 else 0
    entry.argument = _argument_at_fault(m, &m.builtins[number], fp) if top >= fp + m.builtins[number].arity else 0
    if function == m.internals[INTERNAL_CONCATENATE] or function == m.internals[INTERNAL_CONCATENATE_PATH]:
        piece = fp + 1 + (fp[0] >> 3)         # its index of the piece at hand
        if top > piece:
            entry.argument = <uint8_t>min(255, (piece[0] >> 3) + 1)
    elif function == m.internals[INTERNAL_ADD]:
        entry.argument = 2 if is_string(val(fp[0])) else 1
    return own


cdef void _take_trace(Machine* m, Frame* base, const uint8_t* pc) noexcept nogil:
    cdef Frame* fr = m.fr
    cdef Word function = m.function
    cdef Word* fp = m.fp
    cdef Word* top = m.sp
    cdef TraceEntry* entry
    cdef uint32_t own
    cdef Word inner = 0
    m.error.trace = <TraceEntry*>calloc(MOST_TRACE_ENTRIES + MOST_CONTEXT_ENTRIES + TRACE_HOOK_ENTRIES + MOST_DEEP_ENTRIES, sizeof(TraceEntry))
    if m.error.trace == NULL:
        return
    if m.error.code == ERROR_ASSERT and function == m.internals[INTERNAL_ASSERT_EQUAL]:
        trace_difference(m, m.fp, fr.function, fr.pc, MOST_TRACE_ENTRIES - 1)
    while True:
        if m.error.trace_count < MOST_TRACE_ENTRIES:
            entry = &m.error.trace[m.error.trace_count]
            if tag_of(function) == TAG_FUNCTION and kind_of(function) == KIND_BUILTIN:
                own = _note_builtin(m, entry, function, fp, top)
                m.error.trace_count += own
                m.error.trace_total += own
                entry += own
            elif tag_of(function) == TAG_FUNCTION or tag_of(function) == TAG_THUNK:
                _note_code(m, entry, function, pc, fp, top, inner)
                entry.argument = m.error.code == ERROR_INFINITE_RECURSION and function == m.need
            if m.error.position == 0:
                m.error.position = entry.position
            m.error.trace_count += 1
        m.error.trace_total += 1
        if fr <= base:
            break
        inner = function
        function = fr.function
        top = fp
        fp = fr.fp
        pc = fr.pc
        fr -= 1


# ---- addErrorContext --------------------------------------------------------------------------------------------
#
# When an error leaves the second argument of an addErrorContext frame, unwinding stops: the error is put aside, the frame gets
# it as a state word (malloc'ed memory, so the word reads as an int), and the builtin is entered again to evaluate its
# message.  Then it raises the error again, with the message in the trace.

cdef bint _put_aside(Machine* m) noexcept nogil:
    """The running activation is an addErrorContext frame that has not evaluated its message yet."""
    cdef Error* aside = <Error*>malloc(sizeof(Error))
    if aside == NULL:
        return False
    aside[0] = m.error
    memset(&m.error, 0, sizeof(Error))
    push(m, <Word>aside)
    m.constants = NULL
    return True


cdef void _forget(Word* state) noexcept nogil:
    """The message could not be evaluated: its own error takes the place of the one put aside."""
    cdef Error* aside = <Error*>state[0]
    cdef uint32_t i
    if aside == NULL:
        return
    for i in range(aside.trace_count):
        free(aside.trace[i].text)
    free(aside.trace)
    free(aside.message)
    free(aside)
    state[0] = 0


cdef int raise_again(Machine* m, Word* state, Word message) noexcept nogil:
    cdef Error* aside = <Error*>state[0]
    cdef TraceEntry* entry = NULL
    cdef uint16_t number = <uint16_t>(header_size(pointer_of(m.error_context_word)[0]) + 1)
    cdef uint32_t i
    error_clear(m)
    m.error = aside[0]
    free(aside)
    state[0] = 0
    if m.error.trace == NULL:         # a try frame will swallow it
        return RAISE
    for i in range(m.error.trace_count):
        if m.error.trace[i].builtin == number and m.error.trace[i].text == NULL:
            entry = &m.error.trace[i]
            break
    if entry == NULL:                 # its frame was too far out to be kept
        if m.error.trace_count == MOST_TRACE_ENTRIES + MOST_CONTEXT_ENTRIES:
            return RAISE
        entry = &m.error.trace[m.error.trace_count]
        memset(entry, 0, sizeof(TraceEntry))
        entry.builtin = number
        m.error.trace_count += 1
    entry.text = format_text("%.*s", <int>string_size(message), <char*>string_data(message))
    return RAISE


# ---- failed thunks ----------------------------------------------------------------------------------------------

cdef bint _is_pending(Machine* m, Error* e) noexcept nogil:
    """Whether a failure reads as the pending error does."""
    return (e.code == m.error.code and e.position == m.error.position and e.position_end == m.error.position_end
            and e.message_size_bytes == m.error.message_size_bytes
            and memcmp(e.message, m.error.message, e.message_size_bytes) == 0)


cdef uint32_t _remember_failure(Machine* m) noexcept nogil:
    """Copy the pending error to the table of failures, whose entries failed thunks name."""
    cdef Error* e = &m.failures[m.failure_count - 1]
    if m.failure_count and _is_pending(m, e):
        return m.failure_count - 1    # a loop over one throw is one failure
    if m.failure_count == m.failure_capacity:
        m.failure_capacity = m.failure_capacity * 2 if m.failure_capacity else 64
        m.failures = <Error*>realloc(m.failures, m.failure_capacity * sizeof(Error))
    e = &m.failures[m.failure_count]
    memset(e, 0, sizeof(Error))
    e.code = m.error.code
    e.message = <char*>malloc(m.error.message_size_bytes + 1)
    memcpy(e.message, m.error.message, m.error.message_size_bytes + 1)
    e.message_size_bytes = m.error.message_size_bytes
    e.position = m.error.position
    e.position_end = m.error.position_end
    m.failure_count += 1
    return m.failure_count - 1


cdef int raise_failure(Machine* m, uint64_t index) noexcept nogil:
    cdef Error* e = &m.failures[index]
    error_clear(m)
    m.error.code = e.code
    m.error.message = <char*>malloc(e.message_size_bytes + 1)
    memcpy(m.error.message, e.message, e.message_size_bytes + 1)
    m.error.message_size_bytes = e.message_size_bytes
    m.error.position = e.position
    m.error.position_end = e.position_end
    return RAISE


cdef void _fail_thunk(Machine* m, Word thunk, int64_t* failure) noexcept nogil:
    cdef Word* p = pointer_of(thunk)
    if _is_transient(m.error.code):
        p[0] = with_state(p[0], THUNK_SUSPENDED)
        return
    if failure[0] < 0:
        failure[0] = _remember_failure(m)
    p[0] = with_state(p[0], THUNK_FAILED)
    p[1] = small_int(failure[0])


cdef Word _caught(Machine* m) noexcept nogil:
    """{ success = false; value = false; }"""
    cdef Entry[2] entries
    entries[0].symbol = m.symbol_success
    entries[0].position = 0
    entries[0].value = WORD_FALSE
    entries[1].symbol = m.symbol_value
    entries[1].position = 0
    entries[1].value = WORD_FALSE
    return attrs_build(m, entries, 2)


cdef void _undo_deepening(Machine* m) noexcept nogil:
    """deepSeq was interrupted: what it was in the middle of must be walked again when asked again."""
    cdef Word* p = m.fp + 1
    while p < m.sp:
        if is_list(p[0]) or is_attrs(p[0]):
            pointer_of(p[0])[0] &= ~<Word>HEADER_DEEPENING
        p += 2


cdef int unwind(Machine* m, Frame* base, const uint8_t* pc) noexcept nogil:
    cdef int64_t failure = -1
    cdef Frame* fr
    cdef bint catchable = is_catchable(m.error.code)
    if m.error.trace_total == 0:      # else an addErrorContext frame raised it again: that was decided
        if catchable and m.try_count and _has_try_frame(m, base):
            m.error.trace_total = 1
        else:
            _take_trace(m, base, pc)
    while True:
        fr = m.fr
        if m.function == m.try_eval_word and m.sp > m.fp + 1:   # past its first entry: it has counted itself
            if m.try_count:
                m.try_count -= 1
            if catchable:
                error_clear(m)
                m.sp = m.fp + 1
                push(m, _caught(m))
                m.constants = NULL
                return DONE
        if m.function == m.internals[INTERNAL_DEEP_FORCE]:
            _undo_deepening(m)
        elif m.function == m.error_context_word:
            if m.sp == m.fp + 2:
                if not _is_transient(m.error.code) and _put_aside(m):
                    return FORCE
            else:
                _forget(m.fp + 2)
        if fr.thunk:
            _fail_thunk(m, fr.thunk, &failure)
        m.sp = m.fp
        m.fp = fr.fp
        m.pc = fr.pc
        m.function = fr.function
        m.constants = fr.constants
        m.depth = fr.depth
        m.with_slot = fr.with_slot
        m.fr = fr - 1
        if fr == base:
            return RAISE
        if m.sp < m.fp:
            m.sp = m.fp
