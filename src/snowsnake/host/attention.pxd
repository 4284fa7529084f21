# cython: language_level=3
"""Whether a machine is to stop, for work outside of it."""
from snowsnake.machine.state cimport Machine

cdef object attention_of(Machine* m)
    # a callable; the machine must live as long
