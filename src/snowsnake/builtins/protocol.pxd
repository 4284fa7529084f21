# cython: language_level=3
"""Short forms for what every native builtin does under the machine's protocol: return a result, force, call.

In: the machine and words.  Out: the outcome, which the builtin returns at once (`return call1(m, f, x)`).
"""
from libc.stdint cimport uint64_t
from snowsnake.machine.descriptions cimport raise_type
from snowsnake.machine.heap cimport push
from snowsnake.machine.internals cimport internal_word
from snowsnake.machine.state cimport CALL, DONE, FORCE, Machine, TAIL
from snowsnake.machine.word cimport (
    KIND_LIST, TAG_LIST, Word, attrs_find, header_of, is_attrs, is_function, is_thunk, tagged, val,
)

cdef inline int done(Machine* m, Word w) noexcept nogil:
    m.result = w
    return DONE

cdef inline int tail(Machine* m, Word w) noexcept nogil:
    m.result = w
    return TAIL

cdef inline int force(Machine* m, Word thunk) noexcept nogil:
    m.need = thunk
    return FORCE

cdef inline int call1(Machine* m, Word f, Word x) noexcept nogil:
    push(m, x)
    push(m, f)
    return CALL + 1

cdef inline int call2(Machine* m, Word f, Word x, Word y) noexcept nogil:
    push(m, x)
    push(m, y)
    push(m, f)
    return CALL + 2

cdef inline int call_internal1(Machine* m, int which, Word x) noexcept nogil:
    return call1(m, internal_word(m, which), x)

cdef inline int call_internal2(Machine* m, int which, Word x, Word y) noexcept nogil:
    return call2(m, internal_word(m, which), x, y)

cdef inline bint is_callable(Machine* m, Word w) noexcept nogil:
    return is_function(w) or (is_attrs(w) and attrs_find(w, m.symbol_functor) != NULL)

cdef inline int need_function(Machine* m, Word* slot) noexcept nogil:
    """For an argument that the table leaves untouched.  Returns DONE once *slot holds something callable; otherwise FORCE or RAISE."""
    cdef Word w = val(slot[0])
    if is_thunk(w):
        return force(m, w)
    if not is_callable(m, w):
        return raise_type(m, "a function", w)
    slot[0] = w
    return DONE

# A list whose length is not known before it is filled: call `open_list`, write items one after the other without any other
# allocation, then call `close_list`.  Room for the longest possible list must have been reserved.

cdef inline Word* open_list(Machine* m) noexcept nogil:
    return m.hp + 1

cdef inline Word close_list(Machine* m, Word* end) noexcept nogil:
    cdef Word* p = m.hp
    cdef uint64_t size = <uint64_t>(end - (p + 1))
    if size == 0:
        return m.empty_list
    p[0] = header_of(KIND_LIST, size)
    m.hp = end
    return tagged(p, TAG_LIST)
