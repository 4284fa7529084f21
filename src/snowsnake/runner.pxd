# cython: language_level=3
"""A machine at work: see runner.pyx."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef class Runner:
    cdef Machine* m
    cdef list released                # slots of handles that Python dropped
    cdef object owner                 # ident of the thread inside, or None
    cdef double timeout_s

    cdef int enter(self) except -1
        # every use of the machine stands between enter and leave
    cdef void leave(self)
    cdef uint32_t keep(self, Word w)
        # a slot in m.handles, which the collector takes for a root; not while the machine runs
    cdef int run(self, uint32_t count) except -1
        # call the function on top of the machine's stack; count 0: force the word on top.  m.result is the value
    cdef int check(self, int outcome) except -1
        # turn a pending error of the machine into the exception
