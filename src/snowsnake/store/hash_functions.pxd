# cython: language_level=3
"""Hash functions as plain C: no Python object, no GIL, no global state.

A `Hasher` lives wherever its caller wants, and owns no memory.  A `Digest` is a value.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from snowsnake.foundation.buffer cimport Bytes

cdef enum HashKind:
    HASH_NONE = 0
    HASH_MD5
    HASH_SHA1
    HASH_SHA256
    HASH_SHA512
    HASH_BLAKE3

cdef struct Digest:
    uint8_t kind                      # HashKind
    uint8_t size
    uint8_t data[64]

cdef struct Blake3:
    uint32_t key[8]                   # chaining value of the current chunk
    uint64_t chunk_counter
    uint32_t stack[54][8]             # chaining values of complete subtrees
    int depth
    int blocks                        # blocks of the current chunk that are compressed

cdef union HashState:
    uint32_t words32[8]
    uint64_t words64[8]
    Blake3 blake3

cdef struct Hasher:
    int kind
    uint32_t used                     # bytes waiting in block
    uint64_t total                    # bytes seen
    uint8_t block[128]
    HashState state

cdef void hasher_init(Hasher* self, int kind) noexcept nogil
cdef void hasher_update(Hasher* self, const void* data, size_t size) noexcept nogil
cdef void hasher_final(Hasher* self, Digest* out) noexcept nogil
cdef void hash_bytes(int kind, const void* data, size_t size, Digest* out) noexcept nogil
cdef bint hash_file(int kind, const char* path, Digest* out, uint64_t* size, Bytes* error) noexcept nogil

cdef int hash_size(int kind) noexcept nogil                          # bytes of a digest
cdef const char* hash_name(int kind) noexcept nogil                  # "sha256"
cdef bint digest_equal(const Digest* a, const Digest* b) noexcept nogil
# Tests compare the processor's SHA instructions with plain C; without them, nothing changes.
cdef void sha256_prefer_instructions(bint wanted) noexcept nogil
