# cython: language_level=3
"""Reading JSON as events, and writing JSON: the C interface.

    JsonReader reader
    json_reader_init(&reader, data, size_bytes)
    event = json_reader_next(&reader), … up to EVENT_END or EVENT_ERROR
    json_reader_free(&reader)
"""
from libc.stdint cimport uint8_t
from snowsnake.builtins.engines.events cimport Event
from snowsnake.builtins.engines.json_tokens cimport JsonReader
from snowsnake.foundation.buffer cimport Bytes

cdef void json_reader_init(JsonReader* reader, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void json_reader_free(JsonReader* reader) noexcept nogil
cdef Event json_reader_next(JsonReader* reader) noexcept nogil

cdef bint json_append_string(Bytes* out, const uint8_t* data, size_t size_bytes, Bytes* message) noexcept nogil
