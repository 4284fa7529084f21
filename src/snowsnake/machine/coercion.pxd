# cython: language_level=3
"""How values become text in interpolation, `+`, toString and paths: internal builtins (machine/internals.pxd)."""
from libc.stdint cimport uint8_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word


cdef int path_to_store_string(Machine* m, Word path, Word* result) noexcept nogil
cdef Word canonical_string(Machine* m, Word s) noexcept nogil
    # Returns the text of an absolute path without empty, `.` and `..` components; its context is kept.
cdef uint8_t lists_around(Word* fp, Word* top) noexcept nogil
    # For a trace: how many lists the element is in that `to_string` or `derivation_string` was at, if its value is a list.

# The builtins themselves; builtins/internal.pyx binds them.
cdef int coerce(Machine* m, Word* fp) noexcept nogil
cdef int coerce_store(Machine* m, Word* fp) noexcept nogil
cdef int to_string(Machine* m, Word* fp) noexcept nogil
cdef int derivation_string(Machine* m, Word* fp) noexcept nogil
cdef int coerce_path(Machine* m, Word* fp) noexcept nogil
cdef int add_coerce(Machine* m, Word* fp) noexcept nogil
cdef int concatenate(Machine* m, Word* fp) noexcept nogil
cdef int concatenate_path(Machine* m, Word* fp) noexcept nogil
