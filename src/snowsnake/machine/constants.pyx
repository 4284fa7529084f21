# cython: language_level=3
"""The constants of a chunk as words: names, strings, numbers, paths, blueprints, keys of sets, builtins.

In: the constants in a chunk's record.  Out: words, and the set `builtins`, which is made when it is first needed.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, strlen

from snowsnake.bytecode.chunk cimport (
    CONSTANT_ATTR_NAME, CONSTANT_BUILTIN, CONSTANT_BUILTINS, CONSTANT_CHUNK, CONSTANT_FALSE, CONSTANT_FLOAT,
    CONSTANT_HOME_PATH, CONSTANT_INT, CONSTANT_KEYS, CONSTANT_LIST, CONSTANT_NAME, CONSTANT_NULL, CONSTANT_PATH,
    CONSTANT_POSITION, CONSTANT_SEARCH_PATH, CONSTANT_STRING, CONSTANT_TRUE,
)
from snowsnake.bytecode.image cimport image_text, take, take_signed
from snowsnake.diagnostics.message_table cimport MESSAGE_UNDEFINED_VARIABLE
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.attrs cimport Attr, attrs_build, keys_build, scratch_entries, sort_entries
from snowsnake.machine.errors cimport raise_message, raise_text, worded
from snowsnake.machine.heap cimport heap_alloc, heap_reserve, make_float, make_int, make_path, make_string
from snowsnake.machine.positions cimport position_attrs
from snowsnake.machine.state cimport DONE, ERROR_MEMORY, Builtin
from snowsnake.machine.shown_names cimport shown_name
from snowsnake.machine.symbols cimport symbol_intern, symbol_of_text, symbol_string
from snowsnake.machine.turns cimport fill_turns, known_prefix
from snowsnake.machine.word cimport (
    IMMEDIATE_CHUNK, IMMEDIATE_SYMBOL, KIND_ATTR_NAME, KIND_HOME_PATH, KIND_ORDER, KIND_SEARCH_PATH, TAG_BOX,
    WORD_FALSE, WORD_NULL, WORD_TRUE, WORD_UNSET, attrs_find, header_of, pointer_of, small_int, tagged,
)
from snowsnake.syntax.nodes cimport Text

cdef enum:
    # The linker links so many constants or names before it looks whether to stop.
    PATIENCE = 0xFFFF
    # link_code (link.pyx) has reserved room for a string of so many bytes.
    RESERVED_BYTES = 64


cdef bint link_constants(Machine* m, File* file, Word* constants, uint32_t count, const uint8_t** p) noexcept nogil:
    cdef uint32_t i
    for i in range(count):
        constants[i] = _link_constant(m, file, p)
        if constants[i] == WORD_UNSET or (i & PATIENCE == PATIENCE and must_stop(m) and stop(m)):
            return False
    return True


cdef Word _boxed_string(Machine* m, int kind, Word string, Word second) noexcept nogil:
    cdef Word* p = heap_alloc(m, 3)
    p[0] = header_of(kind, 2)
    p[1] = string
    p[2] = second
    return tagged(p, TAG_BOX)


cdef Word _text_string(Machine* m, Text text) noexcept nogil:
    if text.size_bytes > RESERVED_BYTES and not heap_reserve(m, text.size_bytes // 8 + 16):
        return WORD_UNSET
    return make_string(m, text.data, text.size_bytes, 0)


cdef Word _link_chunk(Machine* m, File* file, uint64_t blueprint) noexcept nogil:
    """A blueprint is the number of the code; for a chunk without captures, an immediate from which `Constant` makes a closure or thunk."""
    cdef Word index = file.code_base + (blueprint >> 2)
    if blueprint & 2:
        return small_int(index)
    return index << 9 | (blueprint & 1) << 8 | IMMEDIATE_CHUNK


cdef Word _link_constant(Machine* m, File* file, const uint8_t** p) noexcept nogil:
    """The word of the constant at *p*, which moves on; WORD_UNSET, with an error set, if the constant is not valid."""
    cdef int kind = <int>take(p)
    cdef Text text
    cdef Word string
    cdef double number
    cdef uint32_t symbol
    if kind == CONSTANT_NAME:
        text = image_text(file.image, take(p))
        return (<Word>symbol_of_text(m, text) << 8) | IMMEDIATE_SYMBOL
    if kind == CONSTANT_STRING:
        return _text_string(m, image_text(file.image, take(p)))
    if kind == CONSTANT_CHUNK:
        return _link_chunk(m, file, take(p))
    if kind == CONSTANT_INT:
        return make_int(m, take_signed(p))
    if kind == CONSTANT_KEYS:
        return _link_keys(m, file, p)
    if kind == CONSTANT_NULL:
        return WORD_NULL
    if kind == CONSTANT_TRUE:
        return WORD_TRUE
    if kind == CONSTANT_FALSE:
        return WORD_FALSE
    if kind == CONSTANT_FLOAT:
        memcpy(&number, p[0], sizeof(double))
        p[0] += sizeof(double)
        return make_float(m, number)
    if kind == CONSTANT_PATH or kind == CONSTANT_SEARCH_PATH or kind == CONSTANT_HOME_PATH:
        string = _text_string(m, image_text(file.image, take(p)))
        if string == WORD_UNSET:
            return WORD_UNSET
        if kind == CONSTANT_PATH:
            return make_path(m, string)
        return _boxed_string(m, KIND_SEARCH_PATH if kind == CONSTANT_SEARCH_PATH else KIND_HOME_PATH, string, 0)
    if kind == CONSTANT_ATTR_NAME:
        text = image_text(file.image, take(p))
        symbol = symbol_of_text(m, text)
        return _boxed_string(m, KIND_ATTR_NAME, symbol_string(m, symbol), small_int(file.position_base + take(p)))
    if kind == CONSTANT_BUILTINS:
        return _builtins_set(m)
    if kind == CONSTANT_BUILTIN:
        text = image_text(file.image, take(p))
        return _builtin_value(m, text.data, text.size_bytes)
    if kind == CONSTANT_POSITION:
        string = position_attrs(m, file.position_base + <uint32_t>take(p))
        return string if string else WORD_UNSET
    if kind == CONSTANT_LIST:
        return m.empty_list
    return m.empty_attrs


cdef Word _link_keys(Machine* m, File* file, const uint8_t** p) noexcept nogil:
    """A keys object with names in name order.  Its order is made here, too, because AttrsKeys needs it."""
    cdef uint64_t x = take(p)
    cdef uint32_t n = <uint32_t>(x >> 1), i
    cdef bint has_names = x & 1
    cdef uint32_t* symbols
    cdef uint32_t* positions
    cdef Attr* entries
    cdef Text text
    cdef Word w
    cdef Word* order
    cdef uint32_t* indices
    cdef uint64_t known
    if not heap_reserve(m, 3 * n + 16):
        return WORD_UNSET
    entries = scratch_entries(m, n)
    symbols = <uint32_t*>allocate_items((n + 1) * 2, sizeof(uint32_t))
    if entries == NULL or symbols == NULL:
        free(entries)
        free(symbols)
        raise_text(m, ERROR_MEMORY, NULL)
        return WORD_UNSET
    positions = symbols + n
    for i in range(n):
        if i & PATIENCE == PATIENCE and must_stop(m):
            free(entries)
            free(symbols)
            stop(m)
            return WORD_UNSET
        # Dynamic attributes have no names: only the places count, in their order.
        entries[i].symbol = i
        if has_names:
            text = image_text(file.image, take(p))
            entries[i].symbol = symbol_of_text(m, text)
        entries[i].position = file.position_base + <uint32_t>take(p)
        # This is its place in name order.
        entries[i].value = i
    if has_names and not sort_entries(m, entries, n):
        free(entries)
        free(symbols)
        return WORD_UNSET
    for i in range(n):
        symbols[i] = entries[i].symbol
        positions[i] = entries[i].position
    w = keys_build(m, symbols, positions, n)
    known = known_prefix(symbols, n) if has_names else 0
    order = heap_alloc(m, 1 + n if known else 1 + ((n + 1) >> 1))
    order[0] = header_of(KIND_ORDER, 2 * n if known else n)
    indices = <uint32_t*>(order + 1)
    for i in range(n):
        indices[entries[i].value] = i
    if known:
        fill_turns(indices, n, known, indices + n)
    pointer_of(w)[1] = <Word>order
    free(entries)
    free(symbols)
    return w


cdef Word _builtins_set(Machine* m) noexcept nogil:
    """Returns WORD_UNSET, with an error set, if memory is short."""
    cdef Attr* entries
    cdef uint64_t n = 0
    cdef uint32_t i, self_symbol
    cdef Builtin* b
    cdef const char* name
    cdef Word set_
    if m.builtins_attrs:
        return m.builtins_attrs
    # Besides the builtins, the set has itself.
    entries = scratch_entries(m, m.builtin_count + 1)
    if entries == NULL:
        return WORD_UNSET
    self_symbol = symbol_intern(m, "builtins", 8)
    for i in range(m.builtin_count):
        b = &m.builtins[i]
        name = b.name
        # Such a builtin is internal, or absent without its features.
        if name[0] == c'_' and name[1] == c'_' or b.needs & ~m.features:
            continue
        entries[n].symbol = symbol_intern(m, name, strlen(name))
        entries[n].position = 0
        entries[n].value = b.word
        if b.arity == 0:
            if b.function(m, m.sp) != DONE:
                free(entries)
                return WORD_UNSET
            entries[n].value = m.result
        n += 1
    entries[n].symbol = self_symbol
    entries[n].position = 0
    entries[n].value = WORD_NULL
    n += 1
    set_ = attrs_build(m, entries, n)
    free(entries)
    if set_ == 0:
        return WORD_UNSET
    attrs_find(set_, self_symbol)[0] = set_
    m.builtins_attrs = set_
    return set_


cdef Word _builtin_value(Machine* m, const uint8_t* name, uint32_t size_bytes) noexcept nogil:
    cdef Word set_ = _builtins_set(m)
    cdef Word* found
    cdef char* shown
    if set_ == WORD_UNSET:
        return WORD_UNSET
    found = attrs_find(set_, symbol_intern(m, name, size_bytes))
    if found == NULL and size_bytes > 2 and name[0] == c'_' and name[1] == c'_':
        found = attrs_find(set_, symbol_intern(m, name + 2, size_bytes - 2))
    if found == NULL:
        shown = shown_name(m, symbol_intern(m, name, size_bytes))
        raise_message(m, worded(MESSAGE_UNDEFINED_VARIABLE, shown))
        free(shown)
        return WORD_UNSET
    return found[0]
