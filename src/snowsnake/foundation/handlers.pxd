# cython: language_level=3
"""Exceptions that a handler of a signal raised in the middle of our Python code.  (The C is in allocate.pyx, what decides in runner.pyx.)

Python runs its handlers wherever Python code runs, also in what a machine calls: `hashlib`, a fetch, a store.  Such code turns exceptions into
errors of the machine, or passes over them.  Whatever catches an exception there asks this first; if it was taken over, the run ends with it, whatever
the machine makes of the failure.
"""

cdef extern from *:
    """
    int snowsnake_handed_over(PyObject *error);
    void snowsnake_take_over_by(int (*take)(PyObject *error));
    """
    # Whether a handler raised the exception, or one that led to it, during a run of this thread, which now ends with it.
    bint handed_over "snowsnake_handed_over"(object error) noexcept
    void take_over_by "snowsnake_take_over_by"(int (*take)(object error) noexcept) noexcept
