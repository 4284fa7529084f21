# cython: language_level=3
"""The tables of an image of the heap (heap_image.pyx): what a machine holds besides its objects.

In: a machine, and how its pointers move.  Out: bytes; and back, into a fresh machine: symbols, contexts, files with their compiled
code, constants of linked codes, failures, derivations, host.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strlen

from snowsnake.bytecode.image cimport Image
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items
from snowsnake.host.byte_map cimport ByteMap, map_add
from snowsnake.host.host cimport Host, host_drv_store, host_of
from snowsnake.machine.importing cimport add_file
from snowsnake.machine.link cimport link_code
from snowsnake.machine.state cimport INTERNAL_CAPACITY, Code, Error, File
from snowsnake.machine.symbols cimport context_make
from snowsnake.store.buffer cimport Bytes, View, bytes_append, make_view
from snowsnake.store.drv_store cimport DrvStore, StoreEntry, intern_path

cdef enum:
    SYMBOL_FIELDS = 14                # well-known symbols, from Machine.symbol_name on
    SAVED_MAPS = 4

cdef struct Cursor:                   # reading the tables
    const uint8_t* at
    const uint8_t* end
    bint failed


# ---- bytes ------------------------------------------------------------------------------------------------------

cdef void _put(Bytes* out, uint64_t number) noexcept nogil:
    bytes_append(out, &number, 8)


cdef void _put_bytes(Bytes* out, const void* data, uint64_t size) noexcept nogil:
    """Size, bytes, zeros up to the next multiple of eight: arrays are used where they lie."""
    cdef uint64_t zero = 0
    _put(out, size)
    bytes_append(out, data, size)
    bytes_append(out, &zero, (8 - size % 8) % 8)


cdef uint64_t _take(Cursor* c) noexcept nogil:
    cdef uint64_t number = 0
    if <uint64_t>(c.end - c.at) < 8:
        c.failed = True
        return 0
    memcpy(&number, c.at, 8)
    c.at += 8
    return number


cdef const uint8_t* _take_bytes(Cursor* c, uint64_t* size) noexcept nogil:
    cdef const uint8_t* data
    size[0] = _take(c)
    data = c.at
    if size[0] > <uint64_t>(c.end - c.at) or ((size[0] + 7) & ~<uint64_t>7) > <uint64_t>(c.end - c.at):
        c.failed = True
        size[0] = 0
        return data
    c.at += (size[0] + 7) & ~<uint64_t>7
    return data


cdef void* _take_copy(Cursor* c, uint64_t* size) noexcept nogil:
    """Bytes as malloc'ed memory with a zero behind them; NULL fails."""
    cdef const uint8_t* data = _take_bytes(c, size)
    cdef uint8_t* copy = <uint8_t*>allocate_items(size[0] + 8, 1)
    if copy == NULL:
        c.failed = True
        return NULL
    memcpy(copy, data, size[0])
    memset(copy + size[0], 0, 8)
    return copy


cdef void _put_words(Bytes* out, Shift* s, const Word* words, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(count):
        _put(out, moved(s, words[i]))


cdef void _take_words(Cursor* c, Shift* s, Word* words, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(count):
        words[i] = moved(s, _take(c))


# ---- symbols, contexts, shared words ----------------------------------------------------------------------------

cdef void _put_names(Machine* m, Bytes* out, Shift* s) noexcept nogil:
    cdef uint32_t i
    _put_bytes(out, &m.symbol_name, SYMBOL_FIELDS * sizeof(uint32_t))
    _put(out, m.symbol_count)
    _put(out, m.symbol_capacity)
    _put(out, m.symbol_mask)
    _put_words(out, s, m.symbol_strings, m.symbol_count)
    _put_bytes(out, m.symbol_table, (<uint64_t>m.symbol_mask + 1) * sizeof(uint32_t))
    _put(out, m.context_count)
    for i in range(1, m.context_count):
        _put_bytes(out, m.contexts[i].elements, m.contexts[i].count * sizeof(uint32_t))


cdef bint _take_names(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    cdef uint64_t size, count, i
    cdef uint32_t* elements
    cdef const uint8_t* fields = _take_bytes(c, &size)
    if size != SYMBOL_FIELDS * sizeof(uint32_t) or memcmp(fields, &m.symbol_name, size) != 0:
        return False
    free(m.symbol_strings)
    free(m.symbol_table)
    m.symbol_count = <uint32_t>_take(c)
    m.symbol_capacity = <uint32_t>_take(c)
    m.symbol_mask = <uint32_t>_take(c)
    m.symbol_strings = <Word*>allocate_items(<uint64_t>m.symbol_capacity, sizeof(Word))
    m.symbol_table = NULL
    if m.symbol_strings == NULL or m.symbol_count > m.symbol_capacity:
        m.symbol_count = 0
        return False
    _take_words(c, s, m.symbol_strings, m.symbol_count)
    m.symbol_table = <uint32_t*>_take_copy(c, &size)
    m.old_symbol_count = m.symbol_count
    if size != (<uint64_t>m.symbol_mask + 1) * sizeof(uint32_t):
        return False
    count = _take(c)
    for i in range(1, count):
        elements = <uint32_t*>_take_bytes(c, &size)
        if c.failed or context_make(m, elements, <uint32_t>(size // sizeof(uint32_t))) != i:
            return False
    return not c.failed


cdef Word* _shared_word(Machine* m, uint32_t i) noexcept nogil:
    """A word of the machine itself, by number; NULL behind the last."""
    if i < m.builtin_count:
        return &m.builtins[i].word
    i -= m.builtin_count
    if i < INTERNAL_CAPACITY:
        return &m.internals[i]
    i -= INTERNAL_CAPACITY
    return &m.builtins_attrs if i == 0 else &m.try_eval_word if i == 1 else &m.error_context_word if i == 2 else \
        &m.empty_list if i == 3 else &m.empty_attrs if i == 4 else &m.empty_string if i == 5 else NULL


cdef void _put_shared(Machine* m, Bytes* out, Shift* s) noexcept nogil:
    cdef uint32_t i = 0
    _put(out, m.builtin_count)
    while _shared_word(m, i) != NULL:
        _put_words(out, s, _shared_word(m, i), 1)
        i += 1


cdef bint _take_shared(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    cdef uint32_t i = 0
    if _take(c) != m.builtin_count:
        return False
    while _shared_word(m, i) != NULL:
        _take_words(c, s, _shared_word(m, i), 1)
        i += 1
    return not c.failed


# ---- files and codes --------------------------------------------------------------------------------------------

cdef void _put_files(Machine* m, Bytes* out, Shift* s) noexcept nogil:
    cdef uint32_t i
    cdef File* file
    _put(out, m.next_position)
    _put(out, m.file_count)
    for i in range(m.file_count):
        file = &m.files[i]
        _put_bytes(out, file.path, strlen(file.path))
        _put(out, file.size_bytes)
        # what has a place on disk is read again when somebody wants a line of it
        _put_bytes(out, file.source, 0 if file.source == NULL or file.path[0] == c'/' else file.size_bytes)
        _put(out, file.position_base)
        _put(out, file.code_base)
        _put(out, file.is_imported)
        _put_words(out, s, &file.value, 1)
        _put(out, file.image != NULL)
        if file.image != NULL:
            _put_bytes(out, file.image.data, file.image.size_bytes)
            _put_bytes(out, file.image.records, <uint64_t>file.image.chunk_count * sizeof(uint32_t))
            _put_bytes(out, file.image.texts, <uint64_t>file.image.text_count * sizeof(uint32_t))


cdef Image* _take_code_image(Cursor* c) noexcept nogil:
    """The compiled code of a file, used where it lies."""
    cdef Image* image = <Image*>allocate_zeros(1, sizeof(Image))
    cdef uint64_t size
    if image == NULL:
        c.failed = True
        return NULL
    image.is_borrowed = True
    image.data = <uint8_t*>_take_bytes(c, &size)
    image.size_bytes = <uint32_t>size
    image.records = <uint32_t*>_take_bytes(c, &size)
    image.chunk_count = <uint32_t>(size // sizeof(uint32_t))
    image.texts = <uint32_t*>_take_bytes(c, &size)
    image.text_count = <uint32_t>(size // sizeof(uint32_t))
    return image


cdef bint _take_file(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    cdef uint64_t size
    cdef char* path = <char*>_take_copy(c, &size)
    cdef uint32_t size_bytes = <uint32_t>_take(c)
    cdef uint8_t* source = <uint8_t*>_take_copy(c, &size)
    cdef uint32_t index = 0
    cdef File* file
    if c.failed:
        free(path)
        free(source)
        return False
    if size == 0:
        free(source)
        source = NULL
    if not add_file(m, path, source, size_bytes, &index):  # it may move the files
        free(path)
        free(source)
        return False
    file = &m.files[index]
    free(path)
    file.position_base = <uint32_t>_take(c)               # with gaps, where expressions were forgotten
    file.code_base = <uint32_t>_take(c)
    file.is_imported = _take(c) != 0
    _take_words(c, s, &file.value, 1)
    if _take(c):
        file.image = _take_code_image(c)
    return not c.failed


cdef bint _take_files(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    cdef uint32_t next_position = <uint32_t>_take(c)
    cdef uint64_t count = _take(c), i
    for i in range(count):
        if not _take_file(m, c, s):
            return False
    m.next_position = next_position
    return not c.failed


cdef void _put_codes(Machine* m, Bytes* out, Shift* s) noexcept nogil:
    """Constants of the codes that ran: a literal function is equal to itself, and an evaluated literal stays evaluated."""
    cdef uint32_t i, linked = 0
    for i in range(2, m.code_count):
        linked += m.codes[i].is_linked
    _put(out, m.code_count)
    _put(out, linked)
    for i in range(2, m.code_count):
        if m.codes[i].is_linked:
            _put(out, i)
            _put(out, m.codes[i].constant_count)
            _put_words(out, s, m.codes[i].constants, m.codes[i].constant_count)


cdef bint _take_codes(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    """Links again what was linked, and puts the saved constants in the place of the fresh ones."""
    cdef uint64_t count = _take(c), linked = _take(c), i, index
    cdef Code** codes = <Code**>resize_items(m.codes, count + 1024, sizeof(Code*))
    cdef Code* code
    if codes == NULL:
        return False
    m.codes = codes
    m.code_capacity = <uint32_t>(count + 1024)
    for i in range(m.code_count, count):
        codes[i] = m.unlinked
    m.code_count = <uint32_t>count
    for i in range(linked):
        index = _take(c)
        if c.failed or index >= count:
            return False
        code = link_code(m, <uint32_t>index)
        if code == NULL or _take(c) != code.constant_count:
            return False
        _take_words(c, s, code.constants, code.constant_count)
    m.fresh_code_count = 0            # no constant is in the nursery
    return not c.failed


# ---- failures ---------------------------------------------------------------------------------------------------

cdef void _put_failures(Machine* m, Bytes* out) noexcept nogil:
    """What failed thunks raise again; it has no trace."""
    cdef uint32_t i
    cdef Error* e
    _put(out, m.failure_count)
    for i in range(m.failure_count):
        e = &m.failures[i]
        _put(out, <uint64_t>e.code)
        _put_bytes(out, e.message, e.message_size_bytes)
        _put(out, e.position)
        _put(out, e.position_end)


cdef bint _take_failures(Machine* m, Cursor* c) noexcept nogil:
    cdef uint64_t count = _take(c), i, size
    cdef Error* e
    m.failures = <Error*>allocate_zeros(count + 1, sizeof(Error))
    if m.failures == NULL:
        return False
    m.failure_capacity = <uint32_t>(count + 1)
    for i in range(count):
        e = &m.failures[i]
        e.code = <int>_take(c)
        e.message = <char*>_take_copy(c, &size)
        e.message_size_bytes = size
        e.position = <uint32_t>_take(c)
        e.position_end = <uint32_t>_take(c)
        m.failure_count += 1
        if c.failed:
            return False
    return True


# ---- derivations and the host -----------------------------------------------------------------------------------

cdef bint _put_derivations(Machine* m, Bytes* out) noexcept nogil:
    cdef DrvStore* d = host_drv_store(m)
    cdef const View* names
    cdef uint64_t i, count
    if d == NULL:
        return False
    _put(out, d.entry_count)
    for i in range(d.entry_count):
        _put_bytes(out, d.entries[i].path.data, d.entries[i].path.size)
        _put_bytes(out, &d.entries[i], sizeof(StoreEntry))
    names = <const View*>d.names.data
    count = d.names.size // sizeof(View)
    _put(out, count)
    for i in range(count):
        _put_bytes(out, names[i].data, names[i].size)
    _put_bytes(out, d.references.data, d.references.size)
    return True


cdef bint _take_derivations(Machine* m, Cursor* c) noexcept nogil:
    cdef DrvStore* d = host_drv_store(m)
    cdef uint64_t count = _take(c), i, size
    cdef StoreEntry saved
    cdef const uint8_t* data
    cdef View view
    if d == NULL or d.entry_count:
        return False
    for i in range(count):
        data = _take_bytes(c, &size)
        if c.failed or intern_path(d, make_view(data, size)) != i:
            return False
        data = _take_bytes(c, &size)
        if size != sizeof(StoreEntry):
            return False
        memcpy(&saved, data, sizeof(StoreEntry))
        saved.path = d.entries[i].path
        if saved.hash != d.entries[i].hash:
            return False
        d.entries[i] = saved
    count = _take(c)
    for i in range(count):
        data = _take_bytes(c, &size)
        view = make_view(data, size)  # into the tables, which stay mapped
        bytes_append(&d.names, &view, sizeof(View))
    data = _take_bytes(c, &size)
    bytes_append(&d.references, data, size)
    return not (c.failed or d.names.failed or d.references.failed)


cdef ByteMap* _saved_map(Host* h, int which) noexcept nogil:
    return &h.records if which == 0 else &h.copied if which == 1 else &h.sources if which == 2 else &h.texts


cdef void _put_host(Machine* m, Bytes* out) noexcept nogil:
    cdef ByteMap* map
    cdef uint32_t i
    cdef int which
    for which in range(SAVED_MAPS):
        map = _saved_map(host_of(m), which)
        _put(out, map.count)
        for i in range(map.count):
            _put_bytes(out, map.entries[i].key, map.entries[i].key_size)
            _put(out, map.entries[i].value != NULL)
            _put_bytes(out, map.entries[i].value, map.entries[i].value_size if map.entries[i].value != NULL else 0)
    _put(out, <uint64_t>host_of(m).current_time)


cdef bint _take_host(Machine* m, Cursor* c) noexcept nogil:
    cdef uint64_t count, i, key_size, value_size
    cdef const uint8_t* key
    cdef const uint8_t* value
    cdef bint has_value
    cdef int which
    for which in range(SAVED_MAPS):
        count = _take(c)
        for i in range(count):
            key = _take_bytes(c, &key_size)
            has_value = _take(c) != 0
            value = _take_bytes(c, &value_size)
            if c.failed or map_add(_saved_map(host_of(m), which), key, key_size, value if has_value else NULL,
                                   value_size) == NULL:
                return False
    host_of(m).current_time = <int64_t>_take(c)
    return not c.failed


# ---- all of them ------------------------------------------------------------------------------------------------

cdef bint put_tables(Machine* m, Bytes* out, Shift* s) noexcept nogil:
    _put_names(m, out, s)
    _put_shared(m, out, s)
    _put_files(m, out, s)
    _put_codes(m, out, s)
    _put_failures(m, out)
    _put_host(m, out)
    return _put_derivations(m, out) and not out.failed


cdef bint take_tables(Machine* m, const uint8_t* data, uint64_t size, Shift* s) noexcept nogil:
    cdef Cursor c
    c.at = data
    c.end = data + size
    c.failed = False
    return _take_names(m, &c, s) and _take_shared(m, &c, s) and _take_files(m, &c, s) and _take_codes(m, &c, s) and \
        _take_failures(m, &c) and _take_host(m, &c) and _take_derivations(m, &c) and c.at == c.end
