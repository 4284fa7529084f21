# cython: language_level=3
"""Hash functions and the textual forms of hashes, as plain C: no Python object, no GIL, no global state.

A `Hasher` lives wherever its caller likes and owns no memory.  A `Digest` is a value.  Functions that can fail return
False and append Nix's message to *error*.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from snowsnake.store.buffer cimport Bytes, View

cdef enum HashKind:
    HASH_NONE = 0
    HASH_MD5
    HASH_SHA1
    HASH_SHA256
    HASH_SHA512
    HASH_BLAKE3

cdef enum HashEncoding:
    ENCODING_NONE = 0
    ENCODING_BASE16
    ENCODING_BASE32                   # Nix's own alphabet and order ("nix32")
    ENCODING_BASE64
    ENCODING_SRI                      # always with the algorithm: sha256-…

cdef enum:
    DIGEST_MAX_SIZE = 64
    BASE16_MAX_SIZE = 128             # longest text of a digest in any encoding, without the algorithm

cdef struct Digest:
    uint8_t kind                      # HashKind
    uint8_t size
    uint8_t data[64]

cdef struct Blake3:
    uint32_t key[8]                   # chaining value of the current chunk
    uint64_t chunk_counter
    uint32_t stack[54][8]             # chaining values of complete subtrees
    int depth
    int blocks                        # of the current chunk, already compressed

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
cdef int hash_kind_of(View name) noexcept nogil                      # HASH_NONE when unknown
cdef bint hash_kind_parse(View name, int* kind, Bytes* error) noexcept nogil
cdef bint hash_encoding_parse(View name, int* encoding, Bytes* error) noexcept nogil

# Encoders write exactly the number of characters that *_size says; nothing is terminated.
cdef size_t base16_size(size_t size) noexcept nogil
cdef size_t base32_size(size_t size) noexcept nogil
cdef size_t base64_size(size_t size) noexcept nogil
cdef void base16_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil
cdef void base32_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil
cdef void base64_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil
# Decoders give the number of bytes that the text holds, -1 for a bad character; they write at most *capacity* bytes.
cdef Py_ssize_t base16_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil
cdef Py_ssize_t base32_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil
cdef Py_ssize_t base64_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil

# *kind* HASH_NONE: the text must name its algorithm; otherwise the two must agree.
cdef bint hash_parse(View text, int kind, Digest* out, Bytes* error) noexcept nogil
cdef bint hash_parse_plain(View text, int kind, Digest* out, Bytes* error) noexcept nogil
cdef bint hash_parse_sri(View text, Digest* out, Bytes* error) noexcept nogil
cdef void hash_format(const Digest* digest, int encoding, bint with_kind, Bytes* out) noexcept nogil
cdef bint digest_equal(const Digest* a, const Digest* b) noexcept nogil
