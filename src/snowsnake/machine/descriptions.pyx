# cython: language_level=3
"""How messages show values, shortened and unforced; and the errors whose messages show one.

In: words.  Out: malloc'ed text, or RAISE with the error set.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strcmp, strlen

from snowsnake.diagnostics.message_table cimport MESSAGE_MISSING_ATTRIBUTE, MESSAGE_NOT_A_FUNCTION, MESSAGE_WRONG_TYPE
from snowsnake.foundation.allocate cimport allocate_items, resize_items
from snowsnake.machine.attrs cimport attrs_flat, attrs_position, keys_order
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.machine.attention cimport error_disregard
from snowsnake.machine.errors cimport add_candidates, format_text, raise_message, raise_text, worded
from snowsnake.machine.parameters cimport Parameter, next_parameter
from snowsnake.machine.positions cimport position_place
from snowsnake.machine.shown_names cimport shown_name
from snowsnake.machine.state cimport ERROR_MEMORY, PART_ATTRIBUTE, RAISE, Machine
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport (
    KIND_BUILTIN, KIND_FLOAT, KIND_PARTIAL, KIND_PATH, KIND_WIDE_INT, TAG_ATTRS, TAG_BOX, TAG_FUNCTION, TAG_INT,
    TAG_LIST, TAG_STRING, TAG_THUNK, THUNK_RUNNING, WORD_FALSE, WORD_NULL, WORD_TRUE, applied_function, attrs_keys, attrs_size,
    attrs_values, float_value, header_size, header_state, int_value, is_function, is_int, keys_symbols, kind_of, list_items,
    list_size, path_string, pointer_of, string_context, string_data, string_size, tag_of, val,
)
from snowsnake.syntax.names cimport name_text_bytes, write_name
from snowsnake.syntax.nodes cimport Text

cdef enum:
    # A message shows at most so many items of all lists together, and as many of all sets.
    MOST_ITEMS = 10
    MOST_STRING_BYTES = 1024
    MOST_DEPTH = 10
    MOST_MESSAGE_BYTES = 4096


cdef const char* shown_derivation_function() noexcept nogil:
    return b"\xc2\xablambda @ \xc2\xabnix-internal\xc2\xbb/derivation-internal.nix:30:1\xc2\xbb"


cdef bint is_derivation_function(Machine* m, Word value) noexcept nogil:
    return is_function(value) and kind_of(value) == KIND_BUILTIN and strcmp(m.builtins[header_size(pointer_of(value)[0])].name, "derivation") == 0


cdef int raise_type(Machine* m, const char* expected, Word found) noexcept nogil:
    cdef char* shown = describe(m, found)
    raise_message(m, worded(MESSAGE_WRONG_TYPE, expected, shown))
    m.error.expected = expected
    free(shown)
    return RAISE


cdef int raise_missing_attribute(Machine* m, uint32_t symbol) noexcept nogil:
    cdef char* shown = shown_name(m, symbol)
    if shown == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
    raise_message(m, worded(MESSAGE_MISSING_ATTRIBUTE, shown))
    free(shown)
    return RAISE


cdef int raise_missing_selection(Machine* m, uint32_t symbol, Word attrs) noexcept nogil:
    """The error of the operator `.`, with the names that look alike; builtins raise it without those."""
    if not attrs_flat(m, attrs):
        return RAISE
    raise_missing_attribute(m, symbol)
    add_candidates(m, symbol, keys_symbols(attrs_keys(attrs)), attrs_size(attrs))
    return RAISE


cdef int of_attribute(Machine* m, Word attrs, uint32_t symbol, int outcome) noexcept nogil:
    if outcome == RAISE:
        m.error.part = PART_ATTRIBUTE
        m.error.symbol = symbol
        m.error.selected = attrs_position(attrs, symbol)
    return outcome


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
    # The description has shown so many items so far, at any depth.
    int item_count
    int attr_count
    # The description has shown these sets so far; there cannot be more.
    Word[MOST_ITEMS * 5] seen
    int seen_count
    # This says whether memory ran out.
    bint is_short
    # If this is true, what is being evaluated has failed, and so is a thunk again.
    bint is_after


cdef void _put(Out* out, const void* data, size_t n) noexcept nogil:
    cdef char* grown
    if out.size_bytes + n + 1 > out.capacity_bytes:
        grown = <char*>resize_items(out.data, (out.size_bytes + n + 1) * 2, 1)
        if grown == NULL:
            out.is_short = True
            return
        out.data = grown
        out.capacity_bytes = (out.size_bytes + n + 1) * 2
    memcpy(out.data + out.size_bytes, data, n)
    out.size_bytes += n
    out.data[out.size_bytes] = 0


cdef void _text(Out* out, const char* text) noexcept nogil:
    _put(out, text, strlen(text))


cdef void _own(Out* out, char* text) noexcept nogil:
    if text == NULL:
        out.is_short = True
        return
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


cdef void _float(Out* out, double number) noexcept nogil:
    cdef char[FLOAT_TEXT_BYTES] text
    _put(out, text, float_text(text, sizeof(text), "%g", number))


cdef void _plain_name(Out* out, Text* name) noexcept nogil:
    cdef size_t size = name_text_bytes(name)
    cdef char* shown = <char*>allocate_items(size, 1)
    if shown == NULL:
        out.is_short = True
        return
    write_name(name, <uint8_t*>shown)
    _put(out, shown, size)
    free(shown)


cdef void _name(Out* out, Word s) noexcept nogil:
    """Writes the name of an attribute: as a string literal if it is a keyword or no identifier."""
    cdef Text name
    cdef size_t size
    name.data = string_data(s)
    name.size_bytes = <uint32_t>string_size(s)
    size = name_text_bytes(&name)
    if size == string_size(s):
        _put(out, name.data, size)
    else:
        _string(out, s)


cdef void _elided(Out* out, uint64_t count, const char* what) noexcept nogil:
    _own(out, format_text(b"\xc2\xab%llu %s%s elided\xc2\xbb ", <unsigned long long>count, what, "s" if count > 1 else ""))


cdef bint _is_repeated(Out* out, Word w) noexcept nogil:
    """Whether a set or list has been shown already; if so, this says that it is repeated."""
    cdef int i
    for i in range(out.seen_count):
        if out.seen[i] == w:
            _text(out, b"\xc2\xabrepeated\xc2\xbb")
            return True
    if out.seen_count < MOST_ITEMS * 5:
        out.seen[out.seen_count] = w
        out.seen_count += 1
    return False


cdef void _list(Machine* m, Out* out, Word given, int depth) noexcept nogil:
    """*given*: the list, or the thunk that it is the value of: C++ Nix knows it again by that (output/nix_text.pyx)."""
    cdef Word w = val(given)
    cdef uint64_t n = list_size(w), i
    if depth >= MOST_DEPTH and n:
        _text(out, "[ ... ]")
        return
    if n and _is_repeated(out, given):
        return
    _text(out, "[ ")
    for i in range(n):
        if out.item_count >= MOST_ITEMS:
            _elided(out, n - i, "item")
            break
        _value(m, out, list_items(w)[i], depth + 1)
        # An element counts only once it is shown, so those around it do not count yet.
        out.item_count += 1
        _text(out, " ")
    _text(out, "]")


cdef bint _is_type(Word name) noexcept nogil:
    """Whether it is `type` or `_type`, which say most and are shown first."""
    return (string_size(name) == 4 and memcmp(string_data(name), <const char*>"type", 4) == 0) \
        or (string_size(name) == 5 and memcmp(string_data(name), <const char*>"_type", 5) == 0)


cdef void _set(Machine* m, Out* out, Word w, int depth) noexcept nogil:
    cdef uint64_t n = attrs_size(w), i, shown = 0
    cdef uint32_t* order
    cdef Word name
    cdef int first
    if (depth >= MOST_DEPTH and n) or not attrs_flat(m, w):
        _text(out, "{ ... }")
        return
    if n and _is_repeated(out, w):
        return
    order = keys_order(m, attrs_keys(w))
    if order == NULL:
        error_disregard(m)
    _text(out, "{ ")
    for first in range(1, -1, -1):
        for i in range(n):
            if order == NULL:
                break
            name = symbol_string(m, keys_symbols(attrs_keys(w))[order[i]])
            if _is_type(name) != first:
                continue
            if out.attr_count >= MOST_ITEMS:
                _elided(out, n - shown, "attribute")
                order = NULL
                break
            _name(out, name)
            _text(out, " = ")
            _value(m, out, attrs_values(w)[order[i]], depth + 1)
            _text(out, "; ")
            out.attr_count += 1
            shown += 1
    _text(out, "}")


cdef void _lambda(Machine* m, Out* out, Word w) noexcept nogil:
    """Writes «lambda name @ file:line:column»."""
    cdef Parameter parameter = next_parameter(m, w)
    cdef uint32_t file = 0, line = 0, column = 0
    _text(out, b"\xc2\xablambda")
    if parameter.function.size_bytes:
        _text(out, " ")
        _plain_name(out, &parameter.function)
    if position_place(m, parameter.position, &file, &line, &column):
        _own(out, format_text(" @ %s:%u:%u", m.files[file].path, line, column))
    _text(out, b"\xc2\xbb")


cdef void _value(Machine* m, Out* out, Word w, int depth) noexcept nogil:
    cdef int tag
    cdef Word s, given = w
    w = val(w)
    tag = tag_of(w)
    if out.size_bytes > MOST_MESSAGE_BYTES:
        _text(out, b"\xe2\x80\xa6")
    elif tag == TAG_THUNK and header_state(pointer_of(w)[0]) == THUNK_RUNNING and not out.is_after:
        _text(out, b"\xc2\xabpotential infinite recursion\xc2\xbb")
    elif tag == TAG_THUNK:
        _text(out, b"\xc2\xabthunk\xc2\xbb")
    elif is_int(w):
        _own(out, format_text("%lld", <long long>int_value(w)))
    elif tag == TAG_STRING:
        _string(out, w)
    elif tag == TAG_LIST:
        _list(m, out, given, depth)
    elif tag == TAG_ATTRS:
        _set(m, out, w, depth)
    elif tag == TAG_FUNCTION:
        if is_derivation_function(m, w):
            _text(out, shown_derivation_function())
        elif kind_of(w) == KIND_BUILTIN:
            _own(out, format_text(b"\xc2\xabprimop %s\xc2\xbb", m.builtins[header_size(pointer_of(w)[0])].name))
        elif kind_of(w) == KIND_PARTIAL and kind_of(pointer_of(w)[1]) == KIND_BUILTIN:
            _own(out, format_text(b"\xc2\xabpartially applied primop %s\xc2\xbb",
                                  m.builtins[header_size(pointer_of(pointer_of(w)[1])[0])].name))
        else:
            _lambda(m, out, w)
    elif tag == TAG_BOX:
        if kind_of(w) == KIND_FLOAT:
            _float(out, float_value(w))
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


cdef char* _finished(Machine* m, Out* out) noexcept nogil:
    if not out.is_short:
        return out.data
    free(out.data)
    m.lacks_text = True
    return NULL


cdef char* shown_type(Machine* m, Word value) noexcept nogil:
    cdef Word f
    cdef char* text
    value = val(value)
    f = applied_function(value) if is_function(value) else value
    if is_derivation_function(m, f):
        text = format_text("a function")
    elif is_function(f) and kind_of(f) == KIND_BUILTIN:
        text = format_text("the %sbuilt-in function '%s'", "" if f == value else "partially applied ",
                           m.builtins[header_size(pointer_of(f)[0])].name)
    else:
        text = format_text("%s", type_name(value))
    if text == NULL:
        m.lacks_text = True
    return text


cdef char* describe(Machine* m, Word value) noexcept nogil:
    cdef Out out
    memset(&out, 0, sizeof(Out))
    value = val(value)
    _own(&out, shown_type(m, value))
    _text(&out, ": ")
    _value(m, &out, value, 0)
    return _finished(m, &out)


cdef char* describe_value(Machine* m, Word value) noexcept nogil:
    cdef Out out
    memset(&out, 0, sizeof(Out))
    _value(m, &out, value, 0)
    return _finished(m, &out)


cdef char* describe_after(Machine* m, Word value) noexcept nogil:
    cdef Out out
    memset(&out, 0, sizeof(Out))
    out.is_after = True
    _value(m, &out, value, 0)
    return _finished(m, &out)


cdef int raise_not_a_function(Machine* m, Word value) noexcept nogil:
    cdef char* shown = describe(m, value)
    raise_message(m, worded(MESSAGE_NOT_A_FUNCTION, shown))
    free(shown)
    return RAISE
