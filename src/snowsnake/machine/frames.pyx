# cython: language_level=3
"""The error of what is nested too deeply; the rest of frames.pxd is inline."""
from snowsnake.machine.errors cimport format_text, raise_text
from snowsnake.machine.state cimport ERROR_DEPTH


cdef int raise_depth(Machine* m) noexcept nogil:
    return raise_text(m, ERROR_DEPTH, format_text("stack overflow; max-call-depth exceeded"))
