# cython: language_level=3
"""THE open-addressing lookup: linear probing in a table whose size is a power of two.

Tables differ in what a slot holds and where the keys are, so a table says both in a function, and the loop is a macro around it:

    cdef inline bint is_slot_of(uint64_t at, Names* names, uint32_t wanted) noexcept nogil:
        return names.slots[at] == 0 or names.items[names.slots[at] - 1] == wanted

    at = probe(hash, names.mask, is_slot_of, names, wanted)

`probe` returns the first slot, from the hash on, at which the function returns true: the slot that holds the key, or the free slot
for it.  At least one slot must be free.  The C compiler inlines the function, so the loop is what one would write by hand.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #define SNOW_PROBE(hash, mask, is_slot, ...) __extension__ ({                     \\
        const uint64_t snow_mask = (mask);                                            \\
        uint64_t snow_at = (uint64_t)(hash) & snow_mask;                              \\
        while (!is_slot(snow_at, __VA_ARGS__)) snow_at = (snow_at + 1) & snow_mask;   \\
        snow_at;                                                                      \\
    })
    """
    # probe(hash, mask, is_slot, arguments of is_slot after the first…)
    uint64_t probe "SNOW_PROBE"(...) noexcept nogil

cdef inline bint is_free_slot(uint64_t at, const uint32_t* slots) noexcept nogil:
    """For keys that are known to be absent, where a slot is free if it is 0."""
    return slots[at] == 0
