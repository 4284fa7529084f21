# cython: language_level=3
"""The tables of an image of the heap: see heap_tables.pyx."""
from libc.stdint cimport uint8_t, uint64_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport TAG_IMMEDIATE, TAG_INT, Word
from snowsnake.store.buffer cimport Bytes

cdef struct Shift:                    # how words change: pointers into [low, high) move by delta
    uint64_t low
    uint64_t high
    uint64_t delta
    uint64_t strays                   # pointers elsewhere: there must be none

cdef inline Word moved_pointer(Shift* s, Word address) noexcept nogil:
    if address == 0:
        return 0
    if address < s.low or address >= s.high:
        s.strays += 1
        return address
    return address + s.delta


cdef inline Word moved(Shift* s, Word w) noexcept nogil:
    if (w & 7) == TAG_INT or (w & 7) == TAG_IMMEDIATE:
        return w
    return moved_pointer(s, w)       # the tag stays: regions are aligned

cdef bint put_tables(Machine* m, Bytes* out, Shift* s) noexcept nogil
    # False if memory is short
cdef bint take_tables(Machine* m, const uint8_t* data, uint64_t size, Shift* s) noexcept nogil
    # the machine must be fresh, and data stay where it is; False, with a machine of no use, if they do not fit
