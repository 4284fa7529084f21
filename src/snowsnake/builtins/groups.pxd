# cython: language_level=3
"""Counting by symbol in linear time: a small hash table from symbols to groups, in order of first appearance.

In: symbols, one after the other.  Out: `items[0 .. count]`.  The memory is malloc'ed, so no collection touches it.
"""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from snowsnake.machine.word cimport Word

cdef struct Group:
    uint32_t symbol
    uint64_t size
    Word* next                        # where the next member goes; the user's

cdef enum:
    FEW_GROUPS = 32                   # so many need no malloc'ed memory

cdef struct Groups:
    Group[FEW_GROUPS] few
    uint32_t[2 * FEW_GROUPS] few_slots
    Group* items
    uint64_t count
    uint32_t* slots                   # index + 1 of a group; 0: free
    uint64_t mask

cdef inline bint groups_init(Groups* g, uint64_t most) noexcept nogil:
    """Room for at most *most* groups; False if memory is short."""
    cdef uint64_t capacity = 8
    while capacity < 2 * most:
        capacity *= 2
    g.count = 0
    g.mask = capacity - 1
    if most <= FEW_GROUPS:
        g.items = g.few
        g.slots = g.few_slots
        memset(g.slots, 0, capacity * sizeof(uint32_t))
        return True
    g.items = <Group*>malloc((most + 1) * sizeof(Group))
    g.slots = <uint32_t*>calloc(capacity, sizeof(uint32_t))
    if g.items == NULL or g.slots == NULL:
        free(g.items)
        free(g.slots)
        return False
    return True

cdef inline void groups_free(Groups* g) noexcept nogil:
    if g.items != g.few:
        free(g.items)
        free(g.slots)

cdef inline Group* groups_at(Groups* g, uint32_t symbol) noexcept nogil:
    """The group of a symbol; made, empty, if it is new."""
    cdef uint64_t i = (<uint64_t>symbol * <uint64_t>0x9E3779B97F4A7C15 >> 32) & g.mask
    cdef Group* group
    while g.slots[i]:
        group = &g.items[g.slots[i] - 1]
        if group.symbol == symbol:
            return group
        i = (i + 1) & g.mask
    group = &g.items[g.count]
    g.count += 1
    g.slots[i] = <uint32_t>g.count
    group.symbol = symbol
    group.size = 0
    group.next = NULL
    return group
