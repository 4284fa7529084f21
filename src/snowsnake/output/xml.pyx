# cython: language_level=3
"""builtins.toXML and `--xml`: a value as XML, forced piece by piece or shown as it is.

In: any value, and whether to force it deeply and to show places.  Out: a string with the contexts of all strings in it.
The stack holds, above the three arguments: the text's slots, the table of derivations seen and their number, the number of
open elements, then two words for each list or set that is open: itself and four times the index of what comes next in it, plus
one if it is a derivation, plus two if the element of that attribute is open.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset, strlen

from snowsnake.builtins.protocol cimport done, force
from snowsnake.foundation.buffer cimport Bytes, bytes_append, bytes_free, bytes_text
from snowsnake.foundation.floats cimport FLOAT_TEXT_BYTES, float_text
from snowsnake.foundation.probing cimport probe
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.descriptions cimport is_derivation_function
from snowsnake.machine.errors cimport raise_text
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.heap cimport heap_reserve, new_string, push, stack_reserve, string_words
from snowsnake.machine.parameters cimport Parameter, next_parameter
from snowsnake.machine.positions cimport position_place
from snowsnake.machine.state cimport DONE, ERROR_FILE, ERROR_INTERRUPT, RAISE, Formals, Machine, TraceEntry
from snowsnake.machine.symbols cimport symbol_of, symbol_string
from snowsnake.machine.word cimport (
    TAG_ATTRS, TAG_BOX, TAG_FUNCTION, TAG_LIST, TAG_STRING, WORD_NULL, WORD_TRUE, attrs_find, attrs_keys, attrs_size,
    attrs_values, float_value, int_value, is_attrs, is_bool, is_float, is_int, is_list, is_path, is_string, is_thunk,
    keys_positions, keys_symbols, list_items, list_size, path_string, small_int, string_context, string_data,
    string_size, tag_of, val,
)
from snowsnake.output.nix_text cimport Sink
from snowsnake.output.text cimport (
    HeapText, text_append, text_begin, text_byte, text_context, text_decimal, text_finish, text_push_slots, text_put,
    text_save, text_spaces,
)

cdef extern from *:
    """
    /* Where the text of a machine goes in pieces.  Each thread has its own, since it lives no longer than one call from Python. */
    static __thread struct { void *machine; void *sink; void *context; } snow_xml_stream;
    """
    struct Stream:
        void* machine
        void* sink
        void* context
    Stream snow_xml_stream

cdef enum:
    # When the text has more bytes than this, it goes to the sink.
    PIECE_BYTES = 1 << 20
    STRICT = 1
    LOCATION = 2
    TEXT = 3
    # This slot has a table of symbols + 1, with open addressing, in the bytes of a string.
    SEEN = 7
    SEEN_COUNT = 8
    DEPTH = 9
    LEVELS = 10
    # The second word of a level has this bit.
    ATTRIBUTE_IS_OPEN = 2
    # C++ Nix has the same limit. Indentation makes the text grow with the square of the depth.
    MOST_LEVELS = 10000


# ---- elements ---------------------------------------------------------------------------------------------------

cdef void _put_escaped(HeapText* t, const uint8_t* data, uint64_t size) noexcept nogil:
    cdef uint64_t i, start = 0
    cdef const char* entity
    for i in range(size):
        if data[i] == b'"':
            entity = "&quot;"
        elif data[i] == b'<':
            entity = "&lt;"
        elif data[i] == b'>':
            entity = "&gt;"
        elif data[i] == b'&':
            entity = "&amp;"
        elif data[i] == b'\n':
            entity = "&#xA;"
        else:
            continue
        text_append(t, data + start, i - start)
        text_put(t, entity)
        start = i + 1
    text_append(t, data + start, size - start)


cdef void _put_attribute(HeapText* t, const char* name, const void* data, uint64_t size) noexcept nogil:
    text_byte(t, b' ')
    text_put(t, name)
    text_put(t, "=\"")
    _put_escaped(t, <const uint8_t*>data, size)
    text_byte(t, b'"')


cdef void _put_number(HeapText* t, const char* name, int64_t number) noexcept nogil:
    text_byte(t, b' ')
    text_put(t, name)
    text_put(t, "=\"")
    text_decimal(t, number)
    text_byte(t, b'"')


cdef inline void _start(HeapText* t, Word* fp, const char* tag) noexcept nogil:
    text_spaces(t, 2 * <uint64_t>int_value(fp[DEPTH]))
    text_byte(t, b'<')
    text_put(t, tag)


cdef inline void _end_open(HeapText* t, Word* fp) noexcept nogil:
    text_append(t, <const char*>">\n", 2)
    fp[DEPTH] = small_int(int_value(fp[DEPTH]) + 1)


cdef inline void _end_empty(HeapText* t) noexcept nogil:
    text_append(t, <const char*>" />\n", 4)


cdef inline void _close(HeapText* t, Word* fp, const char* tag) noexcept nogil:
    fp[DEPTH] = small_int(int_value(fp[DEPTH]) - 1)
    text_spaces(t, 2 * <uint64_t>int_value(fp[DEPTH]))
    text_append(t, <const char*>"</", 2)
    text_put(t, tag)
    text_append(t, <const char*>">\n", 2)


cdef inline void _put_leaf(HeapText* t, Word* fp, const char* tag, const void* value, uint64_t size) noexcept nogil:
    _start(t, fp, tag)
    _put_attribute(t, "value", value, size)
    _end_empty(t)


# This is where an attribute or a function is defined; line 0 means that nobody wants the place or that we do not know it.
cdef struct SourcePlace:
    uint32_t file
    uint32_t line
    uint32_t column


cdef SourcePlace _place(HeapText* t, Word* fp, uint32_t position) noexcept nogil:
    cdef SourcePlace place
    place.line = 0
    place.column = 0
    place.file = 0
    if fp[LOCATION] == WORD_TRUE:
        position_place(t.m, position, &place.file, &place.line, &place.column)
    return place


cdef void _put_line(HeapText* t, SourcePlace place) noexcept nogil:
    if place.line:
        _put_number(t, "column", place.column)
        _put_number(t, "line", place.line)


cdef void _put_path(HeapText* t, SourcePlace place) noexcept nogil:
    """Attributes are in the order of their names, so a `name` comes between the line and the path."""
    cdef const char* path
    if place.line:
        path = t.m.files[place.file].path
        if path[0] == b'/':
            _put_attribute(t, "path", path, strlen(path))


# ---- derivations seen -------------------------------------------------------------------------------------------

cdef inline bint _is_slot_of(uint64_t at, const uint32_t* table, uint32_t entry) noexcept nogil:
    return table[at] == 0 or table[at] == entry


cdef inline uint64_t _slot(uint32_t* table, uint64_t mask, uint32_t entry) noexcept nogil:
    return probe(entry * <uint64_t>0x9E3779B97F4A7C15 >> 32, mask, _is_slot_of, table, entry)


cdef int _see(Machine* m, Word* fp, uint32_t symbol) noexcept nogil:
    """1 if the symbol is new, 0 if not, -1 and an error if memory is short."""
    cdef uint64_t size = string_size(fp[SEEN]) // 4, i, h
    cdef uint32_t* table = <uint32_t*>string_data(fp[SEEN])
    cdef uint32_t* grown
    cdef Word room
    if <uint64_t>int_value(fp[SEEN_COUNT]) * 2 >= size:
        if not heap_reserve(m, string_words(size * 8 + 256)):
            return -1
        room = new_string(m, size * 8 if size else 256, 0)
        memset(string_data(room), 0, string_size(room))
        grown = <uint32_t*>string_data(room)
        for i in range(size):
            if table[i]:
                grown[_slot(grown, string_size(room) // 4 - 1, table[i])] = table[i]
        fp[SEEN] = room
        table = grown
        size = string_size(room) // 4
    h = _slot(table, size - 1, symbol + 1)
    if table[h]:
        return 0
    table[h] = symbol + 1
    fp[SEEN_COUNT] = small_int(int_value(fp[SEEN_COUNT]) + 1)
    return 1


# ---- values -----------------------------------------------------------------------------------------------------

cdef bint _is_derivation(Machine* m, Word attrs) noexcept nogil:
    """Whether a set is a derivation; the value of its `type` has been forced."""
    cdef Word* place = attrs_find(attrs, m.symbol_type)
    cdef Word w
    if place == NULL:
        return False
    w = val(place[0])
    return is_string(w) and string_size(w) == 10 and memcmp(string_data(w), <const char*>"derivation", 10) == 0


cdef Word _unforced(Machine* m, Word w, bint is_strict) noexcept nogil:
    """A thunk that must be forced before any part of w can be written, or 0."""
    cdef Word* place
    if is_thunk(w):
        return w if is_strict else 0
    if not is_attrs(w):
        return 0
    place = attrs_find(w, m.symbol_type)
    if place == NULL:
        return 0
    if is_thunk(val(place[0])):
        return val(place[0])
    if not is_strict or not _is_derivation(m, w):
        return 0
    place = attrs_find(w, m.symbol_drv_path)
    if place != NULL and is_thunk(val(place[0])):
        return val(place[0])
    place = attrs_find(w, m.symbol_out_path)
    if place != NULL and is_thunk(val(place[0])):
        return val(place[0])
    return 0


cdef void _put_derivation_function(HeapText* t, Word* fp) noexcept nogil:
    """`drvAttrs @ { outputs ? [ "out" ], ... }`"""
    _start(t, fp, "function")
    _end_open(t, fp)
    _start(t, fp, "attrspat")
    _put_attribute(t, "ellipsis", <const char*>"1", 1)
    _put_attribute(t, "name", <const char*>"drvAttrs", 8)
    _end_open(t, fp)
    _start(t, fp, "attr")
    _put_attribute(t, "name", <const char*>"outputs", 7)
    _end_empty(t)
    _close(t, fp, "attrspat")
    _close(t, fp, "function")


cdef void _put_function(HeapText* t, Word* fp, Word f) noexcept nogil:
    """Writes its parameters.  Builtins look like values that are not evaluated."""
    cdef Parameter parameter = next_parameter(t.m, f)
    cdef Formals* formals = parameter.formals
    cdef Word name
    cdef SourcePlace place
    cdef uint32_t i
    if is_derivation_function(t.m, f):
        _put_derivation_function(t, fp)
        return
    if not parameter.is_known:
        _start(t, fp, "unevaluated")
        _end_empty(t)
        return
    _start(t, fp, "function")
    place = _place(t, fp, parameter.position)
    _put_line(t, place)
    _put_path(t, place)
    _end_open(t, fp)
    _start(t, fp, "attrspat" if formals != NULL else "varpat")
    if formals != NULL and formals.has_ellipsis:
        _put_attribute(t, "ellipsis", <const char*>"1", 1)
    if parameter.name.size_bytes:
        _put_attribute(t, "name", parameter.name.data, parameter.name.size_bytes)
    if formals != NULL:
        _end_open(t, fp)
        for i in range(formals.count):
            _start(t, fp, "attr")
            name = symbol_string(t.m, formals.symbols[i])
            _put_attribute(t, "name", string_data(name), string_size(name))
            _end_empty(t)
        _close(t, fp, "attrspat")
    else:
        _end_empty(t)
    _close(t, fp, "function")


cdef inline int _open(Machine* m, Word container, bint is_derivation) noexcept nogil:
    if not stack_reserve(m, 16):
        return RAISE
    push(m, container)
    push(m, small_int(1 if is_derivation else 0))
    return DONE


cdef int _put_derivation(HeapText* t, Word* fp, Word w) noexcept nogil:
    cdef Machine* m = t.m
    cdef Word* drv_path = attrs_find(w, m.symbol_drv_path)
    cdef Word* out_path = attrs_find(w, m.symbol_out_path)
    cdef Word s
    cdef int is_new = 0
    _start(t, fp, "derivation")
    if drv_path != NULL and is_string(val(drv_path[0])):
        s = val(drv_path[0])
        _put_attribute(t, "drvPath", string_data(s), string_size(s))
        if string_size(s):
            is_new = _see(m, fp, symbol_of(m, s))
            if is_new < 0:
                return RAISE
    if out_path != NULL and is_string(val(out_path[0])):
        s = val(out_path[0])
        _put_attribute(t, "outPath", string_data(s), string_size(s))
    _end_open(t, fp)
    if is_new:
        return _open(m, w, True)
    _start(t, fp, "repeated")
    _end_empty(t)
    _close(t, fp, "derivation")
    return DONE


cdef int _put_value(HeapText* t, Word* fp, Word w) noexcept nogil:
    """What must be forced for it has been.  DONE: written, or a level opened; RAISE."""
    cdef char[FLOAT_TEXT_BYTES] number
    cdef int tag = tag_of(w)
    if tag == TAG_STRING:
        text_context(t, string_context(w))
        _put_leaf(t, fp, "string", string_data(w), string_size(w))
    elif tag == TAG_ATTRS:
        if _is_derivation(t.m, w):
            return _put_derivation(t, fp, w)
        _start(t, fp, "attrs")
        _end_open(t, fp)
        return _open(t.m, w, False)
    elif tag == TAG_LIST:
        _start(t, fp, "list")
        _end_open(t, fp)
        return _open(t.m, w, False)
    elif is_int(w):
        _start(t, fp, "int")
        _put_number(t, "value", int_value(w))
        _end_empty(t)
    elif w == WORD_NULL:
        _start(t, fp, "null")
        _end_empty(t)
    elif is_bool(w):
        if w == WORD_TRUE:
            _put_leaf(t, fp, "bool", <const char*>"true", 4)
        else:
            _put_leaf(t, fp, "bool", <const char*>"false", 5)
    elif tag == TAG_FUNCTION:
        _put_function(t, fp, w)
    elif tag == TAG_BOX and is_float(w):
        _put_leaf(t, fp, "float", number, float_text(number, sizeof(number), "%g", float_value(w)))
    elif tag == TAG_BOX and is_path(w):
        _put_leaf(t, fp, "path", string_data(path_string(w)), string_size(path_string(w)))
    else:
        _start(t, fp, "unevaluated")
        _end_empty(t)
    return DONE


cdef void xml_stream(Machine* m, Sink sink, void* context) noexcept nogil:
    snow_xml_stream.machine = m if sink != NULL else NULL
    snow_xml_stream.sink = <void*>sink
    snow_xml_stream.context = context


cdef bint _hand_on(HeapText* t) noexcept nogil:
    """Passes the text so far to the sink; returns False if the sink wants no more, and an error has been raised."""
    cdef Bytes piece
    memset(&piece, 0, sizeof(piece))
    piece.data = t.start
    piece.size = <uint64_t>(t.at - t.start)
    t.at = t.start
    if (<Sink>snow_xml_stream.sink)(snow_xml_stream.context, &piece):
        return True
    raise_text(t.m, ERROR_FILE, NULL)
    return False


cdef void _open_attribute(HeapText* t, Word* fp, Word set_, uint64_t index, uint32_t place) noexcept nogil:
    cdef Word name = symbol_string(t.m, keys_symbols(attrs_keys(set_))[place])
    cdef SourcePlace where
    if index:
        _close(t, fp, "attr")
    _start(t, fp, "attr")
    where = _place(t, fp, keys_positions(attrs_keys(set_))[place])
    _put_line(t, where)
    _put_attribute(t, "name", string_data(name), string_size(name))
    _put_path(t, where)
    _end_open(t, fp)


cdef void _put_end(Bytes* out, Word* fp, const char* tag) noexcept nogil:
    cdef int64_t i
    fp[DEPTH] = small_int(max(int_value(fp[DEPTH]) - 1, <int64_t>0))
    for i in range(int_value(fp[DEPTH])):
        bytes_text(out, "  ")
    bytes_text(out, "</")
    bytes_text(out, tag)
    bytes_text(out, ">\n")


cdef uint32_t trace_xml(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil:
    """An error leaves the builtin: the text so far goes out, with the ends of all that is open, as in C++ Nix."""
    cdef HeapText t
    cdef Bytes piece
    cdef Word* level = fp + LEVELS + (top - fp - LEVELS) // 2 * 2
    if snow_xml_stream.machine != m or top < fp + LEVELS or m.error.code == ERROR_INTERRUPT:
        # After Ctrl-C, nothing waits for a reader any more.
        return 0
    text_begin(&t, m, fp + TEXT)
    memset(&piece, 0, sizeof(piece))
    bytes_append(&piece, t.start, <size_t>(t.at - t.start))
    while level > fp + LEVELS:
        level -= 2
        if is_list(level[0]):
            _put_end(&piece, fp, "list")
            continue
        if int_value(level[1]) >= 4 or int_value(level[1]) & ATTRIBUTE_IS_OPEN:
            _put_end(&piece, fp, "attr")
        _put_end(&piece, fp, "derivation" if int_value(level[1]) & 1 else "attrs")
    _put_end(&piece, fp, "expr")
    if not piece.failed:
        (<Sink>snow_xml_stream.sink)(snow_xml_stream.context, &piece)
    bytes_free(&piece)
    return 0


cdef int _go_on(HeapText* t, Word* fp) noexcept nogil:
    """Writes until something must be forced; DONE: the last level is closed."""
    cdef Machine* m = t.m
    cdef Word container, w, thunk
    cdef uint64_t i, n
    cdef uint32_t* order = NULL
    cdef uint32_t place = 0
    cdef bint is_derivation
    while m.sp > fp + LEVELS:
        if must_stop(m):
            return stop(m)
        if t.at - t.start > PIECE_BYTES and fp[LOCATION] != WORD_NULL and snow_xml_stream.machine == m and not _hand_on(t):
            return RAISE
        container = m.sp[-2]
        i = <uint64_t>int_value(m.sp[-1]) >> 2
        is_derivation = int_value(m.sp[-1]) & 1
        n = list_size(container) if is_list(container) else attrs_size(container)
        if i == n:
            if n and is_attrs(container):
                _close(t, fp, "attr")
            _close(t, fp, "list" if is_list(container) else ("derivation" if is_derivation else "attrs"))
            m.sp -= 2
            continue
        if is_list(container):
            w = val(list_items(container)[i])
        else:
            order = attrs_order(m, container)
            if order == NULL:
                return RAISE
            place = order[i]
            w = val(attrs_values(container)[place])
            if not int_value(m.sp[-1]) & ATTRIBUTE_IS_OPEN:
                # We open the attribute before its value is forced, which may end in an error.
                _open_attribute(t, fp, container, i, place)
                m.sp[-1] |= small_int(ATTRIBUTE_IS_OPEN)
        thunk = _unforced(m, w, fp[STRICT] == WORD_TRUE)
        if thunk:
            return force(m, thunk)
        m.sp[-1] = small_int((int_value(m.sp[-1]) & ~<int64_t>ATTRIBUTE_IS_OPEN) + 4)
        if _put_value(t, fp, w) == RAISE or t.failed:
            return RAISE
        if <uint64_t>(m.sp - fp) > 2 * MOST_LEVELS:
            return raise_depth(m)
    return DONE


cdef int to_xml_as(Machine* m, Word* fp) noexcept nogil:
    cdef HeapText t
    cdef Word w, thunk
    cdef int outcome = DONE
    if m.sp == fp + 3:
        w = val(fp[0])
        if is_thunk(w) and fp[STRICT] == WORD_TRUE:
            return force(m, w)
        text_push_slots(m)
        push(m, m.empty_string)
        push(m, 0)
        push(m, 0)
        text_begin(&t, m, fp + TEXT)
        text_put(&t, "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n")
    else:
        text_begin(&t, m, fp + TEXT)
    if fp[DEPTH] == 0:
        # The value itself is still to come.
        w = val(fp[0])
        thunk = _unforced(m, w, fp[STRICT] == WORD_TRUE)
        if thunk:
            text_save(&t)
            return force(m, thunk)
        fp[DEPTH] = small_int(1)
        outcome = _put_value(&t, fp, w)
    if outcome == DONE:
        outcome = _go_on(&t, fp)
    if outcome != DONE:
        text_save(&t)
        return outcome
    text_put(&t, "</expr>\n")
    w = text_finish(&t)
    return done(m, w) if w else RAISE


cdef int to_xml(Machine* m, Word* fp) noexcept nogil:
    if m.sp == fp + 1:
        # We want no places, and the text is a value, so it goes nowhere in pieces.
        push(m, WORD_TRUE)
        push(m, WORD_NULL)
    return to_xml_as(m, fp)
