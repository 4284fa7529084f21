# cython: language_level=3
"""Hashes of well-kept libraries: see library_hashes.pyx.  A hash is a Python object, of which the caller has one reference."""
from libc.stdint cimport uint8_t

# NULL: this Python has none of this name
cdef void* library_hash(const char* name) noexcept with gil
# the digest of few bytes; False: it failed
cdef bint library_hash_at_once(const char* name, const void* data, size_t size, uint8_t* out, size_t digest_size) noexcept with gil
# one more reference
cdef void library_keep(void* hash) noexcept with gil
cdef void library_drop(void* hash) noexcept with gil
# False: it failed (no memory)
cdef bint library_update(void* hash, const void* data, size_t size) noexcept with gil
# writes the digest of what the hash has seen so far
cdef bint library_digest(void* hash, uint8_t* out, size_t size) noexcept with gil
