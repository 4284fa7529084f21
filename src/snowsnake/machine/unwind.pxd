# cython: language_level=3
"""Unwinding from the place of an error to the nearest try frame, or out of the machine."""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from snowsnake.machine.state cimport Frame, Machine
from snowsnake.machine.word cimport Word, small_int

cdef enum:
    # At most so many of the thunks that left one after the other in tail position are in a trace: the last ones.
    MOST_CHAIN = 16

cdef int unwind(Machine* m, Frame* base, const uint8_t* pc) noexcept nogil
    # The registers of the raising activation must be in m.  DONE: a tryEval frame is the running activation, and the result to be returned is
    # on top of the stack.  FORCE: an addErrorContext frame is the running activation, and its function must be entered again.
    # RAISE: the base frame has been left.
cdef const uint8_t* functor_code() noexcept nogil
    # Returns the code of the activation that calls the `__functor` of a set at level 2, where a trace names such a call.  The first word of its
    # frame is the set.
cdef int raise_failure(Machine* m, Word thunk) noexcept nogil
    # Raises again the error of a failed thunk, which must be the function of the running activation.  The trace begins with what it was the
    # first time.

# The word behind the header of a failed thunk: the index of the machine's failure, and the number of activations that were inside the thunk.
cdef inline Word failure_word(uint32_t index, uint32_t total) noexcept nogil:
    return small_int(<int64_t>index << 32 | total)

cdef inline uint32_t failure_index(Word w) noexcept nogil:
    return <uint32_t>(w >> 35)

cdef inline uint32_t failure_total(Word w) noexcept nogil:
    return <uint32_t>(w >> 3)

cdef Word try_eval_set(Machine* m, Word success, Word value) noexcept nogil
    # Returns { success; value; }; 0, with an error set, if memory is short.
cdef bint is_catchable(int code) noexcept nogil
cdef int raise_again(Machine* m, Word* state, Word message) noexcept nogil
    # Raises again the error that unwinding put aside in an addErrorContext frame, now with the frame's message.
cdef void trace_note(Machine* m, uint8_t note, char* text) noexcept nogil
    # Adds to the error just raised a line about what the builtin was doing, the innermost first.  The malloc'ed text belongs to the error from then on.
