# cython: language_level=3
"""A small hash table from bytes to bytes, plain C; it copies both and keeps them until it is freed.

Entries keep the order in which they came (`entries[0..count)`), so a table also serves as an ordered set.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items

cdef struct MapEntry:
    uint8_t* key                      # owned, NUL-terminated; the value's bytes follow it, NUL-terminated too
    size_t key_size
    uint8_t* value                    # NULL: a key without a value
    size_t value_size
    uint64_t hash

cdef struct ByteMap:
    MapEntry* entries
    uint32_t count
    uint32_t capacity
    uint32_t* slots                   # entry index + 1
    uint32_t mask

cdef inline uint64_t map_hash(const uint8_t* key, size_t size) noexcept nogil:
    """Eight bytes at a time; what is left over together with the size."""
    cdef uint64_t h = 0xcbf29ce484222325, word
    cdef size_t i = 0
    while i + 8 <= size:
        memcpy(&word, key + i, 8)
        h = (h ^ word) * <uint64_t>0x9e3779b97f4a7c15
        h ^= h >> 32
        i += 8
    word = 0
    memcpy(&word, key + i, size - i)
    h = (h ^ word ^ (<uint64_t>size << 56)) * <uint64_t>0x9e3779b97f4a7c15
    return h ^ (h >> 32)

cdef inline MapEntry* map_find_hashed(ByteMap* self, const uint8_t* key, size_t size, uint64_t h) noexcept nogil:
    cdef uint32_t at
    cdef MapEntry* e
    if self.count == 0:
        return NULL
    at = <uint32_t>h & self.mask
    while self.slots[at]:
        e = &self.entries[self.slots[at] - 1]
        if e.hash == h and e.key_size == size and memcmp(e.key, key, size) == 0:
            return e
        at = (at + 1) & self.mask
    return NULL

cdef inline MapEntry* map_find(ByteMap* self, const uint8_t* key, size_t size) noexcept nogil:
    return NULL if self.count == 0 else map_find_hashed(self, key, size, map_hash(key, size))

cdef inline bint map_grow(ByteMap* self) noexcept nogil:
    cdef uint32_t capacity = self.capacity * 2 if self.capacity else 16
    cdef uint32_t mask = capacity * 2 - 1
    cdef uint32_t i, at
    cdef uint32_t* slots
    cdef MapEntry* entries
    if capacity > <uint32_t>1 << 29:
        return False
    entries = <MapEntry*>resize_items(self.entries, capacity, sizeof(MapEntry))
    if entries == NULL:
        return False
    self.entries = entries
    slots = <uint32_t*>allocate_zeros(mask + 1, sizeof(uint32_t))
    if slots == NULL:
        return False
    for i in range(self.count):
        at = <uint32_t>entries[i].hash & mask
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = i + 1
    free(self.slots)
    self.slots = slots
    self.mask = mask
    self.capacity = capacity
    return True

cdef inline MapEntry* map_add(ByteMap* self, const void* key, size_t size, const void* value, size_t value_size) noexcept nogil:
    """The entry of *key*, made with a copy of *value* (or NULL) if it is new; NULL when memory is short."""
    cdef uint64_t h = map_hash(<const uint8_t*>key, size)
    cdef MapEntry* e = map_find_hashed(self, <const uint8_t*>key, size, h)
    cdef uint8_t* copy
    cdef uint32_t at
    if e != NULL:
        return e
    if self.count == self.capacity and not map_grow(self):
        return NULL
    copy = <uint8_t*>allocate_items(size + value_size + 2, 1)
    if copy == NULL:
        return NULL
    memcpy(copy, key, size)
    copy[size] = 0
    if value != NULL:
        memcpy(copy + size + 1, value, value_size)
        copy[size + 1 + value_size] = 0
    e = &self.entries[self.count]
    e.key = copy
    e.key_size = size
    e.value = NULL if value == NULL else copy + size + 1
    e.value_size = value_size
    e.hash = h
    self.count += 1
    at = <uint32_t>e.hash & self.mask
    while self.slots[at]:
        at = (at + 1) & self.mask
    self.slots[at] = self.count
    return e

cdef inline void map_free(ByteMap* self) noexcept nogil:
    cdef uint32_t i
    for i in range(self.count):
        free(self.entries[i].key)
    free(self.entries)
    free(self.slots)
    memset(self, 0, sizeof(ByteMap))
