# cython: language_level=3
"""Plans of sets with known attributes, and of unions of types."""
from libc.stdint cimport uint32_t

from snowsnake.decoding.decoder cimport Plan

cdef class Field:
    cdef uint32_t symbol
    cdef str name
    cdef str python_name
    cdef Plan plan
    cdef bint is_required
    # 0: the class itself fills the field; 1: `default` is the value; 2: a call of `default` makes the value.
    cdef int default_kind
    cdef object default
