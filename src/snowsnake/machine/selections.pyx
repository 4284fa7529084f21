# cython: language_level=3
"""What the selections that an activation is evaluating have found so far, for the trace of an error.

In: an activation that waits or has failed, and its code.  Out: the place of the attribute that was found last, and, at level 2, the names that
the program has computed.  The operations of a selection are followed once more, with what is on the stack; nothing here raises, or evaluates anything.

Level 2 keeps on the stack what a selection begins with, if it has a default or computed names; of the latter it also keeps each name, delayed and
computed, and what was found (compiler/expressions.pyx).  A name behind the place of the error is known if it is a variable, a selection or a constant
that has been evaluated.
"""
from libc.stdint cimport uint32_t, uint64_t, uint8_t
from libc.string cimport memcpy, memset

from snowsnake.bytecode.image cimport take, take_signed
from snowsnake.bytecode.opcodes cimport (
    OP_ATTRS_SELECT, OP_ATTRS_TRY_SELECT, OP_CONSTANT, OP_FORCE, OP_GET_LOCAL, OP_GET_UPVALUE, OP_JUMP_IF_NOT_FOUND, OP_RETURN, OP_SELECT,
    OP_SELECT_PLACE, OP_TRY_SELECT,
)
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.machine.attrs cimport attrs_position
from snowsnake.machine.errors cimport error_free
from snowsnake.machine.heap cimport CODE_APPLY2
from snowsnake.machine.link cimport link_code
from snowsnake.machine.notes cimport NOTE_SELECTION
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.positions cimport position_in, span_start
from snowsnake.machine.state cimport Code, Error, Machine, TraceEntry
from snowsnake.machine.word cimport (
    THUNK_SUSPENDED, WORD_NULL, Word, attrs_find, header_code, header_state, is_attrs, is_string, is_thunk, pointer_of, string_data,
    string_size, val,
)

cdef enum:
    # This many selections inside one another have lines.
    MOST_SELECTIONS = 20
    # This many computed names of a selection are shown.
    MOST_NAMES = 64
    # To know a delayed name, so many thunks that lead to one another are looked at.
    MOST_STEPS = 10
    # No UTF-8 has these bytes: the end of a name, and a name that is not known.
    END_OF_NAME = 0xff
    NO_NAME = 0xfe


cdef struct Followed:
    # what the operations before the current one have pushed, and what they had pushed before that
    Word last
    Word before
    # the place of the attribute that was found last, or 0
    uint32_t position
    # whether an attribute was not found, or there was no set
    bint is_stopped
    # the names that the selection has computed; WORD_NULL for what is not a string
    Word[MOST_NAMES] names
    uint32_t name_count
    # the same names and those behind them, as words that may not be evaluated
    Word[MOST_NAMES] delayed
    uint32_t delayed_count


cdef inline void _start(Followed* f) noexcept nogil:
    f.last = f.before = WORD_NULL
    f.position = f.name_count = f.delayed_count = 0
    f.is_stopped = False


cdef inline Word _operand(uint64_t place, Code* code, Word function, Word* fp, Word* top) noexcept nogil:
    """The value of a PLACE operand; null if it is not there any more."""
    if place & 1:
        return pointer_of(function)[1 + (place >> 1)] if place >> 1 < code.upvalue_count else WORD_NULL
    return fp[place >> 1] if fp + (place >> 1) < top else WORD_NULL


cdef inline uint32_t _symbol_of(Word w) noexcept nogil:
    """The symbol of a string that has one; 0 for other words.  0 is also a symbol, but that of no name that is looked for here."""
    cdef uint32_t known = <uint32_t>pointer_of(w)[1] if is_string(w) else 0
    return known - 1 if known else 0


cdef void _find(Followed* f, Word set_, uint32_t symbol) noexcept nogil:
    """Selects an attribute, as the operation did."""
    cdef Word* place
    set_ = val(set_)
    if f.is_stopped or not is_attrs(set_):
        f.is_stopped = True
        return
    place = attrs_find(set_, symbol)
    if place == NULL:
        f.is_stopped = True
        return
    f.position = attrs_position(set_, symbol)
    f.before = f.last
    f.last = place[0]


cdef bint _follow(Followed* f, Code* code, Word function, const uint8_t** p, Word* fp, Word* top) noexcept nogil:
    """Follows one operation of a selection; false if it is none, or the last one."""
    cdef int op = p[0][0]
    cdef uint64_t i
    cdef Word name
    p[0] += 1
    if op == OP_GET_LOCAL or op == OP_GET_UPVALUE:
        i = take(p)
        f.before = f.last
        f.last = _operand(i << 1 | (op == OP_GET_UPVALUE), code, function, fp, top)
    elif op == OP_SELECT or op == OP_SELECT_PLACE or op == OP_TRY_SELECT:
        if op == OP_SELECT_PLACE:
            f.last = _operand(take(p), code, function, fp, top)
        i = take(p)
        if op == OP_TRY_SELECT:
            p[0] += 2
        if i >= code.constant_count:
            f.is_stopped = True
        else:
            _find(f, f.last, <uint32_t>(code.constants[i] >> 8))
    elif op == OP_ATTRS_SELECT or op == OP_ATTRS_TRY_SELECT:
        name = val(f.last)
        if f.name_count < MOST_NAMES:
            f.names[f.name_count] = name if is_string(name) else WORD_NULL
            f.name_count += 1
        if _symbol_of(name):
            _find(f, f.before, _symbol_of(name))
        else:
            f.is_stopped = True
    elif op == OP_CONSTANT:
        i = take(p)
        f.last = code.constants[i] if i < code.constant_count else WORD_NULL
    elif op == OP_JUMP_IF_NOT_FOUND:
        p[0] += 2
    else:
        return False
    return True


cdef uint32_t place_of_selected(Machine* m, Code* code, Word function, const uint8_t* at, Word* fp, Word* top) noexcept nogil:
    """The place of the attribute that the current selection of names found last.  The selection is repeated from its first operation on."""
    cdef const uint8_t* p = span_start(code, at)
    cdef Followed f
    _start(&f)
    while p != NULL and p < at and not f.is_stopped:
        if p[0] == OP_FORCE:
            p += 1
        elif not _follow(&f, code, function, &p, fp, top) or f.name_count:
            # This is not a selection of names.
            return 0
    return f.position


cdef Code* _linked(Machine* m, uint32_t index) noexcept nogil:
    """The code of a delayed name, linked; NULL if memory is short, and the error that is on its way stays as it is."""
    cdef Error error = m.error
    cdef Code* code
    memset(&m.error, 0, sizeof(Error))
    code = link_code(m, index)
    if code == NULL:
        error_free(&m.error)
    m.error = error
    return code


cdef Word _known(Machine* m, Word w) noexcept nogil:
    """The value of a delayed name, as far as it can be known without evaluating anything; otherwise null."""
    cdef Followed f
    cdef Code* code
    cdef const uint8_t* p
    cdef int steps = 0
    w = val(w)
    while is_thunk(w):
        if header_state(pointer_of(w)[0]) != THUNK_SUSPENDED or steps == MOST_STEPS:
            return WORD_NULL
        steps += 1
        code = _linked(m, header_code(pointer_of(w)[0]))
        if code == NULL or code.index <= CODE_APPLY2:
            return WORD_NULL
        _start(&f)
        p = code.start
        while p < code.start + code.size_bytes and p[0] != OP_RETURN and p[0] != OP_FORCE:
            if f.is_stopped or not _follow(&f, code, w, &p, NULL, NULL):
                return WORD_NULL
        if f.is_stopped or p >= code.start + code.size_bytes:
            return WORD_NULL
        w = val(f.last)
    return w if is_string(w) else WORD_NULL


cdef char* _names_text(Machine* m, Followed* f) noexcept nogil:
    """The computed names, each followed by END_OF_NAME, in memory that the trace frees; NULL if there are none, or no memory."""
    cdef uint64_t size = 1, place = 0
    cdef uint32_t i
    cdef char* text
    for i in range(f.name_count, f.delayed_count):
        f.names[i] = _known(m, f.delayed[i])
    f.name_count = max(f.name_count, f.delayed_count)
    if f.name_count == 0:
        return NULL
    for i in range(f.name_count):
        size += 2 + (string_size(f.names[i]) if f.names[i] != WORD_NULL else 0)
    text = <char*>allocate_items(size, 1)
    if text == NULL:
        return NULL
    for i in range(f.name_count):
        if f.names[i] == WORD_NULL:
            text[place] = <char>NO_NAME
            place += 1
        else:
            memcpy(text + place, string_data(f.names[i]), string_size(f.names[i]))
            place += string_size(f.names[i])
        text[place] = <char>END_OF_NAME
        place += 1
    text[place] = 0
    return text


cdef struct Span:
    uint32_t start
    uint32_t size


cdef uint32_t _selections_around(Code* code, uint32_t origin, const uint8_t* pc, uint32_t place, Span* spans) noexcept nogil:
    """Finds the spans around a place whose operations begin with a word that is on the stack or captured; returns their number, at most MOST_SELECTIONS."""
    cdef const uint8_t* runs = code.start + code.size_bytes
    cdef const uint8_t* p
    cdef uint32_t count = 0, offset = 0, start = origin, size, left, i
    for left in range(<uint32_t>take(&runs), 0, -1):
        offset += <uint32_t>take(&runs)
        start += <uint32_t>take_signed(&runs)
        size = <uint32_t>take(&runs)
        p = code.start + offset
        if p >= pc or count == MOST_SELECTIONS:
            break
        if place < start or place >= start + size or (p[0] != OP_GET_LOCAL and p[0] != OP_GET_UPVALUE):
            continue
        i = 0
        while i < count and (spans[i].start != start or spans[i].size != size):
            i += 1
        if i == count:
            spans[count].start = start
            spans[count].size = size
            count += 1
    return count


cdef void _follow_span(Followed* f, Code* code, Word function, uint32_t origin, Span* span, const uint8_t* pc, Word* fp, Word* top) noexcept nogil:
    """Follows the operations of a span up to *pc*: its computed names have operations of their own between them."""
    cdef const uint8_t* runs = code.start + code.size_bytes
    cdef const uint8_t* p = NULL
    cdef const uint8_t* end
    cdef uint32_t offset = 0, start = origin, size, left = <uint32_t>take(&runs)
    cdef bint is_first = True
    while True:
        # The last operations are those up to *pc*.
        end = pc
        if left:
            offset += <uint32_t>take(&runs)
            start += <uint32_t>take_signed(&runs)
            size = <uint32_t>take(&runs)
            end = code.start + offset if code.start + offset < pc else pc
        if p != NULL and is_first:
            is_first = False
            if _take_delayed(f, code, function, p, end, fp, top):
                p = NULL
        while p != NULL and p < end:
            if f.is_stopped or not _follow(f, code, function, &p, fp, top):
                return
        if left == 0 or code.start + offset >= pc:
            return
        p = code.start + offset if start == span.start and size == span.size else NULL
        left -= 1


cdef bint _take_delayed(Followed* f, Code* code, Word function, const uint8_t* p, const uint8_t* end, Word* fp, Word* top) noexcept nogil:
    """Takes the delayed names, which the first operations of a selection push; false if these operations do something else."""
    cdef uint32_t count = 0
    while p < end and p[0] == OP_GET_LOCAL:
        p += 1
        if count < MOST_NAMES:
            f.delayed[count] = _operand(take(&p) << 1, code, function, fp, top)
            count += 1
        else:
            take(&p)
    if p != end:
        return False
    f.delayed_count = count
    return True


cdef uint32_t note_selections(Machine* m, TraceEntry* entry, Word function, const uint8_t* pc, Word* fp, Word* top) noexcept nogil:
    """Notes each selection whose default or whose computed names are being evaluated, or which is at work itself; returns their number.

    *pc* is behind the first byte of the operation.  Only level 2 keeps what this needs.
    """
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    cdef CodeOrigin origin
    cdef Span[MOST_SELECTIONS] spans
    cdef Followed f
    cdef uint32_t place, end = 0, count = 0, i
    if m.level < 2 or code.index <= CODE_APPLY2 or pc <= code.start or pc > code.start + code.size_bytes or not code_origin(m, code, &origin):
        return 0
    place = position_in(m, code, pc, &end)
    for i in range(_selections_around(code, origin.start, pc, place, spans)):
        _start(&f)
        _follow_span(&f, code, function, origin.start, &spans[i], pc, fp, top)
        if f.position == 0 and f.name_count == 0:
            continue
        entry[count].note = NOTE_SELECTION
        entry[count].position = spans[i].start
        entry[count].position_end = spans[i].start + spans[i].size
        entry[count].selected = f.position
        entry[count].text = _names_text(m, &f)
        count += 1
    return count
