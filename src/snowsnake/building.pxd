# cython: language_level=3
"""Words of plain data of Python: see building.pyx."""
from libc.stdint cimport uint64_t
from snowsnake.machine.word cimport Word
from snowsnake.runner cimport Runner

# This runs no code of the program, so that no word moves meanwhile.
cdef Word build(Runner evaluator, object value) except? 0x57
cdef Word build_small(Runner evaluator, object value) except? 0x57
# Makes room for so many words in the heap, and for the small objects around them.
cdef int reserve(Runner evaluator, uint64_t words) except -1
