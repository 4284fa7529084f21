# cython: language_level=3
"""Values as JSON."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine, TraceEntry
from snowsnake.machine.word cimport Word

cdef int to_json(Machine* m, Word* fp) noexcept nogil
    # A framed builtin of one argument, which is not forced before: builtins.toJSON.
cdef int to_plain_json(Machine* m, Word* fp) noexcept nogil
    # The same, but paths are not copied to the store.
cdef int to_shallow_json(Machine* m, Word* fp) noexcept nogil
    # The same as toJSON, but nothing is evaluated for it: what is not is an error.
cdef uint32_t trace_json(Machine* m, Word* fp, Word* top, TraceEntry* entries) noexcept nogil
    # For traces: writes the attributes and list elements that either of them is inside of.
