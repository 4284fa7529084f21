# cython: language_level=3
"""The types of values: see types.pyx."""
from snowsnake.machine.word cimport Word

cdef const char* type_word(Word w) noexcept nogil
    # Returns the type of a forced value, in the words of typeOf.
