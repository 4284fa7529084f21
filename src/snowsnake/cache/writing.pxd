# cython: language_level=3
"""Appends to the pack, and replaces it when it is too large, too full or not ours."""
from snowsnake.cache.state cimport Cache

cdef void cache_flush(Cache* cache) noexcept nogil
    # Writes what is pending; a failure is ignored.
