# cython: language_level=3
"""Whether there is a request to stop a machine, for work that is done outside the machine."""
from snowsnake.machine.state cimport Machine

cdef object attention_of(Machine* m)
    # Returns a callable; the machine must outlive it.
