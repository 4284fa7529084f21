# cython: language_level=3
"""Constants as words: see constants.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport File, Machine
from snowsnake.machine.word cimport Word

cdef bint link_constants(Machine* m, File* file, Word* constants, uint32_t count, const uint8_t** p) noexcept nogil
    # *p* moves behind them.  False, perhaps with an error set, if a constant is impossible or memory is short
