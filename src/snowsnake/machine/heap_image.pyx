# cython: language_level=3
"""AN EXPERIMENT (docs/decisions/images.md; nothing else uses it): a machine at rest as a file, and a new machine made from it.

In: a machine between two evaluations.  Out: a file that one pass, or none, makes the state of a fresh machine of the same build:

    head     magic, build, checksums, where the parts are
    inputs   bytes of the caller: what must still be true for the image to be used
    tables   symbols, contexts, files with their compiled code, constants of linked codes, failures, derivations, host
    heap     the old space after a collection, page-aligned, its pointers as if it lay at IMAGE_BASE

Mapped at IMAGE_BASE the heap is used where it lies and its pages are copied when they are written to; when that address is
taken, or by wish, it is read anywhere and its pointers are moved.  `ImageRefused` says what cannot be saved or used.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset, strlen
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport pread

from snowsnake.bytecode.image cimport Image
from snowsnake.cache.xxh64 cimport xxh64
from snowsnake.host.byte_map cimport ByteMap, map_add
from snowsnake.host.host cimport Host, host_drv_store, host_of
from snowsnake.machine.collector cimport collect, set_limits
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.heap cimport release_region, reserve_region
from snowsnake.machine.importing cimport add_file, restore_imports
from snowsnake.machine.link cimport link_code
from snowsnake.machine.state cimport *
from snowsnake.machine.symbols cimport context_make
from snowsnake.machine.word cimport *
from snowsnake.store.buffer cimport Bytes, View, bytes_append, bytes_free, bytes_init, make_view
from snowsnake.store.drv_store cimport DrvStore, StoreEntry, intern_path

cdef extern from *:
    """
    #include <sys/mman.h>
    #ifndef MAP_FIXED_NOREPLACE
    #define MAP_FIXED_NOREPLACE 0x100000
    #endif
    """
    int MAP_FIXED
    int MAP_FIXED_NOREPLACE
    int MAP_NORESERVE

cdef enum:
    PAGE_BYTES = 4096
    SYMBOL_FIELDS = 14                # well-known symbols, from Machine.symbol_name on
    SAVED_MAPS = 4

cdef uint64_t IMAGE_BASE = <uint64_t>0x200000000000      # far from where Linux puts programs, libraries and stacks
cdef uint64_t REGION_BYTES = <uint64_t>1 << 36
cdef uint64_t MAGIC = <uint64_t>0x3130474D49455348       # "HSEIMG01"

cdef struct Head:
    uint64_t magic
    uint64_t build
    uint64_t inputs_bytes             # behind the head
    uint64_t tables_start             # page-aligned, like heap_start
    uint64_t tables_bytes
    uint64_t heap_start
    uint64_t heap_words
    uint64_t inputs_sum
    uint64_t tables_sum
    uint64_t heap_sum
    uint64_t head_sum                 # of what stands above

cdef struct Cursor:                   # reading the tables
    const uint8_t* at
    const uint8_t* end
    bint failed

cdef struct Shift:                    # how words change: pointers into [low, high) move by delta
    uint64_t low
    uint64_t high
    uint64_t delta
    uint64_t strays                   # pointers elsewhere: there must be none


class ImageRefused(Exception):
    """The state of this machine cannot be saved, or this file is no image for this machine."""


# ---- pointers ---------------------------------------------------------------------------------------------------

cdef inline Word _moved_pointer(Shift* s, Word address) noexcept nogil:
    if address == 0:
        return 0
    if address < s.low or address >= s.high:
        s.strays += 1
        return address
    return address + s.delta


cdef inline Word _moved(Shift* s, Word w) noexcept nogil:
    if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
        return w
    return _moved_pointer(s, w)       # the tag stays: regions are aligned


cdef uint64_t _move_object(Shift* s, Word* p) noexcept nogil:
    """Moves what an object points to; its size in words, 0 for what cannot be saved.  The shapes stand in word.pxd."""
    cdef Word h = p[0]
    cdef int kind = header_kind(h)
    cdef uint64_t i, n = header_size(h), words = 0, first = 1
    if kind == KIND_THUNK and header_state(h) == THUNK_RUNNING:
        return 0
    if kind == KIND_THUNK or kind == KIND_CLOSURE:
        words = 1 + header_payload_words(h)
    elif kind == KIND_ATTRS:
        p[1] = _moved_pointer(s, p[1])
        words = 2 + n
        first = 2
    elif kind == KIND_PARTIAL:
        words = 2 + n
    elif kind == KIND_LAYERED:
        words = 3
    elif kind == KIND_LIST or kind == KIND_PATH or kind == KIND_WITH or kind == KIND_SEARCH_PATH or kind == KIND_HOME_PATH \
            or kind == KIND_ATTR_NAME:
        words = 1 + n
    elif kind == KIND_KEYS:
        p[1] = _moved_pointer(s, p[1])
        return 2 + n
    elif kind == KIND_STRING:
        return 3 + (n >> 3)
    elif kind == KIND_ORDER:
        return 1 + ((n + 1) >> 1)
    elif kind == KIND_BUILTIN:
        return 1
    elif kind == KIND_FLOAT or kind == KIND_WIDE_INT or kind == KIND_RAW:
        return 1 + n
    for i in range(first, words):
        p[i] = _moved(s, p[i])
    return words


cdef bint _move_heap(Shift* s, Word* p, Word* end) noexcept nogil:
    cdef uint64_t words
    while p < end:
        words = _move_object(s, p)
        if words == 0:
            return False
        p += words
    return p == end


# ---- the tables as bytes ----------------------------------------------------------------------------------------

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
    cdef uint8_t* copy = <uint8_t*>malloc(size[0] + 8)
    if copy == NULL:
        c.failed = True
        return NULL
    memcpy(copy, data, size[0])
    memset(copy + size[0], 0, 8)
    return copy


cdef void _put_words(Bytes* out, Shift* s, const Word* words, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(count):
        _put(out, _moved(s, words[i]))


cdef void _take_words(Cursor* c, Shift* s, Word* words, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(count):
        words[i] = _moved(s, _take(c))


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
    m.symbol_strings = <Word*>malloc(<uint64_t>m.symbol_capacity * sizeof(Word))
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


cdef void _put_shared(Machine* m, Bytes* out, Shift* s) noexcept nogil:
    cdef uint32_t i
    _put(out, m.builtin_count)
    for i in range(m.builtin_count):
        _put_words(out, s, &m.builtins[i].word, 1)
    _put_words(out, s, m.internals, INTERNAL_CAPACITY)
    _put_words(out, s, &m.builtins_attrs, 1)
    _put_words(out, s, &m.try_eval_word, 1)
    _put_words(out, s, &m.error_context_word, 1)
    _put_words(out, s, &m.empty_list, 1)
    _put_words(out, s, &m.empty_attrs, 1)
    _put_words(out, s, &m.empty_string, 1)


cdef bint _take_shared(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    cdef uint32_t i
    if _take(c) != m.builtin_count:
        return False
    for i in range(m.builtin_count):
        _take_words(c, s, &m.builtins[i].word, 1)
    _take_words(c, s, m.internals, INTERNAL_CAPACITY)
    _take_words(c, s, &m.builtins_attrs, 1)
    _take_words(c, s, &m.try_eval_word, 1)
    _take_words(c, s, &m.error_context_word, 1)
    _take_words(c, s, &m.empty_list, 1)
    _take_words(c, s, &m.empty_attrs, 1)
    _take_words(c, s, &m.empty_string, 1)
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
    cdef Image* image = <Image*>calloc(1, sizeof(Image))
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
    cdef uint32_t index
    cdef File* file
    if c.failed:
        free(path)
        free(source)
        return False
    if size == 0:
        free(source)
        source = NULL
    index = add_file(m, path, source, size_bytes)         # it may move the files
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
    cdef Code** codes = <Code**>realloc(m.codes, (count + 1024) * sizeof(Code*))
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
    m.failures = <Error*>calloc(count + 1, sizeof(Error))
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


# ---- writing ----------------------------------------------------------------------------------------------------

cdef int _check_at_rest(Machine* m) except -1:
    cdef Host* h = host_of(m)
    cdef uint32_t i
    cdef int code
    if m.fr != m.frames_base or m.sp != m.stack_base:
        raise ImageRefused("the machine is at work")
    if m.error.code != ERROR_NONE:
        raise ImageRefused("an error is pending")
    if h.is_pure or h.is_restricted:
        raise ImageRefused("pure and restricted evaluation have a table of allowed paths that is not saved")
    if h.writer != NULL:
        raise ImageRefused("derivations that were written to a store would be taken for written elsewhere")
    if m.observer != NULL:
        raise ImageRefused("somebody watches the machine")
    for i in range(m.failure_count):
        code = m.failures[i].code
        if code == ERROR_INTERRUPT or code == ERROR_TIMEOUT or code == ERROR_MEMORY or code == ERROR_DEPTH:
            raise ImageRefused("a value failed for want of time, memory or stack: it need not fail again")
    return 0


cdef uint64_t _page_up(uint64_t bytes_) noexcept nogil:
    return (bytes_ + PAGE_BYTES - 1) & ~<uint64_t>(PAGE_BYTES - 1)


cdef uint64_t _write_heap(Machine* m, int descriptor, Head* head, Shift* s) except 0:
    """The old space into the file, its pointers moved to IMAGE_BASE; returns 1."""
    cdef uint64_t size = head.heap_words * sizeof(Word)
    cdef Word* copy = <Word*>mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, <int64_t>head.heap_start)
    cdef bint is_whole
    if <void*>copy == MAP_FAILED:
        raise OSError("the image cannot be mapped")
    with nogil:
        memcpy(copy, m.old_base, size)
        is_whole = _move_heap(s, copy, copy + head.heap_words)
        head.heap_sum = xxh64(copy, size, 0)
        munmap(copy, size)
    if not is_whole:
        raise ImageRefused("the heap holds a running thunk, or an object of unknown shape")
    return 1


def write_image(size_t machine, object file, uint64_t build, bytes inputs):
    """Save a machine at rest in an empty file that is open for reading and writing; counts what was written.

    *inputs*: bytes for whoever reads the image; *build*: identity of the code that may use it.
    """
    cdef Machine* m = <Machine*>machine
    cdef Head head
    cdef Shift s
    cdef Bytes tables
    _check_at_rest(m)
    with nogil:
        m.result = 0
        collect(m)
        set_limits(m)
    if m.hp != m.heap_base:
        raise ImageRefused("no room for a collection")
    memset(&head, 0, sizeof(head))
    s.low = <uint64_t>m.old_base
    s.high = <uint64_t>m.old_top
    s.delta = IMAGE_BASE - s.low
    s.strays = 0
    bytes_init(&tables)
    try:
        _put_names(m, &tables, &s)
        _put_shared(m, &tables, &s)
        _put_files(m, &tables, &s)
        _put_codes(m, &tables, &s)
        _put_failures(m, &tables)
        _put_host(m, &tables)
        if not _put_derivations(m, &tables) or tables.failed:
            raise MemoryError
        head.magic = MAGIC
        head.build = build
        head.inputs_bytes = len(inputs)
        head.inputs_sum = xxh64(<const char*>inputs, len(inputs), 0)
        head.tables_start = _page_up(sizeof(Head) + len(inputs))
        head.tables_bytes = tables.size
        head.tables_sum = xxh64(tables.data, tables.size, 0)
        head.heap_start = head.tables_start + _page_up(tables.size)
        head.heap_words = <uint64_t>(m.old_top - m.old_base)
        file.truncate(head.heap_start + _page_up(head.heap_words * sizeof(Word)))
        _write_heap(m, file.fileno(), &head, &s)
        if s.strays:
            raise ImageRefused(f"{s.strays} pointers lead out of the heap")
        head.head_sum = xxh64(&head, sizeof(Head) - 8, 0)
        file.seek(0)
        file.write((<const char*>&head)[:sizeof(Head)])
        file.write(inputs)
        file.seek(head.tables_start)
        file.write((<const char*>tables.data)[:tables.size])
        file.flush()
    finally:
        bytes_free(&tables)
    return {"heap_bytes": head.heap_words * sizeof(Word), "tables_bytes": head.tables_bytes, "inputs_bytes": len(inputs)}


# ---- reading ----------------------------------------------------------------------------------------------------

cdef int _read_head(int descriptor, uint64_t size, uint64_t build, Head* head) except -1:
    if pread(descriptor, head, sizeof(Head), 0) != sizeof(Head) or head.magic != MAGIC or \
            head.head_sum != xxh64(head, sizeof(Head) - 8, 0):
        raise ImageRefused("this is no image, or it is damaged")
    if head.build != build:
        raise ImageRefused("the image is of another build")
    if size != head.heap_start + _page_up(head.heap_words * sizeof(Word)):
        raise ImageRefused("the image is not whole")
    return 0


def read_inputs(object file, uint64_t build):
    """What the image depends on, as it was given to `write_image`."""
    cdef Head head
    cdef bytes inputs
    file.seek(0, 2)
    _read_head(file.fileno(), file.tell(), build, &head)
    file.seek(sizeof(Head))
    inputs = file.read(head.inputs_bytes)
    if <uint64_t>len(inputs) != head.inputs_bytes or xxh64(<const char*>inputs, len(inputs), 0) != head.inputs_sum:
        raise ImageRefused("the image is damaged")
    return inputs


cdef Word* _map_heap(int descriptor, Head* head) noexcept nogil:
    """The heap in its region at IMAGE_BASE; NULL if somebody else lives there."""
    cdef void* region = mmap(<void*>IMAGE_BASE, REGION_BYTES, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0)
    cdef void* heap
    if region == MAP_FAILED:
        return NULL
    if region == <void*>IMAGE_BASE:   # kernels before 4.17 take the address as a wish
        heap = mmap(region, _page_up(head.heap_words * sizeof(Word)), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                    descriptor, <int64_t>head.heap_start)
        if heap != MAP_FAILED:
            return <Word*>region
    munmap(region, REGION_BYTES)
    return NULL


cdef bint _is_whole(Word* heap, Head* head) noexcept nogil:
    return xxh64(heap, head.heap_words * sizeof(Word), 0) == head.heap_sum


cdef Word* _read_heap(int descriptor, Head* head, bint verify, uint64_t* region_bytes, Shift* s) noexcept nogil:
    """The heap anywhere, its pointers moved; NULL if it cannot be read, or is damaged."""
    cdef uint64_t size = head.heap_words * sizeof(Word), done = 0
    cdef Word* region
    cdef Py_ssize_t n
    region_bytes[0] = REGION_BYTES
    region = <Word*>reserve_region(region_bytes, size + (64 << 20))
    if region == NULL:
        return NULL
    while done < size:
        n = pread(descriptor, <uint8_t*>region + done, size - done, <int64_t>(head.heap_start + done))
        if n <= 0:
            release_region(region, region_bytes[0])
            return NULL
        done += <uint64_t>n
    s.delta = <uint64_t>region - IMAGE_BASE
    if (verify and not _is_whole(region, head)) or not _move_heap(s, region, region + head.heap_words):
        release_region(region, region_bytes[0])
        return NULL
    return region


cdef bint _take_tables(Machine* m, Cursor* c, Shift* s) noexcept nogil:
    return _take_names(m, c, s) and _take_shared(m, c, s) and _take_files(m, c, s) and _take_codes(m, c, s) and \
        _take_failures(m, c) and _take_host(m, c) and _take_derivations(m, c)


def read_image(size_t machine, object file, uint64_t build, bint mapped=True, bint verify=True):
    """Make a fresh machine what the saved one was; says whether the heap is mapped where it was written for.

    *verify* looks at the heap's checksum, which reads all of it.  After an ImageRefused the machine is not to be used.
    """
    cdef Machine* m = <Machine*>machine
    cdef Head head
    cdef Shift s
    cdef Cursor c
    cdef const uint8_t* tables
    cdef Word* region = NULL
    cdef uint64_t region_bytes = REGION_BYTES
    cdef int descriptor = file.fileno()
    if m.file_count or m.handle_count:
        raise ImageRefused("the machine has been used")
    file.seek(0, 2)
    _read_head(descriptor, file.tell(), build, &head)
    # It stays mapped as long as the process: codes and names of outputs lie in it.  Writable: contexts are sorted in place.
    tables = <const uint8_t*>mmap(NULL, head.tables_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor,
                                  <int64_t>head.tables_start)
    if <void*>tables == MAP_FAILED:
        raise OSError("the image cannot be mapped")
    if xxh64(tables, head.tables_bytes, 0) != head.tables_sum:
        raise ImageRefused("the image is damaged")
    s.low = IMAGE_BASE
    s.high = IMAGE_BASE + head.heap_words * sizeof(Word)
    s.delta = 0
    s.strays = 0
    if mapped:
        region = _map_heap(descriptor, &head)
        if region != NULL and verify and not _is_whole(region, &head):
            munmap(region, REGION_BYTES)
            raise ImageRefused("the image is damaged")
    mapped = region != NULL
    if region == NULL:
        region = _read_heap(descriptor, &head, verify, &region_bytes, &s)
    if region == NULL:
        raise ImageRefused("the image cannot be read, or is damaged")
    release_region(m.old_base, <uint64_t>(m.old_end - m.old_base) * sizeof(Word))
    m.old_base = region
    m.old_end = region + region_bytes // sizeof(Word)
    m.old_top = region + head.heap_words
    m.collect_at = m.old_top + m.least_growth_words
    free(m.keys_cache)
    m.keys_cache = NULL
    memset(&m.places[0], 0, sizeof(m.places))
    m.result = 0
    c.at = tables
    c.end = tables + head.tables_bytes
    c.failed = False
    if not _take_tables(m, &c, &s) or s.strays or c.at != c.end:
        error_clear(m)
        raise ImageRefused("the tables of the image do not fit this machine")
    m.hp = m.heap_base                # what the machine was born with, and fresh constants: all have been replaced
    restore_imports(m)
    return bool(mapped)
