# cython: language_level=3
"""Sources: an expression or a file becomes a thunk of a machine; each file is imported once.

In: a source, or a path that the host resolved.  Out: its top level, linked and not forced.  Files that have not changed come out of the
cache.  Expressions are forgotten when nothing can run their code any more (`collect_expressions`).
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset, strlen

from snowsnake.bytecode.image cimport image_free
from snowsnake.cache.pack cimport cache_add, cache_has_content, cache_image, cache_look_up
from snowsnake.cache.state cimport CACHE_HIT, CACHE_MISS, CACHE_UNSURE, Cache, Found, Lookup
from snowsnake.compiler.compile cimport compile_abandoned, compile_unit
from snowsnake.compiler.state cimport Unit
from snowsnake.diagnostics.message_table cimport (
    MESSAGE_EVALUATING_FILE, MESSAGE_OR_AS_IDENTIFIER, MESSAGE_SOURCES_TOO_LARGE, MESSAGE_SOURCE_TOO_LARGE,
)
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, copy_text, resize_items
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.foundation.handlers cimport handed_over
from snowsnake.foundation.limits cimport watch_attention
from snowsnake.foundation.probing cimport is_free_slot, probe
from snowsnake.host.files cimport host_file_stamp, host_read_file
from snowsnake.host.messages cimport LEVEL_TALKATIVE, host_warn, is_said, say
from snowsnake.machine.attention cimport must_stop, stop
from snowsnake.machine.errors cimport format_text, raise_bytes, raise_message, raise_text, worded
from snowsnake.machine.heap cimport CODE_APPLY2, make_apply
from snowsnake.machine.link cimport free_code, link_image
from snowsnake.machine.positions cimport find_line, number_lines
from snowsnake.machine.room cimport left_bytes
from snowsnake.machine.state cimport DONE, ERROR_INTERNAL, ERROR_MEMORY, ERROR_SYNTAX, ERROR_UNDEFINED_VARIABLE, RAISE, File
from snowsnake.machine.symbols cimport forget_texts, symbol_string
from snowsnake.machine.word cimport WORD_NULL, attrs_keys, attrs_size, keys_symbols, string_data, string_size
from snowsnake.syntax.deep_stack cimport call_on_deep_stack
from snowsnake.syntax.nodes cimport SYNTAX_UNDEFINED, Ast, OrCall, SyntaxFault, Text
from snowsnake.syntax.parse_state cimport PADDING_BYTES
from snowsnake.syntax.parser cimport ast_free, parse_padded

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>
    static uint64_t load_clock_ns(void)
    {
        struct timespec t;
        /* The clock of the thread's own time would be a system call; this one is not. */
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    }
    """
    uint64_t load_clock_ns() noexcept nogil

cdef enum:
    # From this bit on, the bits of m.features are settings about literals (syntax/features.py).
    FIRST_LINT = 256
    LAST_POSITION = 0xFFFFFFF0
    LEAST_IMPORT_MASK = 1023

# This table maps a path to the index of its file plus one, with open addressing.
cdef struct ImportTable:
    uint32_t* slots
    uint32_t mask
    uint32_t count


cdef struct Load:
    Machine* machine
    const char* base_directory
    File* file
    # This is NULL if there is no memory.
    Ast* ast
    const Text* scope_names
    uint32_t scope_count
    Unit unit
    int outcome
    bint has_warnings


# ---- sources ----------------------------------------------------------------------------------------------------

cdef bint add_file(Machine* m, const char* path, uint8_t* source, uint32_t size_bytes, uint32_t* index) noexcept nogil:
    """On success the file owns the source.  False: a memory error has been raised, and the source still belongs to the caller."""
    cdef File* file
    cdef char* copy
    if not has_room(&m.files, m.file_count, &m.file_capacity, 64):
        raise_text(m, ERROR_MEMORY, NULL)
        return False
    copy = copy_text(path)
    if copy == NULL:
        raise_text(m, ERROR_MEMORY, NULL)
        return False
    file = &m.files[m.file_count]
    memset(file, 0, sizeof(File))
    file.path = copy
    file.source = source
    file.size_bytes = size_bytes
    if m.next_position == 0:
        m.next_position = 1
    file.position_base = m.next_position
    file.code_base = m.code_count
    m.next_position += size_bytes + 1
    index[0] = m.file_count
    m.file_count += 1
    return True


cdef int _raise_too_much(Machine* m) noexcept nogil:
    return raise_message(m, worded(MESSAGE_SOURCES_TOO_LARGE))


cdef char* _fault_text(Load* load, SyntaxFault* fault) noexcept nogil:
    """The parser's message; for a name that is defined twice, with the first place."""
    cdef uint32_t line = 1, column = 1
    if fault.other_byte == <uint32_t>0xFFFFFFFF:
        return format_text("%s", fault.message)
    if number_lines(load.machine, load.file):
        find_line(load.file, fault.other_byte, &line, &column)
    return format_text("%s at %s:%u:%u", fault.message, load.file.path, line, column)


cdef void _warn_of_or(Load* load, OrCall* call) noexcept nogil:
    cdef uint32_t line = 0, column = 0
    load.has_warnings |= call != NULL
    while call != NULL and number_lines(load.machine, load.file):
        find_line(load.file, call.start_byte, &line, &column)
        host_warn(load.machine, worded(
            MESSAGE_OR_AS_IDENTIFIER, load.file.path, line, column, <int>(call.end_byte - call.start_byte),
            <char*>load.file.source + call.start_byte).text)
        call = call.next


cdef bint _lint(Load* load) noexcept with gil:
    """Whether the settings about literals accept the source.  A source with warnings is not kept compiled.

    Must not run on the deep stack, which Python does not know.
    """
    cdef bytes text
    cdef Machine* m = load.machine
    try:
        from snowsnake.machine.lint import lint

        source = PyBytes_FromStringAndSize(<char*>load.file.source, load.file.size_bytes)
        for finding in lint(source, (<bytes>load.file.path).decode("utf-8", "surrogateescape"), m.features):
            text = (finding.message if finding.is_fatal else finding.warning).encode("utf-8", "surrogateescape")
            if finding.is_fatal:
                raise_bytes(m, ERROR_SYNTAX, <const char*>text, len(text))
                m.error.position = load.file.position_base + finding.position.start_byte
                m.error.position_end = load.file.position_base + finding.position.end_byte
                return False
            load.has_warnings = True
            host_warn(m, format_text("%s", <char*>text))
        return True
    except BaseException as fault:
        # This includes Ctrl-C: there is no memory, or the program must end.
        handed_over(fault)
        text = f"{type(fault).__name__}: {fault}".encode("utf-8", "replace")
        raise_text(m, ERROR_MEMORY if isinstance(fault, MemoryError) else ERROR_INTERNAL, format_text("%s", <char*>text))
        return False


cdef void _compile(void* argument) noexcept nogil:
    """Runs on the deep stack, because the compiler is recursive."""
    cdef Load* load = <Load*>argument
    cdef Machine* m = load.machine
    cdef Ast* ast = load.ast
    load.outcome = RAISE
    if ast == NULL:
        _left(m)
        return
    _warn_of_or(load, ast.or_calls)
    if ast.root == NULL:
        if ast.fault_count == 0:
            _left(m)
        else:
            raise_text(m, ERROR_SYNTAX, _fault_text(load, &ast.faults[0]))
            m.error.position = load.file.position_base + ast.faults[0].start_byte
            m.error.position_end = load.file.position_base + ast.faults[0].end_byte
    else:
        if not compile_unit(ast, load.base_directory, m.level, load.scope_names, load.scope_count, &m.open_chunks, &load.unit):
            raise_text(m, ERROR_MEMORY, NULL)
        elif load.unit.error != NULL:
            raise_text(m, _compile_error_code(load.unit.error_kind), format_text("%s", load.unit.error))
            m.error.position = load.file.position_base + load.unit.error_start_byte
            m.error.position_end = load.file.position_base + load.unit.error_end_byte
        else:
            load.outcome = DONE


cdef int _left(Machine* m) noexcept nogil:
    """The error of a parser or compiler that was left: it was asked to stop, or memory ran out."""
    return stop(m) if must_stop(m) else raise_text(m, ERROR_MEMORY, NULL)


cdef int _compile_error_code(uint8_t kind) noexcept nogil:
    return ERROR_UNDEFINED_VARIABLE if kind == SYNTAX_UNDEFINED else ERROR_SYNTAX


cdef int load_source(Machine* m, const char* name, const uint8_t* base_directory, uint32_t base_size, uint8_t* source,
                     uint32_t size_bytes, Word scope, Word* result) noexcept nogil:
    return _load(m, name, base_directory, base_size, source, size_bytes, scope, NULL, result)


cdef Text* _names_of(Machine* m, Word attrs) noexcept nogil:
    """The names in a flat set, in an array that the caller frees; NULL if there is no memory."""
    cdef uint64_t i
    cdef Word name
    cdef Text* names = <Text*>allocate_items(attrs_size(attrs) + 1, sizeof(Text))
    if names == NULL:
        return NULL
    for i in range(attrs_size(attrs)):
        name = symbol_string(m, keys_symbols(attrs_keys(attrs))[i])
        names[i].data = string_data(name)
        names[i].size_bytes = <uint32_t>string_size(name)
    return names


cdef void _parse_and_compile(Load* load, const uint8_t* source, uint32_t size_bytes) noexcept nogil:
    """Sets the outcome of a load, and its unit if the outcome is DONE."""
    cdef Machine* m = load.machine
    cdef const int* watched
    m.arenas.limit_bytes = left_bytes(m)
    watched = watch_attention(<const int*>&m.attention)
    load.ast = parse_padded(source, size_bytes, m.features, &m.arenas)
    if m.features >= FIRST_LINT and load.ast != NULL and load.ast.root != NULL and load.ast.fault_count == 0 and not _lint(load):
        load.outcome = RAISE
    elif not call_on_deep_stack(_compile, load):
        compile_abandoned(&load.unit)
        load.outcome = _left(m)
    watch_attention(watched)
    if load.ast != NULL:
        ast_free(load.ast)
        load.ast = NULL


cdef int _load(Machine* m, const char* name, const uint8_t* base_directory, uint32_t base_size, uint8_t* source,
               uint32_t size_bytes, Word scope, Lookup* lookup, Word* result) noexcept nogil:
    """With a *lookup*, the compiled source goes into the cache."""
    cdef Load load
    cdef char* base = format_text("%.*s", <int>base_size, <const char*>base_directory)
    cdef bint source_is_ours = True
    cdef uint32_t index = 0
    cdef Text* names = NULL
    cdef uint8_t* padded
    cdef Word top
    memset(&load, 0, sizeof(load))
    if <uint64_t>m.next_position + size_bytes + 1 > LAST_POSITION:
        free(base)
        free(source)
        return _raise_too_much(m)
    if scope != WORD_NULL:
        names = _names_of(m, scope)
    padded = <uint8_t*>resize_items(source, size_bytes + PADDING_BYTES, 1)
    if padded != NULL:
        source = padded
        memset(source + size_bytes, 0, PADDING_BYTES)
    if base == NULL or padded == NULL or (scope != WORD_NULL and names == NULL):
        raise_text(m, ERROR_MEMORY, NULL)
    elif add_file(m, name, source, size_bytes, &index):
        source_is_ours = False
    if source_is_ours:
        free(base)
        free(names)
        free(source)
        return RAISE
    load.machine = m
    load.base_directory = base
    load.file = &m.files[index]
    if scope != WORD_NULL:
        load.scope_count = <uint32_t>attrs_size(scope)
        load.scope_names = names
    _parse_and_compile(&load, source, size_bytes)
    free(base)
    free(names)
    if load.outcome != DONE:
        # The source stays, because the error points into it.
        return RAISE
    top = link_image(m, load.unit.image, index)
    if top == 0:
        return RAISE
    # The cache takes no file with warnings, because the next evaluation must warn again.
    if lookup != NULL and not load.has_warnings:
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


cdef inline bint _is_slot_of(uint64_t at, Machine* m, const ImportTable* t, const char* path, size_t n) noexcept nogil:
    cdef const char* known
    if t.slots[at] == 0:
        return True
    known = m.files[t.slots[at] - 1].path
    return strlen(known) == n and memcmp(known, path, n) == 0


cdef uint32_t* _import_slot(Machine* m, const char* path, size_t n) noexcept nogil:
    """The slot that has the file's number, or a free slot for it; NULL if there is no memory."""
    cdef ImportTable* t = <ImportTable*>m.imports
    cdef uint32_t* old
    cdef uint32_t* slots
    cdef uint32_t i, old_mask
    cdef const char* known
    if t == NULL:
        t = <ImportTable*>allocate_zeros(1, sizeof(ImportTable))
        if t == NULL:
            return NULL
        t.mask = LEAST_IMPORT_MASK
        t.slots = <uint32_t*>allocate_zeros(LEAST_IMPORT_MASK + 1, sizeof(uint32_t))
        if t.slots == NULL:
            free(t)
            return NULL
        m.imports = t
    if t.count * 2 > t.mask:
        old = t.slots
        old_mask = t.mask
        slots = <uint32_t*>allocate_zeros(<size_t>old_mask * 2 + 2, sizeof(uint32_t))
        if slots == NULL:
            return NULL
        t.slots = slots
        t.mask = old_mask * 2 + 1
        for i in range(old_mask + 1):
            if old[i]:
                known = m.files[old[i] - 1].path
                t.slots[probe(_hash_path(known, strlen(known)), t.mask, is_free_slot, t.slots)] = old[i]
        free(old)
    return &t.slots[probe(_hash_path(path, n), t.mask, _is_slot_of, m, t, path, n)]


cdef void imports_free(Machine* m) noexcept nogil:
    cdef ImportTable* t = <ImportTable*>m.imports
    if t != NULL:
        free(t.slots)
        free(t)
        m.imports = NULL


cdef size_t _directory_size(const uint8_t* path, size_t n) noexcept nogil:
    while n > 1 and path[n - 1] != c'/':
        n -= 1
    return n - 1 if n > 1 else n


cdef int machine_import(Machine* m, const uint8_t* path, size_t size_bytes, Word* result) noexcept nogil:
    cdef uint32_t* slot = _import_slot(m, <const char*>path, size_bytes)
    cdef uint32_t index
    cdef int outcome
    if slot == NULL:
        return raise_text(m, ERROR_MEMORY, NULL)
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
    cdef Bytes content
    cdef Lookup lookup
    cdef char* name
    cdef int outcome
    cdef Found found = CACHE_MISS
    cdef bint is_cached = m.cache != NULL and scope == WORD_NULL and host_file_stamp(m, path, size_bytes, &lookup.stamp)
    # This leaves out the command's own file, which the machine reads when nothing runs yet.
    if is_said(m, LEVEL_TALKATIVE) and m.fr > m.frames_base:
        say(m, LEVEL_TALKATIVE, worded(MESSAGE_EVALUATING_FILE, <int>size_bytes, <const char*>path).text)
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
    if found == CACHE_UNSURE and cache_has_content(<Cache*>m.cache, &lookup, content.data, content.size):
        free(content.data)
        return _load_compiled(m, path, size_bytes, &lookup, result)
    if content.size > <size_t>0xFFFFFF00:
        free(content.data)
        return raise_message(m, worded(MESSAGE_SOURCE_TOO_LARGE))
    name = format_text("%.*s", <int>size_bytes, <const char*>path)
    if name == NULL:
        free(content.data)
        return raise_text(m, ERROR_MEMORY, NULL)
    outcome = _load(m, name, path, <uint32_t>_directory_size(path, size_bytes), content.data,
                    <uint32_t>content.size, scope, &lookup if is_cached else NULL, result)
    free(name)
    return outcome


cdef int _load_compiled(Machine* m, const uint8_t* path, size_t size_bytes, Lookup* lookup, Word* result) noexcept nogil:
    """Loads a file whose image is in the cache; its source is read when somebody needs a line of it."""
    cdef uint64_t source_size = lookup.stamp.size_bytes
    cdef char* name
    cdef uint32_t index = 0
    cdef bint is_added
    if <uint64_t>m.next_position + source_size + 1 > LAST_POSITION:
        return _raise_too_much(m)
    name = format_text("%.*s", <int>size_bytes, <const char*>path)
    is_added = name != NULL and add_file(m, name, NULL, <uint32_t>source_size, &index)
    free(name)
    if not is_added:
        return raise_text(m, ERROR_MEMORY, NULL)
    result[0] = link_image(m, cache_image(lookup), index)
    return DONE if result[0] else RAISE


# ---- forgetting -------------------------------------------------------------------------------------------------

cdef inline bint _may_be_forgotten(File* file) noexcept nogil:
    return file.path[0] != c'/' and not file.is_imported


cdef void own_codes(Machine* m, uint32_t* owners) noexcept nogil:
    cdef uint32_t i, j
    for i in range(m.file_count):
        if _may_be_forgotten(&m.files[i]) and m.files[i].image != NULL:
            for j in range(m.files[i].image.chunk_count):
                owners[m.files[i].code_base + j] = i + 1


cdef void _unlink_codes(Machine* m, File* file) noexcept nogil:
    """The collector did not follow the constants of these codes.  A code that is entered again after all is linked again."""
    cdef uint32_t i
    if file.image == NULL:
        return
    for i in range(file.code_base, file.code_base + file.image.chunk_count):
        if m.codes[i].is_linked:
            free_code(m.codes[i])
        m.codes[i] = m.unlinked


cdef void _forget_file(Machine* m, File* file) noexcept nogil:
    _unlink_codes(m, file)
    image_free(file.image)
    free(file.path)
    free(file.source)
    free(file.line_starts)


cdef void forget_files(Machine* m, uint8_t* is_used) noexcept nogil:
    """Files after a forgotten one move up.  The numbers of their codes are used again; positions never are.

    Without memory the files stay, and only their codes are unlinked.
    """
    cdef ImportTable* imports = <ImportTable*>m.imports
    cdef uint32_t* places = <uint32_t*>allocate_zeros(m.file_count + 1, sizeof(uint32_t))
    cdef uint32_t i, kept = 0, codes = CODE_APPLY2 + 1
    if places == NULL:
        for i in range(m.file_count):
            if _may_be_forgotten(&m.files[i]) and not is_used[i]:
                _unlink_codes(m, &m.files[i])
        return
    forget_texts(m)
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
    m.old_file_count = kept
    m.code_count = codes
    if imports != NULL:
        for i in range(imports.mask + 1):
            if imports.slots[i]:
                imports.slots[i] = places[imports.slots[i] - 1]
    free(places)
