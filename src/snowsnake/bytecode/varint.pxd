# cython: language_level=3
"""vu128: the variable-length integers of instruction operands, 1 to 9 bytes; the first byte tells the length.

The functions are inline, because both the compiler and the machine call them for nearly every operation.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    VARINT_MAX_SIZE_BYTES = 9

cdef inline uint32_t varint_write(uint8_t* out, uint64_t x) noexcept nogil:
    """Writes x; `out` must have room for 9 bytes.  Returns the number of bytes written."""
    cdef uint32_t n = 4
    if x < 0x80:
        out[0] = <uint8_t>x
        return 1
    if x < 0x4000:
        out[0] = <uint8_t>(0x80 | (x & 0x3f))
        out[1] = <uint8_t>(x >> 6)
        return 2
    if x < 0x200000:
        out[0] = <uint8_t>(0xC0 | (x & 0x1f))
        out[1] = <uint8_t>(x >> 5)
        out[2] = <uint8_t>(x >> 13)
        return 3
    if x < 0x10000000:
        out[0] = <uint8_t>(0xE0 | (x & 0x0f))
        out[1] = <uint8_t>(x >> 4)
        out[2] = <uint8_t>(x >> 12)
        out[3] = <uint8_t>(x >> 20)
        return 4
    while n < 8 and (x >> (8 * n)) != 0:
        n += 1
    out[0] = <uint8_t>(0xF0 | (n - 1))
    # this needs a little-endian machine, as everything here does
    memcpy(out + 1, &x, n)
    return n + 1

cdef inline uint64_t varint_read(const uint8_t* p, uint32_t* size_bytes) noexcept nogil:
    """Reads from code that is known to be well-formed."""
    cdef uint8_t b = p[0]
    cdef uint64_t x = 0
    cdef uint32_t n
    if b < 0x80:
        size_bytes[0] = 1
        return b
    if b < 0xC0:
        size_bytes[0] = 2
        return (b & 0x3f) | <uint64_t>p[1] << 6
    if b < 0xE0:
        size_bytes[0] = 3
        return (b & 0x1f) | <uint64_t>p[1] << 5 | <uint64_t>p[2] << 13
    if b < 0xF0:
        size_bytes[0] = 4
        return (b & 0x0f) | <uint64_t>p[1] << 4 | <uint64_t>p[2] << 12 | <uint64_t>p[3] << 20
    n = (b & 0x0f) + 1
    size_bytes[0] = n + 1
    memcpy(&x, p + 1, n if n < 8 else 8)
    return x

cdef inline uint32_t varint_read_bounded(const uint8_t* p, uint64_t left, uint64_t* value) noexcept nogil:
    """Reads from any bytes, of which `left` remain.  Returns the size, or 0 if the number is truncated or longer than 9 bytes."""
    cdef uint8_t b
    cdef uint32_t size
    if left == 0:
        return 0
    b = p[0]
    if b < 0x80:
        size = 1
    elif b < 0xC0:
        size = 2
    elif b < 0xE0:
        size = 3
    elif b < 0xF0:
        size = 4
    else:
        size = (b & 0x0f) + 2
    if size > left or size > VARINT_MAX_SIZE_BYTES:
        return 0
    value[0] = varint_read(p, &size)
    return size
