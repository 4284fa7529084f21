# cython: language_level=3
"""Values as text: what interpolation, `+`, toString and paths make of them; internal builtins (machine/internals.pxd)."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word


cdef int path_to_store_string(Machine* m, Word path, Word* result) noexcept nogil
cdef Word canonical_string(Machine* m, Word s) noexcept nogil
    # an absolute path's text without empty, `.` and `..` components, context kept

# the builtins themselves, bound in builtins/internal.pyx
cdef int coerce(Machine* m, Word* fp) noexcept nogil
cdef int coerce_store(Machine* m, Word* fp) noexcept nogil
cdef int to_string(Machine* m, Word* fp) noexcept nogil
cdef int derivation_string(Machine* m, Word* fp) noexcept nogil
cdef int coerce_path(Machine* m, Word* fp) noexcept nogil
cdef int add_coerce(Machine* m, Word* fp) noexcept nogil
cdef int concatenate(Machine* m, Word* fp) noexcept nogil
cdef int concatenate_path(Machine* m, Word* fp) noexcept nogil
