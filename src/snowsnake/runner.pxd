# cython: language_level=3
"""A machine at work: see runner.pyx."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef extern from "signal.h" nogil:
    ctypedef void (*Handler)(int)
    struct sigaction_type "sigaction":
        Handler sa_handler
        int sa_flags

cdef class Runner:
    cdef Machine* m
    cdef list released                # slots of handles that Python dropped
    cdef object owner                 # ident of the thread inside, or None
    cdef public object gate           # of a call that nobody waits for any more (waiting.py): called with the ident of who enters; or None
    cdef double timeout_s
    cdef object timer                 # of the run under way, or None
    cdef uint32_t run_count
    cdef bint is_running
    cdef bint is_cancelled            # by `cancel`, not by Ctrl-C
    cdef double deadline              # of time.monotonic(), or 0
    cdef bint is_main                 # the last run was in the main thread, where Ctrl-C arrives
    cdef const int* watched           # by this thread before the run under way, and the limit of its blocks (foundation/limits.pxd)
    cdef size_t block_limit
    cdef Machine* outer               # what a signal handler stopped before this run
    cdef sigaction_type their_handler
    cdef int callbacks                # functions of Python that the machine is in
    cdef int nesting                  # uses of the machine by them that are not left yet
    cdef object fault                 # the exception that the last of them raised
    cdef uint64_t fault_number
    cdef object functions             # callbacks.Functions, or None
    cdef uint32_t asked_code          # of the thunk that the run under way was asked for (index + 1), or 0
    cdef bint is_brief                # errors become exceptions without trace and suggestions

    cdef Machine* machine(self) except NULL
        # the machine, for looks at what it has; an error if there is none (an object that was made without __init__)
    cdef int enter(self) except -1
        # every use of the machine stands between enter and leave
    cdef int free_released(self) except -1
        # slots of handles that Python dropped are free again
    cdef void leave(self)
    cdef uint32_t keep(self, Word w) except? 0xFFFFFFFF
        # a slot in m.handles, which the collector takes for a root; not while the machine runs
    cdef int run(self, uint32_t count) except -1
        # call the function on top of the machine's stack; count 0: force the word on top.  m.result is the value
    cdef uint32_t ask(self, Word w) noexcept
        # before *w* is forced: note that it was asked for from outside; what was noted before comes back
    cdef int start_run(self) except -1
        # for other work of the machine than `run`: until finish_run(outcome), it may be interrupted
    cdef int finish_run(self, int outcome) except -1
    cdef double left_s(self) except? -1
        # until the time limit or the deadline
    cdef void take_interrupts(self)
    cdef int begin_callback(self) except -1
        # from here to end_callback, Python runs inside the machine: this thread may use it again
    cdef int end_callback(self) except -1
    cdef int look(self) except -1
    cdef int check(self, int outcome) except -1
        # turn a pending error of the machine into the exception
