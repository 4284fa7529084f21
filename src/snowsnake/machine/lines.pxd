# cython: language_level=3
"""Lines and columns of positions: see lines.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport File, Machine

cdef bint number_lines(Machine* m, File* file) noexcept nogil
    # make the table of lines, once; False: the file cannot be read any more
cdef void find_line(File* file, uint32_t offset, uint32_t* line, uint32_t* column) noexcept nogil
    # of a byte of a file whose lines are numbered; both from 1
cdef const uint8_t* file_text(Machine* m, File* file) noexcept nogil
    # size_bytes long, kept from then on; NULL if the file cannot be read any more
