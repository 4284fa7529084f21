# cython: language_level=3
"""`==`, `<` and deepSeq on lists and sets.  Each walk keeps its levels on the value stack, as (x, y, index) or (x, index).

Elements whose words are the same are in the same cell: they are forced, and then equal whatever they are.  For derivations, only outPath counts.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp

from snowsnake.bytecode.opcodes cimport OP_LESS
from snowsnake.diagnostics.message_table cimport MESSAGE_NOT_COMPARABLE
from snowsnake.machine.assertion cimport CHECK_DERIVATION, COMPARE_OUT_PATH, COMPARED_OUT_PATH, raise_difference
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport attrs_flat
from snowsnake.machine.descriptions cimport describe_value, shown_type
from snowsnake.machine.errors cimport format_text, raise_message, worded
from snowsnake.machine.evaluation_order cimport attrs_turns, turns_made
from snowsnake.machine.heap cimport level_reserve, pop, push
from snowsnake.machine.internals cimport INTERNAL_EQUAL
from snowsnake.machine.notes cimport NOTE_DEEP_ATTRIBUTE, NOTE_DEEP_ELEMENT, NOTE_ORDERED_ELEMENTS
from snowsnake.machine.numbers cimport arithmetic, arithmetic_mismatch
from snowsnake.machine.operations cimport equal_now, equal_quickly
from snowsnake.machine.short_calls cimport is_worth_trying, settled
from snowsnake.machine.state cimport CALL, DONE, FORCE, MOST_OWN_ENTRIES, RAISE, TAIL
from snowsnake.machine.symbols cimport compare_strings
from snowsnake.machine.word cimport (
    HEADER_DEEP, HEADER_DEEPENING, WORD_TRUE, attrs_find, attrs_keys, attrs_size, attrs_values, bool_word,
    header_size, is_attrs, is_bool, is_int, is_list, is_path, is_string, is_thunk, keys_positions, keys_symbols,
    list_items, list_size, path_string, pointer_of, small_int, string_data, string_size, tag_of, val,
)

cdef inline int _answer(Machine* m, bint yes) noexcept nogil:
    m.result = bool_word(yes)
    return DONE


cdef int _is_derivation(Machine* m, Word attrs) noexcept nogil:
    """Returns 1, 0, or -1: m.need must be forced first."""
    cdef Word* p = attrs_find(attrs, m.symbol_type)
    cdef Word w
    if p == NULL:
        return 0
    w = val(p[0])
    if is_thunk(w):
        m.need = w
        return -1
    return 1 if is_string(w) and string_size(w) == 10 and memcmp(string_data(w), "derivation", 10) == 0 else 0


cdef inline void _push_pair(Machine* m, Word x, Word y) noexcept nogil:
    push(m, x)
    push(m, y)
    push(m, small_int(CHECK_DERIVATION if is_attrs(x) else 0))


cdef int _compare_sets(Machine* m) noexcept nogil:
    """Decides how to compare the two sets on top of the stack.  DONE: go on; TAIL: they differ; FORCE."""
    cdef Word x = m.sp[-3], y = m.sp[-2]
    cdef int first = _is_derivation(m, x), second
    if first < 0:
        return FORCE
    if first:
        second = _is_derivation(m, y)
        if second < 0:
            return FORCE
        if second and attrs_find(x, m.symbol_out_path) != NULL and attrs_find(y, m.symbol_out_path) != NULL:
            m.sp[-1] = small_int(COMPARE_OUT_PATH)
            return DONE
    if attrs_size(x) != attrs_size(y):
        return TAIL
    if not attrs_flat(m, x) or not attrs_flat(m, y):
        return RAISE
    if attrs_keys(x) != attrs_keys(y) and memcmp(keys_symbols(attrs_keys(x)), keys_symbols(attrs_keys(y)),
                                                 attrs_size(x) * sizeof(uint32_t)) != 0:
        return TAIL
    m.sp[-1] = 0
    return DONE


cdef int64_t _skip_equal(Machine* m, Word x, Word y, int64_t i, uint64_t n, bint tries) noexcept nogil:
    """The next index whose elements may differ, or are not known yet; -1: an error has been raised."""
    cdef bint is_set = is_attrs(x)
    cdef uint32_t* order = attrs_turns(m, x) if is_set else NULL
    cdef Word* xs = attrs_values(x) if is_set else list_items(x)
    cdef Word* ys = attrs_values(y) if is_set else list_items(y)
    cdef Word a, b
    cdef uint64_t at
    if is_set and order == NULL:
        return -1
    while <uint64_t>i < n:
        at = order[i] if is_set else <uint64_t>i
        a = settled(m, xs[at]) if tries else val(xs[at])
        if is_thunk(a) or must_stop(m):
            break
        # Values in the same cell are equal whatever they are.
        if xs[at] != ys[at]:
            b = settled(m, ys[at]) if tries else val(ys[at])
            if is_thunk(b) or equal_quickly(m, a, b) <= 0:
                break
        i += 1
    return i


cdef inline int _different(Machine* m, bint is_asserted, Word a, Word b) noexcept nogil:
    return raise_difference(m, a, b) if is_asserted else _answer(m, False)


cdef inline bint _pair_at(Machine* m, Word x, Word y, int64_t i, Word* a, Word* b) noexcept nogil:
    """Finds the two elements at an index.  Returns False if an error has been raised."""
    cdef uint32_t* order
    if i == COMPARE_OUT_PATH:
        a[0] = attrs_find(x, m.symbol_out_path)[0]
        b[0] = attrs_find(y, m.symbol_out_path)[0]
    elif is_attrs(x):
        order = attrs_turns(m, x)
        if order == NULL:
            return False
        a[0] = attrs_values(x)[order[i]]
        b[0] = attrs_values(y)[order[i]]
    else:
        a[0] = list_items(x)[i]
        b[0] = list_items(y)[i]
    return True


cdef inline int _equal(Machine* m, Word* fp, bint is_asserted) noexcept nogil:
    """m.result becomes the answer.  If *is_asserted*, a difference raises an error, and the stack shows where it is."""
    cdef Word x, y, a = 0, b = 0
    cdef int64_t i
    cdef uint64_t n
    cdef int outcome
    cdef bint is_one_cell, tries = m.sp == fp + 2 or is_worth_trying(m.sp[-1] >> 3)
    if m.sp == fp + 2:
        outcome = equal_now(m, fp[0], fp[1])
        if outcome == 0:
            return _different(m, is_asserted, fp[0], fp[1])
        if outcome > 0:
            return _answer(m, True)
        _push_pair(m, fp[0], fp[1])
    while m.sp > fp + 2:
        if must_stop(m):
            return stop(m)
        x = m.sp[-3]
        y = m.sp[-2]
        i = <int64_t>m.sp[-1] >> 3
        if i == CHECK_DERIVATION:
            outcome = _compare_sets(m)
            if outcome == FORCE or outcome == RAISE:
                return outcome
            if outcome == TAIL:
                return _different(m, is_asserted, x, y)
            continue
        n = attrs_size(x) if is_attrs(x) else list_size(x)
        if i >= 0:
            i = _skip_equal(m, x, y, i, n, tries)
            if i < 0:
                return RAISE
            m.sp[-1] = small_int(i)
        if <uint64_t>i == n or i == COMPARED_OUT_PATH:
            m.sp -= 3
            continue
        if not _pair_at(m, x, y, i, &a, &b):
            return RAISE
        is_one_cell = a == b
        a = val(a)
        if is_thunk(a):
            m.need = a
            return FORCE
        if is_one_cell:
            # The cell is equal to itself, whatever its value is.
            m.sp[-1] = small_int(i + 1)
            continue
        b = val(b)
        if is_thunk(b):
            m.need = b
            return FORCE
        outcome = equal_now(m, a, b)
        if outcome == 0:
            return _different(m, is_asserted, a, b)
        m.sp[-1] = small_int(i + 1)
        if outcome < 0:
            if not level_reserve(m, fp, 3):
                return RAISE
            _push_pair(m, a, b)
    return _answer(m, True)


cdef int equal(Machine* m, Word* fp) noexcept nogil:
    return _equal(m, fp, False)


cdef int assert_equal(Machine* m, Word* fp) noexcept nogil:
    return _equal(m, fp, True)


# ---- order ------------------------------------------------------------------------------------------------------

cdef int _incomparable(Machine* m, Word a, Word b) noexcept nogil:
    cdef char* x
    cdef char* y
    cdef char* left
    cdef char* right
    if tag_of(a) != tag_of(b) or is_bool(a) != is_bool(b) or is_path(a) != is_path(b):
        return arithmetic_mismatch(m, OP_LESS, a, b)
    x = describe_value(m, a)
    y = describe_value(m, b)
    left = shown_type(m, a)
    right = shown_type(m, b)
    raise_message(m, worded(MESSAGE_NOT_COMPARABLE, left, right, x, y))
    free(left)
    free(right)
    free(x)
    free(y)
    return RAISE


cdef inline void _decide_by(Word* fp, Word x, Word y) noexcept nogil:
    """Lets two elements, the first that differ, take the place of their lists, because they decide."""
    fp[0] = x
    fp[1] = y
    fp[2] = 0
    fp[3] += small_int(1)


cdef int _less_forced(Machine* m, Word a, Word b, bint inverted) noexcept nogil:
    """Compares two values at least one of which is not a list."""
    cdef Word r = 0
    cdef int outcome = arithmetic(m, OP_LESS, a, b, &r)
    if outcome == RAISE:
        return RAISE
    if outcome == DONE:
        return _answer(m, (r == WORD_TRUE) != inverted)
    if is_string(a) and is_string(b):
        return _answer(m, (compare_strings(a, b) < 0) != inverted)
    if is_path(a) and is_path(b):
        return _answer(m, (compare_strings(path_string(a), path_string(b)) < 0) != inverted)
    return _incomparable(m, a, b)


cdef int _less(Machine* m, Word* fp, bint inverted) noexcept nogil:
    """fp[2] is the index into two lists, fp[3] the number of lists around it; above them is the answer whether the elements there are equal."""
    cdef Word a, b
    cdef int64_t i
    cdef Word x = 0, y = 0
    cdef bint is_known, tries
    while True:
        a = val(fp[0])
        b = val(fp[1])
        if is_thunk(a):
            m.need = a
            return FORCE
        if is_thunk(b):
            m.need = b
            return FORCE
        if not is_list(a) or not is_list(b):
            return _less_forced(m, a, b, inverted)
        if m.sp == fp + 2:
            push(m, 0)
            push(m, 0)
        is_known = False
        i = <int64_t>fp[2] >> 3
        if m.sp > fp + 4:
            if pop(m) == WORD_TRUE:
                i += 1
            else:
                _decide_by(fp, list_items(a)[i], list_items(b)[i])
                continue
        tries = is_worth_trying(<uint64_t>i)
        while True:
            if <uint64_t>i == list_size(b):
                return _answer(m, inverted)
            if <uint64_t>i == list_size(a):
                return _answer(m, not inverted)
            x = settled(m, list_items(a)[i]) if tries else val(list_items(a)[i])
            y = settled(m, list_items(b)[i]) if tries and not is_thunk(x) else val(list_items(b)[i])
            is_known = (is_int(x) and is_int(y)) or (is_string(x) and is_string(y))
            # The comparison of such values needs no call.
            if is_known:
                if equal_quickly(m, x, y) != 1:
                    break
            elif list_items(a)[i] != list_items(b)[i] or is_thunk(x):
                break
            if must_stop(m):
                return stop(m)
            i += 1
        if is_known:
            _decide_by(fp, x, y)
            continue
        fp[2] = small_int(i)
        push(m, list_items(a)[i])
        push(m, list_items(b)[i])
        push(m, m.internals[INTERNAL_EQUAL])
        return CALL + 2


cdef int less(Machine* m, Word* fp) noexcept nogil:
    return _less(m, fp, False)


cdef int not_less(Machine* m, Word* fp) noexcept nogil:
    return _less(m, fp, True)


cdef uint32_t trace_less(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    cdef uint32_t count = 0
    while top >= fp + 4 and count < MOST_OWN_ENTRIES and <int64_t>count < <int64_t>fp[3] >> 3:
        entries[count].note = NOTE_ORDERED_ELEMENTS
        count += 1
    return count


# ---- deepSeq ----------------------------------------------------------------------------------------------------

cdef int deep_force(Machine* m, Word* fp) noexcept nogil:
    """State: (list or set, index)….  A mark in the header ensures that shared and cyclic values are walked once."""
    cdef Word x, w
    cdef Word* p
    cdef int64_t i
    cdef uint64_t n
    cdef uint32_t* order
    if m.sp == fp + 1:
        w = fp[0]
        if (is_list(w) or is_attrs(w)) and not pointer_of(w)[0] & (HEADER_DEEP | HEADER_DEEPENING):
            pointer_of(w)[0] |= HEADER_DEEPENING
            push(m, w)
            push(m, 0)
    while m.sp > fp + 1:
        if must_stop(m):
            return stop(m)
        x = m.sp[-2]
        i = <int64_t>m.sp[-1] >> 3
        n = header_size(pointer_of(x)[0])
        if <uint64_t>i == n:
            p = pointer_of(x)
            p[0] = (p[0] & ~<Word>HEADER_DEEPENING) | HEADER_DEEP
            m.sp -= 2
            continue
        if is_attrs(x):
            order = attrs_turns(m, x)
            if order == NULL:
                return RAISE
            w = val(attrs_values(x)[order[i]])
        else:
            w = val(list_items(x)[i])
        if is_thunk(w):
            m.need = w
            return FORCE
        m.sp[-1] = small_int(i + 1)
        if (is_list(w) or is_attrs(w)) and not pointer_of(w)[0] & (HEADER_DEEP | HEADER_DEEPENING):
            if not level_reserve(m, fp, 2):
                return RAISE
            pointer_of(w)[0] |= HEADER_DEEPENING
            push(m, w)
            push(m, 0)
    m.result = fp[0]
    return DONE


cdef uint32_t trace_deepening(Machine* m, Word* fp, Word* top, TraceEntry* entries, uint32_t most) noexcept nogil:
    cdef Word* p = fp + 1 + (top - fp - 1) // 2 * 2
    cdef uint32_t* order
    cdef uint32_t count = 0
    cdef int64_t i
    while p > fp + 1 and count < most:
        p -= 2
        # The indices of the levels around the innermost one have moved on already.
        i = (<int64_t>p[1] >> 3) - (1 if count else 0)
        if i < 0 or <uint64_t>i >= header_size(pointer_of(p[0])[0]):
            continue
        if is_attrs(p[0]):
            order = turns_made(p[0])
            if order == NULL:
                break
            entries[count].note = NOTE_DEEP_ATTRIBUTE
            entries[count].symbol = keys_symbols(attrs_keys(p[0]))[order[i]]
            entries[count].position = keys_positions(attrs_keys(p[0]))[order[i]]
        else:
            entries[count].note = NOTE_DEEP_ELEMENT
            entries[count].text = format_text("%lld", <long long>i)
        count += 1
    return count
