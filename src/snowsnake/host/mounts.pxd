# cython: language_level=3
"""File systems of Python objects, for the host, which runs without the GIL.

Paths are relative to the root of the file system, without slashes at either end.  Functions take the GIL; False is a failure, with its
message in *error*, which names no path.
"""
from snowsnake.foundation.buffer cimport Bytes, View

cdef enum MountKind:                  # of an entry
    MOUNT_NONE = 0
    MOUNT_REGULAR
    MOUNT_EXECUTABLE
    MOUNT_DIRECTORY
    MOUNT_SYMLINK

cdef bint mount_kind(void* files, View path, int* kind, Bytes* error) noexcept nogil
cdef bint mount_read(void* files, View path, Bytes* content, Bytes* error) noexcept nogil
cdef bint mount_link(void* files, View path, Bytes* target, Bytes* error) noexcept nogil
cdef bint mount_list(void* files, View path, Bytes* entries, Bytes* error) noexcept nogil
    # (one byte MountKind, name, NUL)…, in the order of the names
cdef bint mount_disk_path(void* files, View path, Bytes* place, Bytes* error) noexcept nogil
    # where it lies on disk, NUL-terminated; nothing if it does not
