# cython: language_level=3
"""Builtins on lists: map, filter, folds, tests, selection, concatenation; sort and genericClosure have modules of their own.

In: arguments as the table's letters prepare them.  Out: lists, elements, Booleans.  A builtin that calls a function for
each element keeps the results on the stack above its arguments, where the calls leave them: their number is its
progress.
Over 600 lines: one section for each group of builtins, and all of them share how results lie on the stack.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from snowsnake.builtins.groups cimport FEW_GROUPS, Group, Groups, groups_at, groups_free, groups_init
from snowsnake.builtins.protocol cimport call1, call2, call_internal2, close_list, done, force, need_function, tail
from snowsnake.builtins.registry cimport define
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_HEAD_OF_EMPTY_LIST, MESSAGE_INDEX_OUTSIDE_LIST, MESSAGE_LIST_OF_TOO_MANY, MESSAGE_LIST_TOO_LARGE, MESSAGE_NEGATIVE_LIST_SIZE,
    MESSAGE_TAIL_OF_EMPTY_LIST,
)
from snowsnake.machine.attention cimport must_stop, set_soft_limit, stop
from snowsnake.machine.attrs cimport Attr, attrs_build, scratch_entries
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, make_apply, new_list, new_list_view, pop, push, stack_reserve
from snowsnake.machine.internals cimport INTERNAL_EQUAL
from snowsnake.machine.operations cimport equal_quickly, raise_context
from snowsnake.machine.parameters cimport next_parameter
from snowsnake.machine.short_calls cimport BULK_WORDS, end_bulk, is_worth_trying, more_room, settled, short_call
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, PART_ELEMENT, PART_RESULT, RAISE, Machine
from snowsnake.machine.symbols cimport symbol_intern, symbol_of
from snowsnake.machine.word cimport (
    KIND_LIST, KIND_RAW, TAG_LIST, WORD_FALSE, WORD_NOT_FOUND, WORD_NULL, WORD_TRUE, Word, header_of, header_size, int_value, is_bool, is_function, is_list, is_string,
    is_thunk, list_base, list_items, list_size, pointer_of, small_int, string_context, tagged, val,
)

cdef enum:
    # This many elements may be allocated, or results pushed, without a reservation.
    UNRESERVED = 1000
    # A tail of fewer elements is not a view, but a list of its own.
    SMALLEST_VIEW = 8


# ---- elements and slices ----------------------------------------------------------------------------------------

cdef int length(Machine* m, Word* fp) noexcept nogil:
    return done(m, small_int(<int64_t>list_size(fp[0])))


cdef int head(Machine* m, Word* fp) noexcept nogil:
    if list_size(fp[0]) == 0:
        return raise_message(m, worded(MESSAGE_HEAD_OF_EMPTY_LIST))
    return tail(m, list_items(fp[0])[0])


cdef int tail_(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = list_size(fp[0])
    cdef Word rest, base
    cdef uint64_t start
    if n == 0:
        return raise_message(m, worded(MESSAGE_TAIL_OF_EMPTY_LIST))
    base = list_base(fp[0])
    # A view of less than half of its base would keep too much alive, so a short rest is copied: all copies of a recursion cost no more than
    # its first list.
    if n > SMALLEST_VIEW and 2 * n > list_size(base):
        start = <uint64_t>(list_items(fp[0]) - list_items(base)) + 1
        return done(m, new_list_view(m, base, start, n - 1))
    if n > UNRESERVED and not heap_reserve(m, n):
        return RAISE
    rest = new_list(m, n - 1)
    memcpy(list_items(rest), list_items(fp[0]) + 1, (n - 1) * sizeof(Word))
    return done(m, rest)


cdef int elem_at(Machine* m, Word* fp) noexcept nogil:
    cdef Word list = val(fp[0])
    cdef int64_t index = int_value(fp[1])
    # The index is forced before the list.
    if is_thunk(list):
        return force(m, list)
    if not is_list(list):
        return of_part(m, 1, raise_type(m, "a list", list))
    if index < 0 or <uint64_t>index >= list_size(list):
        return raise_message(m, worded(MESSAGE_INDEX_OUTSIDE_LIST, <long long>index, <unsigned long long>list_size(list)))
    return tail(m, list_items(list)[index])


cdef int elem(Machine* m, Word* fp) noexcept nogil:
    """State: the index of the current element; above it the result of a deep comparison."""
    cdef uint64_t n = list_size(fp[1]), i
    cdef Word* items = list_items(fp[1])
    cdef Word x = val(fp[0]), y
    cdef bint tries
    cdef int equal
    if n == 0:
        return done(m, WORD_FALSE)
    if is_thunk(x):
        return force(m, x)
    if m.sp == fp + 2:
        push(m, 0)
    i = <uint64_t>int_value(fp[2])
    tries = is_worth_trying(i)
    if m.sp == fp + 4:
        if pop(m) == WORD_TRUE:
            return done(m, WORD_TRUE)
        i += 1
    while i < n:
        y = settled(m, items[i]) if tries else val(items[i])
        if is_thunk(y):
            fp[2] = small_int(<int64_t>i)
            return force(m, y)
        if must_stop(m):
            return stop(m)
        # A cell is equal to itself, even if its value is a function or NaN.
        if fp[0] == items[i]:
            return done(m, WORD_TRUE)
        equal = equal_quickly(m, x, y)
        if equal == 1:
            return done(m, WORD_TRUE)
        if equal < 0:
            fp[2] = small_int(<int64_t>i)
            return call_internal2(m, INTERNAL_EQUAL, fp[0], items[i])
        i += 1
    return done(m, WORD_FALSE)


# ---- lazy lists -------------------------------------------------------------------------------------------------

cdef int map_(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = list_size(fp[1]), i
    cdef Word* items = list_items(fp[1])
    cdef Word* out
    cdef Word f, result
    cdef int outcome
    # The function is not forced for an empty list.
    if n == 0:
        return done(m, m.empty_list)
    outcome = need_function(m, fp)
    if outcome != DONE:
        return outcome
    if n > UNRESERVED and not heap_reserve(m, 4 * n + 1):
        return RAISE
    f = fp[0]
    result = new_list(m, n)
    out = list_items(result)
    for i in range(n):
        out[i] = make_apply(m, f, items[i])
    return done(m, result)


cdef int gen_list(Machine* m, Word* fp) noexcept nogil:
    cdef int64_t n = int_value(fp[1]), i
    cdef Word* out
    cdef Word f, result
    cdef int outcome
    if n < 0:
        return raise_message(m, worded(MESSAGE_NEGATIVE_LIST_SIZE, <long long>n))
    outcome = need_function(m, fp)
    if outcome != DONE:
        return outcome
    if n > (<int64_t>1 << 48):
        return raise_message(m, worded(MESSAGE_LIST_TOO_LARGE, <long long>n))
    if n > UNRESERVED and not heap_reserve(m, 4 * <uint64_t>n + 1):
        return RAISE
    f = fp[0]
    result = new_list(m, <uint64_t>n)
    out = list_items(result)
    for i in range(n):
        out[i] = make_apply(m, f, small_int(i))
        # After a request to stop, nobody evaluates the rest of the list.
        if must_stop(m):
            return stop(m)
    return done(m, result)


# ---- a boolean for each element ---------------------------------------------------------------------------------

cdef inline int _ask_all(Machine* m, Word* fp, bint forces) noexcept nogil:
    """Calls fp[0] for each element of fp[1]; the answers, Booleans, are pushed from fp[2] on.  DONE when all are there.

    *forces*: whether each element is forced before the call.
    """
    cdef uint64_t n = list_size(fp[1])
    cdef uint64_t answered = <uint64_t>(m.sp - (fp + 2))
    cdef bint tries
    cdef Word x
    if answered:
        if not is_bool(m.sp[-1]):
            return of_part(m, PART_RESULT, raise_type(m, "a Boolean", m.sp[-1]))
    elif n > UNRESERVED and not stack_reserve(m, n):
        return RAISE
    tries = is_worth_trying(answered)
    while answered < n:
        x = list_items(fp[1])[answered]
        if forces and is_thunk(settled(m, x) if tries else val(x)):
            return force(m, val(x))
        x = short_call(m, fp[0], &x, 1) if tries else WORD_NOT_FOUND
        if not is_bool(x) or must_stop(m):
            return call1(m, fp[0], list_items(fp[1])[answered])
        push(m, x)
        answered += 1
    return DONE


cdef inline uint64_t _count(Word* answers, uint64_t n, Word wanted) noexcept nogil:
    cdef uint64_t i, count = 0
    for i in range(n):
        count += answers[i] == wanted
    return count


cdef inline Word _pick(Machine* m, Word* fp, Word wanted, uint64_t count) noexcept nogil:
    """The elements of the list fp[1] for which the answer is *wanted*."""
    cdef uint64_t n = list_size(fp[1]), i, k = 0
    cdef Word* items = list_items(fp[1])
    cdef Word* out
    cdef Word result
    if count == n:
        return fp[1]
    result = new_list(m, count)
    out = list_items(result)
    for i in range(n):
        if fp[2 + i] == wanted:
            out[k] = items[i]
            k += 1
    return result


cdef int filter_(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = list_size(fp[1]), kept
    cdef int outcome
    if n == 0:
        return done(m, m.empty_list)
    if m.sp == fp + 2:
        outcome = need_function(m, fp)
        if outcome != DONE:
            return outcome
    outcome = _ask_all(m, fp, False)
    if outcome != DONE:
        return outcome
    kept = _count(fp + 2, n, WORD_TRUE)
    if kept > UNRESERVED and not heap_reserve(m, kept + 1):
        return RAISE
    return done(m, _pick(m, fp, WORD_TRUE, kept))


cdef int partition(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t n = list_size(fp[1]), right
    cdef Attr[2] entries
    cdef Word result
    cdef int outcome = _ask_all(m, fp, True)
    if outcome != DONE:
        return outcome
    if n > UNRESERVED and not heap_reserve(m, n + 16):
        return RAISE
    right = _count(fp + 2, n, WORD_TRUE)
    entries[0].symbol = symbol_intern(m, "right", 5)
    entries[0].position = 0
    entries[0].value = _pick(m, fp, WORD_TRUE, right)
    entries[1].symbol = symbol_intern(m, "wrong", 5)
    entries[1].position = 0
    entries[1].value = _pick(m, fp, WORD_FALSE, n - right)
    result = attrs_build(m, entries, 2)
    return done(m, result) if result else RAISE


cdef inline int _quantify(Machine* m, Word* fp, Word decisive) noexcept nogil:
    """State: the number of elements whose answer is known."""
    cdef Word answer
    cdef bint tries
    cdef uint64_t i, n = list_size(fp[1])
    cdef Word* items = list_items(fp[1])
    if m.sp == fp + 2:
        push(m, 0)
    else:
        answer = pop(m)
        if not is_bool(answer):
            return of_part(m, PART_RESULT, raise_type(m, "a Boolean", answer))
        if answer == decisive:
            return done(m, decisive)
    i = <uint64_t>int_value(fp[2])
    tries = is_worth_trying(i)
    while i < n:
        answer = short_call(m, fp[0], items + i, 1) if tries else WORD_NOT_FOUND
        if answer == decisive:
            return done(m, decisive)
        if not is_bool(answer) or must_stop(m):
            fp[2] = small_int(<int64_t>i + 1)
            return call1(m, fp[0], items[i])
        i += 1
    return done(m, WORD_FALSE if decisive == WORD_TRUE else WORD_TRUE)


cdef int any_(Machine* m, Word* fp) noexcept nogil:
    return _quantify(m, fp, WORD_TRUE)


cdef int all_(Machine* m, Word* fp) noexcept nogil:
    return _quantify(m, fp, WORD_FALSE)


# ---- folding ----------------------------------------------------------------------------------------------------

cdef int _fold_short(Machine* m, Word* fp, Word value, uint64_t i) noexcept nogil:
    """Goes on with short calls from element *i* as long as they succeed."""
    cdef Word[2] arguments
    cdef Word result
    cdef uint64_t n = list_size(fp[2])
    arguments[0] = value
    while i < n:
        arguments[1] = list_items(fp[2])[i]
        i += 1
        result = short_call(m, fp[0], arguments, 2)
        if result == WORD_NOT_FOUND or must_stop(m):
            fp[3] = small_int(<int64_t>i)
            return call2(m, fp[0], arguments[0], arguments[1])
        arguments[0] = result
    return done(m, arguments[0])


cdef int foldl(Machine* m, Word* fp) noexcept nogil:
    """State: the number of elements that were passed.  The start value is dropped once it is used."""
    cdef Word value
    cdef uint64_t i, n = list_size(fp[2])
    if n == 0:
        return tail(m, fp[1])
    if m.sp == fp + 3:
        value = fp[1]
        fp[1] = WORD_NULL
        push(m, 0)
    else:
        value = pop(m)
    i = <uint64_t>int_value(fp[3])
    if i == n:
        return done(m, value)
    if is_worth_trying(i):
        return _fold_short(m, fp, value, i)
    fp[3] = small_int(<int64_t>(i + 1))
    return call2(m, fp[0], value, list_items(fp[2])[i])


# ---- concatenation ----------------------------------------------------------------------------------------------
#
# The small lists that functions return to concatMap, perhaps a million, need not all exist at the same time: concatMap copies the elements
# of one list after the other.  From `state` on, the stack has: the index of the current list; the number of parts, which are lists; whether
# concatMap made the last part, which then may grow; the parts; and the elements that are in no part yet.

cdef enum:
    # A list of at least this many elements becomes a part itself.
    LARGE_PART = 64
    # The results of this many calls show how many elements the other calls will return.
    LEAST_SAMPLE = 64
    # At most this many elements wait to become one list.  A reservation of this many words puts that list into the old space.
    MOST_PENDING = 1 << 16


cdef inline Word* _pending(Word* state) noexcept nogil:
    return state + 3 + int_value(state[1])


cdef bint _close_part(Machine* m, Word* state) noexcept nogil:
    """Makes a part of the pending elements.  They are appended to the last part if nothing was allocated after it and no collection has seen it."""
    cdef Word* first = _pending(state)
    cdef Word* part
    cdef uint64_t n = <uint64_t>(m.sp - first)
    if n == 0:
        return True
    if n > UNRESERVED and not heap_reserve(m, (MOST_PENDING if n > MOST_PENDING // 2 else n) + 1):
        return False
    if state[2] and m.young_hp != NULL:
        part = pointer_of(first[-1])
        if part >= m.unscanned and part + 1 + header_size(part[0]) == m.hp:
            memcpy(m.hp, first, n * sizeof(Word))
            m.hp += n
            part[0] = header_of(KIND_LIST, header_size(part[0]) + n)
            m.sp = first
            return True
    first[0] = _list_of(m, first, n)
    m.sp = first + 1
    state[1] += small_int(1)
    state[2] = small_int(1)
    return True


cdef inline Word _list_of(Machine* m, const Word* items, uint64_t n) noexcept nogil:
    cdef Word list_ = new_list(m, n)
    memcpy(list_items(list_), items, n * sizeof(Word))
    return list_


cdef inline bint _take_list(Machine* m, Word* state, Word list) noexcept nogil:
    """Adds the elements of a list to the pending ones, or the list as a part; returns False, with an error set, if memory is short."""
    cdef uint64_t n = list_size(list), i
    cdef Word* items = list_items(list)
    if n >= LARGE_PART or <uint64_t>(m.sp - _pending(state)) + n > MOST_PENDING:
        if not _close_part(m, state) or not stack_reserve(m, MOST_PENDING + 4096):
            return False
        if n >= LARGE_PART:
            push(m, list)
            state[1] += small_int(1)
            state[2] = 0
            return True
    for i in range(n):
        m.sp[i] = items[i]
    m.sp += n
    return True


cdef int _joined(Machine* m, Word* state) noexcept nogil:
    cdef Word* first
    cdef Word* part = state + 3
    cdef Word* out
    cdef uint64_t pending, total
    cdef Word result
    if state[1] and not _close_part(m, state):
        return RAISE
    first = _pending(state)
    pending = total = <uint64_t>(m.sp - first)
    while part < first:
        total += list_size(part[0])
        if total > (<uint64_t>1 << 48):
            return raise_message(m, worded(MESSAGE_LIST_OF_TOO_MANY))
        part += 1
    # If there is only one part, it is the result.
    if first - (state + 3) == 1:
        return done(m, state[3])
    if total > UNRESERVED and not heap_reserve(m, total + 1):
        return RAISE
    result = new_list(m, total)
    out = list_items(result)
    part = state + 3
    while part < first:
        memcpy(out, list_items(part[0]), list_size(part[0]) * sizeof(Word))
        out += list_size(part[0])
        part += 1
    memcpy(out, first, pending * sizeof(Word))
    return done(m, result)


cdef int concat_lists(Machine* m, Word* fp) noexcept nogil:
    """State: the index of the current list; the number of elements of those before it."""
    cdef Word* state = fp + 1
    cdef uint64_t n = list_size(fp[0]), i, total, j
    cdef Word* items = list_items(fp[0])
    cdef Word* from_
    cdef Word* out
    cdef Word w
    cdef bint tries
    if m.sp == state:
        push(m, 0)
        push(m, 0)
    i = <uint64_t>int_value(state[0])
    total = <uint64_t>int_value(state[1])
    tries = is_worth_trying(i)
    while i < n:
        if must_stop(m):
            return stop(m)
        w = settled(m, items[i]) if tries else val(items[i])
        if is_thunk(w):
            if tries and more_room(m, n - i):
                continue
            state[0] = small_int(<int64_t>i)
            state[1] = small_int(<int64_t>total)
            end_bulk(m)
            return force(m, w)
        if not is_list(w):
            return of_part(m, PART_ELEMENT + 1, raise_type(m, "a list", w))
        total += list_size(w)
        if total > (<uint64_t>1 << 48):
            return raise_message(m, worded(MESSAGE_LIST_OF_TOO_MANY))
        i += 1
    end_bulk(m)
    if total > UNRESERVED and not heap_reserve(m, total + 1):
        return RAISE
    out = m.hp + 1
    for i in range(n):
        w = val(items[i])
        from_ = list_items(w)
        # A list that has all of the elements is the result; nothing has been made yet.
        if list_size(w) == total:
            return done(m, w)
        if list_size(w) < LARGE_PART:
            for j in range(list_size(w)):
                out[j] = from_[j]
        else:
            memcpy(out, from_, list_size(w) * sizeof(Word))
            if must_stop(m):
                return stop(m)
        out += list_size(w)
    return done(m, close_list(m, out))


cdef uint64_t _taken(Word* state, Word* top) noexcept nogil:
    """The number of elements that there are already, in parts and pending."""
    cdef Word* first = _pending(state)
    cdef Word* part = state + 3
    cdef uint64_t total = <uint64_t>(top - first)
    while part < first:
        total += list_size(part[0])
        part += 1
    return total


cdef Word* _move_taken(Machine* m, Word* state, Word* out) noexcept nogil:
    """Moves these elements to *out*; returns the end of what was moved."""
    cdef Word* first = _pending(state)
    cdef Word* part = state + 3
    while part < first:
        memcpy(out, list_items(part[0]), list_size(part[0]) * sizeof(Word))
        out += list_size(part[0])
        part += 1
    memcpy(out, first, <uint64_t>(m.sp - first) * sizeof(Word))
    out += m.sp - first
    m.sp = state + 3
    state[1] = 0
    return out


cdef bint _map_in_bulk(Machine* m, Word* fp, Word* state, uint64_t* index) noexcept nogil:
    """Goes on with short calls, and puts their elements into a list with room for all that may come; returns False if memory is short.

    The number of elements so far determines how much room that is.  Room that is not used is never touched.
    """
    cdef uint64_t n = list_size(fp[1]), i = index[0], room, size, j
    cdef Word* items = list_items(fp[1])
    cdef Word* made
    cdef Word* out
    cdef Word* end
    cdef Word* part
    cdef Word* from_
    cdef Word w
    size = _taken(state, m.sp)
    if i < LEAST_SAMPLE or size > (<uint64_t>1 << 40) // n:
        return True
    room = size * (n - i) // i
    room += room // 16 + size + LARGE_PART
    if not heap_reserve(m, room + BULK_WORDS):
        return False
    part = m.hp
    end = part + 1 + room
    m.hp = end
    set_soft_limit(m, end + (BULK_WORDS - 4096))
    out = _move_taken(m, state, part + 1)
    while i < n and end - out >= LARGE_PART:
        made = m.hp
        w = short_call(m, fp[0], items + i, 1)
        if w == WORD_NOT_FOUND and more_room(m, n - i):
            continue
        if not is_list(w) or list_size(w) >= LARGE_PART or must_stop(m):
            break
        size = list_size(w)
        from_ = list_items(w)
        for j in range(size):
            out[j] = from_[j]
        out += size
        if pointer_of(w) >= made and pointer_of(w) + 1 + size == m.hp:
            m.hp = pointer_of(w)
        i += 1
    index[0] = i
    # If there are no elements, there is no list: the header below marks the room as raw bytes, which nobody reads.
    if out == part + 1:
        out = part
    else:
        part[0] = header_of(KIND_LIST, <uint64_t>(out - part) - 1)
        push(m, tagged(part, TAG_LIST))
        state[1] = small_int(1)
    state[2] = 0
    if m.hp == end:
        m.hp = out
    elif out < end:
        out[0] = header_of(KIND_RAW, <uint64_t>(end - out) - 1)
    end_bulk(m)
    return True


cdef int concat_map(Machine* m, Word* fp) noexcept nogil:
    cdef Word* state = fp + 2
    cdef uint64_t n = list_size(fp[1]), i
    cdef Word* items = list_items(fp[1])
    cdef Word* made
    cdef Word w
    cdef bint tries
    if m.sp == state:
        for i in range(3):
            push(m, 0)
        if not stack_reserve(m, MOST_PENDING + 4096):
            return RAISE
    else:
        w = pop(m)
        if not is_list(w):
            raise_type(m, "a list", w)
            if is_function(w):
                m.error.selected = next_parameter(m, w).position
            return of_part(m, PART_RESULT, RAISE)
        if not _take_list(m, state, w):
            return RAISE
    i = <uint64_t>int_value(state[0])
    tries = is_worth_trying(i)
    while i < n:
        if <uint64_t>(m.sp - _pending(state)) + LARGE_PART > MOST_PENDING and not (_close_part(m, state) and stack_reserve(m, MOST_PENDING + 4096)):
            return RAISE
        made = m.hp
        w = short_call(m, fp[0], items + i, 1) if tries else WORD_NOT_FOUND
        if not is_list(w) or must_stop(m):
            if tries and more_room(m, n - i):
                if not _map_in_bulk(m, fp, state, &i):
                    return RAISE
                if i == n:
                    break
            state[0] = small_int(<int64_t>i + 1)
            return call1(m, fp[0], items[i])
        if not _take_list(m, state, w):
            return RAISE
        # The list is not needed any more, unless it became a part.  If it was allocated last, its memory is used for the next list.
        if pointer_of(w) >= made and list_size(w) < LARGE_PART and pointer_of(w) + 1 + list_size(w) == m.hp:
            m.hp = pointer_of(w)
        i += 1
    return _joined(m, state)


# ---- grouping ---------------------------------------------------------------------------------------------------

cdef int _group(Machine* m, Word* names, Word* items, uint64_t n) noexcept nogil:
    """Makes a set of lists: under each name, the elements with that name.  The names are strings."""
    cdef Groups groups
    cdef Group* group
    cdef Attr[FEW_GROUPS] few
    cdef Attr* entries
    cdef Word result
    cdef uint64_t i
    groups_init(&groups)
    for i in range(n):
        group = groups_at(&groups, symbol_of(m, names[i]))
        if group == NULL:
            groups_free(&groups)
            return raise_text(m, ERROR_MEMORY, NULL)
        group.size += 1
    if not heap_reserve(m, n + groups.count):
        groups_free(&groups)
        return RAISE
    entries = &few[0] if groups.count <= FEW_GROUPS else scratch_entries(m, groups.count)
    if entries == NULL:
        groups_free(&groups)
        return RAISE
    for i in range(groups.count):
        group = &groups.items[i]
        entries[i].symbol = group.symbol
        entries[i].position = 0
        entries[i].value = new_list(m, group.size)
        group.next = list_items(entries[i].value)
    for i in range(n):
        group = groups_at(&groups, symbol_of(m, names[i]))
        group.next[0] = items[i]
        group.next += 1
    result = attrs_build(m, entries, groups.count)
    if entries != few:
        free(entries)
    groups_free(&groups)
    return done(m, result) if result else RAISE


cdef int group_by(Machine* m, Word* fp) noexcept nogil:
    """State: the names that the calls returned, from fp[2] on."""
    cdef uint64_t n = list_size(fp[1])
    cdef uint64_t answered = <uint64_t>(m.sp - (fp + 2))
    if answered:
        if not is_string(m.sp[-1]):
            return of_part(m, PART_RESULT, raise_type(m, "a string", m.sp[-1]))
        if string_context(m.sp[-1]):
            return of_part(m, PART_RESULT, raise_context(m, m.sp[-1]))
    elif n > UNRESERVED and not stack_reserve(m, n):
        return RAISE
    if answered == n:
        return _group(m, fp + 2, list_items(fp[1]), n)
    return call1(m, fp[0], list_items(fp[1])[answered])


define("length", length)
define("head", head)
define("tail", tail_)
define("elemAt", elem_at)
define("elem", elem)
define("map", map_)
define("genList", gen_list)
define("filter", filter_)
define("partition", partition)
define("any", any_)
define("all", all_)
define("foldl'", foldl)
define("concatLists", concat_lists)
define("concatMap", concat_map)
define("groupBy", group_by)
