# cython: language_level=3
"""Counts by symbol in linear time, with a hash table from symbols to groups, which keep the order of first appearance.

In: symbols, one after the other.  Out: `items[0 .. count]`.  A few groups fit into the struct itself, more are in memory from
malloc, so no collection moves them; the struct must not be moved.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.foundation.allocate cimport allocate_items, allocate_zeros
from snowsnake.foundation.probing cimport probe
from snowsnake.machine.word cimport Word

cdef enum:
    # up to this many groups need no malloc'ed memory
    FEW_GROUPS = 32

cdef struct Group:
    uint32_t symbol
    uint64_t size
    # where the caller puts the next member
    Word* next

cdef struct Groups:
    Group[FEW_GROUPS] few
    uint32_t[2 * FEW_GROUPS] few_slots
    Group* items
    uint64_t count
    # each slot has the index + 1 of a group, or 0; there are twice as many as groups fit
    uint32_t* slots
    uint64_t mask

cdef inline void groups_init(Groups* g) noexcept nogil:
    g.items = g.few
    g.slots = g.few_slots
    g.count = 0
    g.mask = 2 * FEW_GROUPS - 1
    memset(g.slots, 0, 2 * FEW_GROUPS * sizeof(uint32_t))

cdef inline void groups_free(Groups* g) noexcept nogil:
    if g.items != g.few:
        free(g.items)
        free(g.slots)

cdef inline bint _is_slot_of(uint64_t at, const Groups* g, uint32_t symbol) noexcept nogil:
    return g.slots[at] == 0 or g.items[g.slots[at] - 1].symbol == symbol

cdef inline uint64_t groups_slot(Groups* g, uint32_t symbol) noexcept nogil:
    """The slot that has a symbol, or the free slot for it."""
    return probe(<uint64_t>symbol * <uint64_t>0x9E3779B97F4A7C15 >> 32, g.mask, _is_slot_of, g, symbol)

cdef inline bint groups_grow(Groups* g) noexcept nogil:
    cdef uint64_t i
    cdef Group* items = <Group*>allocate_items(2 * g.count, sizeof(Group))
    cdef uint32_t* slots = <uint32_t*>allocate_zeros(4 * g.count, sizeof(uint32_t))
    if items == NULL or slots == NULL:
        free(items)
        free(slots)
        return False
    memcpy(items, g.items, g.count * sizeof(Group))
    groups_free(g)
    g.items = items
    g.slots = slots
    g.mask = 4 * g.count - 1
    for i in range(g.count):
        g.slots[groups_slot(g, items[i].symbol)] = <uint32_t>(i + 1)
    return True

cdef inline Group* groups_at(Groups* g, uint32_t symbol) noexcept nogil:
    """The group of a symbol; a new symbol gets an empty one.  NULL if memory is short."""
    cdef uint64_t i = groups_slot(g, symbol)
    cdef Group* group
    if g.slots[i]:
        return &g.items[g.slots[i] - 1]
    if 2 * g.count > g.mask:
        if not groups_grow(g):
            return NULL
        i = groups_slot(g, symbol)
    group = &g.items[g.count]
    g.count += 1
    g.slots[i] = <uint32_t>g.count
    group.symbol = symbol
    group.size = 0
    group.next = NULL
    return group
