# cython: language_level=3
"""XXH64: a checksum that runs at the speed of memory (the algorithm is specified in xxHash's documentation).

Each step is a bijection of the state for a given word of input, so a change of one word is never lost on the way; two
different inputs have the same sum with a chance of one in 2^64.  It does not protect against forgers.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    ROUND_BYTES = 32

cdef inline uint64_t _prime(int number) noexcept nogil:
    if number == 1:
        return <uint64_t>0x9E3779B185EBCA87
    if number == 2:
        return <uint64_t>0xC2B2AE3D27D4EB4F
    if number == 3:
        return <uint64_t>0x165667B19E3779F9
    if number == 4:
        return <uint64_t>0x85EBCA77C2B2AE63
    return <uint64_t>0x27D4EB2F165667C5


cdef inline uint64_t _rotated(uint64_t x, int bits) noexcept nogil:
    return (x << bits) | (x >> (64 - bits))


cdef inline uint64_t _word(const uint8_t* p) noexcept nogil:
    cdef uint64_t x
    memcpy(&x, p, 8)
    return x


cdef inline uint64_t _round(uint64_t lane, uint64_t x) noexcept nogil:
    return _rotated(lane + x * _prime(2), 31) * _prime(1)


cdef inline uint64_t _merged(uint64_t h, uint64_t lane) noexcept nogil:
    return (h ^ _round(0, lane)) * _prime(1) + _prime(4)


cdef inline uint64_t xxh64(const void* data, size_t size, uint64_t seed) noexcept nogil:
    """The sum on a little-endian machine; on other machines it is another sum, which is as good."""
    cdef const uint8_t* p = <const uint8_t*>data
    cdef const uint8_t* end = p + size
    cdef const uint8_t* last
    cdef uint64_t h, a, b, c, d
    cdef uint32_t half
    if size >= ROUND_BYTES:
        last = end - ROUND_BYTES
        a = seed + _prime(1) + _prime(2)
        b = seed + _prime(2)
        c = seed
        d = seed - _prime(1)
        while p <= last:
            a = _round(a, _word(p))
            b = _round(b, _word(p + 8))
            c = _round(c, _word(p + 16))
            d = _round(d, _word(p + 24))
            p += ROUND_BYTES
        h = _rotated(a, 1) + _rotated(b, 7) + _rotated(c, 12) + _rotated(d, 18)
        h = _merged(_merged(_merged(_merged(h, a), b), c), d)
    else:
        h = seed + _prime(5)
    h += size
    while end - p >= 8:
        h = _rotated(h ^ _round(0, _word(p)), 27) * _prime(1) + _prime(4)
        p += 8
    if end - p >= 4:
        memcpy(&half, p, 4)
        h = _rotated(h ^ (half * _prime(1)), 23) * _prime(2) + _prime(3)
        p += 4
    while p < end:
        h = _rotated(h ^ (p[0] * _prime(5)), 11) * _prime(1)
        p += 1
    h = (h ^ (h >> 33)) * _prime(2)
    h = (h ^ (h >> 29)) * _prime(3)
    return h ^ (h >> 32)
