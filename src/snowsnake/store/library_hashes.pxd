# cython: language_level=3
"""Hashes from libraries: see library_hashes.pyx.  A hash is a Python object, of which the caller owns one reference."""
from libc.stdint cimport uint8_t

# Returns a new hash; NULL if this Python has none of this name.
cdef void* library_hash(const char* name) noexcept with gil
# Takes one more reference; `library_drop` releases one.
cdef void library_keep(void* hash) noexcept with gil
cdef void library_drop(void* hash) noexcept with gil
# Returns False if it failed, because memory ran out.
cdef bint library_update(void* hash, const void* data, size_t size) noexcept with gil
# Writes the digest of what the hash has seen so far; returns False if it failed.
cdef bint library_digest(void* hash, uint8_t* out, size_t size) noexcept with gil
