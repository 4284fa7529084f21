# cython: language_level=3
"""A small hash table from bytes to bytes.  It copies both, and keeps them until it is freed.

Entries keep the order in which they were added (`entries[0..count)`), so that a table also serves as an ordered set.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros, resize_items
from snowsnake.foundation.probing cimport is_free_slot, probe

cdef struct MapEntry:
    # the map owns it; it ends with a NUL byte, and the value's bytes follow it and end with another
    uint8_t* key
    size_t key_size
    # NULL: a key without a value
    uint8_t* value
    size_t value_size
    uint64_t hash

cdef struct ByteMap:
    MapEntry* entries
    uint32_t count
    uint32_t capacity
    # entry index + 1
    uint32_t* slots
    uint32_t mask

cdef inline uint64_t map_hash(const uint8_t* key, size_t size) noexcept nogil:
    """Takes eight bytes at a time, and the rest together with the size."""
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

cdef inline bint _is_slot_of(uint64_t at, ByteMap* self, const uint8_t* key, size_t size, uint64_t h) noexcept nogil:
    cdef MapEntry* e
    if self.slots[at] == 0:
        return True
    e = &self.entries[self.slots[at] - 1]
    return e.hash == h and e.key_size == size and memcmp(e.key, key, size) == 0

cdef inline MapEntry* map_find_hashed(ByteMap* self, const uint8_t* key, size_t size, uint64_t h) noexcept nogil:
    cdef uint32_t entry
    if self.count == 0:
        return NULL
    entry = self.slots[probe(h, self.mask, _is_slot_of, self, key, size, h)]
    return &self.entries[entry - 1] if entry else NULL

cdef inline MapEntry* map_find(ByteMap* self, const uint8_t* key, size_t size) noexcept nogil:
    return NULL if self.count == 0 else map_find_hashed(self, key, size, map_hash(key, size))

cdef inline bint map_grow(ByteMap* self) noexcept nogil:
    cdef uint32_t capacity = self.capacity * 2 if self.capacity else 16
    cdef uint32_t mask = capacity * 2 - 1
    cdef uint32_t i
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
        slots[probe(entries[i].hash, mask, is_free_slot, slots)] = i + 1
    free(self.slots)
    self.slots = slots
    self.mask = mask
    self.capacity = capacity
    return True

cdef inline MapEntry* map_add(ByteMap* self, const void* key, size_t size, const void* value, size_t value_size) noexcept nogil:
    """The entry of *key*; if the key is new, the entry is made with a copy of *value* (or NULL).  NULL if memory is short."""
    cdef uint64_t h = map_hash(<const uint8_t*>key, size)
    cdef MapEntry* e = map_find_hashed(self, <const uint8_t*>key, size, h)
    cdef uint8_t* copy
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
    self.slots[probe(h, self.mask, is_free_slot, self.slots)] = self.count
    return e

cdef inline void map_free(ByteMap* self) noexcept nogil:
    cdef uint32_t i
    for i in range(self.count):
        free(self.entries[i].key)
    free(self.entries)
    free(self.slots)
    memset(self, 0, sizeof(ByteMap))
