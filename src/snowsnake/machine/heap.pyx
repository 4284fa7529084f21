# cython: language_level=3
"""Memory for the heap and the stacks: reserved address space, which costs nothing until it is touched."""
from libc.stdint cimport UINT64_MAX, uint64_t
from libc.stdio cimport FILE, fclose, fopen, fscanf
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, munmap

from snowsnake.diagnostics.message_table cimport MESSAGE_OVER_MEMORY_LIMIT
from snowsnake.foundation.allocate cimport may_allocate
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.limits cimport change_block_limit
from snowsnake.machine.errors cimport raise_message, worded
from snowsnake.machine.frames cimport raise_depth
from snowsnake.machine.room cimport left_bytes
from snowsnake.machine.state cimport Machine

cdef extern from "sys/mman.h" nogil:
    int MAP_NORESERVE
    int MADV_DONTNEED
    int madvise(void* address, size_t size, int advice)


cdef extern from *:
    """
    #include <stdlib.h>
    #ifdef __GLIBC__
    #include <malloc.h>
    #endif
    static void return_large_blocks(int bytes_) {
    #ifdef __GLIBC__
        mallopt(M_MMAP_THRESHOLD, bytes_);
        mallopt(M_TRIM_THRESHOLD, bytes_);
    #endif
    }
    """
    void return_large_blocks(int bytes_) nogil

cdef enum:
    # Some systems have headers that are older than this constant.
    MADV_POPULATE_WRITE = 23
    LARGE_BLOCK_BYTES = 1 << 20
    # Reservations of so many words (512 KiB) or more make objects in the old space.
    LARGE_WORDS = 1 << 16

cdef extern from "unistd.h" nogil:
    long sysconf(int name)
    int _SC_PHYS_PAGES
    int _SC_PAGE_SIZE

cdef extern from "sys/resource.h" nogil:
    struct rlimit:
        uint64_t rlim_cur
    int getrlimit(int resource, rlimit* limit)
    int RLIMIT_AS

# These files have the limit of a container: the first with version 2 of control groups, the second with version 1.
ctypedef const char* FileName
cdef FileName[2] _LIMIT_FILES
_LIMIT_FILES[0] = "/sys/fs/cgroup/memory.max"
_LIMIT_FILES[1] = "/sys/fs/cgroup/memory/memory.limit_in_bytes"


cdef uint64_t address_space_bytes() noexcept nogil:
    cdef rlimit limit
    if getrlimit(RLIMIT_AS, &limit) != 0:
        return UINT64_MAX
    # If there is no limit, this is RLIM_INFINITY, which is the largest number.
    return limit.rlim_cur


cdef uint64_t _group_limit_bytes() noexcept nogil:
    """UINT64_MAX if there is no limit; a limit is at least a MiB."""
    cdef FILE* file
    cdef unsigned long long number = 0
    cdef int i
    for i in range(2):
        file = fopen(_LIMIT_FILES[i], "re")
        if file == NULL:
            continue
        # The file says `max` if there is no limit.
        if fscanf(file, "%llu", &number) != 1:
            number = 0
        fclose(file)
        if number >= 1 << 20:
            return number
    return UINT64_MAX


cdef uint64_t available_memory_bytes() noexcept nogil:
    cdef uint64_t bytes = <uint64_t>sysconf(_SC_PHYS_PAGES) * <uint64_t>sysconf(_SC_PAGE_SIZE)
    return min(bytes, min(_group_limit_bytes(), address_space_bytes() // 2))


cdef uint64_t planned_region_bytes(int part) noexcept nogil:
    """Without a limit, more than anybody needs.  With a limit: nursery 3/16, old space twice 4/16, stacks 1/32; a quarter is left for
    files, trees and texts, and a 32nd for the parser's stack (syntax/deep_stack.pyx)."""
    cdef uint64_t limit = address_space_bytes()
    if part == PART_NURSERY:
        return min(<uint64_t>1 << 36, limit // 16 * 3 & ~<uint64_t>0xFFFF)
    if part == PART_OLD_SPACE:
        return min(<uint64_t>1 << 36, limit // 4 & ~<uint64_t>0xFFFF)
    return min(<uint64_t>1 << 31, limit // 64 & ~<uint64_t>0xFFFF)


cdef void* reserve_region(uint64_t* size_bytes, uint64_t least_bytes) noexcept nogil:
    """Reserves address space of *size_bytes, halved until the system grants it; NULL if it does not even grant least_bytes."""
    cdef void* p
    while size_bytes[0] >= least_bytes and may_allocate():
        p = mmap(NULL, size_bytes[0], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if p != MAP_FAILED:
            return p
        size_bytes[0] >>= 1
    return NULL


cdef void release_region(void* address, uint64_t size_bytes) noexcept nogil:
    if address != NULL:
        munmap(address, size_bytes)


cdef void release_pages(void* address, uint64_t size_bytes) noexcept nogil:
    madvise(address, size_bytes, MADV_DONTNEED)


cdef void prepare_pages(void* address, uint64_t size_bytes) noexcept nogil:
    """Gets pages that will be written next at once, not by a fault for each.  Linux before 5.14 cannot do that."""
    cdef uint64_t start = <uint64_t>address & ~<uint64_t>4095
    madvise(<void*>start, <uint64_t>address + size_bytes - start, MADV_POPULATE_WRITE)


def give_back_large_blocks():
    """Makes malloc return large blocks to the system when they are freed.  This concerns the whole process, so only commands call it.

    Otherwise glibc keeps up to 64 MB: once a block of some size was freed, it takes such blocks from its own heap.
    """
    return_large_blocks(LARGE_BLOCK_BYTES)


cdef void remember_object(Machine* m, Word* object) noexcept nogil:
    if not has_room(&m.remembered, m.remembered_count, &m.remembered_capacity, 1024):
        # The next collection is then one of everything, which needs no remembered objects.
        m.collect_at = m.old_base
        return
    m.remembered[m.remembered_count] = object
    m.remembered_count += 1


cdef inline void _enter_old_space(Machine* m, uint64_t words) noexcept nogil:
    """Lets large objects be made in the old space: a collection would copy them there, and both places would be touched for the first time.

    The next safepoint ends this; setting soft_limit to NULL causes one soon.
    """
    m.young_hp = m.hp
    m.hp = m.old_top
    m.soft_limit = NULL
    m.direct_words += m.last_direct_words
    m.last_direct_words = words
    change_block_limit(left_bytes(m))


cdef void leave_old_space(Machine* m) noexcept nogil:
    if m.young_hp != NULL:
        m.old_top = m.hp
        m.hp = m.young_hp
        m.young_hp = NULL


cdef bint heap_reserve(Machine* m, uint64_t words) noexcept nogil:
    cdef Word* young = m.hp if m.young_hp == NULL else m.young_hp
    cdef Word* old = m.old_top if m.young_hp == NULL else m.hp
    cdef uint64_t used = <uint64_t>(young - m.heap_base) + <uint64_t>(old - m.old_base)
    cdef uint64_t young_room = <uint64_t>(m.heap_end - young), old_room = <uint64_t>(m.old_end - old)
    cdef uint64_t room = young_room if m.young_hp == NULL else old_room
    if used + words < m.memory_limit_words:
        if m.young_hp == NULL and (words >= LARGE_WORDS or m.stress) and words + 65536 < old_room:
            _enter_old_space(m, words)
            return True
        if words + 65536 < room:
            return True
    raise_message(m, worded(MESSAGE_OVER_MEMORY_LIMIT, <unsigned long long>(m.memory_limit_words >> 17)))
    return False


cdef bint stack_reserve(Machine* m, uint64_t words) noexcept nogil:
    if words + 4096 < <uint64_t>(m.stack_end - m.sp):
        return True
    raise_depth(m)
    return False


cdef bint level_reserve(Machine* m, Word* base, uint64_t level_words) noexcept nogil:
    if <uint64_t>(m.sp - base) <= level_words * m.depth_limit:
        return stack_reserve(m, level_words + 8)
    raise_depth(m)
    return False
