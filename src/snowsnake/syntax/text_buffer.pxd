# cython: language_level=3
"""Growing text in C: what the printers write into."""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, strlen
from snowsnake.foundation.allocate cimport resize_items

cdef struct TextBuffer:               # all zero: empty; free(data) at the end
    uint8_t* data
    size_t size_bytes
    size_t capacity_bytes
    bint is_out_of_memory             # text is missing


cdef inline uint8_t* reserve_text(TextBuffer* buffer, size_t size_bytes) noexcept nogil:
    """Where *size_bytes* more can be written, or NULL; then add them to size_bytes."""
    cdef size_t capacity = buffer.capacity_bytes
    cdef void* larger
    if capacity - buffer.size_bytes < size_bytes:
        capacity = (buffer.size_bytes + size_bytes) * 2 + 256
        larger = resize_items(buffer.data, capacity, 1)
        if larger == NULL:
            buffer.is_out_of_memory = True
            return NULL
        buffer.data = <uint8_t*>larger
        buffer.capacity_bytes = capacity
    return buffer.data + buffer.size_bytes


cdef inline void write_bytes(TextBuffer* buffer, const void* data, size_t size_bytes) noexcept nogil:
    cdef uint8_t* place = reserve_text(buffer, size_bytes)
    if place != NULL and size_bytes != 0:
        memcpy(place, data, size_bytes)
        buffer.size_bytes += size_bytes


cdef inline void write_text(TextBuffer* buffer, const char* text) noexcept nogil:
    write_bytes(buffer, text, strlen(text))
