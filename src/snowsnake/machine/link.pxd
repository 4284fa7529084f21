# cython: language_level=3
"""Linking compiled units into a machine: codes, constants, positions; and importing files."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.bytecode.chunk cimport Unit
from snowsnake.machine.state cimport Code, Machine
from snowsnake.machine.word cimport Word, header_code, pointer_of

cdef Code* link_code(Machine* m, uint32_t index) noexcept nogil
    # the code, linked if it was not: most of a package set never is.  NULL and an error if memory is short
cdef Code* linked_code(Machine* m, uint32_t index) noexcept nogil
    # likewise, but never NULL: what memory is too short for stays Machine.unlinked

cdef inline Code* code_of(Machine* m, Word function) noexcept nogil:
    """Code of a closure or thunk."""
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    return code if code.is_linked else linked_code(m, header_code(pointer_of(function)[0]))

cdef uint32_t position_in(Code* code, const uint8_t* pc, uint32_t* end) noexcept nogil
cdef uint32_t position_of(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # position of the operation before pc in an activation; 0 if it has none (builtins)
cdef uint32_t position_span(Machine* m, Word function, const uint8_t* pc, uint32_t* end) noexcept nogil
    # the same, and where the source of that operation ends
cdef Word position_attrs(Machine* m, uint32_t position) noexcept nogil
    # { column; file; line; } of a position, or null
cdef bint position_place(Machine* m, uint32_t position, uint32_t* file, uint32_t* line, uint32_t* column) noexcept nogil
    # file: index in m.files; line and column count from 1; False for position 0
cdef Word builtins_set(Machine* m) noexcept nogil
    # the set `builtins`, made when first asked for
cdef void link_basic_codes(Machine* m) noexcept nogil
    # the machine's own codes, CODE_APPLY and CODE_APPLY2
cdef Word link_unit(Machine* m, Unit* unit, uint32_t file) noexcept nogil
    # the unit's top level as a thunk.  The file keeps its image; the unit is freed.  0 and an error if memory is short
cdef uint32_t add_file(Machine* m, const char* path, uint8_t* source, uint32_t size_bytes) noexcept nogil
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
cdef void free_codes(Machine* m) noexcept nogil
