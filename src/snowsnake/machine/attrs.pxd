# cython: language_level=3
"""Attribute sets: shared keys, building, merging, name order."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from snowsnake.machine.state cimport Machine, Place
from snowsnake.machine.word cimport KIND_LAYERED, Word, attrs_is_layered, header_kind, keys_find, keys_size, pointer_of

cdef struct Attr:                    # what a set is built of
    uint32_t symbol
    uint32_t position
    Word value

cdef Word attrs_build(Machine* m, Attr* entries, uint64_t count) noexcept nogil
    # of entries in any order (sorted in place); of equal symbols the FIRST wins.  0 and an error if memory is short
cdef Word attrs_with_keys(Machine* m, Word* keys, Word* values) noexcept nogil
    # a set that shares keys; values in symbol order are copied (NULL: left for the caller to fill)
cdef Word attrs_update(Machine* m, Word a, Word b) noexcept nogil
    # a // b, layered if a is large and b small; 0 and an error if memory is short
cdef Word attrs_merge(Machine* m, Word a, Word b) noexcept nogil
    # a // b of sets that are not layered, a set of its own; 0 and an error if memory is short
cdef bint attrs_flatten(Machine* m, Word layered) noexcept nogil
cdef uint32_t attrs_position(Word attrs, uint32_t symbol) noexcept nogil
    # position of an attribute that any set has

cdef inline bint attrs_flat(Machine* m, Word attrs) noexcept nogil:
    """Makes a set's keys and values ready to be looked at: what attrs_find, attrs_size and attrs_order need not be told.

    False and an error if memory is short.
    """
    return attrs_flatten(m, attrs) if attrs_is_layered(attrs) else True

cdef uint32_t* attrs_order(Machine* m, Word attrs) noexcept nogil
    # for each place in name order the index into attrs_values; made once per keys.  NULL and an error if memory is short
cdef Word keys_build(Machine* m, uint32_t* symbols, uint32_t* positions, uint64_t count) noexcept nogil
    # a keys object, tagged as a box, of symbols in ascending order without repetition
cdef Attr* scratch_entries(Machine* m, uint64_t count) noexcept nogil
    # `count` entries of malloc'ed scratch memory, to be freed by free(); NULL and an error if there is none
cdef bint sort_entries(Machine* m, Attr* entries, uint64_t count) noexcept nogil
    # by symbol, stable; False and an error if memory is short
cdef uint32_t* keys_order(Machine* m, Word* keys) noexcept nogil
cdef Word* keys_share(Machine* m, Word* keys) noexcept nogil
    # keys that were allocated last, complete: the same keys known from before if there are any, and these are given back


cdef enum:
    BY_CONTENTS = 1                   # second word of an entry (hash, BY_CONTENTS, keys): keys known by what they hold

cdef inline uint64_t shared_keys_place(uint64_t hash_of_contents) noexcept nogil:
    return (hash_of_contents * <uint64_t>0x9E3779B97F4A7C15 >> 52) * 3

cdef inline uint64_t keys_cache_place(Word* a, Word* b) noexcept nogil:
    """Where the cache of keys has (a, b, keys of a // b): an index of words; the cache has 4096 entries of three."""
    return ((<uint64_t>a * 31 + <uint64_t>b) * <uint64_t>0x9E3779B97F4A7C15 >> 52) * 3


# ---- lookups that are remembered ----------------------------------------------------------------------------------

cdef enum:
    PLACE_MASK = 2047                 # of Machine.places
    LEAST_REMEMBERED = 17             # searching fewer symbols is as fast

cdef inline int64_t _keys_lookup(Machine* m, Word* keys, uint32_t symbol) noexcept nogil:
    cdef Place* place
    cdef int64_t i
    if keys_size(keys) < LEAST_REMEMBERED:
        return keys_find(keys, symbol)
    place = &m.places[((<uint64_t>keys >> 4) ^ <uint64_t>symbol * <uint64_t>0x9E3779B1) & PLACE_MASK]
    if place.keys == keys and place.symbol == symbol:
        return place.index
    i = keys_find(keys, symbol)
    place.keys = keys
    place.symbol = symbol
    place.index = <int32_t>i
    return i

cdef inline Word* attrs_lookup(Machine* m, Word attrs, uint32_t symbol) noexcept nogil:
    """attrs_find for names that the program's text selects: the same names are asked of the same sets over and over."""
    cdef Word* p = pointer_of(attrs)
    cdef Word* over
    cdef int64_t i
    if header_kind(p[0]) == KIND_LAYERED:
        if p[2]:
            over = pointer_of(p[2])
            i = _keys_lookup(m, <Word*>over[1], symbol)
            if i >= 0:
                return over + 2 + i
        p = pointer_of(p[1])
    i = _keys_lookup(m, <Word*>p[1], symbol)
    return NULL if i < 0 else p + 2 + i
