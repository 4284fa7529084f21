# cython: language_level=3
"""What is on disk: links followed, status, contents, directories."""
from libc.stdint cimport uint8_t
from snowsnake.cache.layout cimport FileStamp
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.host.places cimport Reading
from snowsnake.machine.state cimport Machine

cdef int host_real_path(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* real) noexcept nogil
    # where a path is on disk (differs for the logical store), NUL-terminated, appended
cdef int host_resolve(Machine* m, const uint8_t* path, size_t size_bytes, int mode, Bytes* resolved) noexcept nogil
    # symlinks followed as far as *mode* says; components that are not there stay as they are
cdef int resolve_and_check(Machine* m, const uint8_t* path, size_t size, int mode, Bytes* resolved) noexcept nogil
    # as host_resolve; where the links lead must be allowed, in pure evaluation the path itself too, so that nothing outside is looked at
cdef int status_now(Machine* m, Bytes* path, int* file_type) noexcept nogil
    # the FileType of a resolved path, not recorded: DONE, CHANGED or RAISE
cdef int read_internal(Machine* m, const uint8_t* path, size_t size, Bytes* content) noexcept nogil
    # the contents of a file that is on no disk
cdef int host_read_file(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* content) noexcept nogil
cdef int host_read_file_as(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* content, Reading* reading) noexcept nogil
    # large files where *reading* says: only if it has neither a text nor is_hashed are the contents the caller's to free
cdef bint host_file_stamp(Machine* m, const uint8_t* path, size_t size_bytes, FileStamp* stamp) noexcept nogil
    # what host_read_file would read, as it is now; it counts as read.  False: no regular file on disk that may be read, and no error
cdef int host_file_type(Machine* m, const uint8_t* path, size_t size_bytes, bint follow, int* file_type) noexcept nogil
    # FILE_NONE if there is nothing; an access error if the policy forbids looking
cdef int host_read_directory(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* entries) noexcept nogil
    # entries: (one byte FileType, name, NUL)…, unsorted
cdef int host_resolve_import(Machine* m, const uint8_t* path, size_t size_bytes, Bytes* resolved) noexcept nogil
    # symlinks followed, a directory becomes its default.nix; the key of the import cache
