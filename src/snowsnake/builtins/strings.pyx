# cython: language_level=3
"""Builtins on strings: length, parts, replacement, joining, base names.

In: arguments as the table's letters prepare them.  Out: strings with the contexts of their parts.
If a builtin without a frame meets a value that must be coerced, it continues as `itself (coerce value)`, a thunk in tail position.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from snowsnake.builtins.engines.numbers cimport format_float_tostring
from snowsnake.machine.gather cimport Gathered, gather, gathered
from snowsnake.builtins.protocol cimport call_internal1, done, force, tail
from snowsnake.builtins.registry cimport builtin_table_count, define
from snowsnake.diagnostics.message_table cimport MESSAGE_NEGATIVE_START, MESSAGE_REPLACED_LENGTHS_DIFFER
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport DECIMAL_SIZE, Bytes, bytes_append, bytes_free, bytes_init, write_decimal
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport (
    heap_reserve, make_apply, make_path, make_string, new_list, new_string, new_string_view, pop, push, string_words,
    write_barrier,
)
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_COERCE_STORE, INTERNAL_TO_STRING, internal_word
from snowsnake.machine.short_calls cimport end_bulk, is_worth_trying, more_room, settled
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, FORCE, PART_ELEMENT, RAISE, Machine
from snowsnake.machine.word cimport (
    WORD_FALSE, WORD_NULL, WORD_TRUE, Word, float_value, int_value, is_float, is_int, is_list, is_path, is_string,
    is_thunk, list_items, list_size, path_string, small_int, string_base, string_context, string_data, string_size, val,
)

cdef enum:
    # This many bytes may be allocated without a reservation.
    SHORT_STRING = 32000
    # A part of at least this many bytes is a view of its string, unless the string has more than MOST_SHARE times as many: a view keeps the whole
    # string alive.
    LEAST_VIEW_BYTES = 1 << 14
    MOST_SHARE = 8

# The numbers of two builtins in the table.
cdef unsigned int STRING_LENGTH
cdef unsigned int DIR_OF


cdef inline int out_of_memory(Machine* m) noexcept nogil:
    return raise_text(m, ERROR_MEMORY, NULL)


cdef inline bint string_reserve(Machine* m, uint64_t size_bytes) noexcept nogil:
    return size_bytes <= SHORT_STRING or heap_reserve(m, string_words(size_bytes))


cdef inline int coerced_first(Machine* m, unsigned int builtin, int coercion, Word value) noexcept nogil:
    """Continues as `builtin (coercion value)`."""
    return tail(m, make_apply(m, m.builtins[builtin].word, make_apply(m, internal_word(m, coercion), value)))


# ---- length and parts -------------------------------------------------------------------------------------------

cdef int string_length(Machine* m, Word* fp) noexcept nogil:
    if not is_string(fp[0]):
        return coerced_first(m, STRING_LENGTH, INTERNAL_COERCE_STORE, fp[0])
    return done(m, small_int(<int64_t>string_size(fp[0])))


cdef int substring(Machine* m, Word* fp) noexcept nogil:
    """Raises the error of a negative start before it forces the length."""
    cdef int64_t start = int_value(fp[0]), size
    cdef uint64_t available
    cdef Word s
    if start < 0:
        return raise_message(m, worded(MESSAGE_NEGATIVE_START))
    fp[1] = val(fp[1])
    if not is_int(fp[1]):
        return force(m, fp[1]) if is_thunk(fp[1]) else of_part(m, 2, raise_type(m, "an integer", fp[1]))
    # If there is one more word on the stack, it is the answer of the coercion.
    if m.sp > fp + 3:
        fp[2] = pop(m)
    s = fp[2] = val(fp[2])
    if not is_string(s):
        return force(m, s) if is_thunk(s) else call_internal1(m, INTERNAL_COERCE_STORE, s)
    available = string_size(s) - <uint64_t>start if <uint64_t>start < string_size(s) else 0
    size = int_value(fp[1])
    if size < 0 or <uint64_t>size > available:
        size = <int64_t>available
    if <uint64_t>size == string_size(s):
        return done(m, s)
    if size == 0 and string_context(s) == 0:
        return done(m, m.empty_string)
    if size == 0:
        start = 0
    if size >= LEAST_VIEW_BYTES and MOST_SHARE * size >= <int64_t>string_size(string_base(s)):
        start += string_data(s) - string_data(string_base(s))
        return done(m, new_string_view(m, string_base(s), <uint64_t>start, <uint64_t>size, string_context(s)))
    if not string_reserve(m, <uint64_t>size):
        return RAISE
    return done(m, make_string(m, string_data(s) + start, <uint64_t>size, string_context(s)))


cdef int _integer_text(Machine* m, int64_t number) noexcept nogil:
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int start = write_decimal(number, digits)
    return done(m, make_string(m, &digits[start], DECIMAL_SIZE - start, 0))


cdef int _float_text(Machine* m, double number) noexcept nogil:
    cdef Bytes text
    bytes_init(&text)
    format_float_tostring(&text, number)
    m.result = 0 if text.failed else make_string(m, text.data, text.size, 0)
    bytes_free(&text)
    return DONE if m.result else out_of_memory(m)


cdef int to_string(Machine* m, Word* fp) noexcept nogil:
    cdef Word w = fp[0]
    if is_string(w):
        return done(m, w)
    if is_int(w):
        return _integer_text(m, int_value(w))
    if is_float(w):
        return _float_text(m, float_value(w))
    if w == WORD_TRUE:
        return done(m, make_string(m, <const char*>"1", 1, 0))
    if w == WORD_FALSE or w == WORD_NULL:
        return done(m, m.empty_string)
    return tail(m, make_apply(m, internal_word(m, INTERNAL_TO_STRING), w))


# ---- base names -------------------------------------------------------------------------------------------------

cdef int base_name_of(Machine* m, Word* fp) noexcept nogil:
    """Ignores one slash at the end."""
    cdef Word s = fp[0]
    cdef uint8_t* data = string_data(s)
    cdef uint64_t end = string_size(s), start
    if end and data[end - 1] == b'/':
        end -= 1
    start = end
    while start and data[start - 1] != b'/':
        start -= 1
    if end - start == string_size(s):
        return done(m, s)
    if not string_reserve(m, end - start):
        return RAISE
    return done(m, make_string(m, data + start, end - start, string_context(s)))


cdef Word parent_of(Machine* m, Word s, bint is_path) noexcept nogil:
    """Returns the text before the last slash; 0, with an error set, if memory is short."""
    cdef uint8_t* data = string_data(s)
    cdef uint64_t end = string_size(s)
    cdef uint32_t context = 0 if is_path else string_context(s)
    while end and data[end - 1] != b'/':
        end -= 1
    if end == 0:
        return make_string(m, <const char*>".", 1, context)
    if end > 1:
        end -= 1
    if not string_reserve(m, end):
        return 0
    return make_string(m, data, end, context)


cdef int dir_of(Machine* m, Word* fp) noexcept nogil:
    cdef Word parent
    if is_path(fp[0]):
        parent = parent_of(m, path_string(fp[0]), True)
        return done(m, make_path(m, parent)) if parent else RAISE
    if not is_string(fp[0]):
        return coerced_first(m, DIR_OF, INTERNAL_COERCE, fp[0])
    parent = parent_of(m, fp[0], False)
    return done(m, parent) if parent else RAISE


# ---- joining ----------------------------------------------------------------------------------------------------

cdef int _join(Machine* m, Word separator, Word* items, uint64_t n) noexcept nogil:
    """Joins *items*, which are strings, perhaps behind evaluated thunks."""
    cdef uint64_t i, size, step = string_size(separator)
    cdef Gathered contexts
    cdef Word s
    cdef uint8_t* out
    memset(&contexts, 0, sizeof(Gathered))
    gather(&contexts, string_context(separator))
    size = step * (n - 1)
    if step and (n - 1) > (<uint64_t>1 << 50) // step:
        # No string may have so many bytes: the reservation fails.
        size = <uint64_t>1 << 50
    # This loop does not look for requests to stop, because an iteration takes a few instructions: the caller's loop and the next one do.
    for i in range(n):
        s = val(items[i])
        size += string_size(s)
        gather(&contexts, string_context(s))
    if not string_reserve(m, size):
        free(contexts.contexts)
        return RAISE
    s = new_string(m, size, gathered(m, &contexts))
    if contexts.failed:
        return out_of_memory(m)
    m.result = s
    out = string_data(s)
    for i in range(n):
        s = val(items[i])
        if must_stop(m):
            return stop(m)
        memcpy(out, string_data(s), string_size(s))
        out += string_size(s)
        if step and i + 1 < n:
            memcpy(out, string_data(separator), step)
            out += step
    return DONE


cdef int concat_strings_sep(Machine* m, Word* fp) noexcept nogil:
    """State: the index of the current element, and, once an element was coerced, a copy of the list that has the coerced elements."""
    cdef uint64_t n, i = 0
    cdef Word* items
    cdef Word list = fp[1], w, copy
    cdef bint is_answer = False, tries
    if m.sp > fp + 2:
        i = <uint64_t>int_value(fp[2])
        if fp[3] != WORD_NULL:
            list = fp[3]
        is_answer = m.sp > fp + 4
    n = list_size(list)
    items = list_items(list)
    if n == 0:
        if string_context(fp[0]) == 0:
            return done(m, m.empty_string)
        return done(m, make_string(m, "", 0, string_context(fp[0])))
    if is_answer:
        if fp[3] == WORD_NULL:
            if not heap_reserve(m, n + 1):
                return RAISE
            copy = new_list(m, n)
            memcpy(list_items(copy), items, n * sizeof(Word))
            fp[3] = copy
            items = list_items(copy)
        items[i] = pop(m)
        write_barrier(m, fp[3])
        i += 1
    tries = is_worth_trying(i)
    while i < n:
        if must_stop(m):
            return stop(m)
        if is_string(items[i]):
            i += 1
            continue
        w = settled(m, items[i]) if tries else val(items[i])
        if not is_string(w):
            if tries and is_thunk(w) and more_room(m, n - i):
                continue
            if m.sp == fp + 2:
                push(m, 0)
                push(m, WORD_NULL)
            fp[2] = small_int(<int64_t>i)
            end_bulk(m)
            return force(m, w) if is_thunk(w) else call_internal1(m, INTERNAL_COERCE_STORE, w)
        i += 1
    end_bulk(m)
    return _join(m, fp[0], items, n)


# ---- replacement ------------------------------------------------------------------------------------------------

cdef enum:
    # So many patterns need no memory of their own.
    FEW_PATTERNS = 16


cdef struct Patterns:
    # The patterns are strings, perhaps behind thunks.
    Word* items
    uint64_t count
    # The index of the first empty pattern, or `count` if there is none.  An empty pattern always matches, so no later pattern is ever tried.
    uint64_t first_empty
    # For each byte, the index of the first pattern that begins with it, or -1.
    int32_t heads[256]
    # For each pattern, the index of the next one with the same first byte, or -1.
    int32_t* nexts
    # For each pattern, whether it matched somewhere.
    uint8_t* used
    # These are the two arrays of a few patterns.
    int32_t few_nexts[FEW_PATTERNS]
    uint8_t few_used[FEW_PATTERNS]


cdef bint _patterns_init(Patterns* p, Word* items, uint64_t count) noexcept nogil:
    cdef int64_t i
    cdef Word s
    cdef uint8_t first
    p.items = items
    p.count = count
    p.first_empty = count
    p.nexts = p.few_nexts
    p.used = p.few_used
    if count > FEW_PATTERNS:
        p.nexts = <int32_t*>allocate_items(count * (sizeof(int32_t) + 1) + 1, 1)
        if p.nexts == NULL or count > 0x7FFFFFFF:
            free(p.nexts)
            return False
        p.used = <uint8_t*>(p.nexts + count)
    memset(p.used, 0, count)
    memset(p.heads, 0xFF, sizeof(p.heads))
    for i in range(<int64_t>count):
        if string_size(val(items[i])) == 0:
            p.first_empty = <uint64_t>i
            break
    for i in range(<int64_t>p.first_empty - 1, -1, -1):
        s = val(items[i])
        first = string_data(s)[0]
        p.nexts[i] = p.heads[first]
        p.heads[first] = <int32_t>i
    return True


cdef inline void _patterns_free(Patterns* p) noexcept nogil:
    if p.nexts != p.few_nexts:
        free(p.nexts)


cdef inline int64_t _pattern_at(Patterns* p, const uint8_t* data, uint64_t size, uint64_t at) noexcept nogil:
    """The index of the first pattern that matches at this place, or -1."""
    cdef int32_t i
    cdef Word s
    if at < size:
        i = p.heads[data[at]]
        while i >= 0:
            s = val(p.items[i])
            if string_size(s) <= size - at and memcmp(string_data(s), data + at, string_size(s)) == 0:
                return i
            i = p.nexts[i]
    return <int64_t>p.first_empty if p.first_empty < p.count else -1


cdef int _intersperse(Machine* m, Word s, Word by) noexcept nogil:
    """Writes a text before each byte and at the end: this is what replacing the empty string means, if no pattern comes before it."""
    cdef uint64_t size = string_size(s), step = string_size(by), i
    cdef const uint8_t* data = string_data(s)
    cdef const uint8_t* text
    cdef uint8_t* out
    cdef Gathered contexts
    if not string_reserve(m, size + (size + 1) * step if step < (<uint64_t>1 << 50) // (size + 1) else <uint64_t>1 << 50):
        return RAISE
    memset(&contexts, 0, sizeof(Gathered))
    gather(&contexts, string_context(s))
    gather(&contexts, string_context(by))
    m.result = new_string(m, size + (size + 1) * step, gathered(m, &contexts))
    if contexts.failed:
        return out_of_memory(m)
    out = string_data(m.result)
    text = string_data(by)
    for i in range(size):
        if must_stop(m):
            return stop(m)
        if step == 1:
            out[0] = text[0]
        else:
            memcpy(out, text, step)
        out[step] = data[i]
        out += step + 1
    memcpy(out, text, step)
    return DONE


cdef int _replace(Machine* m, Word* fp, Patterns* p, Word* needed) noexcept nogil:
    """Makes the result.  Returns DONE, RAISE, or FORCE: then `needed[0]` is a replacement that must be forced."""
    cdef Word s = fp[2], by
    cdef const uint8_t* data = string_data(s)
    cdef uint64_t size = string_size(s), at = 0, copied = 0, i
    cdef Word* replacements = list_items(fp[1])
    cdef int64_t which
    cdef Gathered contexts
    cdef Bytes out
    cdef bint is_replaced = False, fits = True
    memset(&out, 0, sizeof(Bytes))
    if p.count and p.first_empty == 0 and is_string(val(replacements[0])):
        return _intersperse(m, s, val(replacements[0]))
    while at <= size:
        if must_stop(m):
            bytes_free(&out)
            return stop(m)
        if p.first_empty == p.count:
            while at < size and p.heads[data[at]] < 0:
                at += 1
        which = _pattern_at(p, data, size, at)
        if which < 0:
            at += 1
            continue
        by = val(replacements[which])
        if not is_string(by):
            bytes_free(&out)
            needed[0] = by
            return FORCE if is_thunk(by) else of_part(m, PART_ELEMENT + 2, raise_type(m, "a string", by))
        p.used[which] = 1
        is_replaced = True
        fits = bytes_append(&out, data + copied, at - copied) and bytes_append(&out, string_data(by), string_size(by))
        copied = at
        if <uint64_t>which == p.first_empty:
            at += 1
        else:
            at += string_size(val(p.items[which]))
            copied = at
        # The result is longer than any string may be: string_reserve raises the error.
        if not fits or out.size >> 3 > m.memory_limit_words:
            break
    if not is_replaced:
        return done(m, s)
    memset(&contexts, 0, sizeof(Gathered))
    gather(&contexts, string_context(s))
    for i in range(p.count):
        if p.used[i]:
            gather(&contexts, string_context(val(replacements[i])))
    fits = fits and (copied >= size or bytes_append(&out, data + copied, size - copied))
    if not fits or not string_reserve(m, out.size):
        free(contexts.contexts)
        bytes_free(&out)
        return RAISE if fits else out_of_memory(m)
    m.result = make_string(m, out.data, out.size, gathered(m, &contexts))
    bytes_free(&out)
    return out_of_memory(m) if contexts.failed else DONE


cdef int _force_replacements(Machine* m, Word* fp, Patterns* p) noexcept nogil:
    """Goes once over the text, and forces each replacement when it is first needed.  State: fp[3] is the place in the text."""
    cdef const uint8_t* data = string_data(fp[2])
    cdef uint64_t size = string_size(fp[2]), at = <uint64_t>int_value(fp[3])
    cdef Word* replacements = list_items(fp[1])
    cdef int64_t which
    cdef Word by
    while at <= size:
        if must_stop(m):
            return stop(m)
        which = _pattern_at(p, data, size, at)
        if which < 0:
            at += 1
            continue
        by = val(replacements[which])
        if not is_string(by):
            fp[3] = small_int(<int64_t>at)
            return force(m, by) if is_thunk(by) else of_part(m, PART_ELEMENT + 2, raise_type(m, "a string", by))
        at += 1 if <uint64_t>which == p.first_empty else string_size(val(p.items[which]))
    return DONE


cdef int replace_strings(Machine* m, Word* fp) noexcept nogil:
    """State: fp[3] is the place up to which all replacements that the text needs are forced; fp[4] is the number of patterns that are known to be strings."""
    cdef uint64_t n, i
    cdef Word w
    cdef Patterns patterns
    cdef int outcome = DONE
    fp[1] = val(fp[1])
    if not is_list(fp[1]):
        return force(m, fp[1]) if is_thunk(fp[1]) else of_part(m, 2, raise_type(m, "a list", fp[1]))
    n = list_size(fp[0])
    if n != list_size(fp[1]):
        return raise_message(m, worded(MESSAGE_REPLACED_LENGTHS_DIFFER))
    if m.sp == fp + 3:
        push(m, 0)
        push(m, 0)
    i = <uint64_t>int_value(fp[4])
    while i < n:
        w = val(list_items(fp[0])[i])
        if not is_string(w):
            fp[4] = small_int(<int64_t>i)
            return force(m, w) if is_thunk(w) else of_part(m, PART_ELEMENT + 1, raise_type(m, "a string", w))
        i += 1
    fp[4] = small_int(<int64_t>i)
    fp[2] = val(fp[2])
    if not is_string(fp[2]):
        return force(m, fp[2]) if is_thunk(fp[2]) else of_part(m, 3, raise_type(m, "a string", fp[2]))
    if not _patterns_init(&patterns, list_items(fp[0]), n):
        return out_of_memory(m)
    if fp[3] == 0:
        outcome = _replace(m, fp, &patterns, &w)
    if outcome == FORCE or fp[3] != 0:
        outcome = _force_replacements(m, fp, &patterns)
        if outcome == DONE:
            outcome = _replace(m, fp, &patterns, &w)
    _patterns_free(&patterns)
    return outcome


STRING_LENGTH = builtin_table_count()
define("stringLength", string_length)
define("substring", substring)
define("toString", to_string)
define("baseNameOf", base_name_of)
DIR_OF = builtin_table_count()
define("dirOf", dir_of)
define("concatStringsSep", concat_strings_sep)
define("replaceStrings", replace_strings)
