# cython: language_level=3
"""The builtins as C data.  The table is filled while modules are imported, never changes afterwards, and is copied into each machine."""
from snowsnake.machine.state cimport Builtin, BuiltinFunction, TraceFunction

cdef Builtin* builtin_table() noexcept nogil
cdef unsigned int builtin_table_count() noexcept nogil

cdef object define(str name, BuiltinFunction function)
    # At import time: binds a C function to its row in builtins/table.py (arguments, forces, documentation).
    # A name that has no row, or is bound twice, raises an exception.
cdef object define_trace(str name, TraceFunction trace)
    # At import time: binds the function that writes a builtin's own lines into traces.
