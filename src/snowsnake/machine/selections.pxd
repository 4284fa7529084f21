# cython: language_level=3
"""What the selections that an activation is evaluating have found so far: see selections.pyx."""
from libc.stdint cimport uint32_t, uint8_t

from snowsnake.machine.state cimport Code, Machine, TraceEntry
from snowsnake.machine.word cimport Word

cdef uint32_t place_of_selected(Machine* m, Code* code, Word function, const uint8_t* at, Word* fp, Word* top) noexcept nogil
cdef uint32_t note_selections(Machine* m, TraceEntry* entry, Word function, const uint8_t* pc, Word* fp, Word* top) noexcept nogil
