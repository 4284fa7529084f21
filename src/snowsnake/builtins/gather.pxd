# cython: language_level=3
"""The context of a text that is built of many strings: gathered first, united once, so that it costs n log n.

A zeroed Gathered is an empty one.  In: the contexts of the strings.  Out: one context; 0 with `failed` when memory ran
out (the caller raises).
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy
from snowsnake.foundation.allocate cimport allocate_items, resize_items
from snowsnake.machine.state cimport Machine
from snowsnake.machine.symbols cimport context_make, context_union

cdef struct Gathered:
    uint32_t* contexts
    size_t count
    size_t capacity
    bint failed

cdef inline int _compare_numbers(const void* a, const void* b) noexcept nogil:
    cdef uint32_t x = (<const uint32_t*>a)[0], y = (<const uint32_t*>b)[0]
    return (x > y) - (x < y)

cdef inline bint gather_grow(Gathered* g) noexcept nogil:
    cdef size_t capacity = g.capacity * 2 if g.capacity else 16
    cdef uint32_t* grown = <uint32_t*>resize_items(g.contexts, capacity, sizeof(uint32_t))
    if grown == NULL:
        g.failed = True
        return False
    g.contexts = grown
    g.capacity = capacity
    return True

cdef inline void gather(Gathered* g, uint32_t context) noexcept nogil:
    """Adds a context; the empty one and the one before cost nothing."""
    if context == 0 or (g.count and g.contexts[g.count - 1] == context):
        return
    if g.count == g.capacity and not gather_grow(g):
        return
    g.contexts[g.count] = context
    g.count += 1

cdef inline uint32_t gather_many(Machine* m, Gathered* g) noexcept nogil:
    cdef size_t i, kept = 0, total = 0
    cdef uint32_t* elements
    cdef uint32_t result
    qsort(g.contexts, g.count, sizeof(uint32_t), _compare_numbers)
    for i in range(g.count):
        if kept == 0 or g.contexts[kept - 1] != g.contexts[i]:
            g.contexts[kept] = g.contexts[i]
            total += m.contexts[g.contexts[i]].count
            kept += 1
    if kept == 1:
        return g.contexts[0]
    elements = <uint32_t*>allocate_items(total, sizeof(uint32_t))
    if elements == NULL or total > <size_t>0xFFFFFFFF:
        free(elements)
        g.failed = True
        return 0
    total = 0
    for i in range(kept):
        memcpy(elements + total, m.contexts[g.contexts[i]].elements, m.contexts[g.contexts[i]].count * sizeof(uint32_t))
        total += m.contexts[g.contexts[i]].count
    result = context_make(m, elements, <uint32_t>total)
    free(elements)
    return result

cdef inline uint32_t gathered(Machine* m, Gathered* g) noexcept nogil:
    """The union; frees what was gathered."""
    cdef uint32_t result = 0
    if g.count == 1:
        result = g.contexts[0]
    elif g.count == 2:
        result = context_union(m, g.contexts[0], g.contexts[1])
    elif g.count:
        result = gather_many(m, g)
    free(g.contexts)
    g.contexts = NULL
    g.count = 0
    g.capacity = 0
    return result
