# cython: language_level=3
"""Linking images into a machine: see link.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.bytecode.image cimport Image
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

cdef bint link_basic_codes(Machine* m) noexcept nogil
    # the machine's own codes, CODE_APPLY and CODE_APPLY2
cdef Word link_image(Machine* m, Image* image, uint32_t file) noexcept nogil
    # the image's top level as a thunk; the file keeps the image.  0 and an error if memory is short
cdef void free_code(Code* code) noexcept nogil
cdef void free_codes(Machine* m) noexcept nogil
    # all of them, with the table
