# cython: language_level=3
"""Reading JSON as events, and writing JSON: the C interface.

    JsonReader reader
    json_reader_init(&reader, data, size_bytes)
    while True: event = json_reader_next(&reader); JSON_END and JSON_ERROR are the last ones
    json_reader_free(&reader)
"""
from libc.stdint cimport int64_t, uint8_t
from snowsnake.builtins.engines.json_tokens cimport JsonReader
from snowsnake.foundation.buffer cimport Bytes

cdef enum JsonEvent:
    JSON_END = 0
    JSON_ERROR                        # reader.message
    JSON_BEGIN_OBJECT
    JSON_END_OBJECT
    JSON_BEGIN_ARRAY
    JSON_END_ARRAY
    JSON_KEY                          # reader.text, reader.text_size
    JSON_STRING
    JSON_INT                          # reader.integer
    JSON_FLOAT                        # reader.number
    JSON_TRUE
    JSON_FALSE
    JSON_NULL


cdef void json_reader_init(JsonReader* reader, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void json_reader_free(JsonReader* reader) noexcept nogil
cdef JsonEvent json_reader_next(JsonReader* reader) noexcept nogil

cdef bint json_append_string(Bytes* out, const uint8_t* data, size_t size_bytes, Bytes* message) noexcept nogil
