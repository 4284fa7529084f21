# cython: language_level=3
"""Attribute sets: shared keys, building, merging, name order."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from snowsnake.machine.state cimport Machine, Place
from snowsnake.machine.word cimport KIND_LAYERED, Word, attrs_is_layered, header_kind, keys_find, keys_size, pointer_of

# one attribute of a set that is being built
cdef struct Attr:
    uint32_t symbol
    uint32_t position
    Word value

cdef Word attrs_build(Machine* m, Attr* entries, uint64_t count) noexcept nogil
    # Builds a set from entries in any order, and sorts them in place; of equal symbols the FIRST wins.  Returns 0, with an error set, if memory is short.
cdef Word attrs_with_keys(Machine* m, Word* keys, Word* values) noexcept nogil
    # Makes a set that shares these keys.  It copies the values, which are in symbol order; if they are NULL, the caller fills them in.
cdef Word attrs_update(Machine* m, Word a, Word b) noexcept nogil
    # Returns a // b, layered if a is large and b small; 0, with an error set, if memory is short.
cdef Word attrs_merge(Machine* m, Word a, Word b) noexcept nogil
    # Returns a // b as a set of its own; neither a nor b may be layered.  Returns 0, with an error set, if memory is short.
cdef bint attrs_flatten(Machine* m, Word layered) noexcept nogil
cdef uint32_t attrs_position(Word attrs, uint32_t symbol) noexcept nogil
    # Returns the position of an attribute, which may be in any kind of set.

cdef inline bint attrs_flat(Machine* m, Word attrs) noexcept nogil:
    """Makes a layered set flat, so that its keys and values can be read.  attrs_find, attrs_size and attrs_order accept layered sets as they are.

    Returns False, with an error set, if memory is short.
    """
    return attrs_flatten(m, attrs) if attrs_is_layered(attrs) else True

cdef uint32_t* attrs_order(Machine* m, Word attrs) noexcept nogil
    # Returns, for each place in name order, the index into attrs_values.  It is computed once per keys object.  NULL, with an error set, if memory is short.
cdef Word keys_build(Machine* m, uint32_t* symbols, uint32_t* positions, uint64_t count) noexcept nogil
    # Makes a keys object, tagged as a box, of symbols in ascending order without repetition.
cdef Attr* scratch_entries(Machine* m, uint64_t count) noexcept nogil
    # Returns `count` entries of malloc'ed scratch memory, which the caller frees; NULL, with an error set, if there is no memory.
cdef bint sort_entries(Machine* m, Attr* entries, uint64_t count) noexcept nogil
    # Sorts by symbol; the sort is stable.  Returns False, with an error set, if memory is short.
cdef uint32_t* keys_order(Machine* m, Word* keys) noexcept nogil
cdef Word* keys_share(Machine* m, Word* keys) noexcept nogil
    # Takes complete keys that were allocated last.  If the machine already has the same keys, it returns those and frees the room of the new ones.


cdef enum:
    # the second word of a cache entry (hash, BY_CONTENTS, keys), which finds keys by their contents
    BY_CONTENTS = 1

cdef inline uint64_t shared_keys_place(uint64_t hash_of_contents) noexcept nogil:
    return (hash_of_contents * <uint64_t>0x9E3779B97F4A7C15 >> 52) * 3

cdef inline uint64_t keys_cache_place(Word* a, Word* b) noexcept nogil:
    """The place of (a, b, keys of a // b) in the cache of keys, as an index of words.  The cache has 4096 entries of three words."""
    return ((<uint64_t>a * 31 + <uint64_t>b) * <uint64_t>0x9E3779B97F4A7C15 >> 52) * 3


# ---- remembered lookups -------------------------------------------------------------------------------------------

cdef enum:
    # an index into Machine.places has these bits
    PLACE_MASK = 2047
    # the machine remembers lookups among at least so many symbols; among fewer, a search is as fast
    LEAST_REMEMBERED = 17

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
    """attrs_find for names that the program's text selects: a program asks the same sets for the same names again and again."""
    cdef Word* p = pointer_of(attrs)
    cdef Word* over
    cdef int64_t i
    while header_kind(p[0]) == KIND_LAYERED:
        if p[2]:
            over = pointer_of(p[2])
            i = _keys_lookup(m, <Word*>over[1], symbol)
            if i >= 0:
                return over + 2 + i
        p = pointer_of(p[1])
    i = _keys_lookup(m, <Word*>p[1], symbol)
    return NULL if i < 0 else p + 2 + i
