# cython: language_level=3
"""The machine's loop and the ways into it."""
from libc.stdint cimport uint32_t
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word

cdef int machine_force(Machine* m, Word w) noexcept nogil
    # Forces w.  Returns DONE, with the value in m.result; or RAISE, with m.error set and the stack as it was.
cdef int machine_call(Machine* m, uint32_t count) noexcept nogil
    # Calls the function on top of the stack with the `count` arguments below it, the first of which is the deepest, and pops them all.
