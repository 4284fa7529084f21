# cython: language_level=3
"""Calls of short functions that need nothing evaluated: see short_calls.pyx."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.heap cimport thunk_barrier
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport THUNK_DONE, WORD_NOT_FOUND, Word, is_thunk, pointer_of, val, with_state

cdef enum:
    # more_room reserves so many words at a time
    BULK_WORDS = 1 << 20

cdef Word short_call(Machine* m, Word function, const Word* arguments, uint32_t count) noexcept nogil
    # Returns the result, a value, if the call can neither fail nor ask for anything.  Otherwise it returns WORD_NOT_FOUND and has changed nothing.
cdef Word short_apply(Machine* m, Word thunk) noexcept nogil
    # Likewise for a thunk as `map` and `genList` make them; the thunk itself does not change.

cdef bint more_room(Machine* m, uint64_t left) noexcept nogil
    # For a loop over many elements, of which `left` are left, when a short call was refused.  True: only the nursery was full, and what short calls make
    # goes into the old space from now on; the loop tries again, and calls `end_bulk` before it returns to the machine.

cdef inline void end_bulk(Machine* m) noexcept nogil:
    """Lets the next safepoint end what `more_room` began."""
    if m.young_hp != NULL:
        m.soft_limit = NULL

cdef inline bint is_worth_trying(uint64_t index) noexcept nogil:
    """Whether a loop over elements that the machine entered again should try short calls again.  It seldom should, because the function may not be a short one.

    After one that succeeds, the loop goes on with short calls.
    """
    return index & (index - 1) == 0 or index & 31 == 0

cdef inline Word settled(Machine* m, Word w) noexcept nogil:
    """val() of a word, for loops over many elements: if a short call can evaluate the thunk, this returns its value."""
    cdef Word r
    cdef Word* p
    w = val(w)
    if is_thunk(w):
        r = short_apply(m, w)
        if r != WORD_NOT_FOUND:
            p = pointer_of(w)
            p[1] = r
            p[0] = with_state(p[0], THUNK_DONE)
            thunk_barrier(m, p)
            return r
    return w
