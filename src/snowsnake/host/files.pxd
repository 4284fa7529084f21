# cython: language_level=3
"""Files on disk: resolving links, status, contents, directories."""
from libc.stdint cimport uint8_t
from snowsnake.cache.layout cimport FileStamp
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.host.places cimport Reading
from snowsnake.machine.state cimport Machine

cdef int host_real_path(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* real) noexcept nogil
    # Appends the path on disk, NUL-terminated, where a path lies: paths of the logical store may lie elsewhere.
cdef int host_resolve(Machine* m, const uint8_t* path, size_t size_bytes, int mode, Bytes* resolved) noexcept nogil
    # Follows symlinks as *mode* says; components that do not exist are kept.
cdef int resolve_and_check(Machine* m, const uint8_t* path, size_t size, int mode, Bytes* resolved) noexcept nogil
    # Like host_resolve, but the links must lead to allowed paths; in pure evaluation the path itself must be allowed, too, so that evaluation looks at nothing else.
cdef int status_now(Machine* m, Bytes* path, int* file_type) noexcept nogil
    # Finds the FileType of a resolved path, without a record.  Returns DONE, CHANGED or RAISE.
cdef int read_internal(Machine* m, const uint8_t* path, size_t size, Bytes* content) noexcept nogil
    # Reads a file that is not on disk.
cdef int host_read_file(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* content) noexcept nogil
cdef int host_read_file_as(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* content, Reading* reading) noexcept nogil
    # Likewise, but reads a large file as *reading* says.  The caller frees the contents, unless *reading* has a text or is_hashed.
cdef bint host_file_stamp(Machine* m, const uint8_t* path, size_t size_bytes, FileStamp* stamp) noexcept nogil
    # Returns what host_read_file would read now, and counts as reading.  False, without an error: there is no regular file on disk that may be read.
cdef int host_file_type(Machine* m, const uint8_t* path, size_t size_bytes, bint follow, int* file_type) noexcept nogil
    # Finds the FileType: FILE_NONE if nothing is there.  Raises an access error if the policy forbids looking.
cdef int host_read_directory(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* entries) noexcept nogil
    # The entries are (one byte FileType, name, NUL)…, unsorted.
cdef int host_resolve_import(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* resolved) noexcept nogil
    # Follows symlinks, and appends default.nix to a directory: the result is the key of the import cache.
