# cython: language_level=3
"""Creates a machine (address space, well-known symbols, function words of the builtins) and frees it."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, strcmp

from snowsnake.bytecode.image cimport image_free
from snowsnake.cache.pack cimport cache_free
from snowsnake.cache.state cimport Cache
from snowsnake.compiler.compile cimport open_chunk_pool_free
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.host.host cimport host_free, host_new
from snowsnake.machine.collector cimport plan_collection, set_limits, size_nursery
from snowsnake.machine.errors cimport error_clear, error_free
from snowsnake.machine.heap cimport (
    PART_NURSERY, PART_OLD_SPACE, PART_STACK, available_memory_bytes, heap_alloc, new_string, planned_region_bytes,
    release_region, reserve_region,
)
from snowsnake.machine.importing cimport imports_free
from snowsnake.machine.internals cimport (
    INTERNAL_ADD, INTERNAL_ASSERT_EQUAL, INTERNAL_COERCE, INTERNAL_COERCE_PATH, INTERNAL_COERCE_STORE,
    INTERNAL_CONCATENATE, INTERNAL_CONCATENATE_PATH, INTERNAL_COUNT, INTERNAL_DEEP_FORCE, INTERNAL_DERIVATION_STRING,
    INTERNAL_EQUAL, INTERNAL_LESS, INTERNAL_NOT_LESS, INTERNAL_TO_STRING,
)
from snowsnake.machine.link cimport free_codes, link_basic_codes
from snowsnake.machine.state cimport DONE, Frame
from snowsnake.machine.symbols cimport symbol_intern
from snowsnake.machine.word cimport (
    KIND_ATTRS, KIND_BUILTIN, KIND_KEYS, KIND_LIST, KIND_ORDER, TAG_ATTRS, TAG_FUNCTION, TAG_LIST, TAG_THUNK, Word, header_of,
    tagged,
)
from snowsnake.syntax.nodes cimport Text, arena_pool_free
from snowsnake.syntax.turns cimport known_count, known_name

cdef enum:
    DEFAULT_DEPTH_LIMIT = 2000000
    SMALLEST_REGION_BYTES = 1 << 21
    # The machine does not collect an old space that has grown by less than this.
    LEAST_GROWTH_BYTES = 1 << 29


cdef bint _reserve_stacks(Machine* m) noexcept nogil:
    """Reserves the heap and the stacks, as large as the system grants."""
    cdef uint64_t stack_bytes = planned_region_bytes(PART_STACK)
    cdef uint64_t bytes = planned_region_bytes(PART_NURSERY)
    m.heap_base = <Word*>reserve_region(&bytes, SMALLEST_REGION_BYTES)
    if m.heap_base == NULL:
        return False
    m.heap_end = m.heap_base + bytes // sizeof(Word)
    bytes = planned_region_bytes(PART_OLD_SPACE)
    m.old_base = <Word*>reserve_region(&bytes, SMALLEST_REGION_BYTES)
    if m.old_base == NULL:
        return False
    m.old_end = m.old_base + bytes // sizeof(Word)
    m.old_top = m.old_base
    m.old_ready = m.old_base
    m.unscanned = m.old_base
    bytes = stack_bytes
    m.stack_base = <Word*>reserve_region(&bytes, SMALLEST_REGION_BYTES)
    if m.stack_base == NULL:
        return False
    m.stack_bytes = bytes
    m.stack_end = m.stack_base + bytes // sizeof(Word) - 65536
    bytes = stack_bytes
    m.frames_base = <Frame*>reserve_region(&bytes, SMALLEST_REGION_BYTES)
    if m.frames_base == NULL:
        return False
    m.frames_bytes = bytes
    m.frames_end = m.frames_base + bytes // sizeof(Frame) - 64
    return True


cdef void _make_symbols(Machine* m) noexcept nogil:
    """The names that C++ Nix knows from the start are the first symbols, in its order: see machine/evaluation_order.pxd."""
    cdef Text name
    cdef uint32_t turn
    # This symbol takes the number 0, which no name has.
    symbol_intern(m, "<with>", 6)
    for turn in range(known_count()):
        name = known_name(turn)
        symbol_intern(m, name.data, name.size_bytes)
    m.symbol_name = symbol_intern(m, "name", 4)
    m.symbol_value = symbol_intern(m, "value", 5)
    m.symbol_functor = symbol_intern(m, "__functor", 9)
    m.symbol_to_string = symbol_intern(m, "__toString", 10)
    m.symbol_out_path = symbol_intern(m, "outPath", 7)
    m.symbol_drv_path = symbol_intern(m, "drvPath", 7)
    m.symbol_type = symbol_intern(m, "type", 4)
    m.symbol_overrides = symbol_intern(m, "__overrides", 11)
    m.symbol_body = symbol_intern(m, "body", 4)
    m.symbol_success = symbol_intern(m, "success", 7)
    m.symbol_file = symbol_intern(m, "file", 4)
    m.symbol_line = symbol_intern(m, "line", 4)
    m.symbol_column = symbol_intern(m, "column", 6)
    m.symbol_function_args = symbol_intern(m, "__functionArgs", 14)


ctypedef const char* Name
# The names are in the order of internals.pxd.
cdef Name[INTERNAL_COUNT] INTERNAL_NAMES
INTERNAL_NAMES[INTERNAL_COERCE] = "__coerce"
INTERNAL_NAMES[INTERNAL_COERCE_STORE] = "__coerceStore"
INTERNAL_NAMES[INTERNAL_TO_STRING] = "__toStringCoerce"
INTERNAL_NAMES[INTERNAL_COERCE_PATH] = "__coercePath"
INTERNAL_NAMES[INTERNAL_EQUAL] = "__equal"
INTERNAL_NAMES[INTERNAL_LESS] = "__less"
INTERNAL_NAMES[INTERNAL_DEEP_FORCE] = "__deepForce"
INTERNAL_NAMES[INTERNAL_DERIVATION_STRING] = "__derivationString"
INTERNAL_NAMES[INTERNAL_ADD] = "__addCoerce"
INTERNAL_NAMES[INTERNAL_CONCATENATE] = "__concatenate"
INTERNAL_NAMES[INTERNAL_CONCATENATE_PATH] = "__concatenatePath"
INTERNAL_NAMES[INTERNAL_NOT_LESS] = "__notLess"
INTERNAL_NAMES[INTERNAL_ASSERT_EQUAL] = "__assertEqual"


cdef void _note_internal(Machine* m, Builtin* b) noexcept nogil:
    cdef int i
    for i in range(INTERNAL_COUNT):
        if strcmp(b.name, INTERNAL_NAMES[i]) == 0:
            m.internals[i] = b.word


cdef void _make_builtins(Machine* m) noexcept nogil:
    cdef uint32_t i
    cdef Word* p
    for i in range(m.builtin_count):
        p = heap_alloc(m, 1)
        p[0] = header_of(KIND_BUILTIN, i)
        m.builtins[i].word = tagged(p, TAG_FUNCTION)
        if m.builtins[i].name[0] == c'_' and m.builtins[i].name[1] == c'_':
            _note_internal(m, &m.builtins[i])
        if strcmp(m.builtins[i].name, "tryEval") == 0:
            m.try_eval_word = m.builtins[i].word
        if strcmp(m.builtins[i].name, "addErrorContext") == 0:
            m.error_context_word = m.builtins[i].word


cdef void _make_shared_words(Machine* m) noexcept nogil:
    # A list without elements is only a header.
    cdef Word* p = heap_alloc(m, 1)
    cdef Word* keys
    p[0] = header_of(KIND_LIST, 0)
    m.empty_list = tagged(p, TAG_LIST)
    keys = heap_alloc(m, 3)
    keys[0] = header_of(KIND_KEYS, 0)
    keys[1] = <Word>(keys + 2)
    keys[2] = header_of(KIND_ORDER, 0)
    p = heap_alloc(m, 2)
    p[0] = header_of(KIND_ATTRS, 0)
    p[1] = <Word>keys
    m.empty_attrs = tagged(p, TAG_ATTRS)
    m.empty_string = new_string(m, 0, 0)


cdef Machine* machine_new(Builtin* builtins, uint32_t count, uint64_t memory_limit_bytes, uint32_t depth_limit) noexcept nogil:
    cdef Machine* m = <Machine*>allocate_zeros(1, sizeof(Machine))
    if m == NULL:
        return NULL
    if not _reserve_stacks(m):
        machine_free(m)
        return NULL
    m.hp = m.heap_base
    m.sp = m.stack_base
    m.fp = m.stack_base
    m.fr = m.frames_base
    m.with_slot = -1
    m.depth_limit = depth_limit if depth_limit else DEFAULT_DEPTH_LIMIT
    if memory_limit_bytes == 0:
        memory_limit_bytes = available_memory_bytes() // 5 * 4
    m.memory_limit_words = memory_limit_bytes >> 3
    m.least_growth_words = LEAST_GROWTH_BYTES >> 3
    size_nursery(m)
    plan_collection(m, 0, 0)
    m.level = 1
    # Traces name what led to a thunk without a value, so thunks keep their cells, too.
    m.kept_cells = 1 << TAG_FUNCTION | 1 << TAG_THUNK
    set_limits(m)
    m.builtins = <Builtin*>allocate_items(count + 1, sizeof(Builtin))
    if m.builtins == NULL:
        machine_free(m)
        return NULL
    memcpy(m.builtins, builtins, count * sizeof(Builtin))
    m.builtin_count = count
    _make_shared_words(m)
    _make_symbols(m)
    _make_builtins(m)
    if not link_basic_codes(m) or host_new(m) != DONE or m.is_exhausted:
        machine_free(m)
        return NULL
    return m


cdef void _free_files(Machine* m) noexcept nogil:
    cdef uint32_t i
    for i in range(m.file_count):
        image_free(m.files[i].image)
        free(m.files[i].path)
        free(m.files[i].source)
        free(m.files[i].line_starts)
    free(m.files)


cdef void machine_free(Machine* m) noexcept nogil:
    cdef uint32_t i
    if m == NULL:
        return
    error_clear(m)
    for i in range(m.failure_count):
        error_free(&m.failures[i])
    free(m.failures)
    if m.codes != NULL:
        free_codes(m)
    _free_files(m)
    cache_free(<Cache*>m.cache)
    imports_free(m)
    arena_pool_free(&m.arenas)
    open_chunk_pool_free(&m.open_chunks)
    if m.host != NULL:
        host_free(m)
    for i in range(1, m.context_count):
        free(m.contexts[i].elements)
    free(m.contexts)
    free(m.context_table)
    free(m.union_cache)
    free(m.keys_cache)
    free(m.tally)
    free(m.symbol_strings)
    free(m.symbol_table)
    free(m.remembered)
    free(m.fresh_codes)
    free(m.builtins)
    free(m.handles)
    release_region(m.heap_base, <uint64_t>(m.heap_end - m.heap_base) * sizeof(Word))
    release_region(m.old_base, <uint64_t>(m.old_end - m.old_base) * sizeof(Word))
    release_region(m.stack_base, m.stack_bytes)
    release_region(m.frames_base, m.frames_bytes)
    free(m)
