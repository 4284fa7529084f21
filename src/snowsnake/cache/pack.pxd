# cython: language_level=3
"""Compiled files on disk: one file, the pack, that all evaluators of a user share.

    header    4096 bytes: a Header, the rest zero
    slots     one uint64 for each: the top 24 bits of an entry's key, and its offset in units of 64 bytes; 0 is free.
              Open addressing.  A slot is a hint: what it leads to is checked
    days      one uint16 for each slot: the day of its last use, for eviction
    entries   each at a multiple of 64 bytes: an Entry, then its body: the image's tables of records and texts, its data,
              16 bytes of zeros, the path.  Never moved, and but for the file's stamp never changed

Readers map the pack and take no lock; images are used where they lie.  Writers append under a lock on a file beside the pack, and
replace the pack as a whole, by renaming, when it is too large, too full or not one of ours.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.bytecode.image cimport Image

cdef struct FileStamp:                # what a file that is still the same has; it can be had without reading
    int64_t mtime_ns
    int64_t ctime_ns                  # nobody can set it back
    uint64_t inode
    uint64_t size_bytes

cdef struct Header:
    uint64_t magic
    uint64_t format
    uint64_t slot_count               # a power of two
    uint64_t checksum                 # of what stands above

cdef struct Entry:
    uint64_t magic
    uint64_t head_checksum            # of the rest of this struct
    uint64_t body_checksum            # of what follows it
    uint64_t key                      # of path, compiler and settings
    uint64_t compiler
    uint64_t settings
    FileStamp stamp
    uint64_t content[2]               # two sums of the source
    uint32_t path_size_bytes
    uint32_t chunk_count
    uint32_t text_count
    uint32_t image_size_bytes
    uint64_t is_stamp_trusted         # 0: the file was so young that a change might not have shown

cdef enum Found:
    CACHE_MISS = 0
    CACHE_HIT
    CACHE_UNSURE                      # an entry is there; whether it is of this file only the content tells

cdef struct Lookup:                   # one file that is being imported
    const uint8_t* path               # borrowed
    size_t path_size_bytes
    FileStamp stamp                   # taken before the file is read
    uint64_t settings                 # of the compiler
    uint64_t key
    int64_t time_ns                   # of the stamp
    uint32_t slot
    const Entry* entry                # in the mapping, checked; NULL if there is none

cdef struct Restamp:                  # an entry that is of its file after all: the head to write over its own
    uint64_t offset
    Entry head

cdef struct Cache:
    char* folder
    char* pack_path
    char* lock_path
    uint64_t limit_bytes
    bint is_by_content                # stamps are not believed
    bint is_open                      # an attempt was made
    bint is_closed_to_writing         # an attempt to write failed
    const uint8_t* map                # the pack as it was when first asked for, or NULL
    uint64_t map_size_bytes
    uint64_t slot_count
    uint64_t map_inode
    uint64_t compiler
    uint16_t today
    uint8_t* pending                  # entries to be appended, each at a multiple of 64 bytes
    uint64_t pending_bytes
    uint64_t pending_capacity
    uint32_t* used                    # slots whose day is to be written
    uint32_t used_count
    uint32_t used_capacity
    Restamp* restamps
    uint32_t restamp_count
    uint32_t restamp_capacity
    uint64_t hit_count
    uint64_t miss_count
    uint64_t write_count

cdef Cache* cache_new(const char* folder, uint64_t limit_bytes, bint is_by_content) noexcept nogil
    # touches no file; NULL if memory is short
cdef void cache_free(Cache* cache) noexcept nogil
    # images that came out of it must be gone; writes what is pending
cdef Found cache_look_up(Cache* cache, Lookup* lookup) noexcept nogil
    # path, stamp and settings are given
cdef bint cache_has_content(Cache* cache, Lookup* lookup, const uint8_t* source, size_t size_bytes) noexcept nogil
    # after CACHE_UNSURE
cdef Image* cache_image(Lookup* lookup) noexcept nogil
    # the image of the entry that was found, in the mapping.  NULL if memory is short
cdef void cache_add(Cache* cache, Lookup* lookup, const Image* image, const uint8_t* source, size_t size_bytes) noexcept nogil
cdef void cache_flush(Cache* cache) noexcept nogil
    # write what is pending; without complaint if that is impossible
