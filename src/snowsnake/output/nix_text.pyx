# cython: language_level=3
"""Values as Nix text, as C++ Nix prints them.

In: a word.  Out: text in a Bytes.  The printer has its own stack, so values may have any depth.  A set or list that was printed before is
«repeated»; a set is the same if it is the same object; a list only if it is reached through the same thunk as well, because
C++ Nix copies the value of a list wherever it comes from an expression and not from a variable.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from snowsnake.builtins.engines.text cimport is_identifier, is_keyword
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_byte, bytes_decimal, bytes_text
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.foundation.probing cimport probe
from snowsnake.host.environment cimport host_is_time, host_time
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.descriptions cimport is_derivation_function, shown_derivation_function
from snowsnake.machine.errors cimport raise_text
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.parameters cimport Parameter, next_parameter
from snowsnake.machine.positions cimport position_place
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, RAISE, Machine
from snowsnake.machine.symbols cimport symbol_string
from snowsnake.machine.word cimport (
    KIND_BUILTIN, TAG_FUNCTION, TAG_STRING, TAG_THUNK, THUNK_RUNNING, WORD_FALSE, WORD_NULL, WORD_TRUE,
    applied_function, attrs_keys, attrs_size, attrs_values, float_value, header_size, header_state, int_value,
    is_attrs, is_float, is_int, is_list, is_path, keys_symbols, kind_of, list_items, list_size, path_string,
    pointer_of, string_data, string_size, tag_of, val,
)

cdef enum:
    # When the text has more bytes than this, it goes to the sink.
    PIECE_BYTES = 1 << 20

# This is a list or set that we are printing.
cdef struct OpenValue:
    Word container
    uint64_t next

cdef struct ValuePrinter:
    Machine* m
    Bytes* out
    # This is NULL if nobody takes the text in pieces.
    Sink sink
    void* context
    int flags
    # Lists and sets may be nested this many levels deep; 0 means that there is no limit.
    uint64_t too_many_levels
    bint is_too_deep
    # This is false if memory ran out, or if one of the next two is true.
    bint fits
    # This is true if an error has been raised.
    bint has_error
    # This is true if the sink stopped us.
    bint is_stopped
    OpenValue* levels
    uint64_t level_count
    uint64_t level_capacity
    # This table has open addressing; 0 marks a free place.
    Word* seen
    uint64_t seen_count
    uint64_t seen_mask


# ---- strings and names ------------------------------------------------------------------------------------------

cdef inline const char* _escape(const uint8_t* data, uint64_t i, uint64_t size) noexcept nogil:
    cdef uint8_t c = data[i]
    if c == b'"':
        return "\\\""
    if c == b'\\':
        return "\\\\"
    if c == b'\n':
        return "\\n"
    if c == b'\r':
        return "\\r"
    if c == b'\t':
        return "\\t"
    if c == b'$' and i + 1 < size and data[i + 1] == b'{':
        return "\\$"
    return NULL


cdef bint print_string(Bytes* out, const uint8_t* data, uint64_t size_bytes) noexcept nogil:
    cdef uint64_t i, start = 0
    cdef const char* escaped
    if not bytes_byte(out, b'"'):
        return False
    for i in range(size_bytes):
        escaped = _escape(data, i, size_bytes)
        if escaped != NULL:
            if not bytes_append(out, data + start, i - start) or not bytes_text(out, escaped):
                return False
            start = i + 1
    return bytes_append(out, data + start, size_bytes - start) and bytes_byte(out, b'"')


cdef bint print_name(Bytes* out, const uint8_t* data, uint64_t size_bytes) noexcept nogil:
    if is_identifier(data, size_bytes) and not is_keyword(data, size_bytes):
        return bytes_append(out, data, size_bytes)
    return print_string(out, data, size_bytes)


# ---- values without parts ---------------------------------------------------------------------------------------

cdef inline void _put(ValuePrinter* p, const char* text) noexcept nogil:
    p.fits = p.fits and bytes_text(p.out, text)


cdef inline void _put_string(ValuePrinter* p, Word s) noexcept nogil:
    p.fits = p.fits and bytes_append(p.out, string_data(s), string_size(s))


cdef void _put_lambda(ValuePrinter* p, Word f) noexcept nogil:
    cdef Parameter parameter = next_parameter(p.m, f)
    cdef uint32_t file = 0, line = 0, column = 0
    _put(p, b"\xc2\xablambda ")
    if parameter.is_known:
        if parameter.function.size_bytes:
            p.fits = p.fits and bytes_append(p.out, parameter.function.data, parameter.function.size_bytes)
            _put(p, " ")
        if position_place(p.m, parameter.position, &file, &line, &column):
            _put(p, "@ ")
            _put(p, p.m.files[file].path)
            p.fits = (p.fits and bytes_byte(p.out, b':') and bytes_decimal(p.out, line) and bytes_byte(p.out, b':')
                      and bytes_decimal(p.out, column))
    _put(p, b"\xc2\xbb")


cdef void _put_function(ValuePrinter* p, Word f) noexcept nogil:
    cdef Word inner = applied_function(f)
    if kind_of(inner) != KIND_BUILTIN:
        if p.flags & PRINT_KINDS:
            _put_lambda(p, f)
        else:
            _put(p, "<LAMBDA>")
    elif is_derivation_function(p.m, inner):
        if p.flags & PRINT_KINDS:
            _put(p, shown_derivation_function())
        else:
            _put(p, "<LAMBDA>")
    elif p.flags & PRINT_KINDS:
        _put(p, b"\xc2\xabpartially applied primop " if inner != f else b"\xc2\xabprimop ")
        _put(p, p.m.builtins[header_size(pointer_of(inner)[0])].name)
        _put(p, b"\xc2\xbb")
    else:
        _put(p, "<PRIMOP-APP>" if inner != f else "<PRIMOP>")


cdef void _put_float(ValuePrinter* p, double number) noexcept nogil:
    cdef char[FLOAT_TEXT_BYTES] text
    float_text(text, sizeof(text), "%g", number)
    _put(p, text)


cdef void _put_simple(ValuePrinter* p, Word w) noexcept nogil:
    """Anything but a list or a set."""
    cdef int tag = tag_of(w)
    if tag == TAG_STRING:
        p.fits = p.fits and print_string(p.out, string_data(w), string_size(w))
    elif tag == TAG_THUNK:
        if header_state(pointer_of(w)[0]) == THUNK_RUNNING:
            _put(p, b"\xc2\xabpotential infinite recursion\xc2\xbb")
        elif host_is_time(p.m, w):
            # In C++ Nix, the current time is a number from the start.
            p.fits = p.fits and bytes_decimal(p.out, host_time(p.m))
        else:
            _put(p, b"\xc2\xabthunk\xc2\xbb" if p.flags & PRINT_KINDS else b"<CODE>")
    elif tag == TAG_FUNCTION:
        _put_function(p, w)
    elif is_int(w):
        p.fits = p.fits and bytes_decimal(p.out, int_value(w))
    elif is_float(w):
        _put_float(p, float_value(w))
    elif is_path(w):
        _put_string(p, path_string(w))
    elif w == WORD_NULL:
        _put(p, "null")
    elif w == WORD_TRUE:
        _put(p, "true")
    elif w == WORD_FALSE:
        _put(p, "false")
    else:
        _put(p, b"\xc2\xabinternal\xc2\xbb")


# ---- lists and sets ---------------------------------------------------------------------------------------------

cdef inline bint _is_slot_of(uint64_t at, const Word* table, Word w) noexcept nogil:
    return table[at] == 0 or table[at] == w


cdef inline uint64_t _slot(Word* table, uint64_t mask, Word w) noexcept nogil:
    return probe((w >> 3) * <uint64_t>0x9E3779B97F4A7C15 >> 20, mask, _is_slot_of, table, w)


cdef bint _seen_before(ValuePrinter* p, Word w) noexcept nogil:
    """Whether this was called with the word before."""
    cdef uint64_t i, mask, h
    cdef Word* table
    if p.seen_count * 2 >= p.seen_mask:
        mask = p.seen_mask * 2 + 1 if p.seen_mask else 63
        table = <Word*>allocate_zeros(mask + 1, sizeof(Word))
        if table == NULL:
            p.fits = False
            return True
        if p.seen != NULL:
            for i in range(p.seen_mask + 1):
                if p.seen[i]:
                    table[_slot(table, mask, p.seen[i])] = p.seen[i]
        free(p.seen)
        p.seen = table
        p.seen_mask = mask
    h = _slot(p.seen, p.seen_mask, w)
    if p.seen[h]:
        return True
    p.seen[h] = w
    p.seen_count += 1
    return False


cdef void _open(ValuePrinter* p, Word container) noexcept nogil:
    if not has_room(&p.levels, p.level_count, &p.level_capacity, 32):
        p.fits = False
        return
    p.levels[p.level_count].container = container
    p.levels[p.level_count].next = 0
    p.level_count += 1


cdef void _put_value(ValuePrinter* p, Word w) noexcept nogil:
    """Writes a simple value, or the beginning of a list or set."""
    cdef Word value = val(w)
    if p.too_many_levels and p.level_count >= p.too_many_levels:
        p.is_too_deep = True
        p.fits = False
        return
    if is_list(value):
        if list_size(value) and _seen_before(p, w):
            _put(p, b"\xc2\xabrepeated\xc2\xbb")
            return
        _put(p, "[ ")
        _open(p, value)
    elif is_attrs(value):
        if attrs_size(value) and _seen_before(p, value):
            _put(p, b"\xc2\xabrepeated\xc2\xbb")
            return
        _put(p, "{ ")
        _open(p, value)
    else:
        _put_simple(p, value)


cdef bint _hand_on(ValuePrinter* p) noexcept nogil:
    """Passes the text so far to the sink.  Without one, checks it against the memory limit: a value of a few megabytes may have a text of gigabytes."""
    if p.sink != NULL:
        p.is_stopped = not p.sink(p.context, p.out)
        p.fits = not p.is_stopped
    elif p.out.size > p.m.memory_limit_words * sizeof(Word):
        p.fits = False
    return p.fits


cdef void _put_rest(ValuePrinter* p) noexcept nogil:
    """Continues at the innermost level until all are closed."""
    cdef OpenValue* level
    cdef Word container, name
    cdef uint32_t* order
    cdef uint64_t i
    while p.level_count and p.fits and not must_stop(p.m):
        if p.out.size > PIECE_BYTES and not _hand_on(p):
            return
        level = &p.levels[p.level_count - 1]
        container = level.container
        i = level.next
        level.next += 1
        if is_list(container):
            if i:
                _put(p, " ")
            if i == list_size(container):
                _put(p, "]")
                p.level_count -= 1
            else:
                _put_value(p, list_items(container)[i])
            continue
        if i:
            _put(p, "; ")
        if i == attrs_size(container):
            _put(p, "}")
            p.level_count -= 1
            continue
        order = attrs_order(p.m, container)
        if order == NULL:
            p.has_error = True
            p.fits = False
            return
        name = symbol_string(p.m, keys_symbols(attrs_keys(container))[order[i]])
        p.fits = p.fits and print_name(p.out, string_data(name), string_size(name))
        _put(p, " = ")
        _put_value(p, attrs_values(container)[order[i]])


cdef int print_value(Machine* m, Word value, Bytes* out, int flags) noexcept nogil:
    return print_to(m, value, out, flags, 0, NULL, NULL)


cdef int print_to(Machine* m, Word value, Bytes* out, int flags, uint64_t too_many_levels, Sink sink, void* context) noexcept nogil:
    cdef ValuePrinter p
    memset(&p, 0, sizeof(ValuePrinter))
    p.m = m
    p.out = out
    p.sink = sink
    p.context = context
    p.flags = flags
    p.too_many_levels = too_many_levels
    p.fits = True
    _put_value(&p, value)
    _put_rest(&p)
    free(p.levels)
    free(p.seen)
    if p.is_stopped or p.has_error:
        return RAISE
    if must_stop(m):
        return stop(m)
    if p.is_too_deep:
        return raise_depth(m)
    return DONE if p.fits else raise_text(m, ERROR_MEMORY, NULL)
