# cython: language_level=3
"""The machine's loop a second time, with its observation point filled in: an evaluation that nobody watches pays nothing.

In and out as machine/loop.pyx, whose text this is.
"""
cdef extern from *:
    """
    #define SN_OBSERVE(m, pc, fp, sp, fr, function) ((m)->observer->step((m), (pc), (fp), (sp), (fr), (function)))
    """
    pass

include "../machine/loop.pyx"


cdef int traced_run(Machine* m) noexcept nogil:
    return run(m)
