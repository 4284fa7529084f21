# cython: language_level=3
"""A machine at work: see runner.pyx."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef class Runner:
    cdef Machine* m
    # slots of handles that Python dropped
    cdef list released
    # ident of the thread that uses the machine, or None
    cdef object owner
    # called with the ident of each thread that enters, while a call that nobody waits for any more is still running (waiting.py); or None
    cdef public object gate
    cdef double timeout_s
    # the timer of the run under way, or None
    cdef object timer
    cdef uint32_t run_count
    cdef bint is_running
    # the deadline by time.monotonic(), or 0
    cdef double deadline
    # the last run was in the main thread, where Python handles signals
    cdef bint is_main
    # What this thread watched before the run under way, and the limit of its blocks (foundation/limits.pxd).
    cdef const int* watched
    cdef size_t block_limit
    # the machine that is in the middle of a run of this thread, of which the run under way is a part, or NULL
    cdef Machine* outer
    # the number of Python functions that the machine is running, each inside the one before
    cdef int callbacks
    # how many of them are using the machine at this moment
    cdef int nesting
    # the exception that the last of them raised
    cdef object fault
    cdef uint64_t fault_number
    # callbacks.Functions, or None
    cdef object functions
    # the index + 1 of the code of the thunk that the run under way evaluates, or 0
    cdef uint32_t asked_code
    # errors become exceptions without trace and suggestions
    cdef bint is_brief
    # texts of errors do not depend on what this evaluator met before
    cdef bint ignores_past

    # Returns the machine; raises an error if there is none (of an object that was made without __init__).
    cdef Machine* machine(self) except NULL
    # Every use of the machine is between `enter` and `leave`.
    cdef int enter(self) except -1
    cdef void leave(self)
    # Frees the slots of handles that Python dropped.
    cdef int free_released(self) except -1
    # Returns a slot in m.handles, which the collector takes for a root.  It must not be called while the machine runs.
    cdef uint32_t keep(self, Word w) except? 0xFFFFFFFF
    # Calls the function on top of the machine's stack; count 0: forces the word on top.  The value is m.result.
    cdef int run(self, uint32_t count) except -1
    # Notes that *w* is to be forced for a caller in Python; returns the note that was there before.
    cdef uint32_t ask(self, Word w) noexcept
    # For other work of the machine than `run`: from here to `finish_run(outcome)`, it may be interrupted.
    cdef int start_run(self) except -1
    cdef int finish_run(self, int outcome) except -1
    # The seconds until the time limit or the deadline.
    cdef double left_s(self) except? -1
    # From here to `end_callback`, Python runs inside the machine: this thread may use it again.
    cdef int begin_callback(self) except -1
    cdef int end_callback(self) except -1
    # Raises the error of a request to stop.
    cdef int look(self) except -1
    # Raises the error of the machine as an exception, unless *outcome* is DONE.
    cdef int check(self, int outcome) except -1
