# cython: language_level=3
"""The tokens of JSON: the C interface."""
from libc.stdint cimport uint8_t
from snowsnake.builtins.engines.events cimport Datum
from snowsnake.foundation.buffer cimport Bytes

# what the reader expects next
cdef enum JsonState:
    EXPECT_VALUE
    # what may follow `[`
    EXPECT_FIRST_ITEM
    # what may follow `{`
    EXPECT_FIRST_KEY
    # what may follow a value
    EXPECT_MORE
    # what may follow a key
    EXPECT_MEMBER
    # nothing may follow the end or an error
    EXPECT_NOTHING

cdef struct JsonReader:
    const uint8_t* data
    size_t size_bytes
    # the number of bytes that were read; once the end was read, one more than there are
    size_t position
    # start of the last string or number: messages quote from here
    size_t token_start
    # the fault of the token read last
    const char* fault
    JsonState state
    # each open bracket has an entry: 1 for an array, 0 for an object
    uint8_t* levels
    size_t depth
    size_t level_capacity
    # the data of the last event
    Datum datum
    bint has_nul
    Bytes unescaped
    # in C++ Nix's words, without "while decoding a JSON string"
    Bytes message
    # the message is not about syntax, and its trace has no line "while decoding a JSON string"
    bint is_nix_error

cdef enum Token:
    # no particular token is expected
    TOKEN_NONE
    TOKEN_TRUE
    TOKEN_FALSE
    TOKEN_NULL
    TOKEN_STRING
    TOKEN_NUMBER
    TOKEN_OPEN_ARRAY
    TOKEN_OPEN_OBJECT
    TOKEN_CLOSE_ARRAY
    TOKEN_CLOSE_OBJECT
    TOKEN_COLON
    TOKEN_COMMA
    TOKEN_FAULT
    TOKEN_END
    # any value is expected; no token is of this kind
    TOKEN_VALUE
    TOKEN_COUNT

cdef enum:
    # JsonReader.fault for a control character, from which the message is made
    CONTROL_FAULT = 1

cdef Token read_token(JsonReader* reader) noexcept nogil
