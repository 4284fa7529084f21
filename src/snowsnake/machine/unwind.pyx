# cython: language_level=3
"""Errors on their way out.  The trace is taken before anything is unwound, unless a try frame is going to catch the error.

In: a pending error, the registers of the activation that raised it.  Out: the frame that continues, or the end of the run; the trace.
What takes the trace must not raise: another error would free the trace under it.  So it makes no set flat and sorts no names.
Over 600 lines: taking the trace, putting an error aside for addErrorContext and keeping it for failed thunks read the same activations.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strcmp

from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, copy_bytes
from snowsnake.foundation.arrays cimport has_room
from snowsnake.machine.attrs cimport Attr, attrs_build, attrs_position
from snowsnake.bytecode.image cimport take
from snowsnake.bytecode.opcodes cimport (
    OP_ARITHMETIC, OP_BRANCH_COMPARE, OP_CALL_BUILTIN, OP_CALL_N, OP_FORCE, OP_GET_LOCAL,
    OP_RESOLVE_WITH, OP_RESOLVE_WITH_NAME, OP_RETURN, OP_TAIL_CALL_N,
)
from snowsnake.machine.assertion cimport trace_difference
from snowsnake.machine.coercion cimport lists_around
from snowsnake.machine.equality cimport trace_deepening
from snowsnake.machine.errors cimport error_clear, error_free, format_text, raise_bytes
from snowsnake.machine.heap cimport CODE_APPLY2, push
from snowsnake.machine.internals cimport (
    INTERNAL_ADD, INTERNAL_ASSERT_EQUAL, INTERNAL_CONCATENATE, INTERNAL_CONCATENATE_PATH, INTERNAL_DEEP_FORCE, INTERNAL_DERIVATION_STRING,
    INTERNAL_EQUAL, INTERNAL_TO_STRING,
)
from snowsnake.machine.notes cimport NOTE_FUNCTOR
from snowsnake.machine.positions cimport position_in, span_start
from snowsnake.machine.selections cimport note_selections, place_of_selected
from snowsnake.machine.state cimport (
    DONE, ERROR_ASSERT, ERROR_DEPTH, ERROR_INFINITE_RECURSION, ERROR_INTERNAL, ERROR_INTERRUPT, ERROR_MEMORY,
    ERROR_NOT_A_FUNCTION, ERROR_PYTHON, ERROR_SEARCH_PATH, ERROR_THROW, ERROR_TIMEOUT, FORCE, FRAME_PUSHES, MOST_OWN_ENTRIES,
    PART_ATTRIBUTE, PART_ATTRIBUTE_ELEMENT, PART_ELEMENT, PART_NONE, RAISE, TRACE_END, TRACE_FUNCTOR, TRACE_GONE, TRACE_PATH, TRACE_TAIL,
    Builtin, Code, Error, TraceEntry,
)
from snowsnake.machine.word cimport (
    HEADER_DEEPENING, KIND_BUILTIN, KIND_CLOSURE, KIND_PARTIAL, TAG_FUNCTION, TAG_INT, TAG_LIST, TAG_THUNK, THUNK_DONE,
    THUNK_FAILED, THUNK_RUNNING, THUNK_SUSPENDED, WORD_FALSE, WORD_NULL, attrs_find, attrs_is_layered, attrs_keys,
    attrs_size, attrs_values, header_code, header_size, header_state, is_attrs, is_bool, is_float, is_function,
    is_int, is_list, is_path, is_string, is_thunk, keys_positions, keys_symbols, kind_of, list_items, list_size,
    pointer_of, string_context, string_data, string_size, tag_of, val, with_state,
)

cdef enum:
    # A trace has only the innermost entries: an error a million calls deep must not copy a million frames.
    MOST_TRACE_ENTRIES = 200
    # A trace has at most so many notes about what a builtin was doing when it failed.
    MOST_NOTES = 16
    # A trace has at most so many entries of addErrorContext that are further out.
    MOST_CONTEXT_ENTRIES = 100
    # The search for the start of a chain of thunks looks at about so many words.
    MOST_SEARCHED = 20000
    # One activation can add so many entries to its own one.
    ROOM = MOST_OWN_ENTRIES + MOST_CHAIN + 2


cdef bint is_catchable(int code) noexcept nogil:
    return code == ERROR_THROW or code == ERROR_ASSERT or code == ERROR_SEARCH_PATH


cdef bint _ends_run(int code) noexcept nogil:
    """Whether nothing more may be evaluated after this error, not even the message of addErrorContext."""
    return code == ERROR_INTERRUPT or code == ERROR_TIMEOUT or code == ERROR_DEPTH or code == ERROR_MEMORY or code == ERROR_INTERNAL or code == ERROR_PYTHON


cdef bint _is_transient(int code) noexcept nogil:
    """Whether the same thunk may succeed after this error, or fail differently when another thunk of its circle is forced: then it becomes suspended again."""
    return code == ERROR_INFINITE_RECURSION or _ends_run(code)


cdef Frame* _last_traced(Machine* m, Frame* base) noexcept nogil:
    """The frame of the outermost activation in the trace: just inside the try frame that is going to catch the error, or *base* if there is none."""
    cdef Frame* fr = m.fr
    if m.try_count and is_catchable(m.error.code):
        while fr > base and fr.function != m.try_eval_word:
            fr -= 1
        return fr
    return base


cdef bint _accepts(Machine* m, char letter, Word w) noexcept nogil:
    """Whether a value is what a letter of `Builtin.forces` demands."""
    if letter == c'l':
        return is_list(w)
    if letter == c'a' or letter == c'A':
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
    """The argument that was being evaluated, or is of a wrong type, + 1; 0 if there is none."""
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
    """The tag of a value; TRACE_PATH for a path, which shares its tag with numbers."""
    w = val(w)
    return TRACE_PATH if is_path(w) else <uint8_t>tag_of(w)


cdef Word _placed_operand(const uint8_t** p, Code* code, Word function, Word* fp, Word* top) noexcept nogil:
    """A VALUE operand of an instruction: the word in that slot, upvalue or constant."""
    cdef uint64_t x = take(p), i = x >> 2
    if x & 3 == 0 and fp + i < top:
        return fp[i]
    if x & 3 == 1 and i < code.upvalue_count:
        return pointer_of(function)[1 + i]
    if x & 3 == 2 and i < code.constant_count:
        return code.constants[i]
    return WORD_NULL


cdef bint _is_repeated(const uint8_t* pc, Word* top, Word inner) noexcept nogil:
    """Whether an activation waits before its operation, and will repeat it; otherwise it waits after the operation.

    Operations that force an operand are repeated; `Force` itself is not.  *inner* is the function of the activation inside.
    """
    return tag_of(inner) == TAG_THUNK and not (pc[-1] == OP_FORCE and is_thunk(val(top[-1])))


cdef bint _is_outside(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    """Whether an activation runs the machine's own code: a tail call that is being made, or a comparison that runs as a builtin."""
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    return code.index > CODE_APPLY2 and (pc < code.start or pc > code.start + code.size_bytes)


cdef uint32_t _code_of_function(Word w) noexcept nogil:
    """Index + 1 of the code of a function of the program; 0 for other words."""
    while is_function(w) and kind_of(w) == KIND_PARTIAL:
        w = val(pointer_of(w)[1])
    return header_code(pointer_of(w)[0]) + 1 if is_function(w) and kind_of(w) == KIND_CLOSURE else 0


cdef bint _is_functor(Machine* m, Word function, Word* fp, Word* top) noexcept nogil:
    """Whether a function's first argument is the set whose __functor it is."""
    cdef Word w
    cdef Word* place
    if tag_of(function) != TAG_FUNCTION or top <= fp:
        return False
    w = val(fp[0])
    if not is_attrs(w):
        return False
    place = attrs_find(w, m.symbol_functor)
    return place != NULL and _code_of_function(val(place[0])) == header_code(pointer_of(function)[0]) + 1


# This code of `functor_code` is `CallN 2`, `Return`.
cdef uint8_t[3] FUNCTOR_CODE
FUNCTOR_CODE[0] = OP_CALL_N
FUNCTOR_CODE[1] = 2
FUNCTOR_CODE[2] = OP_RETURN


cdef const uint8_t* functor_code() noexcept nogil:
    return &FUNCTOR_CODE[0]


cdef void _note_functor(Machine* m, TraceEntry* entry, Word set_, Word inner) noexcept nogil:
    """Notes the activation that calls a functor at level 2, and where the attribute `__functor` is."""
    entry.note = NOTE_FUNCTOR
    entry.symbol = m.symbol_functor
    if not is_attrs(val(set_)):
        return
    entry.selected = attrs_position(val(set_), m.symbol_functor)
    if inner == 0 and m.error.code == ERROR_NOT_A_FUNCTION and m.error.position == 0:
        m.error.position = entry.selected
        m.error.position_end = entry.selected
        m.error.position_entries = m.error.trace_count + 1


cdef bint _calls_functor(Machine* m, Word* fp, Word* top) noexcept nogil:
    """Whether an activation without code is about to call the __functor of a set.  If that is not a function, the error's place is the attribute."""
    cdef Word w
    cdef Word* place
    if top < fp + 2:
        return False
    w = val(fp[0])
    if not is_attrs(w):
        return False
    place = attrs_find(w, m.symbol_functor)
    if place == NULL or val(place[0]) != val(top[-1]):
        return False
    if m.error.code == ERROR_NOT_A_FUNCTION and m.error.position == 0:
        m.error.position = attrs_position(w, m.symbol_functor)
        m.error.position_end = m.error.position
        m.error.position_entries = m.error.trace_count + 1
    return True


cdef Word _called_builtin(Machine* m, Code* code, const uint8_t* pc, Word* fp, Word* top) noexcept nogil:
    """The builtin that the operation just before *pc* has called with all its arguments; otherwise 0.

    Level 2 keeps the function of a call that does not name a builtin (`evaluate_kept_call` in compiler/expressions.pyx).
    """
    cdef const uint8_t* p
    cdef Word w
    cdef uint64_t count, slot
    if pc[-3] == OP_CALL_BUILTIN and pc[-2] < code.constant_count:
        w = code.constants[pc[-2]]
        count = pc[-1]
    elif m.level == 2 and pc[-2] == OP_CALL_N and pc[0] == OP_FORCE:
        p = span_start(code, pc - 1)
        if p == NULL or p[0] != OP_GET_LOCAL:
            return 0
        p += 1
        slot = take(&p)
        if p != pc - 2 or fp + slot >= top:
            return 0
        w = val(fp[slot])
        count = pc[-1]
        while is_function(w) and kind_of(w) == KIND_PARTIAL:
            count += header_size(pointer_of(w)[0])
            w = val(pointer_of(w)[1])
    else:
        return 0
    if not is_function(w) or kind_of(w) != KIND_BUILTIN or m.builtins[header_size(pointer_of(w)[0])].arity != count:
        return 0
    return w


cdef Word _given_builtin(Machine* m, Word function, const uint8_t* pc, Word* fp, Word* top, Word inner, Word left) noexcept nogil:
    """The builtin that an activation has just called, if the thunk that is being evaluated is the builtin's result; otherwise 0.

    The thunk took the place of the builtin's frame (*left* has FRAME_PUSHES), or the result, which leads to the thunk *left*, is on top of the stack.
    """
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    if code.index <= CODE_APPLY2 or inner == 0 or pc < code.start + 3 or pc >= code.start + code.size_bytes:
        return 0
    if not left & FRAME_PUSHES and (left == 0 or _chain(top[-1], left, NULL) < 0):
        return 0
    return _called_builtin(m, code, pc, fp, top)


# ---- thunks that left in tail position --------------------------------------------------------------------------
#
# If the value of a thunk is that of another one, the machine enters the other one in its place, and forgets the first one; but the first
# one leads to the other one, and whoever needed it still holds it.  A collection keeps such thunks as long as the other one has no value.

cdef int64_t _chain(Word w, Word last, uint32_t* codes) noexcept nogil:
    """The number of thunks that lead from a word to `last`; -1 if it leads elsewhere.  `codes` gets those of the last MOST_CHAIN, or is NULL."""
    cdef int64_t count = 0
    cdef Word* p
    while w != last:
        if tag_of(w) != TAG_THUNK or count > MOST_SEARCHED:
            return -1
        p = pointer_of(w)
        if header_state(p[0]) != THUNK_DONE:
            return -1
        if codes != NULL:
            codes[count % MOST_CHAIN] = header_code(p[0])
        count += 1
        w = p[1]
    return count


cdef int64_t _longest(Word* words, uint64_t count, Word last, bint is_deep, uint64_t* searched, Word* found,
                      int64_t longest) noexcept nogil:
    """The length and the start of the longest chain from one of the words, or from an item of a list or set among them."""
    cdef uint64_t i
    cdef int64_t length
    cdef Word w
    for i in range(count):
        if searched[0] > MOST_SEARCHED:
            break
        searched[0] += 1
        w = words[i]
        length = _chain(w, last, NULL)
        if length > longest:
            longest = length
            found[0] = w
        elif is_deep and length < 0:
            w = val(w)
            if is_list(w):
                longest = _longest(list_items(w), list_size(w), last, False, searched, found, longest)
            elif is_attrs(w) and not attrs_is_layered(w):
                longest = _longest(attrs_values(w), attrs_size(w), last, False, searched, found, longest)
    return longest


cdef void _note_gone(Machine* m, uint32_t code) noexcept nogil:
    cdef TraceEntry* entry = &m.error.trace[m.error.trace_count]
    entry.code = code + 1
    entry.flags = TRACE_GONE
    m.error.trace_count += 1
    m.error.trace_total += 1


cdef void _note_end(Machine* m, Frame* fr, Word inner, uint32_t first) noexcept nogil:
    """Marks the end of the entries of an activation whose first entry is *first*.

    If the frame updates a thunk other than the activation's function (*inner*), the thunk's code left in tail position, and gets an entry.
    """
    cdef Word last = fr.thunk & ~<Word>FRAME_PUSHES
    cdef uint8_t flags = TRACE_END
    if last != 0 and last != inner:
        _note_gone(m, header_code(pointer_of(last)[0]))
        if tag_of(inner) != TAG_THUNK:
            flags |= TRACE_TAIL
    if m.error.trace_count > first:
        m.error.trace[m.error.trace_count - 1].flags |= flags


cdef void _note_left(Machine* m, Frame* fr, Word* top) noexcept nogil:
    """Notes the thunks that left in tail position before the thunk of frame *fr*, the last one first."""
    cdef uint32_t[MOST_CHAIN] codes
    cdef Word last = fr.thunk & ~<Word>FRAME_PUSHES, found = 0
    cdef Code* code
    cdef uint64_t searched = 0
    cdef int64_t length = 0, i
    if last == 0:
        return
    # The word that the activation needs is on top, or is the left one of two operands.  Otherwise this searches all words that it has.
    length = -1
    for i in range(2, 0, -1):
        if top - i >= fr.fp and length < 0:
            found = top[-i]
            length = _chain(found, last, NULL)
    if length < 0:
        length = _longest(fr.fp, <uint64_t>(top - fr.fp), last, True, &searched, &found, 0)
        if (tag_of(fr.function) == TAG_THUNK and header_state(pointer_of(fr.function)[0]) == THUNK_RUNNING) \
                or (tag_of(fr.function) == TAG_FUNCTION and kind_of(fr.function) == KIND_CLOSURE):
            code = m.codes[header_code(pointer_of(fr.function)[0])]
            length = _longest(pointer_of(fr.function) + 1, code.upvalue_count, last, True, &searched, &found, length)
            if code.is_linked:
                length = _longest(code.constants, code.constant_count, last, False, &searched, &found, length)
    if length <= 0:
        return
    _chain(found, last, codes)
    for i in range(length - 1, length - 1 - min(length, <int64_t>MOST_CHAIN), -1):
        _note_gone(m, codes[i % MOST_CHAIN])


cdef void _note_code(Machine* m, TraceEntry* entry, Word function, const uint8_t* pc, Word* fp, Word* top, Word inner,
                     bint is_behind) noexcept nogil:
    """Notes the place of an activation, its operation, and the tags of the operands."""
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    cdef const uint8_t* start = code.start
    cdef const uint8_t* end = start + code.size_bytes
    entry.code = header_code(pointer_of(function)[0]) + 1
    if m.level < 2 and _is_functor(m, function, fp, top):
        entry.flags = TRACE_FUNCTOR
    if code.index <= CODE_APPLY2:
        return
    if _is_outside(m, function, pc) and _calls_functor(m, fp, top):
        entry.flags |= TRACE_GONE
    elif _is_outside(m, function, pc) and top > fp and tag_of(top[-1]) == TAG_INT:
        # A comparison that runs as a builtin has left the place behind its operands on the stack.
        pc = start + (top[-1] >> 3)
    # In the innermost activation, pc is just behind the operation's first byte.
    if inner == 0 and pc > start and pc <= end:
        entry.opcode = pc[-1]
    elif pc >= start and pc < end and not is_behind and (pc == start or _is_repeated(pc, top, inner)):
        entry.opcode = pc[0]
        pc += 1
    entry.position = position_in(m, code, pc, &entry.position_end)
    if pc > start and pc <= end:
        entry.selected = place_of_selected(m, code, function, pc - 1, fp, top)
    if entry.opcode == OP_RESOLVE_WITH_NAME or entry.opcode == OP_RESOLVE_WITH:
        # This is the number of the `with` around the name, counted from the innermost one.
        entry.left = m.error.part
    elif (entry.opcode == OP_ARITHMETIC or entry.opcode == OP_BRANCH_COMPARE) and pc + 3 <= end:
        pc += 1
        entry.left = _tag(_placed_operand(&pc, code, function, fp, top))
        entry.right = _tag(_placed_operand(&pc, code, function, fp, top))
    elif top >= fp + 2:
        entry.left = _tag(top[-2])
        entry.right = _tag(top[-1])
    elif top == fp + 1:
        entry.right = _tag(top[-1])


cdef bint _locate(Machine* m, Word w, Word thunk, int depth, uint64_t* searched, TraceEntry* entry) noexcept nogil:
    """Finds a thunk in a value: sets part, symbol and selected of an entry; PART_ELEMENT for a list."""
    cdef uint64_t i, n
    cdef Word* items
    w = val(w)
    if not is_list(w) and (not is_attrs(w) or attrs_is_layered(w)):
        return False
    n = list_size(w) if is_list(w) else attrs_size(w)
    items = list_items(w) if is_list(w) else attrs_values(w)
    for i in range(n):
        searched[0] += 1
        if searched[0] > MOST_SEARCHED:
            return False
        if _chain(items[i], thunk, NULL) >= 0:
            entry.part = PART_ELEMENT if is_list(w) else PART_ATTRIBUTE
        elif depth == 0 or not _locate(m, items[i], thunk, depth - 1, searched, entry):
            continue
        elif entry.part == PART_ELEMENT and is_attrs(w):
            entry.part = PART_ATTRIBUTE_ELEMENT
        else:
            return True
        if is_attrs(w):
            entry.symbol = keys_symbols(attrs_keys(w))[i]
            entry.selected = keys_positions(attrs_keys(w))[i]
        return True
    return False


cdef void _note_part(Machine* m, Builtin* b, Word* fp, Word thunk, TraceEntry* entry) noexcept nogil:
    """Notes which part of a builtin's input is the thunk that it had evaluated: an argument, an element of one, an attribute in one."""
    cdef int i
    cdef uint64_t searched = 0
    for i in range(b.arity):
        if _chain(fp[i], thunk, NULL) >= 0:
            entry.part = <uint8_t>(i + 1)
            return
    for i in range(b.arity):
        if _locate(m, fp[i], thunk, 3, &searched, entry):
            if entry.part == PART_ELEMENT:
                entry.part = <uint8_t>(PART_ELEMENT + i + 1)
            return


cdef uint32_t _note_builtin(Machine* m, TraceEntry* entry, Word function, Word* fp, Word* top, Word left) noexcept nogil:
    """Writes the builtin's entry, after the entries of its own lines, and returns their number."""
    cdef uint32_t number = <uint32_t>header_size(pointer_of(function)[0]), own = 0
    cdef Word* piece
    if m.builtins[number].trace != NULL:
        own = m.builtins[number].trace(m, fp, top, entry)
    if function == m.internals[INTERNAL_DEEP_FORCE]:
        own = trace_deepening(m, fp, top, entry, MOST_OWN_ENTRIES)
    entry += own
    entry.builtin = <uint16_t>(number + 1)
    entry.code = _code_of_function(val(fp[0])) if top > fp else 0
    entry.left = _tag(fp[0]) if top > fp else 0
    entry.right = _tag(fp[1]) if top > fp + 1 else 0
    if top >= fp + m.builtins[number].arity:
        entry.argument = _argument_at_fault(m, &m.builtins[number], fp)
        left &= ~<Word>FRAME_PUSHES
        if left and entry.part == PART_NONE:
            _note_part(m, &m.builtins[number], fp, left, entry)
        elif function == m.function and fp == m.fp and m.error.part:
            entry.part = m.error.part
            entry.symbol = m.error.symbol
            entry.selected = m.error.selected
    if function == m.internals[INTERNAL_CONCATENATE] or function == m.internals[INTERNAL_CONCATENATE_PATH]:
        # This word is the builtin's index of the current piece.
        piece = fp + 1 + (fp[0] >> 3)
        if top > piece:
            entry.argument = <uint8_t>min(255, (piece[0] >> 3) + 1)
    elif (function == m.internals[INTERNAL_TO_STRING] or function == m.internals[INTERNAL_DERIVATION_STRING]) and entry.left == TAG_LIST:
        entry.right = lists_around(fp, top)
    elif function == m.internals[INTERNAL_ADD]:
        entry.argument = 2 if is_string(val(fp[0])) else 1
    return own


cdef bint _has_trace(Machine* m) noexcept nogil:
    if m.error.trace == NULL:
        m.error.trace = <TraceEntry*>allocate_zeros(MOST_TRACE_ENTRIES + MOST_CONTEXT_ENTRIES + ROOM, sizeof(TraceEntry))
    return m.error.trace != NULL


cdef void trace_note(Machine* m, uint8_t note, char* text) noexcept nogil:
    if text == NULL or not _has_trace(m) or m.error.trace_count >= MOST_NOTES:
        free(text)
        return
    m.error.trace[m.error.trace_count].note = note
    m.error.trace[m.error.trace_count].text = text
    # The total does not count the note, because the frames are still to come.
    m.error.trace_count += 1


cdef bint _is_failed(Word function) noexcept nogil:
    return tag_of(function) == TAG_THUNK and header_state(pointer_of(function)[0]) == THUNK_FAILED


cdef void _note_activation(Machine* m, Word function, const uint8_t* pc, Word* fp, Word* top, Word inner, Word left) noexcept nogil:
    """Notes one activation, and before it the call of a functor or of a builtin that the activation was making.

    *inner*: the function of the activation inside, or 0; *left*: the thunk that this one evaluates, perhaps with FRAME_PUSHES, or 0.
    """
    cdef TraceEntry* entry = &m.error.trace[m.error.trace_count]
    cdef Word given
    cdef uint32_t before = 0
    if function == m.internals[INTERNAL_EQUAL] and &FUNCTOR_CODE[0] <= pc <= &FUNCTOR_CODE[2]:
        _note_functor(m, entry, fp[0], inner)
    elif function == m.internals[INTERNAL_EQUAL] and _calls_functor(m, fp, top):
        entry.note = NOTE_FUNCTOR
    elif inner != 0 and function == m.internals[INTERNAL_EQUAL] and (pc[0] == OP_TAIL_CALL_N or pc[0] == OP_RETURN):
        # The activation will apply a result to the arguments that are left over.  Its entry stays empty, so the trace has no line for it.
        pass
    elif tag_of(function) == TAG_FUNCTION and kind_of(function) == KIND_BUILTIN:
        before = _note_builtin(m, entry, function, fp, top, left)
    elif tag_of(function) == TAG_FUNCTION or tag_of(function) == TAG_THUNK:
        if _is_outside(m, function, pc) and _calls_functor(m, fp, top):
            entry.note = NOTE_FUNCTOR
            before = 1
        given = _given_builtin(m, function, pc, fp, top, inner, left)
        if given:
            entry[before].builtin = <uint16_t>(header_size(pointer_of(given)[0]) + 1)
            before += 1
        before += note_selections(m, &entry[before], function, pc, fp, top)
        _note_code(m, &entry[before], function, pc, fp, top, inner, given != 0)
        entry[before].argument = m.error.code == ERROR_INFINITE_RECURSION and function == m.need
    m.error.trace_count += before + 1
    m.error.trace_total += before
    if m.error.position == 0 and entry[before].position:
        m.error.position = entry[before].position
        m.error.position_end = entry[before].position_end
        m.error.position_entries = m.error.trace_count


cdef void _take_trace(Machine* m, Frame* base, const uint8_t* pc) noexcept nogil:
    """Notes the activations from the running one out to that of frame `base`."""
    cdef Frame* fr = m.fr
    cdef Word function = m.function
    cdef Word* fp = m.fp
    cdef Word* top = m.sp
    cdef uint32_t first
    cdef Word inner = 0, left = 0
    if not _has_trace(m):
        return
    # A failed thunk has its trace already, and the error came from it.
    if _is_failed(function):
        inner = function
        if m.error.trace_count and m.error.trace[m.error.trace_count - 1].flags & TRACE_TAIL:
            # The thunk's code had called a function, and any function serves here.
            inner = m.try_eval_word
        if fr > base and m.error.trace_count < MOST_TRACE_ENTRIES:
            _note_left(m, fr, fp)
        if fr <= base:
            return
        left = fr.thunk
        function = fr.function
        top = fp
        fp = fr.fp
        pc = fr.pc
        fr -= 1
    else:
        # These entries are notes of the builtin that raised the error.
        m.error.trace_total = m.error.trace_count
        m.error.tail_pc = m.tail_pc
        m.error.tail_target = m.tail_target
    if m.error.code == ERROR_ASSERT and function == m.internals[INTERNAL_ASSERT_EQUAL]:
        trace_difference(m, m.fp, fr.function, fr.pc, MOST_TRACE_ENTRIES - 1)
    while True:
        if m.error.trace_count < MOST_TRACE_ENTRIES:
            first = m.error.trace_count
            _note_activation(m, function, pc, fp, top, inner, left)
            _note_end(m, fr, function, first)
            if fr > base:
                _note_left(m, fr, fp)
        m.error.trace_total += 1
        if fr <= base:
            break
        inner = function
        left = fr.thunk
        function = fr.function
        top = fp
        fp = fr.fp
        pc = fr.pc
        fr -= 1


# ---- addErrorContext --------------------------------------------------------------------------------------------
#
# When an error leaves the second argument of an addErrorContext frame, unwinding stops and puts the error aside: the frame gets it as a
# state word (malloc'ed memory, so the word reads as an int).  The machine enters the builtin again, which evaluates its message, and then
# raises the error again, with the message in the trace.

cdef bint _put_aside(Machine* m) noexcept nogil:
    """For a running activation that is an addErrorContext frame and has not evaluated its message yet."""
    cdef Error* aside = <Error*>allocate_items(1, sizeof(Error))
    if aside == NULL:
        return False
    aside[0] = m.error
    memset(&m.error, 0, sizeof(Error))
    push(m, <Word>aside)
    m.constants = NULL
    return True


cdef void _forget(Word* state) noexcept nogil:
    """The message could not be evaluated: its own error replaces the one that was put aside."""
    cdef Error* aside = <Error*>state[0]
    if aside == NULL:
        return
    error_free(aside)
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
    # If there is no trace, a try frame is going to catch the error.
    if m.error.trace == NULL:
        return RAISE
    for i in range(m.error.trace_count):
        if m.error.trace[i].builtin == number and m.error.trace[i].text == NULL:
            entry = &m.error.trace[i]
            break
    # If there is no entry, the frame was too far out for the trace.
    if entry == NULL:
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
    """Whether a failure would read like the pending error."""
    cdef uint32_t i
    cdef TraceEntry* a
    cdef TraceEntry* b
    if (e.code != m.error.code or e.position != m.error.position or e.position_end != m.error.position_end
            or e.message_size_bytes != m.error.message_size_bytes or e.trace_count != m.error.trace_count
            or e.position_entries != m.error.position_entries or e.tail_pc != m.error.tail_pc or e.tail_target != m.error.tail_target
            or memcmp(e.message, m.error.message, e.message_size_bytes) != 0):
        return False
    for i in range(e.trace_count):
        a = &e.trace[i]
        b = &m.error.trace[i]
        if (a.text == NULL) != (b.text == NULL) or (a.text != NULL and strcmp(a.text, b.text) != 0):
            return False
        # `text` is the last field, which the comparison leaves out.
        if memcmp(a, b, sizeof(TraceEntry) - sizeof(char*)) != 0:
            return False
    return True


cdef bint _copy_trace(Error* target, Error* source, uint32_t count) noexcept nogil:
    """Copies the first entries of a trace.  Returns False if there is no memory; the caller then frees what was copied (error_free)."""
    cdef uint32_t i
    target.trace = <TraceEntry*>allocate_items(count, sizeof(TraceEntry))
    if target.trace == NULL:
        return False
    memcpy(target.trace, source.trace, count * sizeof(TraceEntry))
    for i in range(count):
        if source.trace[i].text != NULL:
            target.trace[i].text = format_text("%s", source.trace[i].text)
            if target.trace[i].text == NULL:
                target.trace_count = i
                return False
    target.trace_count = count
    return True


cdef void _copy_facts(Error* target, Error* source) noexcept nogil:
    target.fault = source.fault
    target.exit_code = source.exit_code
    target.subject = source.subject
    target.expected = source.expected
    if source.candidates != NULL:
        target.candidates = <uint32_t*>allocate_items(source.candidate_count, sizeof(uint32_t))
        if target.candidates != NULL:
            memcpy(target.candidates, source.candidates, source.candidate_count * sizeof(uint32_t))
            target.candidate_count = source.candidate_count
            target.wanted = source.wanted


cdef int64_t _remember_failure(Machine* m) noexcept nogil:
    """Copies the pending error to the table of failures, which failed thunks refer to by index; -1 if there is no memory."""
    cdef char* message
    cdef Error* e
    if m.failure_count and _is_pending(m, &m.failures[m.failure_count - 1]):
        # A loop over one throw counts as one failure.
        return m.failure_count - 1
    if not has_room(&m.failures, m.failure_count, &m.failure_capacity, 64):
        return -1
    message = copy_bytes(m.error.message, m.error.message_size_bytes)
    if message == NULL:
        return -1
    e = &m.failures[m.failure_count]
    memset(e, 0, sizeof(Error))
    if m.error.trace_count and not _copy_trace(e, &m.error, m.error.trace_count):
        error_free(e)
        free(message)
        return -1
    e.position_entries = m.error.position_entries
    e.tail_pc = m.error.tail_pc
    e.tail_target = m.error.tail_target
    e.code = m.error.code
    _copy_facts(e, &m.error)
    e.message = message
    e.message_size_bytes = m.error.message_size_bytes
    e.position = m.error.position
    e.position_end = m.error.position_end
    m.failure_count += 1
    return m.failure_count - 1


cdef int raise_failure(Machine* m, Word thunk) noexcept nogil:
    cdef Error* e = &m.failures[failure_index(pointer_of(thunk)[1])]
    cdef uint32_t total = failure_total(pointer_of(thunk)[1])
    cdef uint32_t count = min(total, e.trace_count) if total < MOST_TRACE_ENTRIES else e.trace_count, i
    raise_bytes(m, e.code, e.message, e.message_size_bytes)
    if m.error.code != e.code:
        # There is no memory for the error.
        return RAISE
    _copy_facts(&m.error, e)
    # A position with a later entry was found further out than this thunk.
    if e.position_entries <= count:
        m.error.position = e.position
        m.error.position_end = e.position_end
        m.error.position_entries = e.position_entries
    m.error.tail_pc = e.tail_pc
    m.error.tail_target = e.tail_target
    if count and _has_trace(m):
        memcpy(m.error.trace, e.trace, count * sizeof(TraceEntry))
        for i in range(count):
            m.error.trace[i].flags &= ~TRACE_END
            if e.trace[i].text != NULL:
                m.error.trace[i].text = format_text("%s", e.trace[i].text)
        m.error.trace[count - 1].flags |= TRACE_END
        m.error.trace_count = count
        m.error.trace_total = total
    return RAISE


cdef void _fail_thunk(Machine* m, Word thunk, int64_t* failure, uint32_t total) noexcept nogil:
    cdef Word* p = pointer_of(thunk)
    if header_state(p[0]) == THUNK_FAILED:
        # The thunk failed before, and the error came from it.
        return
    if failure[0] < 0 and not _is_transient(m.error.code):
        failure[0] = _remember_failure(m)
    # If the table has no copy of the error, the machine evaluates the thunk again when something needs it again.
    if failure[0] < 0:
        p[0] = with_state(p[0], THUNK_SUSPENDED)
        return
    p[0] = with_state(p[0], THUNK_FAILED)
    p[1] = failure_word(<uint32_t>failure[0], total)


cdef uint32_t _entries_left(Machine* m, uint32_t left) noexcept nogil:
    """The number of entries about the activation that is being left and those inside it; all entries, if none is about it."""
    while left < m.error.trace_count:
        left += 1
        if m.error.trace[left - 1].flags & TRACE_END:
            # `unwind` may come back after an addErrorContext frame, and must not stop here again.
            m.error.trace[left - 1].flags &= ~TRACE_END
            break
    return left


cdef void _undo_deepening(Machine* m) noexcept nogil:
    """deepSeq was interrupted: the values that it was inside of must be walked again the next time."""
    cdef Word* p = m.fp + 1
    while p < m.sp:
        if is_list(p[0]) or is_attrs(p[0]):
            pointer_of(p[0])[0] &= ~<Word>HEADER_DEEPENING
        p += 2


cdef Word try_eval_set(Machine* m, Word success, Word value) noexcept nogil:
    cdef Attr[2] entries
    entries[0].symbol = m.symbol_success
    entries[0].position = 0
    entries[0].value = success
    entries[1].symbol = m.symbol_value
    entries[1].position = 0
    entries[1].value = value
    return attrs_build(m, entries, 2)


cdef int unwind(Machine* m, Frame* base, const uint8_t* pc) noexcept nogil:
    cdef int64_t failure = -1
    cdef Frame* fr
    cdef bint catchable = is_catchable(m.error.code)
    cdef Frame* end = _last_traced(m, base)
    cdef uint32_t left = 0
    # If neither holds, an addErrorContext frame raised the error again, which has its trace already.
    if m.error.trace_total == 0 or _is_failed(m.function):
        _take_trace(m, end, pc)
    while True:
        fr = m.fr
        # A try frame that is past its first entry has counted itself.
        if m.function == m.try_eval_word and m.sp > m.fp + 1:
            if m.try_count:
                m.try_count -= 1
            if catchable:
                error_clear(m)
                m.sp = m.fp + 1
                push(m, try_eval_set(m, WORD_FALSE, WORD_FALSE))
                m.constants = NULL
                return DONE
        if m.function == m.internals[INTERNAL_DEEP_FORCE]:
            _undo_deepening(m)
        elif m.function == m.error_context_word:
            if m.sp == m.fp + 2:
                if not _ends_run(m.error.code) and _put_aside(m):
                    return FORCE
            else:
                _forget(m.fp + 2)
        left = _entries_left(m, left)
        if fr.thunk:
            _fail_thunk(m, fr.thunk, &failure, left if left < m.error.trace_count else m.error.trace_total - <uint32_t>max(0, fr - end))
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
