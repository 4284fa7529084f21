# cython: language_level=3
"""Compiled files on disk, for a machine: lookups, and additions (cache/layout.pxd describes the format)."""
from libc.stdint cimport uint8_t, uint64_t
from snowsnake.bytecode.image cimport Image
from snowsnake.cache.state cimport Cache, Found, Lookup

cdef Cache* cache_new(const char* folder, uint64_t limit_bytes, bint is_by_content) noexcept nogil
    # Touches no file.  Returns NULL if memory is short.
cdef void cache_free(Cache* cache) noexcept nogil
    # Writes what is pending.  Images that came out of the cache must have been freed.
cdef void cache_open(Cache* cache) noexcept nogil
    # Maps the pack as it is now.  If there is none, no lookup finds anything.
cdef void cache_share(Cache* cache) noexcept nogil
    # From now on, this is the cache of one of several processes at the same work: it finds what the others append.
cdef Found cache_look_up(Cache* cache, Lookup* lookup) noexcept nogil
    # The caller has filled in path, stamp and settings.
cdef bint cache_has_content(Cache* cache, Lookup* lookup, const uint8_t* source, size_t size_bytes) noexcept nogil
    # To be called after CACHE_UNSURE.
cdef Image* cache_image(Lookup* lookup) noexcept nogil
    # Returns the image of the entry that was found; it lies in the mapping.  NULL if memory is short.
cdef void cache_add(Cache* cache, Lookup* lookup, const Image* image, const uint8_t* source, size_t size_bytes) noexcept nogil
