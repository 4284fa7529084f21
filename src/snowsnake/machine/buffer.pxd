# cython: language_level=3
"""Appending to ByteBuffers: growable, malloc'ed bytes.

A zeroed ByteBuffer is an empty one.  Appending gives False when memory ran out (the buffer keeps what it had); the
caller then raises a memory error.  `text` is a C string, its NUL is not appended.
"""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, strlen
from snowsnake.foundation.allocate cimport resize_items
from snowsnake.machine.state cimport ByteBuffer

cdef inline bint buffer_grow(ByteBuffer* b, size_t extra) noexcept nogil:
    cdef size_t capacity = b.capacity_bytes
    cdef uint8_t* data
    if extra > (<size_t>-1 >> 2) or b.size_bytes > (<size_t>-1 >> 2):
        return False
    if capacity < 64:
        capacity = 64
    while capacity < b.size_bytes + extra:
        capacity *= 2
    data = <uint8_t*>resize_items(b.data, capacity, 1)
    if data == NULL:
        return False
    b.data = data
    b.capacity_bytes = capacity
    return True

cdef inline bint buffer_reserve(ByteBuffer* b, size_t extra) noexcept nogil:
    """Room for *extra* more bytes at `data + size_bytes`."""
    if b.capacity_bytes - b.size_bytes >= extra:
        return True
    return buffer_grow(b, extra)

cdef inline bint buffer_append(ByteBuffer* b, const void* data, size_t size_bytes) noexcept nogil:
    if not buffer_reserve(b, size_bytes):
        return False
    if size_bytes:
        memcpy(b.data + b.size_bytes, data, size_bytes)
        b.size_bytes += size_bytes
    return True

cdef inline bint buffer_byte(ByteBuffer* b, uint8_t byte) noexcept nogil:
    if not buffer_reserve(b, 1):
        return False
    b.data[b.size_bytes] = byte
    b.size_bytes += 1
    return True

cdef inline bint buffer_text(ByteBuffer* b, const char* text) noexcept nogil:
    return buffer_append(b, text, strlen(text))

cdef inline bint buffer_spaces(ByteBuffer* b, size_t count) noexcept nogil:
    cdef size_t i
    if not buffer_reserve(b, count):
        return False
    for i in range(count):
        b.data[b.size_bytes + i] = 32
    b.size_bytes += count
    return True

cdef enum:
    DECIMAL_SIZE = 20                 # bytes of the longest 64-bit number

cdef inline int write_decimal(int64_t value, uint8_t* out) noexcept nogil:
    """Fills the end of DECIMAL_SIZE bytes; gives the index where the number starts."""
    cdef int start = DECIMAL_SIZE
    cdef uint64_t rest = <uint64_t>value
    if value < 0:
        rest = <uint64_t>0 - rest
    while True:
        start -= 1
        out[start] = <uint8_t>(48 + rest % 10)
        rest //= 10
        if rest == 0:
            break
    if value < 0:
        start -= 1
        out[start] = 45
    return start

cdef inline bint buffer_decimal(ByteBuffer* b, int64_t value) noexcept nogil:
    cdef uint8_t[DECIMAL_SIZE] digits
    cdef int start = write_decimal(value, digits)
    return buffer_append(b, &digits[start], DECIMAL_SIZE - start)

cdef inline void buffer_free(ByteBuffer* b) noexcept nogil:
    free(b.data)
    b.data = NULL
    b.size_bytes = 0
    b.capacity_bytes = 0
