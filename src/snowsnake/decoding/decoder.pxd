# cython: language_level=3
"""What decodes: a machine, and the plans that are followed through its words."""
from libc.stdint cimport uint32_t

from snowsnake.handle cimport Handle
from snowsnake.machine.state cimport Machine
from snowsnake.machine.word cimport Word
from snowsnake.runner cimport Runner

cdef enum:                            # kinds of words, as bits
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
    cdef dict names                   # texts of symbols
    cdef Plan root
    cdef list faults                  # of a query: (path, error); else None
    cdef list way                     # where a query is
    cdef int levels                   # that are being decoded
    cdef bint stops_collector         # Python's, and starts it again

    cdef object follow(self, Handle handle, wrap)
    cdef object beside_faults(self, Plan plan, Word w, step)
    cdef object note(self, object error, tuple steps)
    cdef int enter_level(self) except -1
    cdef Word forced(self) except? 0x57
    cdef Word called(self, int which) except? 0x57
    cdef object mismatch(self, object expected)
    cdef str name_of(self, uint32_t symbol)
    cdef object explain(self, object error, object step, Word attrs, uint32_t symbol)
    cdef object place(self, uint32_t position)


cdef class Plan:
    cdef Decoder d
    cdef readonly str expected        # as messages call it: "an integer"
    cdef readonly int kinds           # of words that may fit, as bits

    cdef object decode(self)
    cdef object wrong(self)


cdef str text_of(Word s)
cdef int kind_number(Word w) noexcept
    # which of the bits
