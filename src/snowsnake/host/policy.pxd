# cython: language_level=3
"""What the policy that the options chose (pure, restricted) allows evaluation to read, and which experimental features are on."""
from libc.stdint cimport uint32_t, uint8_t
from snowsnake.machine.state cimport Machine

cdef bint host_allows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # Whether the policy lets evaluation read this path.
cdef int host_check_access(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
cdef void host_allow(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # Allows reading a store path that evaluation made.
cdef bint host_has_feature(Machine* m, uint32_t feature) noexcept nogil
cdef int host_require_feature(Machine* m, uint32_t feature, const char* name) noexcept nogil
