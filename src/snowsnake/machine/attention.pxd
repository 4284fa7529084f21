# cython: language_level=3
"""What asks a running machine to stop: an interrupt, the time limit, memory that an operation could not do without half-way.

In: a request, from any thread or a signal handler.  Out: an error, raised where the machine next looks.  It looks at safepoints, and
in every loop of an operation or builtin that may run for long without one: `if must_stop(m): return stop(m)`.
"""
from snowsnake.machine.state cimport Machine

cdef enum Attention:                  # bits of Machine.attention
    ATTENTION_INTERRUPT = 1
    ATTENTION_TIMEOUT = 2
    ATTENTION_MEMORY = 4              # is never ignored: Machine.is_exhausted

cdef void request_attention(Machine* m, int why) noexcept nogil
    # may be called from any thread, and from a signal handler
cdef int stop(Machine* m) noexcept nogil
    # raises the error of the request; RAISE
cdef void exhaust(Machine* m) noexcept nogil
    # memory was short for what an operation cannot do without half-way: what it makes of it is never seen, because the machine raises the
    # memory error where it next looks, or when it is done, and at each later use
cdef void error_disregard(Machine* m) noexcept nogil
    # error_clear where the answer is the same with the error; without memory there is no answer, and the machine is exhausted, and a request
    # to stop is kept
cdef void ignore_attention(Machine* m) noexcept nogil
    # forgets requests that came when nothing ran

cdef inline bint must_stop(Machine* m) noexcept nogil:
    return m.attention != 0
