# cython: language_level=3
"""Version strings: C interface."""
from libc.stdint cimport uint8_t

cdef struct VersionCursor:            # for splitVersion and compareVersions
    const uint8_t* position
    const uint8_t* end

cdef struct VersionPart:              # size 0: no component left
    const uint8_t* data
    size_t size_bytes

cdef struct DrvName:
    size_t name_size                  # the name is the first name_size bytes
    size_t version_start              # the version is what follows from here

cdef VersionPart version_next(VersionCursor* cursor) noexcept nogil
cdef int compare_versions(const uint8_t* a, size_t a_size, const uint8_t* b, size_t b_size,
                          const volatile int* attention) noexcept nogil
    # attention: what ends the comparison, without an answer, when it is not 0; or NULL
cdef DrvName parse_drv_name(const uint8_t* data, size_t size_bytes) noexcept nogil
