# cython: language_level=3
"""Positions, lines and columns: see positions.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Code, File, Machine
from snowsnake.machine.word cimport Word

cdef bint number_lines(Machine* m, File* file) noexcept nogil
    # make the table of lines, once; False: the file cannot be read any more
cdef void find_line(File* file, uint32_t offset, uint32_t* line, uint32_t* column) noexcept nogil
    # of a byte of a file whose lines are numbered; both from 1
cdef const uint8_t* file_text(Machine* m, File* file) noexcept nogil
    # size_bytes long, kept from then on; NULL if the file cannot be read any more

cdef uint32_t position_in(Machine* m, Code* code, const uint8_t* pc, uint32_t* end) noexcept nogil
cdef const uint8_t* span_start(Code* code, const uint8_t* at) noexcept nogil
    # the first of the operations that have the place of this one, without one of another place between; NULL if it has none
cdef uint32_t position_of(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # position of the operation before pc in an activation; 0 if it has none (builtins)
cdef uint32_t position_span(Machine* m, Word function, const uint8_t* pc, uint32_t* end) noexcept nogil
    # the same, and where the source of that operation ends
cdef Word position_attrs(Machine* m, uint32_t position) noexcept nogil
    # { column; file; line; } of a position, or null
cdef bint position_file(Machine* m, uint32_t position, uint32_t* file) noexcept nogil
    # index in m.files; False for position 0, and for one of a source that was forgotten
cdef bint position_place(Machine* m, uint32_t position, uint32_t* file, uint32_t* line, uint32_t* column) noexcept nogil
    # likewise, with line and column, which count from 1
