# cython: language_level=3
"""Paths as bytes, made absolute and canonical by their text alone: nothing here asks the file system.

A canonical path begins with `/`, has no empty, `.` or `..` component, and does not end with a slash unless it is the root.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memcmp, memmove
from snowsnake.foundation.buffer cimport Bytes, bytes_reserve

cdef inline size_t append_components(uint8_t* out, size_t size, const uint8_t* path, size_t path_size) noexcept nogil:
    """Appends the components of *path* to the canonical path of *size* bytes at *out*, and returns its new size; `..` removes one.

    A *size* of 0 means `/`.  *out* must have room for `path_size + 1` more bytes.  A path may be made canonical in place: the text written
    is never longer than the text read so far.
    """
    cdef size_t i = 0, start, length
    while i < path_size:
        if path[i] == c'/':
            i += 1
            continue
        start = i
        while i < path_size and path[i] != c'/':
            i += 1
        length = i - start
        if length == 1 and path[start] == c'.':
            continue
        if length == 2 and path[start] == c'.' and path[start + 1] == c'.':
            while size > 0 and out[size - 1] != c'/':
                size -= 1
            if size > 0:
                size -= 1
            continue
        if size == 1 and out[0] == c'/':
            size = 0
        out[size] = c'/'
        memmove(out + size + 1, path + start, length)
        size += 1 + length
    return size

cdef inline bint path_join(Bytes* out, size_t root, const uint8_t* path, size_t size) noexcept nogil:
    """Appends the components of *path* to the canonical path that starts at `out.data + root`.  Returns False if memory ran out."""
    if not bytes_reserve(out, size + 1):
        return False
    out.size = root + append_components(out.data + root, out.size - root, path, size)
    return True

cdef inline bint path_is_canonical(const uint8_t* path, size_t size) noexcept nogil:
    """Whether a path is absolute, has no empty, `.` or `..` component, and no slash at the end."""
    cdef size_t i
    if size <= 1 or path[0] != c'/':
        return size == 1 and path[0] == c'/'
    for i in range(size):
        if path[i] == c'/':
            if i + 1 == size or path[i + 1] == c'/':
                return False
            if path[i + 1] == c'.' and (i + 2 == size or path[i + 2] == c'/' or (path[i + 2] == c'.' and (i + 3 == size or path[i + 3] == c'/'))):
                return False
    return True

cdef inline bint path_is_in(const uint8_t* path, size_t size, const uint8_t* folder, size_t folder_size) noexcept nogil:
    """Whether a canonical path is a canonical folder or below it."""
    if folder_size == 1:
        return True
    return size >= folder_size and memcmp(path, folder, folder_size) == 0 and \
        (size == folder_size or path[folder_size] == c'/')

cdef inline size_t parent_size(const uint8_t* path, size_t size) noexcept nogil:
    """The number of bytes of a canonical path that are its parent: at least 1 (the root)."""
    while size > 1 and path[size - 1] != c'/':
        size -= 1
    return size - 1 if size > 1 else 1

cdef inline size_t base_name_start(const uint8_t* path, size_t size) noexcept nogil:
    """The offset of the last component of a canonical path; the path's size for the root."""
    cdef size_t start = size
    while start > 0 and path[start - 1] != c'/':
        start -= 1
    return start
