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
    cdef int default_kind             # 0: the class knows it; 1: a value; 2: made by a call
    cdef object default
