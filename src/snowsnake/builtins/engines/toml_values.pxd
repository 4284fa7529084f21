# cython: language_level=3
"""Numbers, dates and strings of TOML: C interface."""
from snowsnake.builtins.engines.toml cimport TomlReader
from libc.stdint cimport int32_t

cdef bint toml_fail(TomlReader* reader, const char* title, size_t place, const char* note) noexcept nogil
cdef bint toml_read_string(TomlReader* reader, bint may_have_lines, size_t* start, size_t* size_bytes) noexcept nogil
cdef bint toml_read_scalar(TomlReader* reader, int32_t node) noexcept nogil
