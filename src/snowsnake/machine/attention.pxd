# cython: language_level=3
"""Requests that a running machine stop: a signal, the time limit, or memory that ran out in the middle of an operation.

In: a request, from any thread or a signal handler.  Out: an error, which the machine raises where it next checks for requests: at a
safepoint, and in every loop of an operation or builtin that may run for long without one (`if must_stop(m): return stop(m)`).
"""
from snowsnake.foundation.limits cimport is_stop_asked
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

# the bits of Machine.attention
cdef enum Attention:
    ATTENTION_INTERRUPT = 1
    ATTENTION_TIMEOUT = 2
    # no code may ignore this one: see Machine.is_exhausted
    ATTENTION_MEMORY = 4
    # These two do not ask for a stop, but for a look at signals (runner.pyx): the run may turn out to be a long one; a signal has come.
    ATTENTION_NEW = 8
    ATTENTION_SIGNAL = 16

cdef void request_attention(Machine* m, int why) noexcept nogil
    # Any thread and any signal handler may call this.
cdef void drop_attention(Machine* m, int why) noexcept nogil
cdef void set_soft_limit(Machine* m, Word* limit) noexcept nogil
    # Nobody else writes a soft_limit other than NULL, because a request that comes meanwhile must not be overwritten.
cdef int stop(Machine* m) noexcept nogil
    # Raises the error of the request and returns RAISE.
cdef void exhaust(Machine* m) noexcept nogil
    # Memory ran out in the middle of an operation that cannot be undone.  Nobody ever sees what the operation makes of it, because the machine
    # raises the memory error where it next checks, or when it has finished, and again at each later use.
cdef void error_disregard(Machine* m) noexcept nogil
    # Clears an error whose operation has the same answer without it.  An error for lack of memory leaves no answer: the machine becomes
    # exhausted.  A request to stop is kept.
cdef void ignore_attention(Machine* m) noexcept nogil
    # Forgets the requests that arrived while nothing was running.

cdef inline bint must_stop(Machine* m) noexcept nogil:
    return m.attention != 0 and is_stop_asked(&m.attention)
