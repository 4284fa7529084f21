# cython: language_level=3
"""Constants of an image as words: see constants.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport File, Machine
from snowsnake.machine.word cimport Word

cdef bint link_constants(Machine* m, File* file, Word* constants, uint32_t count, const uint8_t** p) noexcept nogil
    # Moves *p* behind the constants.  Returns False, perhaps with an error set, if a constant is not valid or memory is short.
