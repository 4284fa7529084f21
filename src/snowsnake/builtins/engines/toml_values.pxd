# cython: language_level=3
"""The reader of TOML, and its numbers, dates and strings: the C interface."""
from libc.stdint cimport int32_t, uint8_t
from snowsnake.builtins.engines.events cimport Datum
from snowsnake.builtins.engines.toml_document cimport TomlDocument
from snowsnake.foundation.buffer cimport Bytes

# an array or inline table that is still open
cdef struct TomlFrame:
    int32_t node
    bint is_after_comma
    bint has_items

cdef struct TomlReader:
    const uint8_t* data
    size_t size_bytes
    size_t position
    bint has_failed
    # not 0: a request to stop; the pointer may be NULL
    const volatile int* attention
    # in C++ Nix's words, with "while parsing TOML: "
    Bytes message
    TomlDocument document
    # the table of the last header
    int32_t table
    TomlFrame* frames
    size_t frame_count
    size_t frame_capacity
    # For the events
    # the node of the next event
    int32_t node
    bint is_after_key
    # the next event closes the container `node`
    bint is_leaving
    bint has_ended
    # the data of the last event
    Datum datum

cdef bint toml_fail(TomlReader* reader, const char* title, size_t place, const char* note) noexcept nogil
cdef bint toml_read_string(TomlReader* reader, bint may_have_lines, size_t* start, size_t* size_bytes) noexcept nogil
cdef bint toml_read_scalar(TomlReader* reader, int32_t node) noexcept nogil
