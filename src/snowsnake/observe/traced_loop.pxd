# cython: language_level=3
"""The loop that calls an observer."""
from snowsnake.machine.state cimport Machine

cdef int traced_run(Machine* m) noexcept nogil
    # as the loop's own `run`; calls m.observer.step before every operation
