# cython: language_level=3
"""Sources and imports: see importing.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef bint add_file(Machine* m, const char* path, uint8_t* source, uint32_t size_bytes, uint32_t* index) noexcept nogil
    # Registers a source and returns the index of its file.  It copies the path and keeps the source; malloc'ed buffers belong to it from then on.
cdef int load_source(Machine* m, const char* name, const uint8_t* base_directory, uint32_t base_size, uint8_t* source,
                     uint32_t size_bytes, Word scope, Word* result) noexcept nogil
    # Parses, compiles and links a source, which is malloc'ed and belongs to the machine from then on.  scope is WORD_NULL, or the set of scopedImport.
    # *result is an unforced thunk.
cdef int machine_import(Machine* m, const uint8_t* path, size_t size_bytes, Word* result) noexcept nogil
    # path must come from host_resolve_import; the same path returns the same thunk.
cdef int machine_import_scoped(Machine* m, const uint8_t* path, size_t size_bytes, Word scope, Word* result) noexcept nogil
cdef void imports_free(Machine* m) noexcept nogil
cdef void own_codes(Machine* m, uint32_t* owners) noexcept nogil
    # Marks each code of a source that may be forgotten (an expression, not a file) with 1 + the index of the source.
cdef void forget_files(Machine* m, uint8_t* is_used) noexcept nogil
    # Frees those sources that are not used.  Positions in them have no file, line and column from then on.
