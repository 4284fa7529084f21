# cython: language_level=3
"""Allocation with a bump pointer.  It never collects; state.pxd says how much may be allocated without a reservation."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from snowsnake.foundation.paths cimport path_is_canonical
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport (
    HEADER_REMEMBERED, KIND_FLOAT, KIND_LIST, KIND_LIST_VIEW, KIND_PATH, KIND_STRING, KIND_STRING_VIEW, KIND_THUNK,
    KIND_WIDE_INT, TAG_BOX, TAG_LIST, TAG_STRING, TAG_THUNK, Word, code_header, fits_small, header_of, pointer_of,
    small_int, string_data, tagged, val,
)

# the parts of planned_region_bytes
cdef enum:
    PART_NURSERY = 0
    # a collection of everything needs it twice
    PART_OLD_SPACE = 1
    # there are two of them
    PART_STACK = 2

# codes that every machine has (link.pyx)
cdef enum:
    CODE_APPLY = 0
    CODE_APPLY2 = 1

cdef void* reserve_region(uint64_t* size_bytes, uint64_t least_bytes) noexcept nogil
cdef void release_region(void* address, uint64_t size_bytes) noexcept nogil
cdef void release_pages(void* address, uint64_t size_bytes) noexcept nogil
    # Loses the contents of the pages and keeps the address space.
cdef void prepare_pages(void* address, uint64_t size_bytes) noexcept nogil

cdef uint64_t planned_region_bytes(int part) noexcept nogil
    # A part of the address space, chosen so that everything fits under a limit (ulimit -v).

cdef uint64_t address_space_bytes() noexcept nogil
    # The limit of the process, or 2**64 - 1 if there is none.
cdef uint64_t available_memory_bytes() noexcept nogil
    # The least of the machine's memory, the limit of its control group, and half of the address space.

cdef inline Word* heap_alloc(Machine* m, uint64_t words) noexcept nogil:
    """Returns room for an object, header included; the room is not initialised."""
    cdef Word* p = m.hp
    m.hp = p + words
    return p

cdef bint heap_reserve(Machine* m, uint64_t words) noexcept nogil
    # Returns True if `words` may now be allocated.  False: a memory error has been raised, and the caller returns RAISE.
cdef void leave_old_space(Machine* m) noexcept nogil
    # Ends what a large reservation began: new objects are made in the nursery again.  Code that collects or counts objects calls this first.
cdef bint stack_reserve(Machine* m, uint64_t words) noexcept nogil
    # Returns True if `words` may now be pushed; False: an error has been raised.

cdef bint level_reserve(Machine* m, Word* base, uint64_t level_words) noexcept nogil
    # Returns True if a walk whose levels begin at base may push one more level; False: it is deeper than calls may be, and an error has been raised.

cdef void remember_object(Machine* m, Word* object) noexcept nogil
    # Remembers an old object that now holds a word of the nursery; the inline barriers call it.

cdef inline bint is_young(Machine* m, const Word* p) noexcept nogil:
    return p >= m.heap_base and p < m.heap_end

cdef inline bint keeps_cell(Machine* m, Word value) noexcept nogil:
    """Whether it matters in which thunk a value is: `==` compares functions by their cell, and `«repeated»` is a list in the same cell."""
    return m.kept_cells >> (value & 7) & 1

cdef inline Word cell_of(Machine* m, Word w) noexcept nogil:
    """Looks through an evaluated thunk, unless its cell matters."""
    cdef Word v
    if (w & 7) != TAG_THUNK:
        return w
    v = val(w)
    return w if keeps_cell(m, v) else v

cdef inline void thunk_barrier(Machine* m, Word* thunk) noexcept nogil:
    """To be called after a thunk got its value.  This happens once for each thunk, so that no mark is needed."""
    if not is_young(m, thunk) and is_young(m, pointer_of(thunk[1])):
        remember_object(m, thunk)

cdef inline void captures_barrier(Machine* m, Word* object) noexcept nogil:
    """To be called when deferred captures of a thunk or closure are resolved."""
    if not is_young(m, object):
        remember_object(m, object)

cdef inline void write_barrier(Machine* m, Word holder) noexcept nogil:
    """To be called after a word was stored in a list, set or keys object that may have been made before the last safepoint."""
    cdef Word* p = pointer_of(holder)
    if not is_young(m, p) and not p[0] & HEADER_REMEMBERED:
        p[0] |= HEADER_REMEMBERED
        remember_object(m, p)

cdef inline void push(Machine* m, Word w) noexcept nogil:
    m.sp[0] = w
    m.sp += 1

cdef inline Word pop(Machine* m) noexcept nogil:
    m.sp -= 1
    return m.sp[0]

cdef inline Word make_int(Machine* m, int64_t i) noexcept nogil:
    """Any 64-bit int; one that needs more than 61 bits is boxed."""
    cdef Word* p
    if fits_small(i):
        return <Word>i << 3
    p = heap_alloc(m, 2)
    p[0] = header_of(KIND_WIDE_INT, 1)
    p[1] = <Word>i
    return tagged(p, TAG_BOX)

cdef inline Word make_float(Machine* m, double d) noexcept nogil:
    cdef Word* p = heap_alloc(m, 2)
    p[0] = header_of(KIND_FLOAT, 1)
    (<double*>p)[1] = d
    return tagged(p, TAG_BOX)

cdef inline uint64_t string_words(uint64_t size_bytes) noexcept nogil:
    return 3 + (size_bytes >> 3)

cdef inline Word new_string(Machine* m, uint64_t size_bytes, uint32_t context) noexcept nogil:
    """A string whose bytes the caller fills in; the NUL behind them is already there.  Reserve first if it may exceed 32 KiB."""
    cdef Word* p = heap_alloc(m, string_words(size_bytes))
    p[0] = header_of(KIND_STRING, size_bytes)
    p[1] = <Word>context << 32
    p[2 + (size_bytes >> 3)] = 0
    return tagged(p, TAG_STRING)

cdef inline Word make_string(Machine* m, const void* data, uint64_t size_bytes, uint32_t context) noexcept nogil:
    """A copy of bytes as a string.  Reserve first if it may exceed 32 KiB."""
    cdef Word s = new_string(m, size_bytes, context)
    # if there are no bytes, the address may be NULL
    if size_bytes:
        memcpy(string_data(s), data, size_bytes)
    return s

cdef inline Word new_list(Machine* m, uint64_t size) noexcept nogil:
    """A list whose elements the caller fills in before it allocates anything else.  Reserve first if it may have more than 4096."""
    cdef Word* p
    if size == 0:
        return m.empty_list
    p = heap_alloc(m, 1 + size)
    p[0] = header_of(KIND_LIST, size)
    return tagged(p, TAG_LIST)

cdef inline Word new_list_view(Machine* m, Word base, uint64_t start, uint64_t size) noexcept nogil:
    """A view of elements of a list, which may not be a view itself."""
    cdef Word* p = heap_alloc(m, 3)
    p[0] = header_of(KIND_LIST_VIEW, size)
    p[1] = base
    p[2] = small_int(<int64_t>start)
    return tagged(p, TAG_LIST)

cdef inline Word new_string_view(Machine* m, Word base, uint64_t start, uint64_t size_bytes, uint32_t context) noexcept nogil:
    """A view of bytes of a string, which may not be a view itself."""
    cdef Word* p = heap_alloc(m, 4)
    p[0] = header_of(KIND_STRING_VIEW, size_bytes)
    p[1] = <Word>context << 32
    p[2] = base
    p[3] = start
    return tagged(p, TAG_STRING)

cdef inline Word make_path(Machine* m, Word string) noexcept nogil:
    """The path of a string word that is absolute and canonical; its context is dropped."""
    cdef Word* p = heap_alloc(m, 2)
    p[0] = header_of(KIND_PATH, 1)
    p[1] = string
    return tagged(p, TAG_BOX)

cdef inline Word make_given_path(Machine* m, const void* data, uint64_t size_bytes) noexcept nogil:
    """The path of a text that somebody else made (HOME, a search path, Python), which may be odd."""
    if not path_is_canonical(<const uint8_t*>data, size_bytes):
        m.has_odd_paths = True
    return make_path(m, make_string(m, data, size_bytes, 0))

cdef inline Word make_apply(Machine* m, Word function, Word argument) noexcept nogil:
    """A thunk of `function argument`.  It takes three words, which must be free."""
    cdef Word* p = m.hp
    m.hp = p + 3
    p[0] = code_header(KIND_THUNK, 2, CODE_APPLY)
    p[1] = function
    p[2] = argument
    return tagged(p, TAG_THUNK)

cdef inline Word make_apply2(Machine* m, Word function, Word first, Word second) noexcept nogil:
    """A thunk of `function first second`.  It takes four words, which must be free."""
    cdef Word* p = m.hp
    m.hp = p + 4
    p[0] = code_header(KIND_THUNK, 3, CODE_APPLY2)
    p[1] = function
    p[2] = first
    p[3] = second
    return tagged(p, TAG_THUNK)
