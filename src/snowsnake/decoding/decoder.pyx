# cython: language_level=3
"""The decoder: a machine, and the plan that it carries out on the machine's words.

In: plans, a handle.  Out: Python objects.  The value that a plan decodes is on top of the machine's stack, where the
collector finds it; a plan forces it there and leaves the stack as high as it was.
"""
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t

from snowsnake.handle cimport Handle, check_belongs, shown_word
from snowsnake.machine.attrs cimport attrs_position
from snowsnake.machine.heap cimport push
from snowsnake.machine.loop cimport machine_call, machine_force
from snowsnake.machine.state cimport DONE, Machine
from snowsnake.machine.symbols cimport symbol_intern, symbol_string
from snowsnake.machine.word cimport (
    WORD_NULL, Word, attrs_find, is_attrs, is_bool, is_float, is_int, is_list, is_path, is_string, is_thunk,
    string_data, string_size, val,
)
from snowsnake.runner cimport Runner

from snowsnake.decoding.error import DecodeError
from snowsnake.diagnostics.error import EvaluationError

cdef extern from "Python.h":
    int PyGC_Disable()
    int PyGC_Enable()

cdef enum:
    # Before we force a value, this many words of the machine's stack must be free.
    MARGIN_WORDS = 4096
    # We decode at most this many levels of lists and sets.  Each level is a call of a C function; the C stack has room for more.
    MOST_LEVELS = 1000

# This object means "no member" and "no tag", where None could be one.
ANY = object()
# A selector that found nothing has this result.
ABSENT = object()


cdef str text_of(Word s):
    return PyUnicode_DecodeUTF8(<char*>string_data(s), string_size(s), "surrogateescape")


cdef class Decoder:
    """The state that the plans of one type share: the machine, and the function `wrap` that makes lazy values."""

    def __cinit__(self, Runner evaluator not None):
        self.evaluator = evaluator
        self.m = evaluator.machine()
        self.names = {}
        self.path = []

    def __reduce__(self):
        raise TypeError("a decoder belongs to its evaluator")

    def use(self, Plan root not None):
        """Sets the plan that `decode` and `query` carry out; returns the decoder."""
        self.root = root
        return self

    def decode(self, Handle handle not None, wrap):
        """Returns an object of the type.  `wrap(handle)` makes lazy values.  Raises DecodeError, or an error of the program."""
        return self.follow(handle, wrap)

    def query(self, Handle handle not None, wrap):
        """(values, faults): what the selector finds, and a list of (path, error)."""
        self.faults = []
        self.path = []
        try:
            found = self.follow(handle, wrap)
            return found, self.faults
        finally:
            self.faults = None

    cdef object follow(self, Handle handle, wrap):
        cdef Machine* m = self.m
        cdef ptrdiff_t height
        # A program may call a function of Python that decodes again: the outer decoding gets its state back.
        cdef object outer = self.wrap
        cdef int outer_levels = self.levels
        cdef bint was_collecting
        check_belongs(handle, self.evaluator)
        if self.root is None:
            raise ValueError("this decoder has no plan")
        self.evaluator.enter()
        # Decoding makes thousands of objects that all stay. Python's collector would search them for cycles again and again, which takes a
        # quarter of the time.
        was_collecting = PyGC_Disable()
        self.stops_collector = was_collecting or self.stops_collector
        try:
            height = m.sp - m.stack_base
            self.wrap = wrap
            self.levels = 0
            self.evaluator.start_run()
            try:
                push(m, m.handles[handle.slot])
                return self.root.decode()
            except DecodeError as error:
                error.path = tuple(reversed(error.path))
                raise
            except EvaluationError as error:
                steps = getattr(error, "_decoding", None)
                if steps:
                    from snowsnake.decoding.error import path_text

                    error.notes.append(f"while decoding {path_text(tuple(reversed(steps)))}")
                raise
            finally:
                m.sp = m.stack_base + height
                self.wrap = outer
                self.levels = outer_levels
                self.evaluator.finish_run(DONE)
        finally:
            if was_collecting:
                self.stops_collector = False
                PyGC_Enable()
            self.evaluator.leave()

    cdef object beside_faults(self, Plan plan, Word w, step):
        """Decodes a part of a query.  If that fails, the error goes to `faults` and the result is ABSENT; limits and interrupts end the query."""
        cdef Machine* m = self.m
        cdef ptrdiff_t height = m.sp - m.stack_base
        push(m, w)
        self.path.append(step)
        try:
            return plan.decode()
        except EvaluationError as error:
            if error.code in ("interrupt", "timeout", "memory"):
                raise
            m.sp = m.stack_base + height
            self.note(error, tuple(reversed(error.path if isinstance(error, DecodeError) else getattr(error, "_decoding", ()))))
            return ABSENT
        finally:
            self.path.pop()
            m.sp = m.stack_base + height

    cdef object note(self, object error, tuple steps):
        """Adds an error to `faults`; *steps* lead from the part that the query is decoding to the part that failed."""
        path = (*self.path, *steps)
        if isinstance(error, DecodeError):
            error.path = path
        self.faults.append((path, error))
        return None

    cdef int enter_level(self) except -1:
        """Counts a list or set that is being decoded; the caller decrements `levels` at its end.  Raises DecodeError if there are too many."""
        if self.levels >= MOST_LEVELS:
            raise DecodeError(f"at most {MOST_LEVELS} levels of lists and sets", "more, or a value that contains itself")
        self.levels += 1
        return 0

    # ---- words --------------------------------------------------------------------------------------------------

    cdef Word forced(self) except? 0x57:
        """Evaluates the top of the stack in place, and returns it."""
        cdef Machine* m = self.m
        cdef Word w = val(m.sp[-1])
        cdef int outcome
        cdef uint32_t asked_before
        if not is_thunk(w):
            # `val` followed the indirections of an evaluated thunk.
            m.sp[-1] = w
            return w
        if m.sp + MARGIN_WORDS > m.stack_end:
            raise RecursionError("a value is nested too deeply to be decoded")
        # The program may run for long, and other threads run meanwhile: they need Python's collector.
        if self.stops_collector:
            PyGC_Enable()
        asked_before = self.evaluator.ask(w)
        with nogil:
            outcome = machine_force(m, w)
        if self.stops_collector:
            PyGC_Disable()
        if outcome != DONE:
            self.evaluator.check(outcome)
        self.evaluator.asked_code = asked_before
        w = val(m.result)
        m.sp[-1] = w
        return w

    cdef Word called(self, int which) except? 0x57:
        """Calls an internal builtin with the top of the stack, replaces the top by the result, and returns the result."""
        cdef Machine* m = self.m
        cdef int outcome
        push(m, m.sp[-1])
        push(m, m.internals[which])
        with nogil:
            outcome = machine_call(m, 1)
        if outcome != DONE:
            self.evaluator.check(outcome)
        m.sp[-1] = val(m.result)
        return m.sp[-1]

    cdef str described(self):
        """Says what the top of the stack is: its type and value, in one short line."""
        return shown_word(self.m, val(self.m.sp[-1]))

    cdef object mismatch(self, object expected):
        """Raises the DecodeError that says what the top of the stack is instead of `expected`."""
        raise DecodeError(expected, self.described())

    cdef str name_of(self, uint32_t symbol):
        """The text of a symbol; each text is made once."""
        name = self.names.get(symbol)
        if name is None:
            name = text_of(symbol_string(self.m, symbol))
            self.names[symbol] = name
        return <str>name

    cdef object explain(self, object error, object step, Word attrs, uint32_t symbol):
        """Adds a step of the path to an error, and the position of the innermost attribute."""
        cdef uint32_t position
        if isinstance(error, DecodeError):
            error.path += (step,)
            if error.position is None and is_attrs(attrs) and attrs_find(attrs, symbol) != NULL:
                position = attrs_position(attrs, symbol)
                if position:
                    error.position = self.place(position)
        elif isinstance(error, EvaluationError):
            steps = getattr(error, "_decoding", None)
            if steps is None:
                steps = error._decoding = []
            steps.append(step)
        return None

    cdef object place(self, uint32_t position):
        from snowsnake.source import Position
        from snowsnake.traces.pending import Places

        found = Places(<size_t>self.m).place(position, 0)
        return None if found is None else Position(*found)

    def symbol(self, bytes name not None):
        """The symbol of a name."""
        cdef uint32_t symbol = symbol_intern(self.m, <const char*>name, len(name))
        self.evaluator.check(DONE)
        return symbol


cdef class Plan:
    """Makes an object of one type of the value on top of the stack."""

    def __cinit__(self, Decoder d not None, *rest, **named):
        self.d = d

    def __reduce__(self):
        raise TypeError("a plan belongs to its decoder")

    cdef object decode(self):
        """The object; each kind of plan has its own way.  A plan of no kind takes nothing."""
        return self.wrong()

    cdef object wrong(self):
        return self.d.mismatch(self.expected)


# Python code sees the bits of `KIND_…` under these names.
NULL_KIND, BOOL, INT, FLOAT, STRING = KIND_NULL, KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_STRING
LIST, SET, FUNCTION, PATH = KIND_LIST, KIND_SET, KIND_FUNCTION, KIND_PATH
EVERY = 2 * KIND_PATH - 1


cdef int kind_number(Word w) noexcept:
    """The number of the bit of a word's kind: 0 for KIND_NULL, 8 for KIND_PATH."""
    if is_string(w):
        return 4
    if is_attrs(w):
        return 6
    if is_int(w):
        return 2
    if is_bool(w):
        return 1
    if w == WORD_NULL:
        return 0
    if is_list(w):
        return 5
    if is_float(w):
        return 3
    return 8 if is_path(w) else 7
