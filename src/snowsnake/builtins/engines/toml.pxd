# cython: language_level=3
"""Reading TOML as events: the C interface.  If a document is wrong, toml_reader_init returns False.

    TomlReader reader
    if toml_reader_init(&reader, data, size_bytes): event = toml_reader_next(&reader), … up to EVENT_END
    else: reader.message
    toml_reader_free(&reader)
"""
from libc.stdint cimport uint8_t
from snowsnake.builtins.engines.events cimport Event
from snowsnake.builtins.engines.toml_values cimport TomlReader

cdef bint toml_reader_init(TomlReader* reader, const uint8_t* data, size_t size_bytes, const volatile int* attention) noexcept nogil
    # If the value at *attention* becomes another than 0, reading fails; the pointer may be NULL.
cdef Event toml_reader_next(TomlReader* reader) noexcept nogil
cdef void toml_reader_free(TomlReader* reader) noexcept nogil
