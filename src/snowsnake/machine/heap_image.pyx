# cython: language_level=3
"""AN EXPERIMENT (docs/decisions/images.md; nothing else uses it): a machine at rest as a file, and a new machine made from it.

In: a machine between two evaluations.  Out: a file that one pass, or none, makes the state of a fresh machine of the same build:

    head     magic, build, checksums, where the parts are
    inputs   bytes of the caller: what must still be true for the image to be used
    tables   what the machine holds besides its objects (heap_tables.pyx)
    heap     the old space after a collection, page-aligned, its pointers as if it lay at IMAGE_BASE

Mapped at IMAGE_BASE the heap is used where it lies and its pages are copied when they are written to; when that address is
taken, or by wish, it is read anywhere and its pointers are moved.  `ImageRefused` says what cannot be saved or used.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport pread

from snowsnake.cache.xxh64 cimport xxh64
from snowsnake.host.host cimport Host, host_of
from snowsnake.machine.collector cimport collect, plan_collection, set_limits
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.heap cimport leave_old_space, release_region, reserve_region
from snowsnake.machine.heap_tables cimport Shift, moved, moved_pointer, put_tables, take_tables
from snowsnake.machine.importing cimport restore_imports
from snowsnake.machine.state cimport ERROR_DEPTH, ERROR_INTERRUPT, ERROR_MEMORY, ERROR_NONE, ERROR_TIMEOUT, Machine
from snowsnake.machine.word cimport (
    KIND_ATTR_NAME, KIND_ATTRS, KIND_BUILTIN, KIND_CLOSURE, KIND_FLOAT, KIND_HOME_PATH, KIND_KEYS, KIND_LAYERED,
    KIND_LIST, KIND_LIST_VIEW, KIND_ORDER, KIND_PARTIAL, KIND_PATH, KIND_RAW, KIND_SEARCH_PATH, KIND_STRING,
    KIND_STRING_VIEW, KIND_THUNK, KIND_WIDE_INT, KIND_WITH, THUNK_RUNNING, Word, header_kind, header_payload_words,
    header_size, header_state,
)
from snowsnake.store.buffer cimport Bytes, bytes_free, bytes_init

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


class ImageRefused(Exception):
    """The state of this machine cannot be saved, or this file is no image for this machine."""


# ---- pointers ---------------------------------------------------------------------------------------------------

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
        p[1] = moved_pointer(s, p[1])
        words = 2 + n
        first = 2
    elif kind == KIND_PARTIAL:
        words = 2 + n
    elif kind == KIND_LAYERED:
        words = 3
    elif kind == KIND_LIST_VIEW:
        words = 3
    elif kind == KIND_STRING_VIEW:
        p[2] = moved(s, p[2])
        return 4
    elif kind == KIND_LIST or kind == KIND_PATH or kind == KIND_WITH or kind == KIND_SEARCH_PATH or kind == KIND_HOME_PATH \
            or kind == KIND_ATTR_NAME:
        words = 1 + n
    elif kind == KIND_KEYS:
        p[1] = moved_pointer(s, p[1])
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
        p[i] = moved(s, p[i])
    return words


cdef bint _move_heap(Shift* s, Word* p, Word* end) noexcept nogil:
    cdef uint64_t words
    while p < end:
        words = _move_object(s, p)
        if words == 0:
            return False
        p += words
    return p == end


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
        if not put_tables(m, &tables, &s):
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


def read_image(size_t machine, object file, uint64_t build, bint mapped=True, bint verify=True):
    """Make a fresh machine what the saved one was; says whether the heap is mapped where it was written for.

    *verify* looks at the heap's checksum, which reads all of it.  After an ImageRefused the machine is not to be used.
    """
    cdef Machine* m = <Machine*>machine
    cdef Head head
    cdef Shift s
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
    leave_old_space(m)
    release_region(m.old_base, <uint64_t>(m.old_end - m.old_base) * sizeof(Word))
    m.old_base = region
    m.old_end = region + region_bytes // sizeof(Word)
    m.old_top = region + head.heap_words
    m.unscanned = m.old_top
    plan_collection(m, <uint64_t>(m.old_top - m.old_base), <uint64_t>(m.old_top - m.old_base))
    free(m.keys_cache)
    m.keys_cache = NULL
    memset(&m.places[0], 0, sizeof(m.places))
    m.result = 0
    if not take_tables(m, tables, head.tables_bytes, &s) or s.strays:
        error_clear(m)
        raise ImageRefused("the tables of the image do not fit this machine")
    leave_old_space(m)
    m.hp = m.heap_base                # what the machine was born with, and fresh constants: all have been replaced
    restore_imports(m)
    return bool(mapped)
