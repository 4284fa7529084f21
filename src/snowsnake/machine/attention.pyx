# cython: language_level=3
"""Requests to stop, and the errors they become (attention.pxd)."""
from snowsnake.machine.errors cimport format_text, raise_text
from snowsnake.machine.state cimport ERROR_INTERRUPT, ERROR_TIMEOUT, Machine

cdef extern from *:
    int __sync_fetch_and_or(volatile int* place, int bits) noexcept nogil


cdef void request_attention(Machine* m, int why) noexcept nogil:
    # The order matters: set_limits writes soft_limit, then looks at attention.  One of the two sees the other.
    __sync_fetch_and_or(&m.attention, why)
    m.soft_limit = NULL


cdef int stop(Machine* m) noexcept nogil:
    cdef bint is_interrupt = m.attention & ATTENTION_INTERRUPT
    ignore_attention(m)
    if is_interrupt:
        return raise_text(m, ERROR_INTERRUPT, format_text("interrupted by the user"))
    return raise_text(m, ERROR_TIMEOUT, format_text("the evaluation took longer than its time limit"))


cdef void ignore_attention(Machine* m) noexcept nogil:
    m.attention = 0
    m.soft_limit = NULL               # the next safepoint sets it anew
