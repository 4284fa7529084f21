# cython: language_level=3
"""match and split.  In: a pattern and a text.  Out: lists of parts and groups; compiled patterns stay with the machine."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from snowsnake.builtins.engines.regex cimport (
    RegexCache, regex_cache_free, regex_cache_get, regex_cache_init, regex_group_count, regex_match_full,
    regex_scan_begin, regex_scan_end, regex_scan_next,
)
from snowsnake.builtins.engines.regex_program cimport REGEX_INVALID, REGEX_OK, RegexStatus
from snowsnake.builtins.engines.regex_reverse cimport REGEX_MATCH, REGEX_MEMORY, REGEX_NO_MATCH, RegexResult
from snowsnake.builtins.engines.regex_walk cimport Regex
from snowsnake.builtins.protocol cimport done, force
from snowsnake.builtins.registry cimport define
from snowsnake.diagnostics.message_table cimport MESSAGE_INVALID_REGEX, MESSAGE_REGEX_TOO_LARGE
from snowsnake.foundation.allocate cimport allocate_items, resize_items
from snowsnake.foundation.limits cimport asked_to_stop
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.errors cimport of_part, raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_reserve, make_string, new_list, string_words
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, RAISE, Machine
from snowsnake.machine.word cimport WORD_NULL, Word, is_string, is_thunk, list_items, string_data, string_size, val

cdef enum:
    # The places of this many groups fit on the stack.
    FEW_GROUPS = 32
    # A pattern that matches only one text, of at most this many bytes, is found without an automaton.
    MOST_LITERAL = 64

# The bytes that have a special meaning in a pattern and may be escaped; `]` and `}` are not among them.
cdef uint8_t[256] IS_SPECIAL

cdef extern from "string.h":
    void* memmem(const void* text, size_t text_size, const void* wanted, size_t wanted_size) noexcept nogil


cdef void regex_release(Machine* m) noexcept nogil:
    if m.regex_cache != NULL:
        regex_cache_free(<RegexCache*>m.regex_cache)
        free(m.regex_cache)
        m.regex_cache = NULL


cdef inline int out_of_memory(Machine* m) noexcept nogil:
    return raise_text(m, ERROR_MEMORY, NULL)


cdef int _raise_bad_pattern(Machine* m, Word pattern, bint is_invalid) noexcept nogil:
    return raise_message(m, worded(
        MESSAGE_INVALID_REGEX if is_invalid else MESSAGE_REGEX_TOO_LARGE, <int>string_size(pattern), <char*>string_data(pattern)))


cdef Regex* _compiled(Machine* m, Word pattern) noexcept nogil:
    """The compiled pattern; NULL, with an error set, if it is invalid."""
    cdef RegexStatus status = REGEX_OK
    cdef Regex* regex
    if m.regex_cache == NULL:
        m.regex_cache = allocate_items(1, sizeof(RegexCache))
        if m.regex_cache == NULL:
            out_of_memory(m)
            return NULL
        regex_cache_init(<RegexCache*>m.regex_cache)
    regex = regex_cache_get(<RegexCache*>m.regex_cache, string_data(pattern), string_size(pattern), &status)
    if regex == NULL:
        _raise_bad_pattern(m, pattern, status == REGEX_INVALID)
    else:
        regex.reverse.attention = &m.attention
    return regex


cdef inline Word _part(Machine* m, const uint8_t* data, int64_t start, int64_t end) noexcept nogil:
    if start >= end:
        return m.empty_string
    return make_string(m, data + start, <uint64_t>(end - start), 0)


cdef inline uint64_t _part_words(int64_t start, int64_t end) noexcept nogil:
    return string_words(<uint64_t>(end - start)) if start < end else 0


cdef uint64_t _groups_words(const int64_t* captures, uint64_t groups) noexcept nogil:
    """The number of words that the list of the groups needs."""
    cdef uint64_t words = 1 + groups, i
    for i in range(groups):
        words += _part_words(captures[2 * i + 2], captures[2 * i + 3])
    return words


cdef Word _groups_list(Machine* m, const uint8_t* data, const int64_t* captures, uint64_t groups) noexcept nogil:
    """The list of the groups: strings, and null for a group that took no part.  Room must have been reserved."""
    cdef Word list = new_list(m, groups)
    cdef uint64_t i
    for i in range(groups):
        if captures[2 * i + 2] < 0:
            list_items(list)[i] = WORD_NULL
        else:
            list_items(list)[i] = _part(m, data, captures[2 * i + 2], captures[2 * i + 3])
    return list


cdef int match(Machine* m, Word* fp) noexcept nogil:
    cdef int64_t[2 * FEW_GROUPS + 2] few
    cdef int64_t* captures = few
    cdef Regex* regex = _compiled(m, fp[0])
    cdef RegexResult result
    cdef uint64_t groups
    if regex == NULL:
        return RAISE
    fp[1] = val(fp[1])
    if not is_string(fp[1]):
        return force(m, fp[1]) if is_thunk(fp[1]) else of_part(m, 2, raise_type(m, "a string", fp[1]))
    groups = regex_group_count(regex)
    if groups > FEW_GROUPS:
        captures = <int64_t*>allocate_items(2 * groups + 2, sizeof(int64_t))
        if captures == NULL:
            return out_of_memory(m)
    result = regex_match_full(regex, string_data(fp[1]), string_size(fp[1]), captures)
    if result == REGEX_NO_MATCH:
        m.result = WORD_NULL
    elif result == REGEX_MATCH and heap_reserve(m, _groups_words(captures, groups)):
        m.result = _groups_list(m, string_data(fp[1]), captures, groups)
    else:
        m.result = 0
    if captures != few:
        free(captures)
    if m.result == 0:
        if must_stop(m):
            return stop(m)
        return RAISE if result == REGEX_MATCH else _raise_bad_pattern(m, fp[0], False)
    return DONE


# ---- split ------------------------------------------------------------------------------------------------------

cdef struct Matches:
    # Each match has `step` numbers.
    int64_t* captures
    uint64_t count
    uint64_t capacity
    uint64_t step


cdef RegexResult _find_all(Regex* regex, Word text, Matches* matches) noexcept nogil:
    """Finds all matches.  Returns REGEX_MATCH when the text was read to its end, otherwise REGEX_MEMORY."""
    cdef RegexResult result = regex_scan_begin(regex, string_data(text), string_size(text))
    cdef int64_t* grown
    if result == REGEX_MEMORY:
        return result
    while True:
        if matches.count == matches.capacity:
            matches.capacity = matches.capacity * 2 if matches.capacity else 8
            grown = <int64_t*>resize_items(matches.captures, matches.capacity * matches.step, sizeof(int64_t))
            if grown == NULL:
                result = REGEX_MEMORY
                break
            matches.captures = grown
        result = regex_scan_next(regex, matches.captures + matches.count * matches.step)
        if result != REGEX_MATCH:
            break
        matches.count += 1
    regex_scan_end(regex)
    return REGEX_MEMORY if result == REGEX_MEMORY else REGEX_MATCH


cdef Word _split_list(Machine* m, Word text, Matches* matches) noexcept nogil:
    """The result of split; 0, with an error set, if memory is short or the evaluation was asked to stop."""
    cdef uint64_t groups = matches.step // 2 - 1, words = 2 + 2 * matches.count, i
    cdef const uint8_t* data = string_data(text)
    cdef int64_t size = <int64_t>string_size(text), end = 0
    cdef int64_t* captures = matches.captures
    cdef Word list
    cdef Word* items
    for i in range(matches.count):
        if must_stop(m):
            stop(m)
            return 0
        words += _part_words(end, captures[0]) + _groups_words(captures, groups)
        end = captures[1]
        captures += matches.step
    if not heap_reserve(m, words + _part_words(end, size)):
        return 0
    list = new_list(m, 2 * matches.count + 1)
    items = list_items(list)
    captures = matches.captures
    end = 0
    for i in range(matches.count):
        items[2 * i] = _part(m, data, end, captures[0])
        items[2 * i + 1] = _groups_list(m, data, captures, groups)
        end = captures[1]
        captures += matches.step
    items[2 * matches.count] = _part(m, data, end, size)
    return list


cdef uint64_t _literal(Word pattern, uint8_t* out) noexcept nogil:
    """Writes the only text that this pattern matches to `out`, and returns its size; 0 if the pattern is not so simple."""
    cdef const uint8_t* p = string_data(pattern)
    cdef uint64_t size = string_size(pattern), i = 0, n = 0
    while i < size and n < MOST_LITERAL:
        if p[i] == b'\\' and i + 1 < size and IS_SPECIAL[p[i + 1]]:
            i += 1
        elif IS_SPECIAL[p[i]]:
            return 0
        out[n] = p[i]
        n += 1
        i += 1
    return n if i == size else 0


cdef bint _find_literal(Word text, const uint8_t* literal, uint64_t size, Matches* matches) noexcept nogil:
    """Finds every occurrence of the literal; returns False if memory is short, or the evaluation was asked to stop."""
    cdef const uint8_t* start = string_data(text)
    cdef const uint8_t* p = start
    cdef const uint8_t* end = start + string_size(text)
    cdef int64_t* grown
    while True:
        p = <const uint8_t*>memmem(p, <size_t>(end - p), literal, size)
        if p == NULL:
            return True
        if asked_to_stop():
            return False
        if matches.count == matches.capacity:
            matches.capacity = matches.capacity * 2 if matches.capacity else 8
            grown = <int64_t*>resize_items(matches.captures, matches.capacity * 2, sizeof(int64_t))
            if grown == NULL:
                return False
            matches.captures = grown
        matches.captures[2 * matches.count] = p - start
        p += size
        matches.captures[2 * matches.count + 1] = p - start
        matches.count += 1


cdef int split(Machine* m, Word* fp) noexcept nogil:
    cdef uint8_t[MOST_LITERAL] literal
    cdef uint64_t literal_size = _literal(fp[0], literal)
    cdef Regex* regex = NULL
    cdef Matches matches
    cdef Word w
    cdef RegexResult result = REGEX_MATCH
    if literal_size == 0:
        regex = _compiled(m, fp[0])
        if regex == NULL:
            return RAISE
    fp[1] = val(fp[1])
    if not is_string(fp[1]):
        return force(m, fp[1]) if is_thunk(fp[1]) else of_part(m, 2, raise_type(m, "a string", fp[1]))
    matches.captures = NULL
    matches.count = 0
    matches.capacity = 0
    matches.step = 2
    if literal_size:
        if not _find_literal(fp[1], literal, literal_size, &matches):
            free(matches.captures)
            return stop(m) if must_stop(m) else out_of_memory(m)
    else:
        matches.step += 2 * regex_group_count(regex)
        result = _find_all(regex, fp[1], &matches)
    if result == REGEX_MEMORY:
        free(matches.captures)
        return stop(m) if must_stop(m) else _raise_bad_pattern(m, fp[0], False)
    if matches.count == 0:
        free(matches.captures)
        w = new_list(m, 1)
        # The text itself keeps its context, which its parts do not have.
        list_items(w)[0] = fp[1]
        return done(m, w)
    w = _split_list(m, fp[1], &matches)
    free(matches.captures)
    return done(m, w) if w else RAISE


def _mark_special_bytes():
    for byte in map(ord, r".[{()\*+?|^$"):
        IS_SPECIAL[byte] = 1


_mark_special_bytes()
define("match", match)
define("split", split)
