# cython: language_level=3
"""File systems that are Python objects, for the host, which runs without the GIL.

Paths are relative to the root of the file system, without slashes at either end.  The functions take the GIL.  False is a failure, and
*error* has its message, which names no path.
"""
from snowsnake.foundation.buffer cimport Bytes, View

# the kind of an entry
cdef enum MountKind:
    MOUNT_NONE = 0
    MOUNT_REGULAR
    MOUNT_EXECUTABLE
    MOUNT_DIRECTORY
    MOUNT_SYMLINK

cdef bint mount_kind(void* files, View path, int* kind, Bytes* error) noexcept nogil
cdef bint mount_read(void* files, View path, Bytes* content, Bytes* error) noexcept nogil
cdef bint mount_link(void* files, View path, Bytes* target, Bytes* error) noexcept nogil
cdef bint mount_list(void* files, View path, Bytes* entries, Bytes* error) noexcept nogil
    # The entries are (one byte MountKind, name, NUL)…, in the order of the names.
cdef bint mount_disk_path(void* files, View path, Bytes* place, Bytes* error) noexcept nogil
    # Appends where the path is on disk, NUL-terminated; nothing if it is not on disk.
