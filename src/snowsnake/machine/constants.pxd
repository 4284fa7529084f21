# cython: language_level=3
"""Constants as words: see constants.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport File, Machine
from snowsnake.machine.word cimport Word

cdef Word* link_constants(Machine* m, File* file, uint32_t count, const uint8_t** p) noexcept nogil
    # malloc'ed; *p* moves behind them.  NULL if memory is short or, with an error set, if a constant is impossible
