# cython: language_level=3
"""The builtins as C data: filled while the modules are imported, never changed afterwards, copied into each machine."""
from snowsnake.machine.state cimport Builtin, BuiltinFunction, TraceFunction

cdef Builtin* builtin_table() noexcept nogil
cdef unsigned int builtin_table_count() noexcept nogil

cdef object define(str name, BuiltinFunction function)
    # At import time: binds a C function to its entry in builtins/table.py (arguments, forces, class, documentation).
    # A name that has no entry, or is bound twice, raises.
cdef object define_trace(str name, TraceFunction trace)
    # At import time: lines of a bound builtin's own in traces.
