# cython: language_level=3
"""Plans of single values: lazy values, plain data, numbers, texts, enumerations, and types that another library makes."""
from snowsnake.decoding.decoder cimport Plan

cdef class Float(Plan):
    cdef object check
    cdef object decode(self)


cdef class String(Plan):
    cdef object check
    cdef object make
    cdef bint is_bytes
    cdef object decode(self)
