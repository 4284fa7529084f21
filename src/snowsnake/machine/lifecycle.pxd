# cython: language_level=3
"""Creating and freeing a machine."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.state cimport Builtin, Machine

cdef Machine* machine_new(Builtin* builtins, uint32_t count, uint64_t memory_limit_bytes, uint32_t depth_limit) noexcept nogil
    # Returns NULL if the system grants no address space.
cdef void machine_free(Machine* m) noexcept nogil
