# cython: language_level=3
"""TOML read into events: C interface.  The events are those of json.pxd, and TOML_TIMESTAMP.

    TomlReader reader
    if toml_reader_init(&reader, data, size_bytes): event = toml_reader_next(&reader), … up to JSON_END
    else: reader.message
    toml_reader_free(&reader)
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from snowsnake.builtins.engines.toml_document cimport TomlDocument
from snowsnake.store.buffer cimport Bytes

cdef enum:
    TOML_TIMESTAMP = 64               # an event beside JsonEvent's: text is the normalised date or time

cdef struct TomlFrame:                # an array or inline table not yet closed
    int32_t node
    bint is_after_comma
    bint has_items

cdef struct TomlReader:
    const uint8_t* data
    size_t size_bytes
    size_t position
    bint has_failed
    Bytes message                     # as C++ Nix words it, with "while parsing TOML: "
    TomlDocument document
    int32_t table                     # of the last header
    TomlFrame* frames
    size_t frame_count
    size_t frame_capacity
    # events
    int32_t node                      # the one whose event comes next
    bint is_after_key
    bint is_leaving                   # the container `node` ends
    bint has_ended
    const uint8_t* text               # of a key, string or timestamp; valid while the reader is
    size_t text_size
    int64_t integer
    double number

cdef bint toml_reader_init(TomlReader* reader, const uint8_t* data, size_t size_bytes) noexcept nogil
cdef int toml_reader_next(TomlReader* reader) noexcept nogil
cdef void toml_reader_free(TomlReader* reader) noexcept nogil
