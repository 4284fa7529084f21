# cython: language_level=3
"""Version strings: the C interface."""
from libc.stdint cimport uint8_t

cdef struct VersionCursor:            # for splitVersion and compareVersions
    const uint8_t* position
    const uint8_t* end

cdef struct VersionPart:              # size 0: there is no component left
    const uint8_t* data
    size_t size_bytes

cdef struct DrvName:
    size_t name_size                  # the name is the first name_size bytes
    size_t version_start              # the version starts here

cdef VersionPart version_next(VersionCursor* cursor) noexcept nogil
cdef int compare_versions(const uint8_t* a, size_t a_size, const uint8_t* b, size_t b_size,
                          const volatile int* attention) noexcept nogil
    # When *attention* is not 0, the comparison ends without an answer; it may be NULL.
cdef DrvName parse_drv_name(const uint8_t* data, size_t size_bytes) noexcept nogil
