"""How messages show the names of attributes."""
from libc.stdint cimport uint32_t

from snowsnake.machine.state cimport Machine

cdef char* shown_name(Machine* m, uint32_t symbol) noexcept nogil
    # Returns malloc'ed text, or NULL.  The name is in quotes unless it is an identifier.
