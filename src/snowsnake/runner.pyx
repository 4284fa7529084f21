# cython: language_level=3
"""A machine at work: one thread inside at a time, what may interrupt it, its errors as exceptions.

In: the words on top of the machine's stack.  Out: `m.result`, or an exception.  The machine runs without the GIL.  A handle is a root
of the collector.  Python may drop it in any thread, so its slot is only queued then, and freed at the next call.
"""
# We do not import `threading`, because that takes longer than a small evaluation.
from _thread import get_ident
from time import monotonic

from libc.stdint cimport uint32_t

from snowsnake.cache.state cimport Cache
from snowsnake.cache.writing cimport cache_flush
from snowsnake.foundation.arrays cimport has_room
from snowsnake.foundation.handlers cimport take_over_by
from snowsnake.foundation.limits cimport limit_blocks, look_by, watch_attention
from snowsnake.machine.attention cimport (
    ATTENTION_INTERRUPT, ATTENTION_NEW, ATTENTION_SIGNAL, ATTENTION_TIMEOUT, drop_attention, ignore_attention, must_stop, request_attention, stop,
)
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.loop cimport machine_call, machine_force
from snowsnake.machine.room cimport left_bytes
from snowsnake.machine.state cimport DONE
from snowsnake.machine.word cimport Word, header_code, is_thunk, pointer_of, small_int

cdef extern from "unistd.h" nogil:
    int getpid()
    int gettid()

cdef extern from "signal.h" nogil:
    ctypedef void (*Handler)(int)
    struct sigaction_type "sigaction":
        Handler sa_handler
        int sa_flags
    int sigaction(int number, const sigaction_type* action, sigaction_type* old)
    Handler SIG_DFL
    Handler SIG_IGN
    int SA_SIGINFO, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    # At most this many callbacks may be inside each other, because each takes some of the C stack.
    MOST_CALLBACKS = 200
    # A run that looks for requests to stop so often is a long one.  Handlers are put in place then, because a short run takes less time than that.
    LOOKS_OF_SHORT_RUN = 100
    SIGNALS = 9
    # Every number of a signal is below this one.
    PAST_LAST_SIGNAL = 65

# ---- signals ----------------------------------------------------------------------------------------------------
#
# Python runs the handler of a signal in the main thread, between two operations of Python's own.  A machine that runs there takes as long as it likes.
# So our handler calls Python's, which takes note of the signal, and asks the machine for a look; where the machine looks for requests to stop, Python
# runs its handlers.  If one of them raises an exception (for Ctrl-C, Python's own does), it ends the run; otherwise, the run goes on.

# The machine that runs in the main thread: a signal handler has no other way to find it.
cdef Machine* _interruptible = NULL
cdef int[SIGNALS] _NUMBERS = [SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGQUIT]
# Both are indexed by the number of a signal.
cdef sigaction_type[PAST_LAST_SIGNAL] _theirs
cdef bint[PAST_LAST_SIGNAL] _is_ours
cdef bint _has_handlers = False
cdef int _looks_left = 0
# The exception that a handler raised, until a run ends with it.
cdef object _raised = None


cdef void _on_signal(int number) noexcept nogil:
    cdef Machine* m = _interruptible
    _theirs[number].sa_handler(number)
    if m != NULL:
        request_attention(m, ATTENTION_SIGNAL)


cdef void _take_signals() noexcept nogil:
    """Puts our handler in front of those that there are.  What is ignored, or ends the process, stays so."""
    global _has_handlers
    cdef sigaction_type ours
    cdef int number
    _has_handlers = True
    for number in _NUMBERS[:SIGNALS]:
        sigaction(number, NULL, &_theirs[number])
        ours = _theirs[number]
        _is_ours[number] = ours.sa_handler != SIG_DFL and ours.sa_handler != SIG_IGN and not ours.sa_flags & SA_SIGINFO
        if _is_ours[number]:
            ours.sa_handler = _on_signal
            sigaction(number, &ours, NULL)


cdef void _give_signals_back() noexcept nogil:
    global _has_handlers
    cdef sigaction_type found
    cdef int number
    _has_handlers = False
    for number in _NUMBERS[:SIGNALS]:
        if _is_ours[number]:
            sigaction(number, &_theirs[number], &found)
            if found.sa_handler != _on_signal:
                # A function of Python, called by the program, has set another one.
                sigaction(number, &found, NULL)


cdef void _look() noexcept nogil:
    """What the machine of the main thread does when it finds that its attention has a bit outside of STOPS."""
    global _looks_left
    cdef Machine* m = _interruptible
    if m == NULL:
        return
    if m.attention & ATTENTION_NEW:
        _looks_left -= 1
        if _looks_left > 0 and not m.attention & ATTENTION_SIGNAL:
            return
        drop_attention(m, ATTENTION_NEW)
        if not _has_handlers:
            _take_signals()
    elif not m.attention & ATTENTION_SIGNAL:
        return
    drop_attention(m, ATTENTION_SIGNAL)
    with gil:
        _run_handlers(m)


cdef void _run_handlers(Machine* m) noexcept:
    global _raised
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        _raised = error
        request_attention(m, ATTENTION_INTERRUPT)


look_by(_look)


cdef int _take_over(error) noexcept:
    """See foundation/handlers.pxd."""
    global _raised
    if _interruptible == NULL or gettid() != getpid():
        return False
    try:
        _raised = _raised_by_handler(error)
    except BaseException as another:
        _raised = another
    if _raised is None:
        return False
    request_attention(_interruptible, ATTENTION_INTERRUPT)
    return True


take_over_by(_take_over)


def _raised_by_handler(error):
    """The exception, or the first of those that led to it, that comes from a handler of a signal; otherwise None."""
    from _signal import default_int_handler, getsignal

    # A handler need not have a hash, and causes may be a circle.
    handlers = [getsignal(number) for number in range(1, PAST_LAST_SIGNAL)]
    has_default = any(handler is default_int_handler for handler in handlers)
    codes = {code for handler in handlers if (code := _code_of(handler)) is not None}
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if has_default and isinstance(error, KeyboardInterrupt):
            return error
        step = error.__traceback__
        while step is not None:
            if step.tb_frame.f_code in codes:
                return error
            step = step.tb_next
        error = error.__cause__ or error.__context__
    return None


def _code_of(handler):
    """The code of a function, of a method, of what `functools.partial` makes, or of an object that can be called."""
    function = getattr(handler, "func", handler)
    function = getattr(function, "__func__", function)
    return getattr(function, "__code__", None) or getattr(getattr(type(function), "__call__", None), "__code__", None)


cdef class Runner:
    """What an evaluator and its handles share: the machine, and the right to be inside it."""

    def __cinit__(self):
        self.m = NULL
        self.released = []
        self.owner = None
        self.gate = None
        self.timer = None
        self.run_count = 0
        self.is_running = False
        self.callbacks = 0
        self.nesting = 0
        self.fault = None
        self.fault_number = 0
        self.functions = None
        self.is_brief = False
        self.ignores_past = False

    @property
    def explains_errors(self):
        """Whether exceptions have traces and suggestions, which cost more than most evaluations: sources are parsed again for them.

        A caller that passes over failures switches this off.  To show one of them after all, it switches this on and forces the value again,
        which fails in the same way.
        """
        return not self.is_brief

    @explains_errors.setter
    def explains_errors(self, bint value):
        self.is_brief = not value

    @property
    def errors_ignore_past(self):
        """Whether the text of an error is the same whatever this evaluator met before: for jobs, of which several processes evaluate a part each.

        Otherwise, C++ Nix's rules hold: of several arguments, which no source of the error has all, the one is named that was met first, and frames
        below a folder of the search path are folded once somebody has looked there.
        """
        return self.ignores_past

    @errors_ignore_past.setter
    def errors_ignore_past(self, bint value):
        self.ignores_past = value

    def cancel(self):
        """Stops what the machine is doing in another thread, where an `interrupt` error is raised.  Nothing happens if the machine is at rest."""
        if self.is_running:
            request_attention(self.m, ATTENTION_INTERRUPT)

    def set_deadline(self, double at):
        """Lets every run end with the error `timeout` once `time.monotonic()` is *at*; 0 means no deadline."""
        self.deadline = at

    def _time_out(self, run_number):
        # A timer that was cancelled too late must not stop the next run.
        if self.is_running and run_number == self.run_count:
            request_attention(self.m, ATTENTION_TIMEOUT)

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} can be neither copied nor pickled")

    cdef Machine* machine(self) except NULL:
        if self.m == NULL:
            raise ValueError(f"this {type(self).__name__} has no machine: it was made without __init__")
        return self.m

    cdef int enter(self) except -1:
        cdef Machine* m = self.machine()
        me = get_ident()
        if self.gate is not None:
            self.gate(me)
        if self.owner is not None:
            if self.owner != me:
                raise RuntimeError("this evaluator is at work in another thread; use one evaluator for each thread")
            if self.nesting >= self.callbacks:
                raise RuntimeError("this evaluator is in the middle of making an object: what is called meanwhile cannot use it")
            self.nesting += 1
            return 0
        if m.is_exhausted:
            raise MemoryError("this evaluator ran out of memory")
        self.owner = me
        self.free_released()
        return 0

    cdef int free_released(self) except -1:
        cdef Machine* m = self.m
        while self.released:
            index = self.released.pop()
            m.handles[<uint32_t>index] = small_int(m.handle_free)
            m.handle_free = <uint32_t>index + 1
        return 0

    cdef void leave(self):
        if self.nesting:
            self.nesting -= 1
            return
        if self.m != NULL and self.m.cache != NULL and not (<Cache*>self.m.cache).is_patient:
            cache_flush(<Cache*>self.m.cache)
        self.owner = None

    cdef uint32_t keep(self, Word w) except? 0xFFFFFFFF:
        cdef Machine* m = self.m
        cdef uint32_t index
        if m.is_exhausted:
            raise MemoryError("this evaluator ran out of memory")
        if m.handle_free:
            index = m.handle_free - 1
            m.handle_free = <uint32_t>(m.handles[index] >> 3)
        else:
            if not has_room(&m.handles, m.handle_count, &m.handle_capacity, 64):
                raise MemoryError
            index = m.handle_count
            m.handle_count += 1
        m.handles[index] = w
        return index

    cdef int run(self, uint32_t count) except -1:
        """Forces the word on top of the stack (*count* 0), or calls it with the *count* arguments below it.  The value is `m.result`."""
        cdef Machine* m = self.m
        cdef int outcome
        cdef uint32_t asked_before = self.ask(m.sp[-1] if count == 0 else m.sp[-2])
        try:
            self.start_run()
            with nogil:
                if count == 0:
                    m.sp -= 1
                    outcome = machine_force(m, m.sp[0])
                else:
                    outcome = machine_call(m, count)
            return self.finish_run(outcome)
        finally:
            self.asked_code = asked_before

    cdef uint32_t ask(self, Word w) noexcept:
        cdef uint32_t before = self.asked_code
        self.asked_code = header_code(pointer_of(w)[0]) + 1 if is_thunk(w) else 0
        return before

    cdef int start_run(self) except -1:
        """Begins a time in which signals and the time limit stop all work that asks `must_stop` (machine/attention.pxd); `finish_run` ends it."""
        global _interruptible, _looks_left
        if self.nesting:
            # We time and interrupt only the outermost run.
            return 0
        ignore_attention(self.m)
        self.run_count += 1
        # We set this before the timer starts, because the timer may end at once.
        self.is_running = True
        if self.timeout_s > 0 or self.deadline > 0:
            try:
                import threading

                self.timer = threading.Timer(self.left_s(), self._time_out, (self.run_count,))
                self.timer.daemon = True
                self.timer.start()
            except BaseException:
                self.is_running = False
                raise
        self.watched = watch_attention(<const int*>&self.m.attention)
        self.block_limit = limit_blocks(left_bytes(self.m))
        self.is_main = gettid() == getpid()
        if self.is_main:
            self.outer = _interruptible
            _interruptible = self.m
            if not _has_handlers:
                _looks_left = LOOKS_OF_SHORT_RUN
                request_attention(self.m, ATTENTION_NEW)
        return 0

    cdef int begin_callback(self) except -1:
        if self.callbacks >= MOST_CALLBACKS:
            raise RecursionError(f"functions of Python called by Nix called by Python, {MOST_CALLBACKS} deep")
        self.callbacks += 1
        return 0

    cdef int end_callback(self) except -1:
        self.callbacks -= 1
        return 0

    cdef double left_s(self) except? -1:
        cdef double left = self.limits()[0]
        if left <= 0.0:
            request_attention(self.m, ATTENTION_TIMEOUT)
        return max(0.0, left)

    def limits(self):
        """(seconds of wall time that a run may take now, bytes of memory for values)."""
        cdef Machine* m = self.machine()
        left = self.timeout_s if self.timeout_s > 0 else float("inf")
        if self.deadline > 0:
            left = min(left, self.deadline - monotonic())
        return left, m.memory_limit_words * sizeof(Word)

    cdef int finish_run(self, int outcome) except -1:
        """Ends what `start_run` began, and raises the exception of an error that the machine has."""
        global _interruptible
        if self.nesting:
            return self.check(outcome)
        if self.is_main:
            # The next run may be in another thread.
            drop_attention(self.m, ATTENTION_NEW | ATTENTION_SIGNAL)
            _interruptible = self.outer
            if _has_handlers and self.outer == NULL:
                _give_signals_back()
        self.is_running = False
        watch_attention(self.watched)
        limit_blocks(self.block_limit)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        return self.check(outcome)

    cdef int look(self) except -1:
        """Raises the error of a request to stop; loops in Python between `start_run` and `finish_run` call it."""
        return self.check(stop(self.m)) if must_stop(self.m) else 0

    cdef int check(self, int outcome) except -1:
        global _raised
        if _raised is not None and self.is_main:
            # Whatever the machine made of it.
            error_clear(self.m)
            ignore_attention(self.m)
            error, _raised = _raised, None
            raise error
        if outcome == DONE:
            if self.m.is_exhausted:
                raise MemoryError("this evaluator ran out of memory")
            return 0
        if self.m.error.exception != 0 and self.m.error.exception == self.fault_number:
            error_clear(self.m)
            fault = self.fault
            self.fault = None
            raise fault
        # The request or the limit that stopped the machine must not stop the explanation of its error.
        cdef const int* watched = watch_attention(NULL)
        cdef size_t block_limit = limit_blocks(0)
        try:
            from snowsnake.traces.pending import take_error

            error = take_error(<size_t>self.m, self.asked_code, self.is_brief, self.ignores_past)
        except (MemoryError, OSError, SystemError):
            # Too little memory is left to import the module or to read the sources.
            error_clear(self.m)
            raise MemoryError from None
        finally:
            watch_attention(watched)
            limit_blocks(block_limit)
        raise error
