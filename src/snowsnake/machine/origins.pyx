# cython: language_level=3
"""The source of a code: its file, its record in the file's image, the names that it has there.

In: a code of the machine.  Out: its file, its CodeOrigin.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset
from snowsnake.bytecode.image cimport RECORD_KIND, RecordHead, image_text, read_head
from snowsnake.machine.heap cimport CODE_APPLY2
from snowsnake.machine.state cimport File


cdef File* file_of_code(Machine* m, uint32_t index) noexcept nogil:
    """The file of a code.  Files are in the order of their codes."""
    cdef uint32_t lo = 0, hi = m.file_count, middle
    while hi - lo > 1:
        middle = (lo + hi) >> 1
        if m.files[middle].code_base <= index:
            lo = middle
        else:
            hi = middle
    return &m.files[lo]


cdef bint code_origin(Machine* m, Code* code, CodeOrigin* origin) noexcept nogil:
    cdef RecordHead head
    cdef File* file
    memset(origin, 0, sizeof(CodeOrigin))
    if code.index <= CODE_APPLY2:
        return False
    file = file_of_code(m, code.index)
    read_head(file.image, code.index - file.code_base, &head)
    origin.kind = head.flags & RECORD_KIND
    origin.chunk = code.index - file.code_base
    origin.start = code.position_base + head.start_byte
    origin.end = code.position_base + head.end_byte
    if head.name:
        origin.name = image_text(file.image, head.name - 1)
    if head.parameter:
        origin.parameter = image_text(file.image, head.parameter - 1)
    return True
