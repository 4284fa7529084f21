# cython: language_level=3
"""What a checked build (SNOWSNAKE_CHECKED: `make debug`, `make test-sanitized`) looks at before the collector follows a word.

In: a word of a root or an object that moved.  Out: nothing, or the end of the process with the word and where it was found.
In other builds IS_CHECKED is 0, and compilers leave nothing of `if IS_CHECKED`.
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
    # an int, a known immediate, or a pointer to an object of the kind that its tag says
cdef void check_object(Machine* m, const Word* p, int kind, const char* place) noexcept nogil
    # what is named without a tag: the keys of a set, the order of keys
