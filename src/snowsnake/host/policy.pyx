# cython: language_level=3
"""What the policy that the options chose (pure, restricted) allows evaluation to read, and which experimental features are on.

In: paths and names of features.  Out: whether they are allowed, or an error in the machine.
"""
from libc.stdint cimport uint32_t, uint8_t

from snowsnake.diagnostics.message_table cimport MESSAGE_ACCESS_IN_PURE_MODE, MESSAGE_ACCESS_IN_RESTRICTED_MODE, MESSAGE_FEATURE_DISABLED
from snowsnake.foundation.paths cimport parent_size, path_is_in
from snowsnake.host.byte_map cimport MapEntry, map_add, map_find
from snowsnake.host.internal_files cimport is_internal
from snowsnake.host.state cimport Host, host_of, is_guarded
from snowsnake.machine.errors cimport raise_message, worded
from snowsnake.machine.state cimport DONE, Machine


cdef bint host_allows(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    """Allowed paths are these, everything below them, and the folders on the way to them."""
    cdef Host* h = host_of(m)
    cdef MapEntry* e
    cdef uint32_t i
    cdef size_t size = size_bytes
    if not is_guarded(m) or is_internal(m, path, size_bytes):
        return True
    while True:
        if map_find(&h.allowed, path, size) != NULL:
            return True
        if size <= 1:
            break
        size = parent_size(path, size)
    for i in range(h.allowed.count):
        e = &h.allowed.entries[i]
        if path_is_in(e.key, e.key_size, path, size_bytes):
            return True
    return False


cdef int host_check_access(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    if host_allows(m, path, size_bytes):
        return DONE
    return raise_message(m, worded(
        MESSAGE_ACCESS_IN_PURE_MODE if host_of(m).is_pure else MESSAGE_ACCESS_IN_RESTRICTED_MODE, <int>size_bytes, <const char*>path))


cdef void host_allow(Machine* m, const uint8_t* path, size_t size_bytes) noexcept nogil:
    if is_guarded(m):
        map_add(&host_of(m).allowed, path, size_bytes, NULL, 0)


cdef bint host_has_feature(Machine* m, uint32_t feature) noexcept nogil:
    return (host_of(m).features & feature) != 0


cdef int host_require_feature(Machine* m, uint32_t feature, const char* name) noexcept nogil:
    if host_has_feature(m, feature):
        return DONE
    return raise_message(m, worded(MESSAGE_FEATURE_DISABLED, name, name))
