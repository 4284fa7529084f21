# cython: language_level=3
"""Compiled files on disk: one file, the pack, that all evaluators of a user share.

    header    4096 bytes: a PackHeader, the rest zero
    slots     one uint64 for each: the top 24 bits of an entry's key, and its offset in units of 64 bytes; 0 is free.
              Open addressing.  A slot is a hint: readers check the entry that it leads to
    days      one uint16 for each slot: the day of its last use, for eviction
    entries   each at a multiple of 64 bytes: a PackEntry, then its body: the image's tables of records and texts, its data,
              16 bytes of zeros, the path.  An entry never moves, and only its file's stamp ever changes

Readers map the pack and take no lock; images are used where they lie.  Writers append under a lock on a file beside the pack, and
replace the pack as a whole, by renaming, when it is too large, too full or not one that we wrote.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from snowsnake.cache.xxh64 cimport xxh64

cdef extern from * nogil:
    """
    /* This number also tells the order of bytes. */
    #define PACK_MAGIC ((uint64_t)0x6B6361702D6E7301)
    #define ENTRY_MAGIC ((uint64_t)0x7972746E652D6E73)
    #define SECOND_SEED ((uint64_t)0x9E3779B97F4A7C15)
    #define OFFSET_MASK (((uint64_t)1 << 40) - 1)
    """
    const uint64_t PACK_MAGIC
    const uint64_t ENTRY_MAGIC
    const uint64_t SECOND_SEED
    const uint64_t OFFSET_MASK

cdef enum:
    HEADER_BYTES = 4096
    # the alignment of entries
    ALIGNMENT = 64
    # follows an image's data, because numbers are read eight bytes at a time
    PADDING = 16
    FORMAT = 1
    # even a pack with a damaged index must not cost more than this
    MOST_PROBES = 256

# facts about a file that change when it does, and that are known without reading it
cdef struct FileStamp:
    int64_t mtime_ns
    # nobody can set it back
    int64_t ctime_ns
    uint64_t inode
    uint64_t size_bytes

cdef struct PackHeader:
    uint64_t magic
    uint64_t format
    # a power of two
    uint64_t slot_count
    # the checksum of the fields above
    uint64_t checksum

cdef struct PackEntry:
    uint64_t magic
    # checksum of the rest of this struct
    uint64_t head_checksum
    # checksum of what follows this struct
    uint64_t body_checksum
    # made of path, compiler and settings
    uint64_t key
    uint64_t compiler
    uint64_t settings
    FileStamp stamp
    # two sums of the source
    uint64_t content[2]
    uint32_t path_size_bytes
    uint32_t chunk_count
    uint32_t text_count
    uint32_t image_size_bytes
    # 0: the file was so young that a change might not have changed its stamp
    uint64_t is_stamp_trusted

cdef inline uint64_t aligned(uint64_t x, uint64_t to) noexcept nogil:
    return (x + to - 1) & ~(to - 1)

cdef inline uint64_t days_start(uint64_t slot_count) noexcept nogil:
    return HEADER_BYTES + slot_count * sizeof(uint64_t)

cdef inline uint64_t entries_start(uint64_t slot_count) noexcept nogil:
    return aligned(days_start(slot_count) + slot_count * sizeof(uint16_t), HEADER_BYTES)

cdef inline uint64_t body_bytes(const PackEntry* entry) noexcept nogil:
    return (<uint64_t>entry.chunk_count + entry.text_count) * sizeof(uint32_t) + entry.image_size_bytes + PADDING \
        + entry.path_size_bytes

cdef inline uint64_t entry_bytes(const PackEntry* entry) noexcept nogil:
    return aligned(sizeof(PackEntry) + body_bytes(entry), ALIGNMENT)

cdef inline const uint8_t* entry_body(const PackEntry* entry) noexcept nogil:
    return <const uint8_t*>entry + sizeof(PackEntry)

cdef inline const uint8_t* entry_path(const PackEntry* entry) noexcept nogil:
    return entry_body(entry) + body_bytes(entry) - entry.path_size_bytes

cdef inline uint64_t head_checksum_of(const PackEntry* entry) noexcept nogil:
    return xxh64(&entry.body_checksum, sizeof(PackEntry) - 2 * sizeof(uint64_t), ENTRY_MAGIC)

cdef inline bint is_body_whole(const PackEntry* entry) noexcept nogil:
    # The bytes that fill the entry up to its end count, too, so that a change of any byte is noticed.
    return xxh64(entry_body(entry), entry_bytes(entry) - sizeof(PackEntry), entry.key) == entry.body_checksum

cdef inline const PackEntry* entry_at(const uint8_t* map_, uint64_t size_bytes, uint64_t offset) noexcept nogil:
    """The entry at an offset if its head is whole and all of it is in the pack; otherwise NULL."""
    cdef const PackEntry* entry = <const PackEntry*>(map_ + offset)
    if offset < HEADER_BYTES or offset + sizeof(PackEntry) > size_bytes or entry.magic != ENTRY_MAGIC \
            or entry.head_checksum != head_checksum_of(entry) or entry_bytes(entry) > size_bytes - offset:
        return NULL
    return entry

cdef inline uint64_t slots_of(const uint8_t* map_, uint64_t size_bytes) noexcept nogil:
    """The number of slots; 0 if this is not one of our packs."""
    cdef const PackHeader* header = <const PackHeader*>map_
    if size_bytes < HEADER_BYTES or header.magic != PACK_MAGIC or header.format != FORMAT \
            or header.checksum != xxh64(header, sizeof(PackHeader) - sizeof(uint64_t), PACK_MAGIC) \
            or header.slot_count < 2 or header.slot_count & (header.slot_count - 1) or header.slot_count > <uint64_t>1 << 32 \
            or entries_start(header.slot_count) > size_bytes:
        return 0
    return header.slot_count
