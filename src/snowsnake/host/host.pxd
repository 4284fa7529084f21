# cython: language_level=3
"""Everything that evaluation reads from outside goes through here, is checked against the policy, and is recorded.

Paths are bytes with a length, absolute and canonical unless said otherwise.  Functions that return int give DONE or
RAISE (an error has been set).  ByteBuffer results are appended to an empty buffer that the caller frees.
"""
from libc.stdint cimport uint8_t, uint64_t
from snowsnake.machine.state cimport ByteBuffer, Machine

cdef enum FileType:
    FILE_NONE = 0
    FILE_REGULAR = 1
    FILE_DIRECTORY = 2
    FILE_SYMLINK = 3
    FILE_OTHER = 4

cdef int host_new(Machine* m) noexcept nogil
    # sets m.host; options are set through the Python face (Host) before evaluation starts
cdef void host_free(Machine* m) noexcept nogil
cdef int host_read_file(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* content) noexcept nogil
cdef int host_file_type(Machine* m, const uint8_t* path, size_t size_bytes, bint follow, int* file_type) noexcept nogil
    # FILE_NONE if there is nothing; an access error if the policy forbids looking
cdef int host_read_directory(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* entries) noexcept nogil
    # entries: (one byte FileType, name, NUL)…, unsorted
cdef int host_find_file(Machine* m, const uint8_t* name, size_t size_bytes, ByteBuffer* path) noexcept nogil
    # `<name>` in the search path of the machine; ERROR_SEARCH_PATH if it is not there
cdef int host_home_path(Machine* m, const uint8_t* rest, size_t size_bytes, ByteBuffer* path) noexcept nogil
cdef int host_resolve_import(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* resolved) noexcept nogil
    # symlinks followed, a directory becomes its default.nix; the key of the import cache
cdef const char* host_getenv(Machine* m, const char* name) noexcept nogil
    # NULL if unset, or if the policy hides the environment
cdef int host_path_to_store(Machine* m, const uint8_t* path, size_t size_bytes, ByteBuffer* store_path) noexcept nogil
    # the store path that copying this file or tree gives (`"${./x}"`); remembered per path
