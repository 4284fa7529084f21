# cython: language_level=3
"""Requests to stop, and the errors that they become (attention.pxd)."""
from snowsnake.diagnostics.message_table cimport MESSAGE_INTERRUPTED, MESSAGE_OUT_OF_TIME
from snowsnake.machine.errors cimport error_clear, raise_message, raise_text, worded
from snowsnake.machine.state cimport ERROR_INTERRUPT, ERROR_MEMORY, ERROR_TIMEOUT, Machine

cdef extern from *:
    int __sync_fetch_and_or(volatile int* place, int bits) noexcept nogil
    int __sync_fetch_and_and(volatile int* place, int bits) noexcept nogil
    void __sync_synchronize() noexcept nogil


cdef void request_attention(Machine* m, int why) noexcept nogil:
    # set_soft_limit writes soft_limit first and then reads attention; this function has the reverse order.  So one of the two sees what the
    # other wrote.
    __sync_fetch_and_or(&m.attention, why)
    m.soft_limit = NULL


cdef void drop_attention(Machine* m, int why) noexcept nogil:
    __sync_fetch_and_and(&m.attention, ~why)


cdef void set_soft_limit(Machine* m, Word* limit) noexcept nogil:
    m.soft_limit = limit
    __sync_synchronize()
    if m.attention:
        m.soft_limit = NULL


cdef int stop(Machine* m) noexcept nogil:
    cdef bint is_interrupt = m.attention & ATTENTION_INTERRUPT
    ignore_attention(m)
    if m.is_exhausted:
        return raise_text(m, ERROR_MEMORY, NULL)
    if is_interrupt:
        return raise_message(m, worded(MESSAGE_INTERRUPTED))
    return raise_message(m, worded(MESSAGE_OUT_OF_TIME))


cdef void exhaust(Machine* m) noexcept nogil:
    m.is_exhausted = True
    request_attention(m, ATTENTION_MEMORY)


cdef void error_disregard(Machine* m) noexcept nogil:
    cdef int code = m.error.code
    if code == ERROR_MEMORY:
        exhaust(m)
    error_clear(m)
    # The request stays, so the machine stops where it next checks.
    if code == ERROR_INTERRUPT or code == ERROR_TIMEOUT:
        request_attention(m, ATTENTION_INTERRUPT if code == ERROR_INTERRUPT else ATTENTION_TIMEOUT)


cdef void ignore_attention(Machine* m) noexcept nogil:
    m.attention = ATTENTION_MEMORY if m.is_exhausted else 0
    # The next safepoint sets it again.
    m.soft_limit = NULL
