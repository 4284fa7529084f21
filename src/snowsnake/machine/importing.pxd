# cython: language_level=3
"""Sources and imports: see importing.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef bint add_file(Machine* m, const char* path, uint8_t* source, uint32_t size_bytes, uint32_t* index) noexcept nogil
    # registers a source (takes over both buffers if they are malloc'ed: path is copied, source is kept); index of the file
cdef int load_source(Machine* m, const char* name, const uint8_t* base_directory, uint32_t base_size, uint8_t* source,
                     uint32_t size_bytes, Word scope, Word* result) noexcept nogil
    # parse, compile and link; takes over source (malloc'ed).  scope: WORD_NULL, or the set of scopedImport.
    # *result: an unforced thunk
cdef int machine_import(Machine* m, const uint8_t* path, size_t size_bytes, Word* result) noexcept nogil
    # path as host_resolve_import gives it; the same path gives the same thunk
cdef int machine_import_scoped(Machine* m, const uint8_t* path, size_t size_bytes, Word scope, Word* result) noexcept nogil
cdef void imports_free(Machine* m) noexcept nogil
cdef void own_codes(Machine* m, uint32_t* owners) noexcept nogil
    # for each code of a source that may be forgotten (an expression, not a file): 1 + the index of the source
cdef void forget_files(Machine* m, uint8_t* is_used) noexcept nogil
    # free those of them that are not used; positions in them have no place any more
