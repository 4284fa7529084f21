# cython: language_level=3
"""Linking: a compiled unit becomes codes of a machine; files become thunks.

A file keeps its compiled form as an image, and a chunk is linked when it is first entered (operation Link) or asked for: what
never runs costs its bytes in the image and a pointer.  Positions number the bytes of all sources of a machine, one after the other; 0 is no position.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset, strlen

from snowsnake.bytecode.chunk cimport *
from snowsnake.bytecode.image cimport *
from snowsnake.bytecode.opcodes cimport *
from snowsnake.cache.pack cimport (
    CACHE_HIT, CACHE_MISS, CACHE_UNSURE, Cache, Found, Lookup, cache_add, cache_has_content, cache_image, cache_look_up,
)
from snowsnake.compiler.compile cimport compile_unit, unit_free
from snowsnake.host.host cimport host_file_stamp, host_read_file
from snowsnake.machine.attrs cimport Entry, attrs_build, attrs_order, keys_build, scratch_entries
from snowsnake.machine.errors cimport error_clear, format_text, raise_text
from snowsnake.machine.heap cimport *
from snowsnake.machine.lines cimport find_line, number_lines
from snowsnake.machine.state cimport *
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport *
from snowsnake.syntax.deep_stack cimport call_on_deep_stack
from snowsnake.syntax.nodes cimport Ast, SyntaxFault, Text
from snowsnake.syntax.parser cimport ast_free, parse

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>
    static uint64_t load_clock_ns(void)
    {
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    }
    """
    uint64_t load_clock_ns() noexcept nogil

cdef uint8_t[2] LINK_CODE
cdef uint8_t[8] APPLY_CODE            # f x
cdef uint8_t[10] APPLY2_CODE          # f x y
LINK_CODE[0] = OP_LINK

cdef enum:
    MOST_CODES = (1 << 28) - 1        # what a header has room for
    LAST_POSITION = 0xFFFFFFF0


def _make_apply_codes():
    one = bytes([OP_GET_UPVALUE, 1, OP_GET_UPVALUE, 0, OP_TAIL_CALL_N, 1, OP_RETURN])
    two = bytes([OP_GET_UPVALUE, 1, OP_GET_UPVALUE, 2, OP_GET_UPVALUE, 0, OP_TAIL_CALL_N, 2, OP_RETURN])
    for i, byte in enumerate(one):
        APPLY_CODE[<int>i] = byte
    for i, byte in enumerate(two):
        APPLY2_CODE[<int>i] = byte


_make_apply_codes()


# ---- codes ------------------------------------------------------------------------------------------------------

cdef bint _reserve_codes(Machine* m, uint32_t count) noexcept nogil:
    cdef Code** codes
    if m.code_count + count > m.code_capacity:
        codes = <Code**>realloc(m.codes, (m.code_count + count) * 2 * sizeof(Code*))
        if codes == NULL:
            return False
        m.codes = codes
        m.code_capacity = (m.code_count + count) * 2
    return True


cdef void link_basic_codes(Machine* m) noexcept nogil:
    cdef Code* codes = <Code*>calloc(3, sizeof(Code))
    codes[CODE_APPLY].start = APPLY_CODE
    codes[CODE_APPLY].max_stack = 8
    codes[CODE_APPLY].upvalue_count = 2
    codes[CODE_APPLY].is_linked = True
    codes[CODE_APPLY2].start = APPLY2_CODE
    codes[CODE_APPLY2].max_stack = 8
    codes[CODE_APPLY2].upvalue_count = 3
    codes[CODE_APPLY2].is_linked = True
    codes[CODE_APPLY2].index = CODE_APPLY2
    m.unlinked = codes + 2
    m.unlinked.start = LINK_CODE
    m.unlinked.arity = 0xFFFFFFFF
    m.unlinked.max_stack = 8
    _reserve_codes(m, 1024)
    m.codes[CODE_APPLY] = codes
    m.codes[CODE_APPLY2] = codes + 1
    m.code_count = 2


cdef Word link_unit(Machine* m, Unit* unit, uint32_t file) noexcept nogil:
    cdef Image* image = image_of_unit(unit)
    unit_free(unit)
    return link_image(m, image, file)


cdef Word link_image(Machine* m, Image* image, uint32_t file) noexcept nogil:
    """The top level of an image as a thunk; the file keeps the image.  0 and an error if memory is short."""
    cdef Word* p
    cdef uint32_t i, base = m.code_count
    cdef bint is_lambda
    if image == NULL or base + image.chunk_count > MOST_CODES or not _reserve_codes(m, image.chunk_count):
        image_free(image)
        raise_text(m, ERROR_MEMORY, NULL)
        return 0
    is_lambda = image.data[image.records[0]] & RECORD_KIND == CHUNK_LAMBDA
    m.files[file].image = image
    m.files[file].code_base = base
    for i in range(image.chunk_count):
        m.codes[base + i] = m.unlinked
    m.code_count += image.chunk_count
    p = heap_alloc(m, 2)
    p[0] = code_header(KIND_CLOSURE if is_lambda else KIND_THUNK, 1, base)
    p[1] = 0
    return tagged(p, TAG_FUNCTION if is_lambda else TAG_THUNK)


cdef File* _file_of_code(Machine* m, uint32_t index) noexcept nogil:
    """The file that a code is of: files are in the order of their codes."""
    cdef uint32_t lo = 0, hi = m.file_count, middle
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if m.files[middle].code_base <= index:
            lo = middle
        else:
            hi = middle
    return &m.files[lo]


cdef Code* link_code(Machine* m, uint32_t index) noexcept nogil:
    cdef File* file
    cdef RecordHead head
    cdef Code* code
    if m.codes[index].is_linked:
        return m.codes[index]
    file = _file_of_code(m, index)
    read_head(file.image, index - file.code_base, &head)
    if not heap_reserve(m, 4096 + <uint64_t>head.constant_count * 16):
        return NULL
    code = _new_code(m, file, &head)
    if code == NULL or not _link_constants(m, file, code, &head):
        if code != NULL:
            _free_code(code)
        if m.error.code == ERROR_NONE:
            raise_text(m, ERROR_MEMORY, NULL)
        return NULL
    if m.fresh_code_count == m.fresh_code_capacity:
        m.fresh_code_capacity = m.fresh_code_capacity * 2 if m.fresh_code_capacity else 1024
        m.fresh_codes = <uint32_t*>realloc(m.fresh_codes, m.fresh_code_capacity * sizeof(uint32_t))
    m.fresh_codes[m.fresh_code_count] = index
    m.fresh_code_count += 1
    code.index = index
    code.chunk.index = index - file.code_base
    code.is_linked = True
    m.codes[index] = code
    return code


cdef Code* linked_code(Machine* m, uint32_t index) noexcept nogil:
    cdef Code* code = link_code(m, index)
    return code if code != NULL else m.unlinked


cdef void _free_code(Code* code) noexcept nogil:
    free(code.formal_symbols)
    free(code.constants)
    if code.chunk.formals != NULL:
        free(code.chunk.formals.names)
        free(code.chunk.formals)
    free(code)


cdef void free_codes(Machine* m) noexcept nogil:
    cdef uint32_t i
    for i in range(2, m.code_count):
        if m.codes[i].is_linked:
            _free_code(m.codes[i])
    free(m.codes[CODE_APPLY])
    free(m.codes)


cdef Code* _new_code(Machine* m, File* file, RecordHead* head) noexcept nogil:
    """A code and its chunk in one allocation, from the head of a record."""
    cdef Code* code = <Code*>calloc(1, sizeof(Code) + sizeof(Chunk))
    cdef Chunk* chunk
    if code == NULL:
        return NULL
    chunk = <Chunk*>(code + 1)
    chunk.kind = head.flags & RECORD_KIND
    chunk.level = head.flags >> RECORD_LEVEL_SHIFT
    chunk.captures_with = 1 if head.flags & RECORD_CAPTURES_WITH else 0
    chunk.arity = head.arity
    chunk.upvalue_count = head.upvalue_count
    chunk.max_stack = head.max_stack
    chunk.start_byte = head.start_byte
    chunk.end_byte = head.end_byte
    if head.name:
        chunk.name = image_text(file.image, head.name - 1)
    if head.parameter:
        chunk.parameter = image_text(file.image, head.parameter - 1)
    code.arity = head.arity
    code.max_stack = head.max_stack + 8
    code.captures_with = chunk.captures_with
    code.upvalue_count = head.upvalue_count + chunk.captures_with
    code.position_base = file.position_base
    code.chunk = chunk
    if head.flags & RECORD_HAS_FORMALS and not _link_formals(m, file, code, head):
        _free_code(code)
        return NULL
    return code


cdef bint _link_formals(Machine* m, File* file, Code* code, RecordHead* head) noexcept nogil:
    cdef uint32_t n = head.formal_count, i, j
    cdef Keys* keys = <Keys*>calloc(1, sizeof(Keys))
    cdef uint32_t* symbols = <uint32_t*>malloc((n + 1) * (2 * sizeof(uint32_t) + 1))
    cdef Text* names = <Text*>malloc((n + 1) * (sizeof(Text) + sizeof(uint32_t)))
    cdef const uint8_t* p = head.formals
    cdef uint64_t x
    if keys == NULL or symbols == NULL or names == NULL:
        free(keys)
        free(symbols)
        free(names)
        return False
    code.formal_symbols = symbols
    code.formal_by_symbol = symbols + n
    code.formal_has_default = <uint8_t*>(symbols + 2 * n)
    keys.names = names
    keys.start_bytes = <uint32_t*>(names + n)
    keys.has_default = code.formal_has_default
    keys.count = n
    keys.has_ellipsis = head.has_ellipsis
    for i in range(n):
        x = take(&p)
        names[i] = image_text(file.image, x >> 1)
        code.formal_has_default[i] = x & 1
        keys.start_bytes[i] = <uint32_t>take(&p)
        symbols[i] = symbol_intern(m, names[i].data, names[i].size_bytes)
        j = i                         # insertion: patterns are short
        while j > 0 and symbols[code.formal_by_symbol[j - 1]] > symbols[i]:
            code.formal_by_symbol[j] = code.formal_by_symbol[j - 1]
            j -= 1
        code.formal_by_symbol[j] = i
    code.chunk.formals = keys
    code.formal_count = n
    code.has_ellipsis = head.has_ellipsis
    code.has_formals = True
    return True


cdef bint _link_constants(Machine* m, File* file, Code* code, RecordHead* head) noexcept nogil:
    """Constants as words; what follows them in the record is the code, and then the spans."""
    cdef Word* constants = <Word*>malloc((head.constant_count + 1) * sizeof(Word))
    cdef const uint8_t* p = head.constants
    cdef uint32_t i
    if constants == NULL:
        return False
    for i in range(head.constant_count):
        constants[i] = _link_constant(m, file, &p)
        if constants[i] == WORD_UNSET:
            free(constants)
            return False
    code.chunk.code_size_bytes = <uint32_t>take(&p)
    code.chunk.code = <uint8_t*>p
    code.start = <uint8_t*>p
    p += code.chunk.code_size_bytes
    code.span_count = <uint32_t>take(&p)
    code.spans = p
    code.constants = constants
    code.constant_count = head.constant_count
    return True


cdef Word _boxed_string(Machine* m, int kind, Word string, Word second) noexcept nogil:
    cdef Word* p = heap_alloc(m, 3)
    p[0] = header_of(kind, 2)
    p[1] = string
    p[2] = second
    return tagged(p, TAG_BOX)


cdef Word _text_string(Machine* m, Text text) noexcept nogil:
    if text.size_bytes > 8192 and not heap_reserve(m, text.size_bytes):
        return WORD_UNSET
    return make_string(m, text.data, text.size_bytes, 0)


cdef Word _link_chunk(Machine* m, File* file, uint64_t blueprint) noexcept nogil:
    """A blueprint: the number of the code; of one without captures the closure or thunk itself."""
    cdef uint32_t index = file.code_base + <uint32_t>(blueprint >> 2)
    cdef Word* p
    if blueprint & 2:
        return small_int(index)
    p = heap_alloc(m, 2)
    p[0] = code_header(KIND_CLOSURE if blueprint & 1 else KIND_THUNK, 1, index)
    p[1] = 0
    return tagged(p, TAG_FUNCTION if blueprint & 1 else TAG_THUNK)


cdef Word _link_constant(Machine* m, File* file, const uint8_t** p) noexcept nogil:
    """The word of the constant at *p*, which moves on; WORD_UNSET with an error set if that is impossible."""
    cdef int kind = <int>take(p)
    cdef Text text
    cdef Word string
    cdef double number
    cdef uint32_t symbol
    if kind == CONSTANT_NAME:
        text = image_text(file.image, take(p))
        return (<Word>symbol_intern(m, text.data, text.size_bytes) << 8) | IMMEDIATE_SYMBOL
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
        symbol = symbol_intern(m, text.data, text.size_bytes)
        return _boxed_string(m, KIND_ATTR_NAME, symbol_string(m, symbol), small_int(file.position_base + take(p)))
    if kind == CONSTANT_BUILTINS:
        return builtins_set(m)
    if kind == CONSTANT_BUILTIN:
        text = image_text(file.image, take(p))
        return _builtin_value(m, text.data, text.size_bytes)
    if kind == CONSTANT_POSITION:
        return position_attrs(m, file.position_base + <uint32_t>take(p))
    if kind == CONSTANT_LIST:
        return m.empty_list
    return m.empty_attrs


cdef Word _link_keys(Machine* m, File* file, const uint8_t** p) noexcept nogil:
    """A keys object of names in name order, with its order made: AttrsKeys goes by it."""
    cdef uint64_t x = take(p)
    cdef uint32_t n = <uint32_t>(x >> 1), i
    cdef bint has_names = x & 1
    cdef uint32_t* symbols
    cdef uint32_t* positions
    cdef Entry* entries
    cdef Text text
    cdef Word w
    cdef Word* order
    cdef uint32_t* indices
    if not heap_reserve(m, 2 * n + 16):
        return WORD_UNSET
    entries = scratch_entries(m, n)
    symbols = <uint32_t*>malloc((n + 1) * 2 * sizeof(uint32_t))
    if entries == NULL or symbols == NULL:
        free(entries)
        free(symbols)
        raise_text(m, ERROR_MEMORY, NULL)
        return WORD_UNSET
    positions = symbols + n
    for i in range(n):
        entries[i].symbol = i         # without names, of dynamic attributes, only the places count, in their order
        if has_names:
            text = image_text(file.image, take(p))
            entries[i].symbol = symbol_intern(m, text.data, text.size_bytes)
        entries[i].position = file.position_base + <uint32_t>take(p)
        entries[i].value = i          # its place in name order
    if has_names:
        _sort_by_symbol(entries, n)
    for i in range(n):
        symbols[i] = entries[i].symbol
        positions[i] = entries[i].position
    w = keys_build(m, symbols, positions, n)
    order = heap_alloc(m, 1 + ((n + 1) >> 1))
    order[0] = header_of(KIND_ORDER, n)
    indices = <uint32_t*>(order + 1)
    for i in range(n):
        indices[entries[i].value] = i
    pointer_of(w)[1] = <Word>order
    free(entries)
    free(symbols)
    return w


cdef void _sort_by_symbol(Entry* a, uint64_t n) noexcept nogil:
    """Insertion while short, else heap sort: symbols are distinct, stability does not matter."""
    cdef uint64_t i, j, end, child
    cdef Entry x
    if n <= 24:
        for i in range(1, n):
            x = a[i]
            j = i
            while j > 0 and a[j - 1].symbol > x.symbol:
                a[j] = a[j - 1]
                j -= 1
            a[j] = x
        return
    i = n >> 1
    end = n
    while True:
        if i > 0:
            i -= 1
            x = a[i]
        else:
            end -= 1
            if end == 0:
                return
            x = a[end]
            a[end] = a[0]
        j = i
        child = 2 * j + 1
        while child < end:
            if child + 1 < end and a[child + 1].symbol > a[child].symbol:
                child += 1
            if a[child].symbol <= x.symbol:
                break
            a[j] = a[child]
            j = child
            child = 2 * j + 1
        a[j] = x


# ---- builtins ---------------------------------------------------------------------------------------------------

cdef Word builtins_set(Machine* m) noexcept nogil:
    cdef Entry[256] entries
    cdef uint64_t n = 0
    cdef uint32_t i, self_symbol
    cdef Builtin* b
    cdef const char* name
    cdef Word set_
    if m.builtins_attrs:
        return m.builtins_attrs
    self_symbol = symbol_intern(m, "builtins", 8)
    for i in range(m.builtin_count):
        b = &m.builtins[i]
        name = b.name
        if name[0] == c'_' and name[1] == c'_':       # internal
            continue
        entries[n].symbol = symbol_intern(m, name, strlen(name))
        entries[n].position = 0
        entries[n].value = b.word
        if b.arity == 0:
            if b.function(m, m.sp) != DONE:           # currentSystem and currentTime in pure evaluation: not there
                error_clear(m)
                continue
            entries[n].value = m.result
        n += 1
    entries[n].symbol = self_symbol
    entries[n].position = 0
    entries[n].value = WORD_NULL
    n += 1
    set_ = attrs_build(m, entries, n)
    attrs_find(set_, self_symbol)[0] = set_
    m.builtins_attrs = set_
    return set_


cdef Word _builtin_value(Machine* m, const uint8_t* name, uint32_t size_bytes) noexcept nogil:
    cdef Word set_ = builtins_set(m)
    cdef Word* found = attrs_find(set_, symbol_intern(m, name, size_bytes))
    if found == NULL and size_bytes > 2 and name[0] == c'_' and name[1] == c'_':
        found = attrs_find(set_, symbol_intern(m, name + 2, size_bytes - 2))
    if found == NULL:
        raise_text(m, ERROR_UNDEFINED_VARIABLE, format_text("undefined variable '%.*s'", <int>size_bytes, <const char*>name))
        return WORD_UNSET
    return found[0]


# ---- positions --------------------------------------------------------------------------------------------------

cdef uint32_t position_of(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    cdef uint32_t end
    return position_span(m, function, pc, &end)


cdef uint32_t position_span(Machine* m, Word function, const uint8_t* pc, uint32_t* end) noexcept nogil:
    if function == 0 or tag_of(function) == TAG_INT:
        return 0
    if tag_of(function) == TAG_FUNCTION and kind_of(function) != KIND_CLOSURE:
        return 0
    if tag_of(function) != TAG_FUNCTION and tag_of(function) != TAG_THUNK:
        return 0
    return position_in(m.codes[header_code(pointer_of(function)[0])], pc, end)


cdef uint32_t position_in(Code* code, const uint8_t* pc, uint32_t* end) noexcept nogil:
    cdef Chunk* chunk = code.chunk
    cdef const uint8_t* p
    cdef uint32_t offset, start, at, found, size, i
    if chunk == NULL:
        return 0
    end[0] = code.position_base + chunk.end_byte
    if code.span_count == 0 or pc <= chunk.code or pc > chunk.code + chunk.code_size_bytes:
        return code.position_base + chunk.start_byte
    offset = <uint32_t>(pc - chunk.code) - 1
    p = code.spans
    start = chunk.start_byte
    at = 0
    found = start
    for i in range(code.span_count):
        at += <uint32_t>take(&p)
        start += <uint32_t>take_signed(&p)
        size = <uint32_t>take(&p)
        if at > offset:
            break
        found = start
        end[0] = code.position_base + found + size
    return code.position_base + found


cdef bint position_place(Machine* m, uint32_t position, uint32_t* file, uint32_t* line, uint32_t* column) noexcept nogil:
    cdef uint32_t lo = 0, hi = m.file_count, middle, offset
    if position == 0 or m.file_count == 0 or position < m.files[0].position_base:
        return False
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if m.files[middle].position_base <= position:
            lo = middle
        else:
            hi = middle
    file[0] = lo
    line[0] = 1
    offset = position - m.files[lo].position_base
    if offset > m.files[lo].size_bytes:
        return False                  # of a source that was forgotten
    column[0] = offset + 1
    if number_lines(m, &m.files[lo]):
        find_line(&m.files[lo], offset, line, column)
    return True


cdef Word position_attrs(Machine* m, uint32_t position) noexcept nogil:
    cdef Entry[3] entries
    cdef uint32_t file = 0, line = 0, column = 0
    cdef const char* path
    if not position_place(m, position, &file, &line, &column):
        return WORD_NULL
    path = m.files[file].path
    if path[0] != c'/':               # not a file: as in C++ Nix there is no such place
        return WORD_NULL
    entries[0].symbol = m.symbol_file
    entries[0].value = make_string(m, path, strlen(path), 0)
    entries[1].symbol = m.symbol_line
    entries[1].value = small_int(line)
    entries[2].symbol = m.symbol_column
    entries[2].value = small_int(column)
    entries[0].position = 0
    entries[1].position = 0
    entries[2].position = 0
    return attrs_build(m, entries, 3)


# ---- sources ----------------------------------------------------------------------------------------------------

cdef uint32_t add_file(Machine* m, const char* path, uint8_t* source, uint32_t size_bytes) noexcept nogil:
    cdef File* file
    cdef size_t n = strlen(path)
    if m.file_count == m.file_capacity:
        m.file_capacity = m.file_capacity * 2 if m.file_capacity else 64
        m.files = <File*>realloc(m.files, m.file_capacity * sizeof(File))
    file = &m.files[m.file_count]
    memset(file, 0, sizeof(File))
    file.path = <char*>malloc(n + 1)
    memcpy(file.path, path, n + 1)
    file.source = source
    file.size_bytes = size_bytes
    if m.next_position == 0:
        m.next_position = 1
    file.position_base = m.next_position
    file.code_base = m.code_count
    m.next_position += size_bytes + 1
    m.file_count += 1
    return m.file_count - 1


cdef int _raise_too_much(Machine* m) noexcept nogil:
    return raise_text(m, ERROR_MEMORY, format_text("the sources of this evaluation exceed 4 GiB"))


cdef struct ImportTable:              # path -> index of file + 1; open addressing
    uint32_t* slots
    uint32_t mask
    uint32_t count


cdef inline bint _may_be_forgotten(File* file) noexcept nogil:
    return file.path[0] != c'/' and not file.is_imported


cdef void own_codes(Machine* m, uint32_t* owners) noexcept nogil:
    cdef uint32_t i, j
    for i in range(m.file_count):
        if _may_be_forgotten(&m.files[i]) and m.files[i].image != NULL:
            for j in range(m.files[i].image.chunk_count):
                owners[m.files[i].code_base + j] = i + 1


cdef void _forget_file(Machine* m, File* file) noexcept nogil:
    cdef uint32_t i
    if file.image != NULL:
        for i in range(file.code_base, file.code_base + file.image.chunk_count):
            if m.codes[i].is_linked:
                _free_code(m.codes[i])
            m.codes[i] = m.unlinked
    image_free(file.image)
    free(file.path)
    free(file.source)


cdef void forget_files(Machine* m, uint8_t* is_used) noexcept nogil:
    """The files behind them move up; the numbers of the last codes are given out again, positions never are."""
    cdef ImportTable* imports = <ImportTable*>m.imports
    cdef uint32_t* places = <uint32_t*>calloc(m.file_count + 1, sizeof(uint32_t))
    cdef uint32_t i, kept = 0, codes = CODE_APPLY2 + 1
    if places == NULL:
        return
    for i in range(m.file_count):
        if _may_be_forgotten(&m.files[i]) and not is_used[i]:
            _forget_file(m, &m.files[i])
            continue
        m.files[kept] = m.files[i]
        kept += 1
        places[i] = kept
        if m.files[kept - 1].image != NULL:
            codes = m.files[kept - 1].code_base + m.files[kept - 1].image.chunk_count
    m.file_count = kept
    m.code_count = codes
    if imports != NULL:
        for i in range(imports.mask + 1):
            if imports.slots[i]:
                imports.slots[i] = places[imports.slots[i] - 1]
    free(places)


cdef struct Load:
    Machine* machine
    const char* base_directory
    File* file
    const Text* scope_names
    uint32_t scope_count
    Unit* unit
    int outcome


cdef char* _fault_text(Load* load, SyntaxFault* fault) noexcept nogil:
    """The parser's message; of what is defined twice, with the first place."""
    cdef uint32_t line = 1, column = 1
    if fault.other_byte == <uint32_t>0xFFFFFFFF:
        return format_text("%s", fault.message)
    if number_lines(load.machine, load.file):
        find_line(load.file, fault.other_byte, &line, &column)
    return format_text("%s at %s:%u:%u", fault.message, load.file.path, line, column)


cdef void _parse_and_compile(void* argument) noexcept nogil:
    """Runs on the deep stack: parser and compiler are recursive."""
    cdef Load* load = <Load*>argument
    cdef Machine* m = load.machine
    cdef Ast* ast = parse(load.file.source, load.file.size_bytes, m.features)
    load.outcome = RAISE
    if ast == NULL:
        raise_text(m, ERROR_MEMORY, NULL)
        return
    if ast.root == NULL:
        if ast.fault_count == 0:
            raise_text(m, ERROR_MEMORY, NULL)
        else:
            raise_text(m, ERROR_SYNTAX, _fault_text(load, &ast.faults[0]))
            m.error.position = load.file.position_base + ast.faults[0].start_byte
            m.error.position_end = load.file.position_base + ast.faults[0].end_byte
    else:
        load.unit = compile_unit(ast, load.base_directory, m.level, load.scope_names, load.scope_count)
        if load.unit == NULL:
            raise_text(m, ERROR_MEMORY, NULL)
        elif load.unit.error != NULL:
            raise_text(m, _compile_error_code(load.unit.error), format_text("%s", load.unit.error))
            m.error.position = load.file.position_base + load.unit.error_start_byte
            m.error.position_end = load.file.position_base + load.unit.error_end_byte
            unit_free(load.unit)
        else:
            load.outcome = DONE
    ast_free(ast)


cdef int _compile_error_code(const char* message) noexcept nogil:
    return ERROR_UNDEFINED_VARIABLE if memcmp(message, "undefined variable", 18) == 0 else ERROR_SYNTAX


cdef int load_source(Machine* m, const char* name, const uint8_t* base_directory, uint32_t base_size, uint8_t* source,
                     uint32_t size_bytes, Word scope, Word* result) noexcept nogil:
    return _load(m, name, base_directory, base_size, source, size_bytes, scope, NULL, result)


cdef int _load(Machine* m, const char* name, const uint8_t* base_directory, uint32_t base_size, uint8_t* source,
               uint32_t size_bytes, Word scope, Lookup* lookup, Word* result) noexcept nogil:
    """With a *lookup*, what was compiled goes into the cache."""
    cdef Load load
    cdef char* base = format_text("%.*s", <int>base_size, <const char*>base_directory)
    cdef uint32_t index
    cdef Text* names = NULL
    cdef uint32_t i
    cdef Word s, top
    memset(&load, 0, sizeof(load))
    if base == NULL or <uint64_t>m.next_position + size_bytes + 1 > LAST_POSITION:
        free(base)
        free(source)
        return _raise_too_much(m)
    index = add_file(m, name, source, size_bytes)
    load.machine = m
    load.base_directory = base
    load.file = &m.files[index]
    if scope != WORD_NULL:
        load.scope_count = <uint32_t>attrs_size(scope)
        names = <Text*>malloc((load.scope_count + 1) * sizeof(Text))
        for i in range(load.scope_count):
            s = symbol_string(m, keys_symbols(attrs_keys(scope))[i])
            names[i].data = string_data(s)
            names[i].size_bytes = <uint32_t>string_size(s)
        load.scope_names = names
    if not call_on_deep_stack(_parse_and_compile, &load):
        load.outcome = raise_text(m, ERROR_MEMORY, NULL)
    free(base)
    free(names)
    if load.outcome != DONE:
        return RAISE                  # the source stays: the error points into it
    top = link_unit(m, load.unit, index)
    if top == 0:
        return RAISE
    if lookup != NULL:
        cache_add(<Cache*>m.cache, lookup, m.files[index].image, source, size_bytes)
    if scope != WORD_NULL:
        top = make_apply(m, top, scope)
    if name[0] == c'/':
        free(m.files[index].source)
        m.files[index].source = NULL
    result[0] = top
    return DONE


# ---- import -----------------------------------------------------------------------------------------------------

cdef uint64_t _hash_path(const char* path, size_t n) noexcept nogil:
    cdef uint64_t h = <uint64_t>1469598103934665603
    cdef size_t i
    for i in range(n):
        h = (h ^ <uint8_t>path[i]) * <uint64_t>1099511628211
    return h ^ (h >> 29)


cdef uint32_t* _import_slot(Machine* m, const char* path, size_t n) noexcept nogil:
    cdef ImportTable* t = <ImportTable*>m.imports
    cdef uint32_t* old
    cdef uint32_t i, old_mask
    cdef uint64_t h
    cdef const char* known
    if t == NULL:
        t = <ImportTable*>calloc(1, sizeof(ImportTable))
        t.mask = 1023
        t.slots = <uint32_t*>calloc(t.mask + 1, sizeof(uint32_t))
        m.imports = t
    if t.count * 2 > t.mask:
        old = t.slots
        old_mask = t.mask
        t.mask = t.mask * 2 + 1
        t.slots = <uint32_t*>calloc(t.mask + 1, sizeof(uint32_t))
        for i in range(old_mask + 1):
            if old[i]:
                known = m.files[old[i] - 1].path
                h = _hash_path(known, strlen(known)) & t.mask
                while t.slots[h]:
                    h = (h + 1) & t.mask
                t.slots[h] = old[i]
        free(old)
    h = _hash_path(path, n) & t.mask
    while t.slots[h]:
        known = m.files[t.slots[h] - 1].path
        if strlen(known) == n and memcmp(known, path, n) == 0:
            break
        h = (h + 1) & t.mask
    return &t.slots[h]


cdef void imports_free(Machine* m) noexcept nogil:
    cdef ImportTable* t = <ImportTable*>m.imports
    if t != NULL:
        free(t.slots)
        free(t)
        m.imports = NULL


def restore_imports(size_t machine):
    """The table of imports, made anew from a machine's files: for `heap_image.pyx`, which reads the files back."""
    cdef Machine* m = <Machine*>machine
    cdef uint32_t* slot
    cdef uint32_t i
    for i in range(m.file_count):
        if m.files[i].is_imported:
            slot = _import_slot(m, m.files[i].path, strlen(m.files[i].path))
            if slot[0] == 0:
                slot[0] = i + 1
                (<ImportTable*>m.imports).count += 1


cdef size_t _directory_size(const uint8_t* path, size_t n) noexcept nogil:
    while n > 1 and path[n - 1] != c'/':
        n -= 1
    return n - 1 if n > 1 else n


cdef int machine_import(Machine* m, const uint8_t* path, size_t size_bytes, Word* result) noexcept nogil:
    cdef uint32_t* slot = _import_slot(m, <const char*>path, size_bytes)
    cdef uint32_t index
    cdef int outcome
    if slot[0]:
        result[0] = m.files[slot[0] - 1].value
        return DONE
    index = m.file_count
    outcome = machine_import_scoped(m, path, size_bytes, WORD_NULL, result)
    if outcome == DONE:
        m.files[index].value = result[0]
        m.files[index].is_imported = True
        slot[0] = index + 1
        (<ImportTable*>m.imports).count += 1
    return outcome


cdef int machine_import_scoped(Machine* m, const uint8_t* path, size_t size_bytes, Word scope, Word* result) noexcept nogil:
    cdef uint64_t start_ns = load_clock_ns()
    cdef int outcome = _import_file(m, path, size_bytes, scope, result)
    m.load_ns += load_clock_ns() - start_ns
    return outcome


cdef int _import_file(Machine* m, const uint8_t* path, size_t size_bytes, Word scope, Word* result) noexcept nogil:
    cdef ByteBuffer content
    cdef Lookup lookup
    cdef char* name
    cdef int outcome
    cdef Found found = CACHE_MISS
    cdef bint is_cached = m.cache != NULL and scope == WORD_NULL and host_file_stamp(m, path, size_bytes, &lookup.stamp)
    if is_cached:
        lookup.path = path
        lookup.path_size_bytes = size_bytes
        lookup.settings = <uint64_t>m.level | (<uint64_t>m.features << 8)
        found = cache_look_up(<Cache*>m.cache, &lookup)
        if found == CACHE_HIT:
            return _load_compiled(m, path, size_bytes, &lookup, result)
    memset(&content, 0, sizeof(content))
    if host_read_file(m, path, size_bytes, &content) != DONE:
        free(content.data)
        return RAISE
    if found == CACHE_UNSURE and cache_has_content(<Cache*>m.cache, &lookup, content.data, content.size_bytes):
        free(content.data)
        return _load_compiled(m, path, size_bytes, &lookup, result)
    if content.size_bytes > <size_t>0xFFFFFF00:
        free(content.data)
        return raise_text(m, ERROR_MEMORY, format_text("the file is larger than 4 GiB"))
    name = format_text("%.*s", <int>size_bytes, <const char*>path)
    outcome = _load(m, name, path, <uint32_t>_directory_size(path, size_bytes), content.data,
                    <uint32_t>content.size_bytes, scope, &lookup if is_cached else NULL, result)
    free(name)
    return outcome


cdef int _load_compiled(Machine* m, const uint8_t* path, size_t size_bytes, Lookup* lookup, Word* result) noexcept nogil:
    """A file whose image is in the cache; its source is read when somebody wants a line of it."""
    cdef uint64_t source_size = lookup.stamp.size_bytes
    cdef char* name
    cdef uint32_t index
    if <uint64_t>m.next_position + source_size + 1 > LAST_POSITION:
        return _raise_too_much(m)
    name = format_text("%.*s", <int>size_bytes, <const char*>path)
    index = add_file(m, name, NULL, <uint32_t>source_size)
    free(name)
    result[0] = link_image(m, cache_image(<Cache*>m.cache, lookup), index)
    return DONE if result[0] else RAISE
