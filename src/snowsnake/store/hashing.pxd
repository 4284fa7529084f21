# cython: language_level=3
"""The texts of hashes as plain C.

Functions that can fail return False and append Nix's message to *error*.
"""
from libc.stdint cimport uint8_t
from snowsnake.foundation.buffer cimport Bytes, View
from snowsnake.store.hash_functions cimport (
    HASH_BLAKE3, HASH_MD5, HASH_NONE, Digest, Hasher, hash_bytes, hash_file, hash_name, hash_size, hasher_final, hasher_init, hasher_update,
)

cdef enum HashEncoding:
    ENCODING_NONE = 0
    ENCODING_BASE16
    # Nix's own alphabet and order ("nix32")
    ENCODING_BASE32
    ENCODING_BASE64
    # It always begins with the algorithm: sha256-…
    ENCODING_SRI

cdef enum:
    # the longest text of a digest in any encoding, without the algorithm
    BASE16_MAX_SIZE = 128

# Returns HASH_NONE if the name is unknown.
cdef int hash_kind_of(View name) noexcept nogil
cdef bint hash_kind_parse(View name, int* kind, Bytes* error) noexcept nogil
cdef bint hash_encoding_parse(View name, int* encoding, Bytes* error) noexcept nogil

# Encoders write exactly the number of characters that *_size says; nothing is terminated.
cdef size_t base16_size(size_t size) noexcept nogil
cdef size_t base32_size(size_t size) noexcept nogil
cdef size_t base64_size(size_t size) noexcept nogil
cdef void base16_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil
cdef void base32_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil
cdef void base64_encode(const uint8_t* data, size_t size, uint8_t* out) noexcept nogil
# Decoders return the number of bytes that the text holds, or -1 for a bad character; they write at most *capacity* bytes.
cdef Py_ssize_t base16_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil
cdef Py_ssize_t base32_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil
cdef Py_ssize_t base64_decode(const uint8_t* text, size_t size, uint8_t* out, size_t capacity) noexcept nogil

# *kind* HASH_NONE: the text must name its algorithm; otherwise the two must agree.
cdef bint hash_parse(View text, int kind, Digest* out, Bytes* error) noexcept nogil
cdef bint hash_parse_plain(View text, int kind, Digest* out, Bytes* error) noexcept nogil
# Returns the exception for a hash of this kind that failed.
cdef object hash_exception(int kind)
cdef void hash_format(const Digest* digest, int encoding, bint with_kind, Bytes* out) noexcept nogil
