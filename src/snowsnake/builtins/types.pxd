# cython: language_level=3
"""Types of values: see types.pyx."""
from snowsnake.machine.word cimport Word

cdef const char* type_word(Word w) noexcept nogil
    # of a forced value, as typeOf says it
