# cython: language_level=3
"""Whether there is a request to stop a machine, for work outside the machine: fetching and building ask now and then.

In: a machine.  Out: a Python callable that returns true once there is a request to stop.
"""
from snowsnake.foundation.limits cimport STOPS
from snowsnake.machine.state cimport Machine

# Only code that has this object can make objects with a machine.
cdef object _KEY = object()


cdef class _Attention:
    cdef Machine* m

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("only the evaluator makes it")

    def __call__(self):
        # Any thread may call this.  The main thread runs Python, which handles signals itself.
        return (self.m.attention & STOPS) != 0


cdef object attention_of(Machine* m):
    cdef _Attention attention = _Attention(_KEY)
    attention.m = m
    return attention
