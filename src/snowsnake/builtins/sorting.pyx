# cython: language_level=3
"""The builtin sort: a stable merge sort that adapts to runs, and can stop at every comparison.

In: a comparator and a list.  Out: the sorted list.  The order of comparisons, which errors and traces show, is
that of C++ Nix: Munro and Wild's "peeksort", with insertion below 17 elements; any comparator, even one that defines no
order, yields some permutation.  Where `builtins.lessThan` sorts only ints or only strings, nothing can fail, and a plain
merge sort of (first 8 bytes, word) pairs does the work.

The recursion is a stack of records above the arguments; a record's first word is the phase of its range.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset, strcmp

from snowsnake.builtins.protocol cimport call2, call_internal2, done, force, need_function
from snowsnake.builtins.registry cimport define
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.merging cimport merge_sort
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport of_part, raise_text
from snowsnake.machine.heap cimport cell_of, heap_reserve, new_list, pop, push
from snowsnake.machine.internals cimport INTERNAL_LESS
from snowsnake.machine.short_calls cimport is_worth_trying, settled, short_call
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, Machine, RAISE, TAIL, PART_RESULT
from snowsnake.machine.symbols cimport compare_strings
from snowsnake.machine.word cimport (
    KIND_BUILTIN, WORD_NOT_FOUND, WORD_NULL, WORD_TRUE, Word, float_value, header_size, int_value, is_bool, is_float, is_function,
    is_int, is_string, is_thunk, kind_of, list_items, list_size, pointer_of, small_int, string_data, string_size, val,
)

cdef enum:
    # A record of the stack has this many words.
    RECORD = 10
    INSERTION_LIMIT = 16

# These are the fields of a record, which describes a range that is being sorted.
cdef enum:
    PHASE
    # The range is [BEGIN, END).
    BEGIN
    END
    # The elements of [BEGIN, LEFT) are sorted.  During the merge, LEFT is where the second part begins.
    LEFT
    # The elements of [RIGHT, END) are sorted.
    RIGHT
    X
    Y
    # The run around the middle begins here.  During the merge, the next result goes here.
    RUN_BEGIN
    RUN_END
    # 1 if that run falls strictly, otherwise 0.
    FALLING

# These are the phases of a range, with what X and Y are in each.
cdef enum:
    START
    # X is the first element that is not in place yet; Y is the place of the current one.
    INSERT
    # X is the middle.
    DIRECTION
    # Y is the end of the elements that are not compared yet.
    LEFTWARDS
    # Y is the last element that is known to belong to the run.
    RIGHTWARDS
    # The first part is sorted.
    SECOND
    # Both parts are sorted.
    MERGE
    # X and Y are the next elements of the two parts, in the buffer.
    MERGING


# ---- ints or strings only ---------------------------------------------------------------------------------------

cdef struct KeyedWord:
    # Keys compare as their values do; strings with equal keys must be compared as a whole.
    uint64_t key
    Word word


cdef inline uint64_t _string_key(Word s) noexcept nogil:
    cdef uint64_t key = 0, n = string_size(s), i
    cdef uint8_t* data = string_data(s)
    for i in range(8):
        key = (key << 8) | (data[i] if i < n else 0)
    return key


cdef inline int _less_now(Word a, Word b) noexcept nogil:
    """Whether a < b, for two evaluated numbers or strings; -1 for other values, which the machine must compare."""
    if is_string(a) and is_string(b):
        return 1 if compare_strings(a, b) < 0 else 0
    if is_int(a):
        if is_int(b):
            return 1 if int_value(a) < int_value(b) else 0
        if is_float(b):
            return 1 if <double>int_value(a) < float_value(b) else 0
    elif is_float(a):
        if is_float(b):
            return 1 if float_value(a) < float_value(b) else 0
        if is_int(b):
            return 1 if float_value(a) < <double>int_value(b) else 0
    return -1


cdef inline bint _is_later_string(Machine* m, const KeyedWord* a, const KeyedWord* b) noexcept nogil:
    return a.key > b.key if a.key != b.key else compare_strings(a.word, b.word) > 0


cdef inline bint _is_later_int(Machine* m, const KeyedWord* a, const KeyedWord* b) noexcept nogil:
    return a.key > b.key


cdef int _sort_plain(Machine* m, Word list) noexcept nogil:
    """Sorts evaluated elements by `<`.  Returns DONE, RAISE, or TAIL if they are neither all ints nor all strings."""
    cdef uint64_t n = list_size(list), i
    cdef Word* items = list_items(list)
    cdef Word first = val(items[0]), w, result, previous = first
    cdef bint strings = is_string(first), rises = True, falls = True
    cdef KeyedWord* source
    if not strings and not is_int(first):
        return TAIL
    for i in range(1, n):
        w = val(items[i])
        if not (is_string(w) if strings else is_int(w)):
            return TAIL
        if _less_now(w, previous) == 1:
            rises = False
        else:
            # Equal elements keep their order, so they end a falling run.
            falls = False
        previous = w
    if not heap_reserve(m, n + 1):
        return RAISE
    if rises or falls:
        result = new_list(m, n)
        for i in range(n):
            list_items(result)[i] = val(items[i if rises else n - 1 - i])
        return done(m, result)
    source = <KeyedWord*>allocate_items(2 * n, sizeof(KeyedWord))
    if source == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    for i in range(n):
        w = val(items[i])
        source[i].key = _string_key(w) if strings else <uint64_t>int_value(w) ^ (<uint64_t>1 << 63)
        source[i].word = w
    if strings:
        merge_sort(source, source + n, n, _is_later_string, must_stop, m)
    else:
        merge_sort(source, source + n, n, _is_later_int, must_stop, m)
    if must_stop(m):
        free(source)
        return stop(m)
    result = new_list(m, n)
    for i in range(n):
        list_items(result)[i] = source[i].word
    free(source)
    return done(m, result)


# ---- any comparator ---------------------------------------------------------------------------------------------

cdef inline bint _is_less_than(Machine* m, Word f) noexcept nogil:
    return is_function(f) and kind_of(f) == KIND_BUILTIN \
        and strcmp(m.builtins[header_size(pointer_of(f)[0])].name, "lessThan") == 0


cdef inline void _push_range(Machine* m, int64_t begin, int64_t end, int64_t left, int64_t right) noexcept nogil:
    cdef Word* r = m.sp
    memset(r, 0, RECORD * sizeof(Word))
    r[PHASE] = small_int(START)
    r[BEGIN] = small_int(begin)
    r[END] = small_int(end)
    r[LEFT] = small_int(left)
    r[RIGHT] = small_int(right)
    m.sp = r + RECORD


cdef inline int64_t _get(Word* r, int field) noexcept nogil:
    return <int64_t>r[field] >> 3


cdef inline void _set(Word* r, int field, int64_t value) noexcept nogil:
    r[field] = <Word>value << 3


cdef inline void _start(Machine* m, Word* r) noexcept nogil:
    """Decides how to sort a range, without a comparison."""
    cdef int64_t begin = _get(r, BEGIN), end = _get(r, END), left = _get(r, LEFT), right = _get(r, RIGHT)
    cdef int64_t middle = begin + (end - begin) // 2
    if left == end or right == begin:
        # The range is sorted already.
        m.sp = r
    elif end - begin <= INSERTION_LIMIT:
        _set(r, PHASE, INSERT)
        _set(r, X, begin + 1)
        _set(r, Y, begin + 1)
    elif middle <= left:
        _set(r, PHASE, MERGE)
        _push_range(m, left, end, left + 1, right)
    elif middle >= right:
        _set(r, PHASE, MERGE)
        _set(r, LEFT, right)
        _push_range(m, begin, right, left, right - 1)
    else:
        _set(r, PHASE, DIRECTION)
        _set(r, X, middle)


cdef inline void _split(Machine* m, Word* r, Word* items) noexcept nogil:
    """Once the run around the middle is known, divides the range at one end of the run, and lets the first part be sorted."""
    cdef int64_t begin = _get(r, BEGIN), end = _get(r, END), left = _get(r, LEFT)
    cdef int64_t middle = _get(r, X), i = _get(r, RUN_BEGIN), j = _get(r, RUN_END)
    cdef int64_t low = i, high = j - 1
    cdef Word swap
    if _get(r, FALLING):
        while low < high:
            swap = items[low]
            items[low] = items[high]
            items[high] = swap
            low += 1
            high -= 1
    if i == begin and j == end:
        m.sp = r
        return
    _set(r, PHASE, SECOND)
    if middle - i < j - middle:
        _set(r, LEFT, i)
        # X is the end of the sorted run that the second part begins with.
        _set(r, X, j)
        _push_range(m, begin, i, left, i - 1)
    else:
        _set(r, LEFT, j)
        _set(r, X, j + 1)
        _push_range(m, begin, j, left, i)


cdef int _merge_rest(Word* r, Word* items, Word* buffer, int64_t x, int64_t y, int64_t out) noexcept nogil:
    cdef int64_t split = _get(r, LEFT) - _get(r, BEGIN), size = _get(r, END) - _get(r, BEGIN)
    memcpy(items + out, buffer + x, (split - x) * sizeof(Word))
    memcpy(items + out + (split - x), buffer + y, (size - y) * sizeof(Word))
    return 0


cdef inline void _operands(Word* r, Word* items, Word* buffer, Word* a, Word* b) noexcept nogil:
    """The operands of the comparison `a < b` that the phase needs next."""
    cdef int64_t phase = _get(r, PHASE), y = _get(r, Y)
    if phase == INSERT:
        a[0] = items[y]
        b[0] = items[y - 1]
    elif phase == DIRECTION:
        a[0] = items[_get(r, X)]
        b[0] = items[_get(r, X) - 1]
    elif phase == LEFTWARDS:
        a[0] = items[y - 1]
        b[0] = items[y - 2]
    elif phase == RIGHTWARDS:
        a[0] = items[y + 1]
        b[0] = items[y]
    else:
        a[0] = buffer[y]
        b[0] = buffer[_get(r, X)]


cdef inline bint _ends(Machine* m, Word* r, Word* items, Word* buffer) noexcept nogil:
    """If a range's phase has nothing left to compare, goes to the next phase and returns True; returns False if a comparison is needed."""
    cdef int64_t phase = _get(r, PHASE), x = _get(r, X), y = _get(r, Y)
    cdef int64_t begin = _get(r, BEGIN), end = _get(r, END)
    if phase == INSERT:
        # The current element has reached the beginning, so it is in place.
        if y == begin:
            x += 1
            y = x
            _set(r, X, x)
            _set(r, Y, y)
        if x < end:
            return False
        m.sp = r
    elif phase == LEFTWARDS:
        if y - 1 > _get(r, LEFT):
            return False
        _set(r, RUN_BEGIN, y - 1)
        _set(r, PHASE, RIGHTWARDS)
        _set(r, Y, x - 1)
    elif phase == RIGHTWARDS:
        if y + 1 != _get(r, RIGHT):
            return False
        _set(r, RUN_END, y + 1)
        _split(m, r, items)
    elif phase == MERGING:
        if x < _get(r, LEFT) - begin and y < end - begin:
            return False
        _merge_rest(r, items, buffer, x, y, _get(r, RUN_BEGIN))
        m.sp = r
    elif phase == START:
        _start(m, r)
    elif phase == SECOND:
        _set(r, PHASE, MERGE)
        _push_range(m, _get(r, LEFT), end, x, _get(r, RIGHT))
    elif phase == MERGE:
        memcpy(buffer, items + begin, (end - begin) * sizeof(Word))
        _set(r, PHASE, MERGING)
        _set(r, X, 0)
        _set(r, Y, _get(r, LEFT) - begin)
        _set(r, RUN_BEGIN, begin)
    else:
        return False
    return True


cdef inline void _take(Machine* m, Word* r, Word* items, Word* buffer, bint less) noexcept nogil:
    """Continues a phase with the answer to its comparison."""
    cdef int64_t phase = _get(r, PHASE), x = _get(r, X), y = _get(r, Y), out
    cdef Word swap
    if phase == INSERT:
        if less:
            swap = items[y]
            items[y] = items[y - 1]
            items[y - 1] = swap
            _set(r, Y, y - 1)
        else:
            _set(r, X, x + 1)
            _set(r, Y, x + 1)
    elif phase == DIRECTION:
        _set(r, FALLING, 1 if less else 0)
        _set(r, PHASE, LEFTWARDS)
        _set(r, Y, x)
    elif phase == LEFTWARDS:
        if less == _get(r, FALLING):
            _set(r, Y, y - 1)
        else:
            _set(r, RUN_BEGIN, y - 1)
            _set(r, PHASE, RIGHTWARDS)
            _set(r, Y, x - 1)
    elif phase == RIGHTWARDS:
        if less == _get(r, FALLING):
            _set(r, Y, y + 1)
        else:
            _set(r, RUN_END, y + 1)
            _split(m, r, items)
    else:
        out = _get(r, RUN_BEGIN)
        if less:
            items[out] = buffer[y]
            _set(r, Y, y + 1)
        else:
            items[out] = buffer[x]
            _set(r, X, x + 1)
        _set(r, RUN_BEGIN, out + 1)


cdef int _run(Machine* m, Word* fp, int answer) noexcept nogil:
    """Sorts until a comparator must be called; *answer* is that of the last call, or -1."""
    cdef Word* items = list_items(fp[2])
    cdef Word* buffer = list_items(fp[3])
    cdef bint by_less = _is_less_than(m, fp[0])
    cdef Word a = 0, b = 0
    cdef Word[2] arguments
    cdef Word* r
    cdef bint tries = m.sp == fp + 4 or is_worth_trying(<uint64_t>_get(m.sp - RECORD, Y))
    while m.sp > fp + 4:
        if must_stop(m):
            return stop(m)
        r = m.sp - RECORD
        if answer < 0:
            if _ends(m, r, items, buffer):
                continue
            _operands(r, items, buffer, &a, &b)
            if by_less:
                answer = _less_now(val(a), val(b))
                if answer < 0:
                    return call_internal2(m, INTERNAL_LESS, a, b)
            else:
                arguments[0] = a
                arguments[1] = b
                a = short_call(m, fp[0], arguments, 2) if tries else WORD_NOT_FOUND
                if not is_bool(a):
                    return call2(m, fp[0], arguments[0], arguments[1])
                answer = 1 if a == WORD_TRUE else 0
        _take(m, r, items, buffer, answer == 1)
        answer = -1
    return done(m, fp[2])


cdef int _force_elements(Machine* m, Word* fp) noexcept nogil:
    """Evaluates all elements, in order, before the first comparison.  State: the number of evaluated elements."""
    cdef uint64_t n = list_size(fp[1]), i = <uint64_t>int_value(fp[2])
    cdef bint tries = is_worth_trying(i)
    cdef Word w
    while i < n:
        w = settled(m, list_items(fp[1])[i]) if tries else val(list_items(fp[1])[i])
        if is_thunk(w):
            fp[2] = small_int(<int64_t>i)
            return force(m, w)
        if must_stop(m):
            return stop(m)
        i += 1
    return DONE


cdef int sort(Machine* m, Word* fp) noexcept nogil:
    """State: the count of evaluated elements; later the list at work, a buffer, and the records."""
    cdef uint64_t n, i
    cdef Word answer
    cdef int outcome
    if m.sp > fp + 4:
        answer = pop(m)
        if not is_bool(answer):
            return of_part(m, PART_RESULT, raise_type(m, "a Boolean", answer))
        return _run(m, fp, 1 if answer == WORD_TRUE else 0)
    n = list_size(fp[1])
    if m.sp == fp + 2:
        # The comparator of an empty list is not forced.
        if n == 0:
            return done(m, fp[1])
        outcome = need_function(m, fp)
        if outcome != DONE:
            return outcome
        push(m, 0)
    outcome = _force_elements(m, fp)
    if outcome != DONE:
        return outcome
    if n == 1:
        return done(m, fp[1])
    if _is_less_than(m, fp[0]):
        outcome = _sort_plain(m, fp[1])
        if outcome != TAIL:
            return outcome
    if not heap_reserve(m, 2 * n + 2):
        return RAISE
    fp[2] = new_list(m, n)
    push(m, new_list(m, n))
    for i in range(n):
        list_items(fp[2])[i] = cell_of(m, list_items(fp[1])[i])
        list_items(fp[3])[i] = WORD_NULL
    fp[1] = m.empty_list
    _push_range(m, 0, <int64_t>n, 0, <int64_t>n)
    return _run(m, fp, -1)


define("sort", sort)
