# cython: language_level=3
"""The parameter that a function takes next.

`x: y: …` is one chunk that takes two arguments, so an application to one argument is not a function of its own with a name and a place.
Both are then read from the source, where only colons, parentheses, blanks and comments separate the parameters.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from snowsnake.machine.link cimport code_of
from snowsnake.machine.origins cimport CodeOrigin, code_origin
from snowsnake.machine.positions cimport file_text, position_place
from snowsnake.machine.state cimport Code, File, Machine
from snowsnake.machine.word cimport KIND_CLOSURE, KIND_PARTIAL, header_size, kind_of, pointer_of


cdef inline bint _is_word(uint8_t c) noexcept nogil:
    return b'a' <= c <= b'z' or b'A' <= c <= b'Z' or b'0' <= c <= b'9' or c == b'_' or c == b'-' or c == 39


cdef uint32_t _skip_to_word(const uint8_t* source, uint32_t at, uint32_t size) noexcept nogil:
    """Skips colons, parentheses, blanks and comments."""
    while at < size and not _is_word(source[at]):
        if source[at] == b'#':
            while at < size and source[at] != b'\n' and source[at] != b'\r':
                at += 1
        elif source[at] == b'/' and at + 1 < size and source[at + 1] == b'*':
            at += 2
            while at + 1 < size and not (source[at] == b'*' and source[at + 1] == b'/'):
                at += 1
            at += 2
        else:
            at += 1
    return at if at < size else size


cdef bint _find(const uint8_t* source, File* file, uint32_t at, uint64_t index, Parameter* found) noexcept nogil:
    """Finds the parameter with this index of the lambda that begins at the byte `at`."""
    cdef uint32_t end
    if source == NULL:
        return False
    while True:
        at = _skip_to_word(source, at, file.size_bytes)
        end = at
        while end < file.size_bytes and _is_word(source[end]):
            end += 1
        if end == at:
            return False
        if index == 0:
            found.name.data = source + at
            found.name.size_bytes = end - at
            found.position = file.position_base + at
            return True
        index -= 1
        at = end


cdef Parameter next_parameter(Machine* m, Word function) noexcept nogil:
    cdef Parameter found
    cdef uint64_t taken = 0
    cdef Code* code
    cdef CodeOrigin origin
    cdef uint32_t file = 0, line = 0, column = 0
    memset(&found, 0, sizeof(found))
    while kind_of(function) == KIND_PARTIAL:
        taken += header_size(pointer_of(function)[0])
        function = pointer_of(function)[1]
    if kind_of(function) != KIND_CLOSURE:
        return found
    code = code_of(m, function)
    found.is_known = code_origin(m, code, &origin)
    if not found.is_known:
        return found
    found.function = origin.name
    found.name = origin.parameter
    found.formals = code.formals
    found.position = origin.start
    if taken and position_place(m, found.position, &file, &line, &column):
        _find(file_text(m, &m.files[file]), &m.files[file], origin.start - code.position_base, taken, &found)
    return found
