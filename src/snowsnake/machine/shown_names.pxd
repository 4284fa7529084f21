"""Names of attributes as messages show them."""
from libc.stdint cimport uint32_t

from snowsnake.machine.state cimport Machine

cdef char* shown_name(Machine* m, uint32_t symbol) noexcept nogil
    # malloc'ed, or NULL: in quotes unless it is an identifier
