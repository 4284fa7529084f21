# cython: language_level=3
"""Words of plain data of Python: see building.pyx."""
from snowsnake.machine.word cimport Word
from snowsnake.runner cimport Runner

cdef Word build(Runner evaluator, object value) except? 0x57
    # runs no code of the program, so that no word moves meanwhile
cdef Word build_small(Runner evaluator, object value) except? 0x57
