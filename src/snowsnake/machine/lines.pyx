# cython: language_level=3
"""Lines and columns of positions.

In: a file of a machine.  Out: the table of its lines, made when one is first asked for, so that ten thousand positions cost one
reading of the file.  Texts are not kept: whoever wants one reads the file again.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memset, strlen

from snowsnake.host.host cimport host_read_file
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.state cimport ByteBuffer, DONE, Error, File, Machine


cdef uint8_t* _read_again(Machine* m, File* file) noexcept nogil:
    """The text of a file, whose source was not kept; NULL if it is not there any more.  A pending error stays as it is."""
    cdef ByteBuffer buffer
    cdef Error pending = m.error
    cdef int outcome
    memset(&buffer, 0, sizeof(buffer))
    memset(&m.error, 0, sizeof(Error))
    outcome = host_read_file(m, <const uint8_t*>file.path, strlen(file.path), &buffer)
    error_clear(m)
    m.error = pending
    if outcome != DONE or buffer.size_bytes < file.size_bytes:
        free(buffer.data)
        return NULL
    return buffer.data


cdef uint32_t _find_lines(const uint8_t* p, uint32_t size_bytes, uint32_t* starts) noexcept nogil:
    """How many lines there are; where they start, unless *starts* is NULL.  A line ends with a newline, a carriage return, or both."""
    cdef uint32_t count = 1, i = 0
    cdef const uint8_t* newline
    cdef bint has_returns = memchr(p, 13, size_bytes) != NULL
    if starts != NULL:
        starts[0] = 0
    while i < size_bytes:
        if not has_returns:
            newline = <const uint8_t*>memchr(p + i, 10, size_bytes - i)
            if newline == NULL:
                break
            i = <uint32_t>(newline - p)
        elif p[i] != 10 and (p[i] != 13 or (i + 1 < size_bytes and p[i + 1] == 10)):
            i += 1
            continue
        i += 1
        if starts != NULL:
            starts[count] = i
        count += 1
    return count


cdef bint number_lines(Machine* m, File* file) noexcept nogil:
    """Make the table of lines, once for each file; the text itself is not kept."""
    cdef uint8_t* text = file.source
    if file.line_starts != NULL:
        return True
    if text == NULL:
        text = _read_again(m, file)
    if text != NULL:
        file.line_count = _find_lines(text, file.size_bytes, NULL)
        file.line_starts = <uint32_t*>malloc(file.line_count * sizeof(uint32_t))
        if file.line_starts != NULL:
            _find_lines(text, file.size_bytes, file.line_starts)
    if text != file.source:
        free(text)
    return file.line_starts != NULL


cdef void find_line(File* file, uint32_t offset, uint32_t* line, uint32_t* column) noexcept nogil:
    cdef uint32_t lo = 0, hi = file.line_count, middle
    if offset > file.size_bytes:
        offset = file.size_bytes
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if file.line_starts[middle] <= offset:
            lo = middle
        else:
            hi = middle
    line[0] = lo + 1
    column[0] = offset - file.line_starts[lo] + 1


cdef const uint8_t* file_text(Machine* m, File* file) noexcept nogil:
    if file.source == NULL:
        file.source = _read_again(m, file)
    return file.source
