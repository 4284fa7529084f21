# cython: language_level=3
"""md5, sha1 and sha512 of libcrypto: see libcrypto.pyx.  No Python object, no lock and no memory of its own."""
from libc.stdint cimport uint8_t

cdef enum:
    # Room for any of the library's contexts, in words: the largest, SHA512_CTX, has 216 bytes.
    CONTEXT_WORDS = 32

# What hashes with one algorithm.  Each returns 1 if it succeeded.
cdef struct HashFunctions:
    int (*init)(void* context) noexcept nogil
    int (*update)(void* context, const void* data, size_t size) noexcept nogil
    int (*final)(uint8_t* digest, void* context) noexcept nogil

# Fills in what the library has, and leaves the rest.  Returns False if what a handler of a signal raised cut the search short; the run ends with it.
cdef bint find_functions(HashFunctions* md5, HashFunctions* sha1, HashFunctions* sha512) noexcept with gil
