# cython: language_level=3
"""The order in which C++ Nix evaluates and compares the attributes of a set, as far as it does not depend on what was read before.

C++ Nix takes attributes in the order in which it first met their names.  The names that it knows from the start (syntax/turns.pyx) are the
first symbols of a machine, in that order.  They come before all others, which follow in name order.
"""
from libc.stdint cimport uint32_t

from snowsnake.machine.attrs cimport attrs_order
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word, attrs_is_layered, attrs_keys, attrs_size, header_size


cdef inline uint32_t* attrs_turns(Machine* m, Word attrs) noexcept nogil:
    """Returns, for each place in the order of evaluation, the index into attrs_values; NULL, with an error set, if memory is short."""
    cdef uint32_t* order = attrs_order(m, attrs)
    if order == NULL or header_size((<Word*>attrs_keys(attrs)[1])[0]) == attrs_size(attrs):
        return order
    return order + attrs_size(attrs)


# For traces, which must not raise: the same orders if they were made before, otherwise NULL.

cdef inline uint32_t* order_made(Word attrs) noexcept nogil:
    if attrs_is_layered(attrs) or attrs_keys(attrs)[1] == 0:
        return NULL
    return <uint32_t*>(<Word*>attrs_keys(attrs)[1] + 1)


cdef inline uint32_t* turns_made(Word attrs) noexcept nogil:
    cdef uint32_t* order = order_made(attrs)
    if order == NULL or header_size((<Word*>attrs_keys(attrs)[1])[0]) == attrs_size(attrs):
        return order
    return order + attrs_size(attrs)
