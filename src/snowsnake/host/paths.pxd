# cython: language_level=3
"""Paths as bytes: made absolute and canonical by their text alone, without asking the file system.

Canonical: begins with `/`, no empty, `.` or `..` component, no slash at the end but the root's.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memcmp, memcpy
from snowsnake.machine.buffer cimport buffer_append, buffer_byte, buffer_reserve
from snowsnake.machine.state cimport ByteBuffer

cdef inline bint path_join(ByteBuffer* out, size_t root, const uint8_t* path, size_t size) noexcept nogil:
    """Append the components of *path* to the canonical path that starts at `out.data + root`; `..` removes one.

    Nothing written at *root* yet stands for `/`.  False: memory ran out.
    """
    cdef size_t i = 0, start, length
    while i < size:
        if path[i] == c'/':
            i += 1
            continue
        start = i
        while i < size and path[i] != c'/':
            i += 1
        length = i - start
        if length == 1 and path[start] == c'.':
            continue
        if length == 2 and path[start] == c'.' and path[start + 1] == c'.':
            while out.size_bytes > root:
                out.size_bytes -= 1
                if out.data[out.size_bytes] == c'/':
                    break
            continue
        if out.size_bytes == root + 1 and out.data[root] == c'/':
            out.size_bytes = root
        if not buffer_reserve(out, length + 2):
            return False
        out.data[out.size_bytes] = c'/'
        memcpy(out.data + out.size_bytes + 1, path + start, length)
        out.size_bytes += length + 1
    return True

cdef inline bint canonicalise(const uint8_t* path, size_t size, ByteBuffer* out) noexcept nogil:
    """Append the canonical form of an absolute path (or of one taken relative to `/`)."""
    cdef size_t root = out.size_bytes
    if not path_join(out, root, path, size):
        return False
    return out.size_bytes > root or buffer_byte(out, c'/')

cdef inline bint path_is_in(const uint8_t* path, size_t size, const uint8_t* folder, size_t folder_size) noexcept nogil:
    """Whether a canonical path is a canonical folder or below it."""
    if folder_size == 1:
        return True
    return size >= folder_size and memcmp(path, folder, folder_size) == 0 and \
        (size == folder_size or path[folder_size] == c'/')

cdef inline size_t parent_size(const uint8_t* path, size_t size) noexcept nogil:
    """How many bytes of a canonical path are its parent: 1 (the root) at least."""
    while size > 1 and path[size - 1] != c'/':
        size -= 1
    return size - 1 if size > 1 else 1

cdef inline size_t base_name_start(const uint8_t* path, size_t size) noexcept nogil:
    """Where the last component of a canonical path begins; its end for the root."""
    cdef size_t start = size
    while start > 0 and path[start - 1] != c'/':
        start -= 1
    return start
