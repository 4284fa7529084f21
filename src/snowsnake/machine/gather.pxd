# cython: language_level=3
"""The context of a text that is built of many strings.  All contexts are gathered first and united once, which takes O(n log n).

A zeroed Gathered is empty.  In: the contexts of the strings.  Out: one context; 0 with `failed` if memory ran
out, and the caller raises the error.
"""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.arrays cimport has_room
from snowsnake.machine.state cimport Machine
from snowsnake.machine.symbols cimport context_make, context_union, context_united

cdef struct Gathered:
    uint32_t* contexts
    size_t count
    size_t capacity
    bint failed

cdef inline int _compare_numbers(const void* a, const void* b) noexcept nogil:
    cdef uint32_t x = (<const uint32_t*>a)[0], y = (<const uint32_t*>b)[0]
    return (x > y) - (x < y)

cdef inline void gather(Gathered* g, uint32_t context) noexcept nogil:
    """Adds a context; the empty one, and one that was just added, cost nothing."""
    if context == 0 or (g.count and g.contexts[g.count - 1] == context):
        return
    if not has_room(&g.contexts, g.count, &g.capacity, 16):
        g.failed = True
        return
    g.contexts[g.count] = context
    g.count += 1

cdef inline uint32_t gather_many(Machine* m, Gathered* g) noexcept nogil:
    cdef size_t i, kept = 0, total = 0
    cdef uint32_t* elements
    cdef uint32_t result
    for i in range(g.count):
        g.contexts[i] = context_united(m, g.contexts[i])
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
    """Returns the union, and frees what was gathered."""
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
