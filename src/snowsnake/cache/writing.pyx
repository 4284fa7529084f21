# cython: language_level=3
"""Writes the pack: appends entries under a lock, or replaces the whole file.

In: what an evaluator has gathered (cache/pack.pyx).  Out: bytes on disk, or nothing: a pack that cannot be written stays as it is.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memset

from snowsnake.cache.layout cimport (
    ALIGNMENT, FORMAT, HEADER_BYTES, MOST_PROBES, OFFSET_MASK, PACK_MAGIC, PackEntry, PackHeader, aligned, days_start, entries_start,
    entry_at, entry_bytes, is_body_whole, slots_of,
)
from snowsnake.cache.state cimport Cache, file_in
from snowsnake.cache.system cimport (
    O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, close, ftruncate, munmap, open, pack_lock, pack_make_folder, pack_map, pack_open,
    pack_write, rename, unlink,
)
from snowsnake.cache.xxh64 cimport xxh64
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.foundation.probing cimport probe

cdef enum:
    SAMPLE = 4096
    LEAST_SLOTS = 1 << 16

# This is an entry on its way into a new pack.
cdef struct Kept:
    uint64_t offset
    uint64_t size_bytes
    uint64_t key
    uint32_t age_days
    uint16_t day

# This is the pack of this moment, which we see under the lock.
cdef struct Pack:
    int fd
    const uint8_t* map
    uint64_t size_bytes
    uint64_t inode
    # 0 means that there is no table of slots that we can use.
    uint64_t slot_count


cdef void cache_flush(Cache* cache) noexcept nogil:
    cdef int lock
    if cache.pending_bytes == 0 and cache.used_count == 0 and cache.restamp_count == 0:
        return
    if not cache.is_closed_to_writing:
        lock = pack_lock(cache.lock_path)
        if lock < 0 and pack_make_folder(cache.folder, True) == 0:
            lock = pack_lock(cache.lock_path)
        if lock < 0 or not _write_all(cache):
            cache.is_closed_to_writing = True
        if lock >= 0:
            close(lock)
        if cache.map == NULL and cache.is_patient:
            # There was no pack, and now there is one, in which others will write.
            cache.is_open = False
    cache.pending_bytes = 0
    cache.used_count = 0
    cache.restamp_count = 0


cdef bint _write_all(Cache* cache) noexcept nogil:
    cdef Pack pack
    cdef bint done = True
    _open_pack(cache, &pack)
    if cache.pending_bytes and not _has_room(cache, &pack):
        done = _replace_pack(cache, &pack)
        _close_pack(&pack)
        if done:
            _open_pack(cache, &pack)
    if done and pack.slot_count and pack.inode == cache.map_inode and cache.map != NULL:
        done = _write_marks(cache, &pack)
    if done and cache.pending_bytes:
        done = pack.slot_count != 0 and _append(cache, &pack)
    _close_pack(&pack)
    return done


cdef void _open_pack(Cache* cache, Pack* pack) noexcept nogil:
    memset(pack, 0, sizeof(Pack))
    pack.fd = pack_open(cache.pack_path, O_RDWR, &pack.size_bytes, &pack.inode)
    if pack.fd >= 0 and pack.size_bytes >= HEADER_BYTES:
        pack.map = pack_map(pack.fd, pack.size_bytes)
        if pack.map != NULL:
            pack.slot_count = slots_of(pack.map, pack.size_bytes)


cdef void _close_pack(Pack* pack) noexcept nogil:
    if pack.map != NULL:
        munmap(<void*>pack.map, pack.size_bytes)
    if pack.fd >= 0:
        close(pack.fd)
    memset(pack, 0, sizeof(Pack))
    pack.fd = -1


cdef bint _write_marks(Cache* cache, Pack* pack) noexcept nogil:
    """Writes days of use and stamps into the pack that they were found in."""
    cdef uint32_t i
    cdef bint done = True
    for i in range(cache.used_count):
        done = done and pack_write(pack.fd, &cache.today, sizeof(uint16_t),
                                   days_start(pack.slot_count) + cache.used[i] * sizeof(uint16_t))
    for i in range(cache.restamp_count):
        done = done and pack_write(pack.fd, &cache.restamps[i].head, sizeof(PackEntry), cache.restamps[i].offset)
    return done


# ---- appending --------------------------------------------------------------------------------------------------

cdef bint _has_room(Cache* cache, Pack* pack) noexcept nogil:
    """Whether the pending entries fit: below the limit, and with a quarter of the slots left."""
    cdef const uint64_t* slots = <const uint64_t*>(pack.map + HEADER_BYTES)
    cdef uint64_t i, taken = 0
    if pack.slot_count == 0 or aligned(pack.size_bytes, ALIGNMENT) + cache.pending_bytes > cache.limit_bytes:
        return False
    # A sample is enough: keys are spread evenly.
    for i in range(SAMPLE):
        taken += slots[i * pack.slot_count // SAMPLE] != 0
    return taken * 4 < SAMPLE * 3


cdef bint _append(Cache* cache, Pack* pack) noexcept nogil:
    """Writes the entries first, then the slots that lead to them: a reader meanwhile finds nothing or everything."""
    cdef uint64_t end = aligned(pack.size_bytes, ALIGNMENT), at = 0, i, value
    cdef const PackEntry* entry
    if not pack_write(pack.fd, cache.pending, cache.pending_bytes, end):
        # The disk is full, so we cut off what we wrote.
        ftruncate(pack.fd, <int64_t>pack.size_bytes)
        return False
    while at < cache.pending_bytes:
        entry = <const PackEntry*>(cache.pending + at)
        i = _slot_for(cache, pack, entry)
        if i < pack.slot_count:
            value = ((entry.key >> 40) << 40) | ((end + at) // ALIGNMENT)
            if not (pack_write(pack.fd, &value, sizeof(uint64_t), HEADER_BYTES + i * sizeof(uint64_t)) and
                    pack_write(pack.fd, &cache.today, sizeof(uint16_t), days_start(pack.slot_count) + i * sizeof(uint16_t))):
                return False
            cache.write_count += 1
        at += entry_bytes(entry)
    return True


cdef uint64_t _slot_for(Cache* cache, Pack* pack, const PackEntry* entry) noexcept nogil:
    """Where an entry belongs: the slot of its key, or a free one; the number of slots if it belongs nowhere.

    The mapping is the file, so slots that were written a moment ago are seen.
    """
    cdef const uint64_t* slots = <const uint64_t*>(pack.map + HEADER_BYTES)
    cdef const PackEntry* other
    cdef uint64_t i = entry.key & (pack.slot_count - 1), offset
    cdef int probe
    for probe in range(MOST_PROBES):
        if slots[i] == 0:
            return i
        if slots[i] >> 40 == entry.key >> 40:
            offset = (slots[i] & OFFSET_MASK) * ALIGNMENT
            other = entry_at(pack.map, pack.size_bytes, offset)
            if other != NULL and other.key == entry.key:
                # Somebody else wrote the entry since we looked: one of the two is enough.
                if offset >= cache.opened_bytes and memcmp(other.content, entry.content, 16) == 0 \
                        and other.is_stamp_trusted >= entry.is_stamp_trusted:
                    return pack.slot_count
                return i
            if other == NULL and offset < pack.size_bytes:
                # The slot is damaged and leads nowhere.
                return i
        i = (i + 1) & (pack.slot_count - 1)
    return pack.slot_count


# ---- replacing --------------------------------------------------------------------------------------------------

cdef int _younger_first(const void* a, const void* b) noexcept nogil:
    cdef const Kept* x = <const Kept*>a
    cdef const Kept* y = <const Kept*>b
    if x.age_days != y.age_days:
        return -1 if x.age_days < y.age_days else 1
    return -1 if x.offset > y.offset else (1 if x.offset < y.offset else 0)


cdef int _in_order(const void* a, const void* b) noexcept nogil:
    cdef uint64_t x = (<const Kept*>a).offset, y = (<const Kept*>b).offset
    return -1 if x < y else (1 if x > y else 0)


cdef uint64_t _collect(Cache* cache, Pack* pack, Kept* kept) noexcept nogil:
    """Collects the entries that slots lead to and that are whole; returns their number."""
    cdef const uint64_t* slots = <const uint64_t*>(pack.map + HEADER_BYTES)
    cdef const uint16_t* days = <const uint16_t*>(pack.map + days_start(pack.slot_count))
    cdef const PackEntry* entry
    cdef uint64_t i, n = 0, offset
    for i in range(pack.slot_count):
        if slots[i]:
            offset = (slots[i] & OFFSET_MASK) * ALIGNMENT
            entry = entry_at(pack.map, pack.size_bytes, offset)
            if entry != NULL and entry.key >> 40 == slots[i] >> 40 and is_body_whole(entry):
                kept[n].offset = offset
                kept[n].size_bytes = entry_bytes(entry)
                kept[n].key = entry.key
                kept[n].day = days[i]
                kept[n].age_days = <uint16_t>(cache.today - days[i])
                n += 1
    return n


cdef bint _replace_pack(Cache* cache, Pack* pack) noexcept nogil:
    """Writes a new pack with the most recently used entries of the old one, at most half of the limit, so that this is seldom needed."""
    cdef Kept* kept = <Kept*>allocate_items(pack.slot_count + 1, sizeof(Kept))
    cdef uint64_t count = 0, n = 0, room = cache.limit_bytes // 2, slot_count = LEAST_SLOTS
    cdef bint done
    if kept == NULL:
        return False
    if pack.slot_count:
        count = _collect(cache, pack, kept)
        qsort(kept, count, sizeof(Kept), _younger_first)
    while n < count and kept[n].size_bytes <= room:
        room -= kept[n].size_bytes
        n += 1
    qsort(kept, n, sizeof(Kept), _in_order)
    while slot_count < 2 * n:
        slot_count *= 2
    done = _write_pack(cache, pack, kept, n, slot_count)
    free(kept)
    return done and entries_start(slot_count) + cache.pending_bytes <= cache.limit_bytes


cdef inline bint _is_free(uint64_t at, const uint64_t* slots) noexcept nogil:
    return slots[at] == 0


cdef bint _write_pack(Cache* cache, Pack* pack, Kept* kept, uint64_t count, uint64_t slot_count) noexcept nogil:
    cdef char* path = file_in(cache.folder, "compiled-1.new")
    cdef uint64_t start = entries_start(slot_count), end = start, i, j
    cdef uint8_t* index = <uint8_t*>allocate_zeros(1, start)
    cdef PackHeader* header = <PackHeader*>index
    cdef uint64_t* slots
    cdef uint16_t* days
    cdef bint done
    cdef int fd = -1
    if path != NULL and index != NULL:
        # A process that was killed may have left this file.
        unlink(path)
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    done = fd >= 0
    if done:
        header.magic = PACK_MAGIC
        header.format = FORMAT
        header.slot_count = slot_count
        header.checksum = xxh64(header, sizeof(PackHeader) - sizeof(uint64_t), PACK_MAGIC)
        slots = <uint64_t*>(index + HEADER_BYTES)
        days = <uint16_t*>(index + days_start(slot_count))
        for i in range(count):
            done = done and pack_write(fd, pack.map + kept[i].offset, kept[i].size_bytes, end)
            j = probe(kept[i].key, slot_count - 1, _is_free, slots)
            slots[j] = ((kept[i].key >> 40) << 40) | (end // ALIGNMENT)
            days[j] = kept[i].day
            end += kept[i].size_bytes
        # We leave an index without entries to the file system as a hole.
        done = done and ftruncate(fd, <int64_t>end) == 0 and pack_write(fd, index, start if count else HEADER_BYTES, 0)
        close(fd)
        if not done or rename(path, cache.pack_path) != 0:
            unlink(path)
            done = False
    free(index)
    free(path)
    return done
