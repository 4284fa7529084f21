# cython: language_level=3
"""Reading TOML as events: the C interface.  The events are those of json.pxd, and TOML_TIMESTAMP.

    TomlReader reader
    if toml_reader_init(&reader, data, size_bytes): event = toml_reader_next(&reader), … up to JSON_END
    else: reader.message
    toml_reader_free(&reader)
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from snowsnake.builtins.engines.toml_document cimport TomlDocument
from snowsnake.builtins.engines.toml_values cimport TomlReader
from snowsnake.foundation.buffer cimport Bytes

cdef enum:
    TOML_TIMESTAMP = 64               # in addition to the events of JsonEvent: text is the normalised date or time


cdef bint toml_reader_init(TomlReader* reader, const uint8_t* data, size_t size_bytes, const volatile int* attention) noexcept nogil
    # When *attention* is not 0, reading fails; it may be NULL.
cdef int toml_reader_next(TomlReader* reader) noexcept nogil
cdef void toml_reader_free(TomlReader* reader) noexcept nogil
