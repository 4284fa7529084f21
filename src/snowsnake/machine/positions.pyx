# cython: language_level=3
"""Positions: the source of an operation as a file, a line and a column.

In: an activation, or a position.  Out: its place.  Positions number the bytes of all sources of a machine, one after the other;
0 means that there is none.  The table of a file's lines is made when it is first needed, so that ten thousand positions cost one reading of
the file.  Texts are not kept: whoever needs one reads the file again.
"""
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memchr, memset, strlen

from snowsnake.bytecode.image cimport take, take_signed
from snowsnake.foundation.allocate cimport allocate_items
from snowsnake.foundation.buffer cimport Bytes
from snowsnake.host.files cimport host_read_file
from snowsnake.machine.attrs cimport Attr, attrs_build
from snowsnake.machine.errors cimport error_clear
from snowsnake.machine.heap cimport CODE_APPLY2, make_string
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.state cimport DONE, Error
from snowsnake.machine.word cimport (
    KIND_CLOSURE, TAG_FUNCTION, TAG_INT, TAG_THUNK, WORD_NULL, header_code, kind_of, pointer_of, small_int, tag_of,
)


# ---- lines ------------------------------------------------------------------------------------------------------

cdef uint8_t* _read_again(Machine* m, File* file) noexcept nogil:
    """The text of a file whose source was not kept; NULL if the file does not exist any more.  A pending error stays as it is."""
    cdef Bytes buffer
    cdef Error pending = m.error
    cdef int outcome
    memset(&buffer, 0, sizeof(buffer))
    memset(&m.error, 0, sizeof(Error))
    outcome = host_read_file(m, <const uint8_t*>file.path, strlen(file.path), &buffer)
    error_clear(m)
    m.error = pending
    if outcome != DONE or buffer.size < file.size_bytes:
        free(buffer.data)
        return NULL
    return buffer.data


cdef uint32_t _find_lines(const uint8_t* p, uint32_t size_bytes, uint32_t* starts) noexcept nogil:
    """Counts the lines, and writes where they start unless *starts* is NULL.  A line ends with a newline, a carriage return, or both."""
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
    """Makes the table of lines, once for each file; the text itself is not kept."""
    cdef uint8_t* text = file.source
    if file.line_starts != NULL:
        return True
    if text == NULL:
        text = _read_again(m, file)
    if text != NULL:
        file.line_count = _find_lines(text, file.size_bytes, NULL)
        file.line_starts = <uint32_t*>allocate_items(file.line_count, sizeof(uint32_t))
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


# ---- positions --------------------------------------------------------------------------------------------------

cdef uint32_t position_of(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    cdef uint32_t end
    return position_span(m, function, pc, &end)


cdef uint32_t position_span(Machine* m, Word function, const uint8_t* pc, uint32_t* end) noexcept nogil:
    if function == 0 or tag_of(function) == TAG_INT:
        return 0
    if tag_of(function) == TAG_FUNCTION and kind_of(function) != KIND_CLOSURE:
        return 0
    if tag_of(function) != TAG_FUNCTION and tag_of(function) != TAG_THUNK:
        return 0
    return position_in(m, m.codes[header_code(pointer_of(function)[0])], pc, end)


cdef uint32_t position_in(Machine* m, Code* code, const uint8_t* pc, uint32_t* end) noexcept nogil:
    cdef CodeOrigin origin
    cdef const uint8_t* p
    cdef uint32_t offset, start, at, found, size, i, count
    if not code_origin(m, code, &origin):
        return 0
    end[0] = origin.end
    p = code.start + code.size_bytes
    count = <uint32_t>take(&p)
    if count == 0 or pc <= code.start or pc > code.start + code.size_bytes:
        return origin.start
    offset = <uint32_t>(pc - code.start) - 1
    start = origin.start
    at = 0
    found = start
    for i in range(count):
        at += <uint32_t>take(&p)
        start += <uint32_t>take_signed(&p)
        size = <uint32_t>take(&p)
        if at > offset:
            break
        found = start
        end[0] = found + size
    return found


cdef void earlier_spans(Machine* m, Code* code, const uint8_t* at, uint32_t* found, uint32_t count) noexcept nogil:
    cdef CodeOrigin origin
    cdef const uint8_t* p = code.start + code.size_bytes
    cdef uint32_t offset = 0, start, known = 0, runs, i
    if not code_origin(m, code, &origin):
        return
    start = origin.start
    runs = <uint32_t>take(&p)
    for i in range(runs):
        offset += <uint32_t>take(&p)
        start += <uint32_t>take_signed(&p)
        take(&p)
        if offset == <uint32_t>(at - code.start) and known < count:
            found[known] = start
            known += 1


cdef const uint8_t* span_start(Code* code, const uint8_t* at) noexcept nogil:
    cdef const uint8_t* p = code.start + code.size_bytes
    cdef uint32_t offset = 0, found = 0, count, i
    if code.index <= CODE_APPLY2:
        return NULL
    count = <uint32_t>take(&p)
    if count == 0:
        return NULL
    for i in range(count):
        offset += <uint32_t>take(&p)
        take_signed(&p)
        take(&p)
        if offset > <uint32_t>(at - code.start):
            break
        found = offset
    return code.start + found


cdef bint position_file(Machine* m, uint32_t position, uint32_t* file) noexcept nogil:
    cdef uint32_t lo = 0, hi = m.file_count, middle
    if position == 0 or m.file_count == 0 or position < m.files[0].position_base:
        return False
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if m.files[middle].position_base <= position:
            lo = middle
        else:
            hi = middle
    file[0] = lo
    return position - m.files[lo].position_base <= m.files[lo].size_bytes


cdef bint position_place(Machine* m, uint32_t position, uint32_t* file, uint32_t* line, uint32_t* column) noexcept nogil:
    cdef uint32_t offset
    if not position_file(m, position, file):
        return False
    offset = position - m.files[file[0]].position_base
    line[0] = 1
    column[0] = offset + 1
    if number_lines(m, &m.files[file[0]]):
        find_line(&m.files[file[0]], offset, line, column)
    return True


cdef Word position_attrs(Machine* m, uint32_t position) noexcept nogil:
    cdef Attr[3] entries
    cdef uint32_t file = 0, line = 0, column = 0
    cdef const char* path
    if not position_place(m, position, &file, &line, &column):
        return WORD_NULL
    path = m.files[file].path
    # A source that is not a file has no place, as in C++ Nix.
    if path[0] != c'/':
        return WORD_NULL
    entries[0].symbol = m.symbol_file
    entries[0].value = make_string(m, path, strlen(path), 0)
    entries[1].symbol = m.symbol_line
    entries[1].value = small_int(line)
    entries[2].symbol = m.symbol_column
    entries[2].value = small_int(column)
    entries[0].position = 0
    entries[1].position = 0
    entries[2].position = 0
    return attrs_build(m, entries, 3)
