# cython: language_level=3
"""Version strings: the C interface."""
from libc.stdint cimport uint8_t

# the rest of a version, from which splitVersion and compareVersions take components
cdef struct VersionCursor:
    const uint8_t* position
    const uint8_t* end

# a component of a version; its size is 0 if there is no component left
cdef struct VersionPart:
    const uint8_t* data
    size_t size_bytes

cdef struct DrvName:
    # the name is the first name_size bytes
    size_t name_size
    # the version starts here
    size_t version_start

cdef VersionPart version_next(VersionCursor* cursor) noexcept nogil
cdef int compare_versions(const uint8_t* a, size_t a_size, const uint8_t* b, size_t b_size,
                          const volatile int* attention) noexcept nogil
    # If the value at *attention* becomes another than 0, the comparison ends without an answer; the pointer may be NULL.
cdef DrvName parse_drv_name(const uint8_t* data, size_t size_bytes) noexcept nogil
