# cython: language_level=3
"""One machine's view of the pack: the mapped file, the current lookup, and the entries that it is going to write."""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, strlen
from snowsnake.cache.layout cimport FileStamp, PackEntry
from snowsnake.foundation.allocate cimport allocate_items

cdef enum Found:
    CACHE_MISS = 0
    CACHE_HIT
    CACHE_UNSURE                      # there is an entry; only the file's content tells whether it belongs to this file

cdef struct Lookup:                   # a file that is being imported
    const uint8_t* path               # borrowed
    size_t path_size_bytes
    FileStamp stamp                   # taken before the file is read
    uint64_t settings                 # of the compiler
    uint64_t key
    int64_t time_ns                   # of the stamp
    uint32_t slot
    const PackEntry* entry            # in the mapping, checked; NULL if there is none

cdef struct Restamp:                  # an entry that belongs to its file after all, and the head that replaces its own
    uint64_t offset
    PackEntry head

cdef struct Cache:
    char* folder
    char* pack_path
    char* lock_path
    uint64_t limit_bytes
    bint is_by_content                # stamps are not trusted
    bint is_open                      # an attempt was made
    bint is_closed_to_writing         # an attempt to write failed
    const uint8_t* map                # the pack as it was when it was first needed, or NULL
    uint64_t map_size_bytes
    uint64_t slot_count
    uint64_t map_inode
    uint64_t compiler
    uint16_t today
    uint8_t* pending                  # entries to be appended, each at a multiple of 64 bytes
    uint64_t pending_bytes
    uint64_t pending_capacity
    uint32_t* used                    # slots whose day must be written
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
