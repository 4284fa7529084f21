# cython: language_level=3
"""The part of a keys object's order that is the order of evaluation (evaluation_order.pxd).

In: symbols in ascending order, and the order of their names.  Out: an order in which names that C++ Nix knows from the start come first.
"""
from libc.stdint cimport uint32_t, uint64_t

from snowsnake.syntax.turns cimport known_count


cdef inline uint64_t known_prefix(const uint32_t* symbols, uint64_t n) noexcept nogil:
    """Returns how many of these symbols are known names.  If there are any, a keys object has the order of evaluation behind its name order."""
    cdef uint64_t known = 0
    while known < n and symbols[known] <= known_count():
        known += 1
    return known


cdef inline void fill_turns(const uint32_t* by_name, uint64_t n, uint64_t known, uint32_t* turns) noexcept nogil:
    """Fills in the order of evaluation: known names by symbol, then the others by name."""
    cdef uint64_t i, count = known
    for i in range(known):
        turns[i] = <uint32_t>i
    for i in range(n):
        if by_name[i] >= known:
            turns[count] = by_name[i]
            count += 1
