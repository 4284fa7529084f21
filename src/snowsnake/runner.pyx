# cython: language_level=3
"""A machine at work: one thread inside at a time, what may interrupt it, its errors as exceptions.

In: what stands on the machine's stack.  Out: `m.result`, or an exception.  The machine runs without the GIL.  A handle is a root
of the collector; when Python drops it, its slot is queued and freed at the next call, because that may happen in any thread.
"""
from _thread import get_ident        # not `threading`: importing it takes longer than a small evaluation

from libc.stdint cimport uint32_t
from libc.stdlib cimport realloc
from libc.string cimport memset

from snowsnake.cache.pack cimport Cache, cache_flush
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.loop cimport machine_call, machine_force
from snowsnake.machine.state cimport *
from snowsnake.machine.word cimport *

cdef extern from "unistd.h" nogil:
    int getpid()
    int gettid()

cdef extern from "signal.h" nogil:
    ctypedef void (*Handler)(int)
    struct sigaction_type "sigaction":
        Handler sa_handler
        int sa_flags
    int sigaction(int number, const sigaction_type* action, sigaction_type* old)
    int SIGINT

cdef enum:
    ATTENTION_INTERRUPT = 1           # as in machine/collector.pyx
    ATTENTION_TIMEOUT = 2

cdef Machine* _interruptible = NULL   # the machine that runs in the main thread: a signal handler has no other way to it


cdef void _on_interrupt(int number) noexcept nogil:
    cdef Machine* m = _interruptible
    if m != NULL:
        m.attention |= ATTENTION_INTERRUPT
        m.soft_limit = NULL


cdef class Runner:
    """What an evaluator and its handles share: the machine, and the right to be inside it."""

    def __cinit__(self):
        self.m = NULL
        self.released = []
        self.owner = None

    def cancel(self):
        """Stop what the machine is doing, from another thread: it raises an `interrupt` error."""
        self.m.attention |= ATTENTION_INTERRUPT
        self.m.soft_limit = NULL

    def _time_out(self):
        self.m.attention |= ATTENTION_TIMEOUT
        self.m.soft_limit = NULL

    cdef int enter(self) except -1:
        cdef Machine* m = self.m
        me = get_ident()
        if self.owner is not None:
            raise RuntimeError("this evaluator is at work; use one evaluator for each thread")
        self.owner = me
        while self.released:
            index = self.released.pop()
            m.handles[<uint32_t>index] = small_int(m.handle_free)
            m.handle_free = <uint32_t>index + 1
        return 0

    cdef void leave(self):
        if self.m.cache != NULL:
            cache_flush(<Cache*>self.m.cache)
        self.owner = None

    cdef uint32_t keep(self, Word w):
        cdef Machine* m = self.m
        cdef uint32_t index
        if m.handle_free:
            index = m.handle_free - 1
            m.handle_free = <uint32_t>(m.handles[index] >> 3)
        else:
            if m.handle_count == m.handle_capacity:
                m.handle_capacity = m.handle_capacity * 2 if m.handle_capacity else 64
                m.handles = <Word*>realloc(m.handles, m.handle_capacity * sizeof(Word))
            index = m.handle_count
            m.handle_count += 1
        m.handles[index] = w
        return index

    cdef int run(self, uint32_t count) except -1:
        global _interruptible
        cdef Machine* m = self.m
        cdef Machine* outer = _interruptible
        cdef sigaction_type ours
        cdef sigaction_type theirs
        cdef bint is_main = gettid() == getpid()
        cdef int outcome
        timer = None
        if self.timeout_s > 0:
            import threading

            timer = threading.Timer(self.timeout_s, self._time_out)
            timer.daemon = True
            timer.start()
        if is_main:
            memset(&ours, 0, sizeof(ours))
            ours.sa_handler = _on_interrupt
            _interruptible = m
            sigaction(SIGINT, &ours, &theirs)
        with nogil:
            if count == 0:
                m.sp -= 1
                outcome = machine_force(m, m.sp[0])
            else:
                outcome = machine_call(m, count)
        if is_main:
            sigaction(SIGINT, &theirs, NULL)
            _interruptible = outer
        if timer is not None:
            timer.cancel()
        if outcome != DONE and m.error.code == ERROR_INTERRUPT and is_main:
            error_clear(m)
            raise KeyboardInterrupt
        self.check(outcome)
        return 0

    cdef int check(self, int outcome) except -1:
        if outcome == DONE:
            return 0
        try:
            from snowsnake.traces.pending import take_error

            error = take_error(<size_t>self.m)
        except (MemoryError, OSError, SystemError):             # of the import or the sources: too little is left to explain anything
            error_clear(self.m)
            raise MemoryError from None
        raise error
