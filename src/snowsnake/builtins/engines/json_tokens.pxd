# cython: language_level=3
"""Tokens of JSON: C interface."""
from snowsnake.builtins.engines.json cimport JsonReader

cdef enum Token:
    TOKEN_NONE                        # as an expectation: none in particular
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
    CONTROL_FAULT = 1                 # JsonReader.fault for a control character: the message is made from it

cdef Token read_token(JsonReader* reader) noexcept nogil
