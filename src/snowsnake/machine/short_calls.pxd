# cython: language_level=3
"""Calls of short functions that need nothing evaluated: see short_calls.pyx."""
from libc.stdint cimport uint32_t, uint64_t
from snowsnake.machine.heap cimport thunk_barrier
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport THUNK_DONE, WORD_NOT_FOUND, Word, is_thunk, pointer_of, val, with_state

cdef Word short_call(Machine* m, Word function, const Word* arguments, uint32_t count) noexcept nogil
    # the result, a value, where the call can neither fail nor ask for anything; otherwise WORD_NOT_FOUND, and nothing has happened
cdef Word short_apply(Machine* m, Word thunk) noexcept nogil
    # likewise of a thunk as `map` and `genList` make them, which stays as it is

cdef inline bint is_worth_trying(uint64_t index) noexcept nogil:
    """Whether a loop over elements that comes back from the machine tries short calls again: seldom, because the function may be no such one.

    Where one succeeds, the loop goes on with them.
    """
    return index & (index - 1) == 0 or index & 31 == 0

cdef inline Word settled(Machine* m, Word w) noexcept nogil:
    """val() of a word for loops over many elements: a thunk that a short call settles has its value now."""
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
