# cython: language_level=3
"""A growable byte buffer, written to by every engine that produces text.

In: bytes.  Out: `data`, `size_bytes`.  A failed allocation sets `failed` and later appends do nothing, so that
callers test once, at the end.
"""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

cdef struct ByteBuffer:
    uint8_t* data
    size_t size_bytes
    size_t capacity_bytes
    bint failed


cdef inline void buffer_init(ByteBuffer* buffer) noexcept nogil:
    buffer.data = NULL
    buffer.size_bytes = 0
    buffer.capacity_bytes = 0
    buffer.failed = False


cdef inline void buffer_free(ByteBuffer* buffer) noexcept nogil:
    free(buffer.data)
    buffer_init(buffer)


cdef inline void buffer_clear(ByteBuffer* buffer) noexcept nogil:
    """Forget the contents, keep the memory."""
    buffer.size_bytes = 0
    buffer.failed = False


cdef inline bint buffer_grow(ByteBuffer* buffer, size_t extra_bytes) noexcept nogil:
    cdef size_t wanted
    cdef uint8_t* data
    if buffer.failed or extra_bytes > (<size_t>1 << 62) - buffer.size_bytes:
        buffer.failed = True
        return False
    wanted = buffer.size_bytes + extra_bytes
    if wanted < 2 * buffer.capacity_bytes:
        wanted = 2 * buffer.capacity_bytes
    if wanted < 64:
        wanted = 64
    data = <uint8_t*>realloc(buffer.data, wanted)
    if data == NULL:
        buffer.failed = True
        return False
    buffer.data = data
    buffer.capacity_bytes = wanted
    return True


cdef inline bint buffer_reserve(ByteBuffer* buffer, size_t extra_bytes) noexcept nogil:
    """Make room for `extra_bytes` more; false if there is no memory."""
    if not buffer.failed and extra_bytes <= buffer.capacity_bytes - buffer.size_bytes:
        return True
    return buffer_grow(buffer, extra_bytes)


cdef inline void buffer_append(ByteBuffer* buffer, const void* data, size_t size_bytes) noexcept nogil:
    if size_bytes and buffer_reserve(buffer, size_bytes):
        memcpy(buffer.data + buffer.size_bytes, data, size_bytes)
        buffer.size_bytes += size_bytes


cdef inline void buffer_append_byte(ByteBuffer* buffer, uint8_t byte) noexcept nogil:
    if buffer_reserve(buffer, 1):
        buffer.data[buffer.size_bytes] = byte
        buffer.size_bytes += 1


cdef inline void buffer_append_text(ByteBuffer* buffer, const char* text) noexcept nogil:
    """Append a NUL-terminated string."""
    buffer_append(buffer, text, strlen(text))


cdef inline bytes taken(ByteBuffer* buffer):
    """The contents for Python; the buffer is empty afterwards."""
    cdef bytes text
    if buffer.failed:
        buffer_free(buffer)
        raise MemoryError
    text = buffer.data[:buffer.size_bytes] if buffer.size_bytes else b""
    buffer_free(buffer)
    return text
