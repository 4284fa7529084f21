# cython: language_level=3
"""Values as JSON."""
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int to_json(Machine* m, Word* fp) noexcept nogil
    # a framed builtin of one argument, not forced before: builtins.toJSON
