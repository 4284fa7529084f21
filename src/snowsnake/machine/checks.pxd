# cython: language_level=3
"""What a checked build (SNOWSNAKE_CHECKED: `make debug`, `make test-sanitized`) verifies before the collector follows a word.

In: a word of a root, or of an object that moved.  Out: nothing; a word that is not valid ends the process, which prints the word and its place.
In other builds IS_CHECKED is 0, and the C compiler removes every `if IS_CHECKED`.
"""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef extern from *:
    """
    #ifdef SNOWSNAKE_CHECKED
    #define SNOWSNAKE_IS_CHECKED 1
    #else
    #define SNOWSNAKE_IS_CHECKED 0
    #endif
    """
    bint IS_CHECKED "SNOWSNAKE_IS_CHECKED"

cdef void check_word(Machine* m, Word w, const char* place) noexcept nogil
    # A valid word is an int, a known immediate, or a pointer to an object of the kind that its tag says.
cdef void check_object(Machine* m, const Word* p, int kind, const char* place) noexcept nogil
    # Checks an object that a pointer without a tag leads to: the keys of a set, the order of keys.
