# cython: language_level=3
"""Linking images into a machine: see link.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.bytecode.image cimport Image
from snowsnake.machine.state cimport Code, Machine
from snowsnake.machine.word cimport Word, header_code, pointer_of

cdef Code* link_code(Machine* m, uint32_t index) noexcept nogil
    # Returns the code and links it first if necessary: most codes of a package set are never linked.  NULL, with an error set, if memory is short.
cdef Code* linked_code(Machine* m, uint32_t index) noexcept nogil
    # Likewise, but never NULL: if memory is short the code stays Machine.unlinked.

cdef inline Code* code_of(Machine* m, Word function) noexcept nogil:
    """The code of a closure or thunk."""
    cdef Code* code = m.codes[header_code(pointer_of(function)[0])]
    return code if code.is_linked else linked_code(m, header_code(pointer_of(function)[0]))

cdef bint link_basic_codes(Machine* m) noexcept nogil
    # The machine's own codes, CODE_APPLY and CODE_APPLY2.
cdef Word link_image(Machine* m, Image* image, uint32_t file) noexcept nogil
    # Returns the image's top level as a thunk; the file keeps the image.  0, with an error set, if memory is short.
cdef void free_code(Code* code) noexcept nogil
cdef void free_codes(Machine* m) noexcept nogil
    # Frees all codes, and the table of them.
