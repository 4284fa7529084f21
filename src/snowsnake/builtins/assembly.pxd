# cython: language_level=3
"""Builds lists and sets from events, from the inside out, for fromJSON and fromTOML.

In: values, names, openings and closings.  Out: `root`.  Words do not move meanwhile, because no collection happens
during one entry of a builtin; each function reserves the room that it needs.  All return DONE or RAISE.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from snowsnake.machine.attrs cimport Attr
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef struct AssemblyLevel:
    # the index of its first value in `entries`
    uint64_t start
    # its own name in the set around it
    uint32_t symbol
    bint is_set

cdef struct Assembly:
    Machine* m
    # the value, once everything is closed
    Word root
    # room in the heap that was reserved and is not used yet
    uint64_t reserved_words
    # the name of the next value
    uint32_t symbol
    # values of all open lists and sets
    Attr* entries
    uint64_t count
    uint64_t capacity
    AssemblyLevel* levels
    uint64_t level_count
    uint64_t level_capacity

cdef void assembly_init(Assembly* a, Machine* m) noexcept nogil
cdef void assembly_free(Assembly* a) noexcept nogil
cdef int assembly_value(Assembly* a, Word value) noexcept nogil
cdef int assembly_string(Assembly* a, const uint8_t* data, uint64_t size_bytes) noexcept nogil
cdef int assembly_name(Assembly* a, const uint8_t* data, uint64_t size_bytes) noexcept nogil
    # Sets the name of the next value, list or set.
cdef int assembly_open(Assembly* a, bint is_set) noexcept nogil
cdef int assembly_close(Assembly* a) noexcept nogil
    # Closes the innermost list or set; of several values with one name, the last counts.
