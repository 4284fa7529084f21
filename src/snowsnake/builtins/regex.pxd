# cython: language_level=3
"""The compiled regular expressions that a machine keeps."""
from snowsnake.machine.state cimport Machine

cdef void regex_release(Machine* m) noexcept nogil
    # Frees what m.regex_cache holds; it is called when the machine is freed.
