# cython: language_level=3
"""The error for calls or data that are nested too deeply; the rest of frames.pxd is inline."""
from snowsnake.diagnostics.message_table cimport MESSAGE_STACK_OVERFLOW
from snowsnake.machine.errors cimport raise_message, worded


cdef int raise_depth(Machine* m) noexcept nogil:
    return raise_message(m, worded(MESSAGE_STACK_OVERFLOW))
