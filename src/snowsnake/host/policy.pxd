# cython: language_level=3
"""What evaluation may read, under the policy that its options chose (pure, restricted), and which experimental features it may use."""
from libc.stdint cimport uint32_t, uint8_t
from snowsnake.machine.state cimport Machine

cdef bint host_allows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # whether the policy lets evaluation read this path
cdef int host_check_access(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
cdef void host_allow(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil
    # a store path that evaluation made may be read
cdef bint host_has_feature(Machine* m, uint32_t feature) noexcept nogil
cdef int host_require_feature(Machine* m, uint32_t feature, const char* name) noexcept nogil
