"""Text for people: what programs may have put into it to steer a terminal is taken out."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

cdef uint8_t* terminal_text(const uint8_t* text, size_t size, bint keeps_colours, size_t* written) noexcept nogil
    # malloc'ed, or NULL: without escape sequences (colours stay if wanted), bells and carriage returns; tabs become blanks
