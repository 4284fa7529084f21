# cython: language_level=3
"""Compiled files on disk, for the evaluator: looking up, and what is to be written (cache/layout.pxd has the format)."""
from libc.stdint cimport uint8_t, uint64_t
from snowsnake.bytecode.image cimport Image
from snowsnake.cache.state cimport Cache, Found, Lookup

cdef Cache* cache_new(const char* folder, uint64_t limit_bytes, bint is_by_content) noexcept nogil
    # touches no file; NULL if memory is short
cdef void cache_free(Cache* cache) noexcept nogil
    # images that came out of it must be gone; writes what is pending
cdef void cache_open(Cache* cache) noexcept nogil
    # maps the pack as it is now; without one, nothing is found
cdef Found cache_look_up(Cache* cache, Lookup* lookup) noexcept nogil
    # path, stamp and settings are given
cdef bint cache_has_content(Cache* cache, Lookup* lookup, const uint8_t* source, size_t size_bytes) noexcept nogil
    # after CACHE_UNSURE
cdef Image* cache_image(Lookup* lookup) noexcept nogil
    # the image of the entry that was found, in the mapping.  NULL if memory is short
cdef void cache_add(Cache* cache, Lookup* lookup, const Image* image, const uint8_t* source, size_t size_bytes) noexcept nogil
