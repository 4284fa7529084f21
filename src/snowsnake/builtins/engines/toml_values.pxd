# cython: language_level=3
"""Numbers, dates and strings of TOML: the C interface."""
from libc.stdint cimport int32_t, uint8_t
from snowsnake.builtins.engines.events cimport Datum
from snowsnake.builtins.engines.toml_document cimport TomlDocument
from snowsnake.foundation.buffer cimport Bytes

cdef struct TomlFrame:                # an array or inline table that is still open
    int32_t node
    bint is_after_comma
    bint has_items

cdef struct TomlReader:
    const uint8_t* data
    size_t size_bytes
    size_t position
    bint has_failed
    const volatile int* attention     # not 0: stop; it may be NULL
    Bytes message                     # in C++ Nix's words, with "while parsing TOML: "
    TomlDocument document
    int32_t table                     # of the last header
    TomlFrame* frames
    size_t frame_count
    size_t frame_capacity
    # Events
    int32_t node                      # the node of the next event
    bint is_after_key
    bint is_leaving                   # the next event closes the container `node`
    bint has_ended
    Datum datum                       # of the last event

cdef bint toml_fail(TomlReader* reader, const char* title, size_t place, const char* note) noexcept nogil
cdef bint toml_read_string(TomlReader* reader, bint may_have_lines, size_t* start, size_t* size_bytes) noexcept nogil
cdef bint toml_read_scalar(TomlReader* reader, int32_t node) noexcept nogil
