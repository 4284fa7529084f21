# cython: language_level=3
"""Positions, lines and columns: see positions.pyx."""
from libc.stdint cimport uint8_t, uint32_t
from snowsnake.machine.state cimport Code, File, Machine
from snowsnake.machine.word cimport Word

cdef bint number_lines(Machine* m, File* file) noexcept nogil
    # Builds the table of lines, once.  Returns False if the file cannot be read any more.
cdef void find_line(File* file, uint32_t offset, uint32_t* line, uint32_t* column) noexcept nogil
    # Finds the line and column of a byte, both counted from 1, in a file that has its table of lines.
cdef const uint8_t* file_text(Machine* m, File* file) noexcept nogil
    # Returns the text, size_bytes long, which the machine keeps from then on; NULL if the file cannot be read any more.

cdef uint32_t position_in(Machine* m, Code* code, const uint8_t* pc, uint32_t* end) noexcept nogil
cdef void earlier_spans(Machine* m, Code* code, const uint8_t* at, uint32_t* found, uint32_t count) noexcept nogil
    # Finds where the first `count` spans of the operation at `at` begin.  An `Attrs` has spans of its computed names before its own.
cdef const uint8_t* span_start(Code* code, const uint8_t* at) noexcept nogil
    # Returns the first of the consecutive operations that have the same place as this one; NULL if it has no place.
cdef uint32_t position_of(Machine* m, Word function, const uint8_t* pc) noexcept nogil
    # Returns the position of the operation before pc in an activation; 0 if it has none (builtins).
cdef uint32_t position_span(Machine* m, Word function, const uint8_t* pc, uint32_t* end) noexcept nogil
    # Likewise, and also where the source of that operation ends.
cdef Word position_attrs(Machine* m, uint32_t position) noexcept nogil
    # Returns { column; file; line; } of a position, or null.
cdef bint position_file(Machine* m, uint32_t position, uint32_t* file) noexcept nogil
    # Finds the index in m.files.  Returns False for position 0, and for the position of a source that was forgotten.
cdef bint position_place(Machine* m, uint32_t position, uint32_t* file, uint32_t* line, uint32_t* column) noexcept nogil
    # Likewise, with line and column, which count from 1.
