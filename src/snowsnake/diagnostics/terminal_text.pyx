# cython: language_level=3
"""Text for people, without the control characters by which a program could steer the terminal, as in C++ Nix.

In: any bytes.  Out: the bytes without escape sequences, bells and carriage returns; tabs as blanks up to the next column that eight
divides.  Columns count from the start of the text, over its lines: a newline has no width.
"""
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdlib cimport free
from libc.string cimport memchr, memcpy

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
    elif p[0] == c']':
        # The sequence goes up to a bell, or up to an escape and a backslash.
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


def steers(str text):
    """Whether a text has characters with which a program may steer a terminal, or which have no fixed width: `filtered` changes only such a text."""
    return "\x1b" in text or "\x07" in text or "\r" in text or "\t" in text


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


cdef inline bint _is_blank(uint8_t byte) noexcept nogil:
    return byte == c' ' or byte == NEWLINE or byte == TAB or byte == RETURN


cdef uint8_t* _indent(const uint8_t* text, size_t size, const uint8_t* first, size_t first_size, const uint8_t* rest, size_t rest_size, bint keeps_last,
                      size_t* written) noexcept nogil:
    cdef const uint8_t* p = text
    cdef const uint8_t* end = text + size
    cdef const uint8_t* line_end
    cdef const uint8_t* indent = first
    cdef size_t indent_size = first_size, lines = 1, i
    cdef uint8_t* made
    cdef uint8_t* out
    cdef uint8_t* start
    for i in range(size):
        lines += text[i] == NEWLINE
    made = <uint8_t*>allocate_items(size + first_size + (lines - 1) * rest_size + 1, 1)
    out = made
    while made != NULL:
        line_end = <const uint8_t*>memchr(p, NEWLINE, <size_t>(end - p)) if p < end else NULL
        start = out
        memcpy(out, indent, indent_size)
        out += indent_size
        memcpy(out, p, <size_t>((line_end if line_end != NULL else end) - p))
        out += (line_end if line_end != NULL else end) - p
        while out > start and _is_blank(out[-1]) and not (keeps_last and line_end == NULL):
            out -= 1
        if line_end == NULL:
            break
        out[0] = NEWLINE
        out += 1
        p = line_end + 1
        indent = rest
        indent_size = rest_size
    written[0] = <size_t>(out - made)
    return made


def indented(str text, str first, str rest, bint keeps_last=False):
    """The lines of a text behind *first*, and from the second on behind *rest*; without blanks at their ends, unless *keeps_last*: those of the last line.

    A message may have a hundred million lines, so none of them becomes an object.

    >>> indented("a  \\n\\nb ", "error: ", "  ")
    'error: a\\n\\n  b'
    >>> indented("a \\nb ", "", "  ", keeps_last=True)
    'a\\n  b '
    """
    data = text.encode("utf-8", "surrogateescape")
    first_bytes = first.encode()
    rest_bytes = rest.encode()
    cdef size_t size = 0
    cdef uint8_t* made = _indent(data, len(data), first_bytes, len(first_bytes), rest_bytes, len(rest_bytes), keeps_last, &size)
    del data
    if made == NULL:
        raise MemoryError
    try:
        return PyUnicode_DecodeUTF8(<const char*>made, size, "surrogateescape")
    finally:
        free(made)
