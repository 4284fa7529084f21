# cython: language_level=3
"""Shows the contents of the pack to people and to tests, and removes the pack."""
from libc.stdint cimport uint16_t, uint64_t

from snowsnake.cache.layout cimport (
    ALIGNMENT, HEADER_BYTES, OFFSET_MASK, PackEntry, days_start, entry_at, entry_bytes, entry_path, is_body_whole,
)
from snowsnake.cache.pack cimport cache_free, cache_new, cache_open
from snowsnake.cache.state cimport Cache
from snowsnake.cache.system cimport close, pack_lock, unlink
from snowsnake.cache.xxh64 cimport xxh64


cdef class Inspection:
    """The pack of a folder: its entries, and whether each of them is whole."""

    cdef Cache* cache

    def __cinit__(self, bytes folder, uint64_t limit_bytes):
        self.cache = cache_new(folder, limit_bytes, False)
        if self.cache == NULL:
            raise MemoryError
        cache_open(self.cache)

    def __dealloc__(self):
        cache_free(self.cache)

    def is_usable(self):
        """Whether there is a pack that evaluators read."""
        return self.cache.map != NULL

    def size_bytes(self):
        return self.cache.map_size_bytes if self.cache.map != NULL else 0

    def slot_count(self):
        return self.cache.slot_count

    def compiler(self):
        """The identity of the compiler that runs; entries of another one are not used."""
        return self.cache.compiler

    def entries(self):
        """Yields (path or None, size, of this compiler, days since its last use, is it whole) for each slot in use."""
        cdef const uint64_t* slots
        cdef const uint16_t* days
        cdef const PackEntry* entry
        cdef Cache* cache = self.cache
        cdef uint64_t i
        if cache.map == NULL:
            return
        slots = <const uint64_t*>(cache.map + HEADER_BYTES)
        days = <const uint16_t*>(cache.map + days_start(cache.slot_count))
        for i in range(cache.slot_count):
            if slots[i]:
                entry = entry_at(cache.map, cache.map_size_bytes, (slots[i] & OFFSET_MASK) * ALIGNMENT)
                if entry == NULL or entry.key >> 40 != slots[i] >> 40 or not is_body_whole(entry):
                    yield None, 0, False, 0, False
                else:
                    yield ((<const char*>entry_path(entry))[:entry.path_size_bytes], entry_bytes(entry),
                           entry.compiler == cache.compiler, <uint16_t>(cache.today - days[i]), True)

    def clear(self):
        """Removes the pack; evaluators that have mapped it keep what they have.  Returns False if that was not possible."""
        cdef int lock = pack_lock(self.cache.lock_path)
        if lock < 0:
            return False
        unlink(self.cache.pack_path)
        close(lock)
        return True


def checksum(bytes data, uint64_t seed=0):
    """XXH64, the checksum of entries."""
    return xxh64(<const char*>data, len(data), seed)
