# cython: language_level=3
"""JSON events and writing: C interface.

    JsonReader reader
    json_reader_init(&reader, data, size_bytes)
    while True: event = json_reader_next(&reader); JSON_END and JSON_ERROR are the last ones
    json_reader_free(&reader)
"""
from libc.stdint cimport int64_t, uint8_t
from snowsnake.store.buffer cimport Bytes

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

cdef enum JsonState:                  # what the reader expects next
    EXPECT_VALUE
    EXPECT_FIRST_ITEM                 # after [
    EXPECT_FIRST_KEY                  # after {
    EXPECT_MORE                       # after a value
    EXPECT_MEMBER                     # after a key
    EXPECT_NOTHING                    # after the end or an error

cdef struct JsonReader:
    const uint8_t* data
    size_t size_bytes
    size_t position                   # bytes read; one more than there are, once the end was read
    size_t token_start                # of the last string or number: messages quote from here
    const char* fault                 # of the token read last
    JsonState state
    uint8_t* levels                   # for each open bracket: 1 for an array
    size_t depth
    size_t level_capacity
    const uint8_t* text               # valid until the next event; not NUL-terminated
    size_t text_size
    bint has_nul
    int64_t integer
    double number
    Bytes unescaped
    Bytes message                # as C++ Nix words it, without "while decoding a JSON string"
    bint is_nix_error                 # the message is not about syntax: no trace line "while decoding a JSON string"

cdef void json_reader_init(JsonReader* reader, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef void json_reader_free(JsonReader* reader) noexcept nogil
cdef JsonEvent json_reader_next(JsonReader* reader) noexcept nogil

cdef bint json_append_string(Bytes* out, const uint8_t* data, size_t size_bytes, Bytes* message) noexcept nogil
