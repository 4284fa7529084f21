# cython: language_level=3
"""Python functions as Nix functions; they take their arguments one at a time.

In: the number of a function and the count of its arguments (`number << 8 | count`), a list of the arguments so far, and one more.  Out: a partial
application with a longer list, or the result of `Machine.call_foreign`.  Python may run the machine again, and so the collector: the call is made in a frame of
its own, where the loop keeps no word that may move.
"""
from libc.stdint cimport uint64_t

from snowsnake.builtins.protocol cimport call1, done
from snowsnake.builtins.registry cimport define
from snowsnake.machine.errors cimport raise_bytes
from snowsnake.machine.heap cimport heap_alloc, new_list, push
from snowsnake.machine.state cimport ERROR_INTERNAL, Machine
from snowsnake.machine.word cimport KIND_PARTIAL, TAG_FUNCTION, Word, header_of, list_items, list_size, small_int, tagged, val


cdef Word _builtin(Machine* m, uint64_t back) noexcept nogil:
    """The word of __foreign (0) or __entered (1), which are bound one after the other."""
    return m.builtins[_number + back].word


# The number of __foreign; that of __entered is one more.
cdef uint64_t _number = 0


cdef Word _longer(Machine* m, Word given, Word argument) noexcept nogil:
    cdef uint64_t n = list_size(given), i
    cdef Word made = new_list(m, n + 1)
    for i in range(n):
        list_items(made)[i] = list_items(given)[i]
    list_items(made)[n] = argument
    return made


cdef int foreign(Machine* m, Word* fp) noexcept nogil:
    cdef uint64_t count = (val(fp[0]) >> 3) & 255
    cdef Word given = val(fp[1]), all_of_them
    cdef Word* p
    if m.call_foreign == NULL:
        return raise_bytes(m, ERROR_INTERNAL, b"a function of Python without Python", 35)
    if list_size(given) + 1 < count:
        all_of_them = _longer(m, given, fp[2])
        p = heap_alloc(m, 4)
        p[0] = header_of(KIND_PARTIAL, 2)
        p[1] = _builtin(m, 0)
        p[2] = fp[0]
        p[3] = all_of_them
        return done(m, tagged(p, TAG_FUNCTION))
    # If the function has no frame of its own yet, calling anything makes one.
    if m.sp == fp + 3:
        push(m, small_int(0))
        return call1(m, _builtin(m, 1), m.empty_list)
    push(m, _longer(m, given, fp[2]))
    return m.call_foreign(m, val(fp[0]))


cdef int entered(Machine* m, Word* fp) noexcept nogil:
    return done(m, fp[0])


def _bind():
    global _number
    from snowsnake.builtins.registry import names

    _number = names().index("__foreign")


define("__foreign", foreign)
define("__entered", entered)
_bind()
