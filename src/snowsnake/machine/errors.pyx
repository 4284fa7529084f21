# cython: language_level=3
"""Raising: the error is written into the machine; the loop takes the trace and unwinds."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, strlen

from snowsnake.machine.attrs cimport keys_order
from snowsnake.machine.state cimport (
    Code, ERROR_MEMORY, ERROR_MISSING_ATTRIBUTE, ERROR_NONE, ERROR_NOT_A_FUNCTION, ERROR_TYPE, Machine, RAISE,
)
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport *

cdef enum:
    MOST_ITEMS = 10                   # of a list or set shown in a message
    MOST_STRING_BYTES = 1024
    MOST_DEPTH = 10
    MOST_MESSAGE_BYTES = 4096


cdef void error_clear(Machine* m) noexcept nogil:
    cdef uint32_t i
    free(m.error.message)
    for i in range(m.error.trace_count):
        free(m.error.trace[i].text)
    free(m.error.trace)
    m.error.code = ERROR_NONE
    m.error.message = NULL
    m.error.message_size_bytes = 0
    m.error.position = 0
    m.error.position_end = 0
    m.error.trace = NULL
    m.error.trace_count = 0
    m.error.trace_total = 0


cdef int raise_text(Machine* m, int code, char* message) noexcept nogil:
    error_clear(m)
    m.error.code = code if message != NULL else ERROR_MEMORY
    m.error.message = message if message != NULL else format_text("out of memory")
    m.error.message_size_bytes = strlen(m.error.message) if m.error.message != NULL else 0
    return RAISE


cdef int raise_bytes(Machine* m, int code, const void* data, size_t size_bytes) noexcept nogil:
    cdef char* copy = <char*>malloc(size_bytes + 1)
    if copy == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    memcpy(copy, data, size_bytes)
    copy[size_bytes] = 0
    error_clear(m)
    m.error.code = code
    m.error.message = copy
    m.error.message_size_bytes = size_bytes
    return RAISE


cdef int raise_type(Machine* m, const char* expected, Word found) noexcept nogil:
    cdef char* shown = describe(m, found)
    raise_text(m, ERROR_TYPE, format_text("expected %s but found %s", expected, shown))
    free(shown)
    return RAISE


cdef int raise_missing_attribute(Machine* m, uint32_t symbol, Word attrs) noexcept nogil:
    cdef Word s = symbol_string(m, symbol)
    return raise_text(m, ERROR_MISSING_ATTRIBUTE,
                      format_text("attribute '%.*s' missing", <int>string_size(s), <char*>string_data(s)))


cdef const char* type_name(Word value) noexcept nogil:
    cdef int tag
    value = val(value)
    tag = tag_of(value)
    if tag == TAG_INT:
        return "an integer"
    if tag == TAG_THUNK:
        return "a thunk"
    if tag == TAG_ATTRS:
        return "a set"
    if tag == TAG_LIST:
        return "a list"
    if tag == TAG_FUNCTION:
        if kind_of(value) == KIND_BUILTIN:
            return "a built-in function"
        if kind_of(value) == KIND_PARTIAL and kind_of(pointer_of(value)[1]) == KIND_BUILTIN:
            return "a partially applied built-in function"
        return "a function"
    if tag == TAG_STRING:
        return "a string with context" if string_context(value) else "a string"
    if tag == TAG_BOX:
        if kind_of(value) == KIND_FLOAT:
            return "a float"
        if kind_of(value) == KIND_WIDE_INT:
            return "an integer"
        return "a path"
    if value == WORD_NULL:
        return "null"
    if value == WORD_TRUE or value == WORD_FALSE:
        return "a Boolean"
    return "an internal value"


# ---- short descriptions -----------------------------------------------------------------------------------------

cdef struct Out:
    char* data
    size_t size_bytes
    size_t capacity_bytes


cdef void _put(Out* out, const void* data, size_t n) noexcept nogil:
    if out.size_bytes + n + 1 > out.capacity_bytes:
        out.capacity_bytes = (out.size_bytes + n + 1) * 2
        out.data = <char*>realloc(out.data, out.capacity_bytes)
    memcpy(out.data + out.size_bytes, data, n)
    out.size_bytes += n
    out.data[out.size_bytes] = 0


cdef void _text(Out* out, const char* text) noexcept nogil:
    _put(out, text, strlen(text))


cdef void _own(Out* out, char* text) noexcept nogil:
    if text != NULL:
        _text(out, text)
        free(text)


cdef void _string(Out* out, Word s) noexcept nogil:
    cdef uint8_t* data = string_data(s)
    cdef uint64_t n = string_size(s), i, shown
    cdef char c
    shown = n if n < MOST_STRING_BYTES else MOST_STRING_BYTES
    _text(out, "\"")
    for i in range(shown):
        c = <char>data[i]
        if c == c'"' or c == c'\\':
            _text(out, "\\")
            _put(out, &c, 1)
        elif c == c'\n':
            _text(out, "\\n")
        elif c == c'\r':
            _text(out, "\\r")
        elif c == c'\t':
            _text(out, "\\t")
        elif c == c'$' and i + 1 < n and data[i + 1] == c'{':
            _text(out, "\\$")
        else:
            _put(out, &c, 1)
    _text(out, "\"")
    if shown < n:
        _own(out, format_text(b" \xc2\xab%llu bytes elided\xc2\xbb", <unsigned long long>(n - shown)))


cdef void _value(Machine* m, Out* out, Word w, int depth) noexcept nogil:
    cdef int tag
    cdef uint64_t i, n
    cdef uint32_t* order
    cdef Word s
    cdef Code* code
    w = val(w)
    tag = tag_of(w)
    if out.size_bytes > MOST_MESSAGE_BYTES:
        _text(out, b"\xe2\x80\xa6")
    elif tag == TAG_THUNK:
        _text(out, b"\xc2\xabthunk\xc2\xbb")
    elif is_int(w):
        _own(out, format_text("%lld", <long long>int_value(w)))
    elif tag == TAG_STRING:
        _string(out, w)
    elif tag == TAG_LIST:
        n = list_size(w)
        if depth >= MOST_DEPTH and n:
            _text(out, b"[ \xe2\x80\xa6 ]")
            return
        _text(out, "[ ")
        for i in range(n):
            if i == MOST_ITEMS:
                _own(out, format_text(b"\xc2\xab%llu items elided\xc2\xbb ", <unsigned long long>(n - i)))
                break
            _value(m, out, list_items(w)[i], depth + 1)
            _text(out, " ")
        _text(out, "]")
    elif tag == TAG_ATTRS:
        n = attrs_size(w)
        if depth >= MOST_DEPTH and n:
            _text(out, b"{ \xe2\x80\xa6 }")
            return
        order = keys_order(m, attrs_keys(w))
        _text(out, "{ ")
        for i in range(n):
            if i == MOST_ITEMS or order == NULL:
                _own(out, format_text(b"\xc2\xab%llu attributes elided\xc2\xbb ", <unsigned long long>(n - i)))
                break
            s = symbol_string(m, keys_symbols(attrs_keys(w))[order[i]])
            _put(out, string_data(s), string_size(s))
            _text(out, " = ")
            _value(m, out, attrs_values(w)[order[i]], depth + 1)
            _text(out, "; ")
        _text(out, "}")
    elif tag == TAG_FUNCTION:
        if kind_of(w) == KIND_BUILTIN:
            _own(out, format_text(b"\xc2\xabprimop %s\xc2\xbb", m.builtins[header_size(pointer_of(w)[0])].name))
        elif kind_of(w) == KIND_PARTIAL and kind_of(pointer_of(w)[1]) == KIND_BUILTIN:
            _own(out, format_text(b"\xc2\xabpartially applied primop %s\xc2\xbb",
                                  m.builtins[header_size(pointer_of(pointer_of(w)[1])[0])].name))
        else:
            _text(out, b"\xc2\xablambda\xc2\xbb")
    elif tag == TAG_BOX:
        if kind_of(w) == KIND_FLOAT:
            _own(out, format_text("%g", float_value(w)))
        elif kind_of(w) == KIND_PATH:
            s = path_string(w)
            _put(out, string_data(s), string_size(s))
        else:
            _text(out, b"\xc2\xabinternal\xc2\xbb")
    elif w == WORD_NULL:
        _text(out, "null")
    elif w == WORD_TRUE:
        _text(out, "true")
    elif w == WORD_FALSE:
        _text(out, "false")
    else:
        _text(out, b"\xc2\xabinternal\xc2\xbb")


cdef char* describe(Machine* m, Word value) noexcept nogil:
    cdef Out out
    out.data = NULL
    out.size_bytes = 0
    out.capacity_bytes = 0
    value = val(value)
    _text(&out, type_name(value))
    if value != WORD_NULL:
        _text(&out, ": ")
        _value(m, &out, value, 0)
    return out.data


cdef char* describe_value(Machine* m, Word value) noexcept nogil:
    cdef Out out
    out.data = NULL
    out.size_bytes = 0
    out.capacity_bytes = 0
    _value(m, &out, value, 0)
    return out.data


cdef int raise_not_a_function(Machine* m, Word value) noexcept nogil:
    cdef char* shown = describe(m, value)
    raise_text(m, ERROR_NOT_A_FUNCTION, format_text("attempt to call something which is not a function but %s", shown))
    free(shown)
    return RAISE
