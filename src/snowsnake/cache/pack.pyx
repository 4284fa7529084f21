# cython: language_level=3
"""Finds compiled files in the pack, and collects those to be written.

In: files being imported with their stamps, images that were just compiled.  Out: images in the mapping.  Nothing here raises an
error: a pack that cannot be used is one without entries.  What is read is trusted only after its checksum was found right; the
pack belongs to the user (or root), so that nobody else can have made one with right checksums.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset, strlen

from snowsnake.bytecode.image cimport Image
from snowsnake.cache.layout cimport (
    ALIGNMENT, ENTRY_MAGIC, HEADER_BYTES, MOST_PROBES, OFFSET_MASK, PADDING, SECOND_SEED, FileStamp, PackEntry, days_start, entry_at,
    entry_body, entry_bytes, entry_path, head_checksum_of, is_body_whole, slots_of,
)
from snowsnake.cache.state cimport CACHE_HIT, CACHE_MISS, CACHE_UNSURE, Cache, Found, Lookup, Restamp, file_in
from snowsnake.cache.system cimport O_RDONLY, close, munmap, pack_compiler_identity, pack_map, pack_now_ns, pack_open
from snowsnake.cache.writing cimport cache_flush
from snowsnake.cache.xxh64 cimport xxh64
from snowsnake.foundation.allocate cimport allocate_zeros, resize_items
from snowsnake.foundation.arrays cimport has_room

cdef enum:
    # We write the pending entries when they have more bytes than this.
    FLUSH_BYTES = 1 << 20
    # One of several workers writes them sooner, because the others need many of the same files.
    SHARED_FLUSH_BYTES = 1 << 18
    LEAST_LIMIT_BYTES = 4 << 20

# The clocks of file systems are coarse: a file that changed less than this before we read it may change again without a new time.
cdef int64_t YOUNG_NS = 2000000000
cdef int64_t NS_PER_DAY = 86400000000000
cdef uint64_t _compiler = 0


# ---- life -------------------------------------------------------------------------------------------------------

cdef Cache* cache_new(const char* folder, uint64_t limit_bytes, bint is_by_content) noexcept nogil:
    cdef Cache* cache = <Cache*>allocate_zeros(1, sizeof(Cache))
    if cache == NULL:
        return NULL
    cache.folder = file_in(folder, "")
    cache.pack_path = file_in(folder, "compiled-1.pack")
    cache.lock_path = file_in(folder, "lock")
    cache.limit_bytes = limit_bytes if limit_bytes > LEAST_LIMIT_BYTES else LEAST_LIMIT_BYTES
    cache.is_by_content = is_by_content
    if cache.folder == NULL or cache.pack_path == NULL or cache.lock_path == NULL:
        cache_free(cache)
        return NULL
    cache.folder[strlen(folder)] = 0
    return cache


cdef void cache_free(Cache* cache) noexcept nogil:
    if cache == NULL:
        return
    cache_flush(cache)
    if cache.map != NULL:
        munmap(<void*>cache.map, cache.mapped_bytes)
    free(cache.pending)
    free(cache.used)
    free(cache.restamps)
    free(cache.folder)
    free(cache.pack_path)
    free(cache.lock_path)
    free(cache)


cdef void cache_open(Cache* cache) noexcept nogil:
    global _compiler
    cdef int fd
    if _compiler == 0:
        _compiler = pack_compiler_identity()
    cache.is_open = True
    cache.compiler = _compiler
    cache.today = <uint16_t>(pack_now_ns() // NS_PER_DAY)
    cache.map = NULL
    fd = pack_open(cache.pack_path, O_RDONLY, &cache.map_size_bytes, &cache.map_inode)
    if fd < 0:
        return
    cache.opened_bytes = cache.map_size_bytes
    if cache.map_size_bytes >= HEADER_BYTES:
        _map(cache, fd)
    close(fd)
    if cache.map != NULL:
        cache.slot_count = slots_of(cache.map, cache.map_size_bytes)
        if cache.slot_count == 0:
            munmap(<void*>cache.map, cache.mapped_bytes)
            cache.map = NULL


cdef void _map(Cache* cache, int fd) noexcept nogil:
    """Maps the pack; for one of several workers, with room for what the others append, which can be read as soon as it is part of the file."""
    cache.mapped_bytes = cache.map_size_bytes
    if cache.is_patient and cache.limit_bytes > cache.map_size_bytes:
        cache.mapped_bytes = cache.limit_bytes
        cache.map = pack_map(fd, cache.mapped_bytes)
        if cache.map != NULL:
            return
        cache.mapped_bytes = cache.map_size_bytes
    cache.map = pack_map(fd, cache.mapped_bytes)


cdef void _look_for_more(Cache* cache) noexcept nogil:
    """A slot leads beyond what we know of the pack, so somebody has appended to it."""
    cdef uint64_t size_bytes = 0, inode = 0
    cdef int fd = pack_open(cache.pack_path, O_RDONLY, &size_bytes, &inode)
    if fd < 0:
        return
    close(fd)
    # If the pack was replaced, we go on with the one that we have.
    if inode == cache.map_inode:
        cache.map_size_bytes = size_bytes if size_bytes < cache.mapped_bytes else cache.mapped_bytes


cdef void cache_share(Cache* cache) noexcept nogil:
    """The mapping of the process that this one was forked from stays, because images lie in it."""
    cache_flush(cache)
    cache.is_patient = True
    cache.is_open = False


# ---- looking up -------------------------------------------------------------------------------------------------

cdef Found cache_look_up(Cache* cache, Lookup* lookup) noexcept nogil:
    cdef const uint64_t* slots
    cdef uint64_t slot, i
    cdef int probe
    cdef const PackEntry* entry
    if not cache.is_open:
        cache_open(cache)
    lookup.time_ns = pack_now_ns()
    lookup.key = xxh64(lookup.path, lookup.path_size_bytes, cache.compiler + lookup.settings * SECOND_SEED)
    lookup.entry = NULL
    if cache.map == NULL:
        cache.miss_count += 1
        return CACHE_MISS
    slots = <const uint64_t*>(cache.map + HEADER_BYTES)
    i = lookup.key & (cache.slot_count - 1)
    for probe in range(MOST_PROBES):
        slot = slots[i]
        if slot == 0:
            break
        if slot >> 40 == lookup.key >> 40:
            if (slot & OFFSET_MASK) * ALIGNMENT >= cache.map_size_bytes and cache.map_size_bytes < cache.mapped_bytes:
                _look_for_more(cache)
            entry = entry_at(cache.map, cache.map_size_bytes, (slot & OFFSET_MASK) * ALIGNMENT)
            if entry != NULL and _is_of(cache, lookup, entry):
                lookup.slot = <uint32_t>i
                return _judged(cache, lookup, entry)
        i = (i + 1) & (cache.slot_count - 1)
    cache.miss_count += 1
    return CACHE_MISS


cdef bint _is_of(Cache* cache, Lookup* lookup, const PackEntry* entry) noexcept nogil:
    return entry.key == lookup.key and entry.compiler == cache.compiler and entry.settings == lookup.settings \
        and entry.path_size_bytes == lookup.path_size_bytes and memcmp(entry_path(entry), lookup.path, lookup.path_size_bytes) == 0


cdef Found _judged(Cache* cache, Lookup* lookup, const PackEntry* entry) noexcept nogil:
    if entry.stamp.size_bytes == lookup.stamp.size_bytes and is_body_whole(entry):
        lookup.entry = entry
        if entry.is_stamp_trusted and not cache.is_by_content and memcmp(&entry.stamp, &lookup.stamp, sizeof(FileStamp)) == 0:
            _note_use(cache, lookup)
            return CACHE_HIT
        return CACHE_UNSURE
    cache.miss_count += 1
    return CACHE_MISS


cdef bint cache_has_content(Cache* cache, Lookup* lookup, const uint8_t* source, size_t size_bytes) noexcept nogil:
    cdef const PackEntry* entry = lookup.entry
    if entry.stamp.size_bytes != size_bytes or entry.content[0] != xxh64(source, size_bytes, 0) \
            or entry.content[1] != xxh64(source, size_bytes, SECOND_SEED):
        cache.miss_count += 1
        return False
    _note_use(cache, lookup)
    if _is_old(lookup) and not (entry.is_stamp_trusted and memcmp(&entry.stamp, &lookup.stamp, sizeof(FileStamp)) == 0):
        _restamp(cache, lookup)
    return True


cdef bint _is_old(Lookup* lookup) noexcept nogil:
    """Whether any change after the stamp was taken would change the stamp.

    A time of change without parts of a second may be one that a file system makes up: images of file systems have the same for all their files, and
    VFAT has the time of the contents, which programs set.
    """
    return lookup.time_ns - lookup.stamp.mtime_ns > YOUNG_NS and lookup.time_ns - lookup.stamp.ctime_ns > YOUNG_NS \
        and lookup.stamp.ctime_ns % 1000000000 != 0


cdef Image* cache_image(Lookup* lookup) noexcept nogil:
    cdef Image* image = <Image*>allocate_zeros(1, sizeof(Image))
    cdef const PackEntry* entry = lookup.entry
    if image != NULL:
        image.is_borrowed = True
        image.chunk_count = entry.chunk_count
        image.text_count = entry.text_count
        image.size_bytes = entry.image_size_bytes
        image.records = <uint32_t*>entry_body(entry)
        image.texts = image.records + entry.chunk_count
        image.data = <uint8_t*>(image.texts + entry.text_count)
    return image


# ---- what is to be written --------------------------------------------------------------------------------------

cdef void _note_use(Cache* cache, Lookup* lookup) noexcept nogil:
    cdef const uint16_t* days = <const uint16_t*>(cache.map + days_start(cache.slot_count))
    cache.hit_count += 1
    if days[lookup.slot] == cache.today or cache.is_closed_to_writing:
        return
    if not has_room(&cache.used, cache.used_count, &cache.used_capacity, 256):
        return
    cache.used[cache.used_count] = lookup.slot
    cache.used_count += 1


cdef void _restamp(Cache* cache, Lookup* lookup) noexcept nogil:
    cdef Restamp* restamp
    if cache.is_closed_to_writing:
        return
    if not has_room(&cache.restamps, cache.restamp_count, &cache.restamp_capacity, 64):
        return
    restamp = &cache.restamps[cache.restamp_count]
    restamp.offset = <uint64_t>(<const uint8_t*>lookup.entry - cache.map)
    restamp.head = lookup.entry[0]
    restamp.head.stamp = lookup.stamp
    restamp.head.is_stamp_trusted = 1
    restamp.head.head_checksum = head_checksum_of(&restamp.head)
    cache.restamp_count += 1


cdef void cache_add(Cache* cache, Lookup* lookup, const Image* image, const uint8_t* source, size_t size_bytes) noexcept nogil:
    cdef PackEntry head
    cdef uint8_t* pending
    cdef uint8_t* p
    cdef uint64_t total, capacity
    if cache.is_closed_to_writing or lookup.stamp.size_bytes != size_bytes:
        return
    memset(&head, 0, sizeof(head))
    head.magic = ENTRY_MAGIC
    head.key = lookup.key
    head.compiler = cache.compiler
    head.settings = lookup.settings
    head.stamp = lookup.stamp
    head.content[0] = xxh64(source, size_bytes, 0)
    head.content[1] = xxh64(source, size_bytes, SECOND_SEED)
    head.path_size_bytes = <uint32_t>lookup.path_size_bytes
    head.chunk_count = image.chunk_count
    head.text_count = image.text_count
    head.image_size_bytes = image.size_bytes
    head.is_stamp_trusted = _is_old(lookup)
    total = entry_bytes(&head)
    if total > cache.limit_bytes // 8:
        return
    if cache.pending_bytes + total > cache.pending_capacity:
        capacity = (cache.pending_bytes + total) * 2
        pending = <uint8_t*>resize_items(cache.pending, capacity, 1)
        if pending == NULL:
            return
        cache.pending = pending
        cache.pending_capacity = capacity
    p = cache.pending + cache.pending_bytes
    memset(p + total - ALIGNMENT - PADDING, 0, ALIGNMENT + PADDING)
    p += sizeof(PackEntry)
    memcpy(p, image.records, image.chunk_count * sizeof(uint32_t))
    p += image.chunk_count * sizeof(uint32_t)
    memcpy(p, image.texts, image.text_count * sizeof(uint32_t))
    p += image.text_count * sizeof(uint32_t)
    memcpy(p, image.data, image.size_bytes)
    p += image.size_bytes
    memset(p, 0, PADDING)
    memcpy(p + PADDING, lookup.path, lookup.path_size_bytes)
    p = cache.pending + cache.pending_bytes
    head.body_checksum = xxh64(p + sizeof(PackEntry), total - sizeof(PackEntry), head.key)
    head.head_checksum = head_checksum_of(&head)
    memcpy(p, &head, sizeof(PackEntry))
    cache.pending_bytes += total
    if cache.pending_bytes > (SHARED_FLUSH_BYTES if cache.is_patient else FLUSH_BYTES) or cache.pending_bytes > cache.limit_bytes // 8:
        cache_flush(cache)
