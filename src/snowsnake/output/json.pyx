# cython: language_level=3
"""builtins.toJSON: a value as JSON, forced piece by piece.

In: any value.  Out: a string with the contexts of all strings in it.  Compact, as C++ Nix writes it; names in byte order.
The stack holds, above the argument: the text's slots, the first string that is not UTF-8 (or null), whether what is not evaluated is an
error, then two words for each list or set that is open: itself and the index of what comes next in it.  For a set that is shown as its outPath the
index is AS_OUT_PATH, then OUT_PATH_DONE.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free

from snowsnake.builtins.engines.numbers cimport format_float_json
from snowsnake.builtins.engines.text cimport UTF8_INCOMPLETE, UTF8_OK, utf8_check
from snowsnake.builtins.protocol cimport call_internal1, done, force
from snowsnake.diagnostics.message_table cimport MESSAGE_JSON_INCOMPLETE_UTF8, MESSAGE_JSON_INVALID_UTF8, MESSAGE_NOT_CONVERTIBLE
from snowsnake.foundation.buffer cimport Bytes, bytes_free, bytes_init
from snowsnake.foundation.plain_bytes cimport plain_size
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport attrs_order, attrs_position
from snowsnake.machine.descriptions cimport shown_type
from snowsnake.machine.evaluation_order cimport order_made
from snowsnake.machine.errors cimport format_text, raise_message, raise_text, worded
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.heap cimport pop, push, stack_reserve
from snowsnake.machine.internals cimport INTERNAL_COERCE, INTERNAL_COERCE_STORE
from snowsnake.machine.notes cimport NOTE_DEEP_ELEMENT, NOTE_JSON_ATTRIBUTE
from snowsnake.machine.parameters cimport next_parameter
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, MOST_OWN_ENTRIES, RAISE, Machine, TraceEntry
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport (
    KIND_BUILTIN, TAG_ATTRS, TAG_FUNCTION, TAG_LIST, TAG_STRING, THUNK_SUSPENDED, WORD_FALSE, WORD_NULL, WORD_TRUE,
    applied_function, attrs_find, attrs_keys, attrs_size, attrs_values, float_value, header_size, header_state,
    int_value, is_attrs, is_float, is_int, is_list, is_thunk, keys_positions, keys_symbols, kind_of, list_items,
    list_size, pointer_of, small_int, string_context, string_data, string_size, tag_of, val,
)
from snowsnake.output.text cimport (
    HeapText, text_append, text_begin, text_byte, text_context, text_decimal, text_finish, text_push_slots, text_save,
)

cdef enum:
    # This slot has the string that is not UTF-8. Before we meet one, it has null, or false if paths stay where they are.
    BAD = 5
    SHALLOW = 6
    LEVELS = 7
    AS_OUT_PATH = -1
    OUT_PATH_DONE = -2

cdef const char* HEX = "0123456789abcdef"


# ---- strings ----------------------------------------------------------------------------------------------------

cdef void _put_escape(HeapText* t, uint8_t c) noexcept nogil:
    cdef uint8_t[6] escape
    escape[0] = b'\\'
    if c == b'"' or c == b'\\':
        escape[1] = c
    elif c == b'\n':
        escape[1] = b'n'
    elif c == b'\t':
        escape[1] = b't'
    elif c == b'\r':
        escape[1] = b'r'
    elif c == 8:
        escape[1] = b'b'
    elif c == 12:
        escape[1] = b'f'
    else:
        escape[1] = b'u'
        escape[2] = b'0'
        escape[3] = b'0'
        escape[4] = HEX[c >> 4]
        escape[5] = HEX[c & 15]
    text_append(t, escape, 6 if escape[1] == b'u' else 2)


cdef void _put_string(HeapText* t, Word* fp, Word s) noexcept nogil:
    """In quotes.  A string that is not UTF-8 is an error, but only after everything has been forced."""
    cdef const uint8_t* p = string_data(s)
    cdef const uint8_t* end = p + string_size(s)
    cdef size_t run, fault = 0
    cdef uint8_t seen = 0
    text_context(t, string_context(s))
    text_byte(t, b'"')
    while p < end:
        run = plain_size(p, <size_t>(end - p), &seen)
        text_append(t, p, run)
        p += run
        if p < end:
            _put_escape(t, p[0])
            p += 1
    text_byte(t, b'"')
    if seen & 0x80 and (fp[BAD] == WORD_NULL or fp[BAD] == WORD_FALSE) and utf8_check(string_data(s), string_size(s), &fault) != UTF8_OK:
        fp[BAD] = s


cdef int _raise_bad_string(Machine* m, Word s) noexcept nogil:
    cdef size_t index = 0
    if utf8_check(string_data(s), string_size(s), &index) == UTF8_INCOMPLETE:
        return raise_message(m, worded(MESSAGE_JSON_INCOMPLETE_UTF8, <unsigned int>string_data(s)[string_size(s) - 1]))
    return raise_message(m, worded(MESSAGE_JSON_INVALID_UTF8, <unsigned long long>index, <unsigned int>string_data(s)[index]))


# ---- values -----------------------------------------------------------------------------------------------------

cdef void _put_float(HeapText* t, double number) noexcept nogil:
    cdef Bytes digits
    bytes_init(&digits)
    format_float_json(&digits, number)
    if not digits.failed:
        text_append(t, digits.data, digits.size)
    elif not t.failed:
        t.failed = True
        raise_text(t.m, ERROR_MEMORY, NULL)
    bytes_free(&digits)


cdef int _raise_function(Machine* m, Word f) noexcept nogil:
    cdef Word inner = applied_function(f)
    cdef char* shown = shown_type(m, f)
    raise_message(m, worded(MESSAGE_NOT_CONVERTIBLE, shown))
    free(shown)
    if kind_of(inner) != KIND_BUILTIN:
        m.error.position = next_parameter(m, f).position
        m.error.position_end = m.error.position
    return RAISE


cdef int _needed(Machine* m, Word* fp, Word w) noexcept nogil:
    """Asks for the value of a thunk; if nothing may be evaluated, raises the error that has the place of the attribute around it."""
    cdef Word* level = m.sp
    cdef Word container
    cdef int64_t i
    if fp[SHALLOW] == WORD_NULL:
        return force(m, w)
    raise_message(m, worded(MESSAGE_NOT_CONVERTIBLE, <const char*>"a thunk"))
    while level > fp + LEVELS and m.error.position == 0:
        level -= 2
        container = level[0]
        i = int_value(level[1])
        if is_attrs(container) and i == AS_OUT_PATH:
            m.error.position = attrs_position(container, m.symbol_out_path)
        elif is_attrs(container):
            # The index of an outer level is already that of what comes next.
            m.error.position = keys_positions(attrs_keys(container))[order_made(container)[i if level + 2 == m.sp else i - 1]]
    m.error.position_end = m.error.position
    return RAISE


cdef inline bint _open(Machine* m, Word container, int64_t index) noexcept nogil:
    if not stack_reserve(m, 16):
        return False
    push(m, container)
    push(m, small_int(index))
    return True


cdef int _put_value(HeapText* t, Word* fp, Word w) noexcept nogil:
    """DONE: written, or a level opened; CALL: the text comes as the result; RAISE."""
    cdef Machine* m = t.m
    cdef int tag = tag_of(w)
    if tag == TAG_STRING:
        _put_string(t, fp, w)
    elif tag == TAG_LIST:
        text_byte(t, b'[')
        return DONE if _open(m, w, 0) else RAISE
    elif tag == TAG_ATTRS:
        if attrs_find(w, m.symbol_to_string) != NULL:
            return call_internal1(m, INTERNAL_COERCE, w)
        if attrs_find(w, m.symbol_out_path) != NULL:
            return DONE if _open(m, w, AS_OUT_PATH) else RAISE
        text_byte(t, b'{')
        return DONE if _open(m, w, 0) else RAISE
    elif is_int(w):
        text_decimal(t, int_value(w))
    elif w == WORD_NULL:
        text_append(t, <const char*>"null", 4)
    elif w == WORD_TRUE:
        text_append(t, <const char*>"true", 4)
    elif w == WORD_FALSE:
        text_append(t, <const char*>"false", 5)
    elif tag == TAG_FUNCTION:
        return _raise_function(m, w)
    elif is_float(w):
        _put_float(t, float_value(w))
    else:
        return call_internal1(m, INTERNAL_COERCE if fp[BAD] == WORD_FALSE else INTERNAL_COERCE_STORE, w)
    return DONE


cdef int _put_item(HeapText* t, Word* fp, Word item, Word name, uint8_t separator) noexcept nogil:
    """FORCE if the item must be forced; otherwise the outcome of `_put_value`, with the index advanced."""
    cdef Machine* m = t.m
    cdef Word w = val(item)
    if is_thunk(w):
        return _needed(m, fp, w)
    m.sp[-1] = small_int(int_value(m.sp[-1]) + 1)
    if separator:
        text_byte(t, separator)
    if name:
        _put_string(t, fp, name)
        text_byte(t, b':')
    return _put_value(t, fp, w)


cdef int _go_on(HeapText* t, Word* fp) noexcept nogil:
    """Writes until something must be forced or called; DONE: the last level is closed."""
    cdef Machine* m = t.m
    cdef Word container, name
    cdef int64_t i
    cdef uint32_t* order
    cdef uint32_t place
    cdef int outcome = DONE
    while outcome == DONE and m.sp > fp + LEVELS:
        container = m.sp[-2]
        i = int_value(m.sp[-1])
        if is_list(container):
            if i == <int64_t>list_size(container):
                text_byte(t, b']')
                m.sp -= 2
                continue
            outcome = _put_item(t, fp, list_items(container)[i], 0, b',' if i else 0)
        elif i == AS_OUT_PATH:
            name = val(attrs_find(container, m.symbol_out_path)[0])
            if is_thunk(name):
                return _needed(m, fp, name)
            m.sp[-1] = small_int(OUT_PATH_DONE)
            outcome = _put_value(t, fp, name)
        elif i == OUT_PATH_DONE:
            m.sp -= 2
        elif i == <int64_t>attrs_size(container):
            text_byte(t, b'}')
            m.sp -= 2
        else:
            order = attrs_order(m, container)
            if order == NULL:
                return RAISE
            place = order[i]
            name = symbol_string(m, keys_symbols(attrs_keys(container))[place])
            outcome = _put_item(t, fp, attrs_values(container)[place], name, b',' if i else 0)
        if t.failed:
            return RAISE
        if must_stop(m):
            return stop(m)
        if <uint64_t>(m.sp - fp) >> 1 > m.depth_limit:
            return raise_depth(m)
    return outcome


cdef int to_json(Machine* m, Word* fp) noexcept nogil:
    return _to_json(m, fp, WORD_NULL, False)


cdef int to_plain_json(Machine* m, Word* fp) noexcept nogil:
    """As in `nix eval --json`: a path is written as its name, and is not copied to the store."""
    return _to_json(m, fp, WORD_FALSE, False)


cdef int to_shallow_json(Machine* m, Word* fp) noexcept nogil:
    return _to_json(m, fp, WORD_NULL, True)


cdef int _to_json(Machine* m, Word* fp, Word unmet, bint is_shallow) noexcept nogil:
    cdef HeapText t
    cdef Word w
    cdef int outcome = DONE
    if m.sp == fp + 1:
        w = val(fp[0])
        if is_thunk(w):
            return force(m, w)
        text_push_slots(m)
        push(m, unmet)
        push(m, WORD_TRUE if is_shallow else WORD_NULL)
        text_begin(&t, m, fp + 1)
        outcome = _put_value(&t, fp, w)
    else:
        text_begin(&t, m, fp + 1)
        if (m.sp - (fp + LEVELS)) & 1:
            _put_string(&t, fp, pop(m))
    if outcome == DONE:
        outcome = _go_on(&t, fp)
    if outcome != DONE:
        text_save(&t)
        return outcome
    if t.failed:
        return RAISE
    if fp[BAD] != unmet:
        return _raise_bad_string(m, fp[BAD])
    w = text_finish(&t)
    return done(m, w) if w else RAISE


# ---- traces -----------------------------------------------------------------------------------------------------

cdef int64_t _in_hand(Machine* m, Word* level, bint is_innermost, bint is_shallow) noexcept nogil:
    """The index (into the values) of the item in hand, or -1: an item is in hand while it is evaluated, then the index has moved on."""
    cdef int64_t i = int_value(level[1])
    cdef uint64_t n = header_size(pointer_of(level[0])[0])
    cdef uint32_t* order = NULL
    cdef Word w
    if i < 0 or n == 0:
        # We show this set as its outPath, which has no line.
        return -1
    if is_attrs(level[0]):
        order = order_made(level[0])
        if order == NULL:
            # No item of the set has been in hand yet.
            return -1
    if is_innermost and <uint64_t>i < n:
        w = val(list_items(level[0])[i] if order == NULL else attrs_values(level[0])[order[i]])
        if is_thunk(w) and (is_shallow or header_state(pointer_of(w)[0]) != THUNK_SUSPENDED):
            return i if order == NULL else order[i]
    if i == 0:
        return -1
    return i - 1 if order == NULL else order[i - 1]


cdef uint32_t trace_json(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """A list element has the place of the attribute around it."""
    cdef Word* base = fp + LEVELS
    cdef Word* p = base + (top - base) // 2 * 2
    cdef uint32_t count = 0, placed = 0, i
    cdef int64_t place
    while top > base and p > base and count < MOST_OWN_ENTRIES:
        p -= 2
        place = _in_hand(m, p, count == 0, fp[SHALLOW] != WORD_NULL)
        if place < 0:
            continue
        if is_attrs(p[0]):
            entries[count].note = NOTE_JSON_ATTRIBUTE
            entries[count].symbol = keys_symbols(attrs_keys(p[0]))[place]
            for i in range(placed, count + 1):
                entries[i].position = keys_positions(attrs_keys(p[0]))[place]
            placed = count + 1
        else:
            entries[count].note = NOTE_DEEP_ELEMENT
            entries[count].text = format_text("%lld", <long long>place)
        count += 1
    return count
