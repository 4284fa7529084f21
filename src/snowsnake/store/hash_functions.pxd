# cython: language_level=3
"""sha256 as plain C (no Python object, no lock, no memory of its own), and other hashes from libraries, behind one interface.

A `Hasher` lives wherever its caller wants.  One whose library is Python's has an object, which `hasher_final` or `hasher_drop` releases.
A `Digest` is a value.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.store.libcrypto cimport CONTEXT_WORDS, HashFunctions

cdef enum HashKind:
    HASH_NONE = 0
    HASH_MD5
    HASH_SHA1
    HASH_SHA256
    HASH_SHA512
    HASH_BLAKE3

cdef struct Digest:
    # HashKind
    uint8_t kind
    uint8_t size
    uint8_t data[64]

cdef struct Hasher:
    # HashKind
    uint8_t kind
    # whether the library of another hash is missing or ran out of memory
    bint has_failed
    # the number of bytes that wait in `block`
    uint32_t used
    # the number of bytes that were hashed
    uint64_t total
    uint8_t block[64]
    # the state of sha256
    uint32_t words[8]
    # libcrypto's functions for another hash, and their state; NULL if Python has that hash
    const HashFunctions* functions
    uint64_t context[CONTEXT_WORDS]
    # the object of a hash of Python's (library_hashes.pxd), or NULL
    void* library

cdef void hasher_init(Hasher* self, int kind) noexcept nogil
cdef void hasher_update(Hasher* self, const void* data, size_t size) noexcept nogil
# Returns False after a failure, which `hash_fault` explains; sha256 never fails.
cdef bint hasher_final(Hasher* self, Digest* out) noexcept nogil
# Callers use this instead of hasher_final if they no longer want a digest.
cdef void hasher_drop(Hasher* self) noexcept nogil
# It returns what `hasher_final` returns.
cdef bint hash_bytes(int kind, const void* data, size_t size, Digest* out) noexcept nogil
# Appends why a hash of this kind failed.
cdef void hash_fault(int kind, Bytes* error) noexcept nogil
cdef bint hash_file(int kind, const char* path, Digest* out, uint64_t* size, Bytes* error) noexcept nogil

# Returns the size of a digest in bytes.
cdef int hash_size(int kind) noexcept nogil
# "sha256"
cdef const char* hash_name(int kind) noexcept nogil
cdef bint digest_equal(const Digest* a, const Digest* b) noexcept nogil
# For tests, which compare the processor's SHA instructions with plain C.  On a processor without them, this does nothing.
cdef void sha256_prefer_instructions(bint wanted) noexcept nogil
