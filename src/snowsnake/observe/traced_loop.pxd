# cython: language_level=3
"""The loop that calls an observer."""
from snowsnake.machine.state cimport Machine

cdef int traced_run(Machine* m) noexcept nogil
    # takes the place of the loop's `run`, and calls m.observer.step before every operation
