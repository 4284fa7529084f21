# cython: language_level=3
"""Whether a machine is to stop, for work outside of it: what is fetched or built asks now and then.

In: a machine.  Out: a callable for Python, true once somebody wants the evaluation to end.
"""
from snowsnake.machine.state cimport Machine

cdef object _KEY = object()           # whoever has it makes objects with a machine


cdef class _Attention:
    cdef Machine* m

    def __cinit__(self, key=None):
        if key is not _KEY:
            raise TypeError("the evaluator makes it")

    def __call__(self):
        return self.m.attention != 0


cdef object attention_of(Machine* m):
    cdef _Attention attention = _Attention(_KEY)
    attention.m = m
    return attention
