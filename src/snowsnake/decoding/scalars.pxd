# cython: language_level=3
"""Plans of single values: lazy and plain ones, numbers, texts, enumerations, and what is converted further."""
from snowsnake.decoding.decoder cimport Plan

cdef class Float(Plan):
    cdef object check
    cdef object decode(self)


cdef class Text(Plan):
    cdef object check
    cdef object make
    cdef bint is_bytes
    cdef object decode(self)
