# cython: language_level=3
"""One machine's view of the pack: the mapped file, the current lookup, and the entries that it is going to write."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, strlen
from snowsnake.cache.layout cimport FileStamp, PackEntry
from snowsnake.foundation.allocate cimport allocate_items

cdef enum Found:
    CACHE_MISS = 0
    CACHE_HIT
    # there is an entry; only the file's content tells whether it belongs to this file
    CACHE_UNSURE

# a file that is being imported
cdef struct Lookup:
    # the path is borrowed
    const uint8_t* path
    size_t path_size_bytes
    # taken before the file is read
    FileStamp stamp
    # the level of the compiler, and the features that are on
    uint64_t settings
    uint64_t key
    # when the stamp was taken
    int64_t time_ns
    uint32_t slot
    # in the mapping, checked; NULL if there is none
    const PackEntry* entry

# an entry that belongs to its file after all, and the head that replaces its own
cdef struct Restamp:
    uint64_t offset
    PackEntry head

cdef struct Cache:
    char* folder
    char* pack_path
    char* lock_path
    uint64_t limit_bytes
    # stamps are not trusted
    bint is_by_content
    # an attempt to open the pack was made
    bint is_open
    # what is to be written waits for a flush, or until there is much of it (`Runner.leave` writes otherwise); what others append is found
    bint is_patient
    # an attempt to write failed
    bint is_closed_to_writing
    # the pack, or NULL; how much of it we know to be there; as it was when it was first needed
    const uint8_t* map
    uint64_t map_size_bytes
    uint64_t opened_bytes
    # the size of the mapping, which may have room for what others append
    uint64_t mapped_bytes
    uint64_t slot_count
    uint64_t map_inode
    uint64_t compiler
    uint16_t today
    # entries to be appended, each at a multiple of 64 bytes
    uint8_t* pending
    uint64_t pending_bytes
    uint64_t pending_capacity
    # slots whose day must be written
    uint32_t* used
    uint32_t used_count
    uint32_t used_capacity
    Restamp* restamps
    uint32_t restamp_count
    uint32_t restamp_capacity
    uint64_t hit_count
    uint64_t miss_count
    uint64_t write_count

cdef inline char* file_in(const char* folder, const char* name) noexcept nogil:
    """The path of a file of the folder; NULL if memory is short."""
    cdef size_t n = strlen(folder), k = strlen(name)
    cdef char* path = <char*>allocate_items(n + k + 2, 1)
    if path != NULL:
        memcpy(path, folder, n)
        path[n] = c'/'
        memcpy(path + n + 1, name, k + 1)
    return path
