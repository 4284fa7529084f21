# cython: language_level=3
"""Memory that is left: see room.pyx."""
from snowsnake.machine.state cimport Machine

# What the heap leaves of the memory limit; at least 1.
cdef size_t left_bytes(Machine* m) noexcept nogil
