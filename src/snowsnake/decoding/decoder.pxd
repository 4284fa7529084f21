# cython: language_level=3
"""The decoder: a machine, and the plan that it carries out on the machine's words."""
from libc.stdint cimport uint32_t

from snowsnake.handle cimport Handle
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.runner cimport Runner

# Kinds of words, as bits.
cdef enum:
    KIND_NULL = 1
    KIND_BOOL = 2
    KIND_INT = 4
    KIND_FLOAT = 8
    KIND_STRING = 16
    KIND_LIST = 32
    KIND_SET = 64
    KIND_FUNCTION = 128
    KIND_PATH = 256


cdef class Decoder:
    cdef Runner evaluator
    cdef Machine* m
    cdef object wrap
    # The texts of symbols.
    cdef dict names
    cdef Plan root
    # (path, error) of the parts of a query that failed; None outside a query.
    cdef list faults
    # The path of the part that a query is decoding.
    cdef list path
    # The number of nested lists and sets that are being decoded.
    cdef int levels
    # Whether this decoder turned Python's collector off, and so must turn it on again.
    cdef bint stops_collector

    cdef object follow(self, Handle handle, wrap)
    cdef object beside_faults(self, Plan plan, Word w, step)
    cdef object note(self, object error, tuple steps)
    cdef int enter_level(self) except -1
    cdef Word forced(self) except? 0x57
    cdef Word called(self, int which) except? 0x57
    cdef str described(self)
    cdef object mismatch(self, object expected)
    cdef str name_of(self, uint32_t symbol)
    cdef object explain(self, object error, object step, Word attrs, uint32_t symbol)
    cdef object place(self, uint32_t position)


cdef class Plan:
    cdef Decoder d
    # What messages call the type: "an integer".
    cdef readonly str expected
    # The kinds of words that may fit, as bits.
    cdef readonly int kinds

    cdef object decode(self)
    cdef object wrong(self)


cdef str text_of(Word s)
cdef int kind_number(Word w) noexcept
