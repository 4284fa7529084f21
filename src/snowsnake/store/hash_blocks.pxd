# cython: language_level=3
"""The compression functions of md5, sha1 and sha512, unrolled: each takes *blocks* blocks of a message into its state."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef void md5_blocks(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
cdef void sha1_blocks(uint32_t* state, const uint8_t* data, size_t blocks) noexcept nogil
cdef void sha512_blocks(uint64_t* state, const uint8_t* data, size_t blocks) noexcept nogil

# Tests compare the processor's instructions with plain C.
cdef void blocks_prefer_instructions(bint wanted) noexcept nogil
