# cython: language_level=3
"""Text for people, without the control characters by which a program could steer the terminal, as in C++ Nix.

In: any bytes.  Out: the bytes without escape sequences, bells and carriage returns; tabs as blanks up to the next column that eight
divides.  Columns count from the start of the text, over its lines: a newline has no width.
"""
from libc.stdlib cimport free

from snowsnake.foundation.allocate cimport allocate_items

cdef enum:
    BELL = 7
    TAB = 9
    NEWLINE = 10
    RETURN = 13
    ESCAPE = 27
    WIDTH = 8


cdef const uint8_t* _sequence_end(const uint8_t* p, const uint8_t* end, bint* is_colour) noexcept nogil:
    """The end of an escape sequence whose first byte is at *p*."""
    is_colour[0] = False
    p += 1
    if p == end:
        return p
    if p[0] == c'[':
        p += 1
        while p < end and 0x30 <= p[0] <= 0x3F:
            p += 1
        while p < end and 0x20 <= p[0] <= 0x2F:
            p += 1
        if p < end and 0x40 <= p[0] <= 0x7E:
            is_colour[0] = p[0] == c'm'
            p += 1
    elif p[0] == c']':                # up to a bell, or an escape and a backslash
        while p < end and p[0] != BELL:
            if p[0] == ESCAPE and p + 1 < end and p[1] == c'\\':
                p += 1
                break
            p += 1
        if p < end:
            p += 1
    elif 0x40 <= p[0] <= 0x5F:
        p += 1
    return p


cdef uint8_t* terminal_text(const uint8_t* text, size_t size, bint keeps_colours, size_t* written) noexcept nogil:
    cdef const uint8_t* p = text
    cdef const uint8_t* end = text + size
    cdef const uint8_t* after
    cdef uint8_t* made
    cdef uint8_t* out
    cdef size_t tabs = 0, i, column = 0
    cdef bint is_colour = False
    for i in range(size):
        tabs += text[i] == TAB
    made = <uint8_t*>allocate_items(size + tabs * WIDTH + 1, 1)
    out = made
    while made != NULL and p < end:
        if p[0] == ESCAPE:
            after = _sequence_end(p, end, &is_colour)
            while p < after:
                if is_colour and keeps_colours:
                    out[0] = p[0]
                    out += 1
                p += 1
            continue
        if p[0] == TAB:
            out[0] = c' '
            out += 1
            column += 1
            while column % WIDTH:
                out[0] = c' '
                out += 1
                column += 1
        elif p[0] != BELL and p[0] != RETURN:
            out[0] = p[0]
            out += 1
            if p[0] != NEWLINE and p[0] & 0xC0 != 0x80:
                column += 1
        p += 1
    written[0] = <size_t>(out - made)
    return made


def filtered(str text, bint keeps_colours=False):
    """The same for a Python text.

    >>> filtered("a \\x1b[1mbold\\x1b[0m\\x07 word\\tx")
    'a bold word     x'
    """
    data = text.encode("utf-8", "surrogateescape")
    cdef size_t size = 0
    cdef uint8_t* made = terminal_text(data, len(data), keeps_colours, &size)
    if made == NULL:
        raise MemoryError
    try:
        return made[:size].decode("utf-8", "surrogateescape")
    finally:
        free(made)
