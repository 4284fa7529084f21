# cython: language_level=3
"""The tokens of JSON: the C interface."""
from libc.stdint cimport uint8_t
from snowsnake.builtins.engines.events cimport Datum
from snowsnake.foundation.buffer cimport Bytes

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
    size_t position                   # bytes read; after the end was read, one more than there are
    size_t token_start                # start of the last string or number: messages quote from here
    const char* fault                 # the fault of the token read last
    JsonState state
    uint8_t* levels                   # for each open bracket: 1 for an array
    size_t depth
    size_t level_capacity
    Datum datum                       # of the last event
    bint has_nul
    Bytes unescaped
    Bytes message                     # in C++ Nix's words, without "while decoding a JSON string"
    bint is_nix_error                 # the message is not about syntax, and gets no trace line "while decoding a JSON string"

cdef enum Token:
    TOKEN_NONE                        # as an expectation: no particular one
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
    TOKEN_VALUE                       # only as an expectation
    TOKEN_COUNT

cdef enum:
    CONTROL_FAULT = 1                 # JsonReader.fault for a control character, from which the message is made

cdef Token read_token(JsonReader* reader) noexcept nogil
