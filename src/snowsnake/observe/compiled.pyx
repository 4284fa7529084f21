# cython: language_level=3
"""Everything that a machine has compiled: one row for each chunk, including those that were never entered.

In: a machine.  Out: rows, which are read from the records of its images; nothing is linked for this.
"""
from libc.stdint cimport uint8_t, uint32_t

from snowsnake.bytecode.chunk cimport (
    CHUNK_LAMBDA, CHUNK_THUNK, CONSTANT_ATTR_NAME, CONSTANT_BUILTIN, CONSTANT_CHUNK, CONSTANT_FLOAT, CONSTANT_HOME_PATH,
    CONSTANT_INT, CONSTANT_KEYS, CONSTANT_NAME, CONSTANT_PATH, CONSTANT_POSITION, CONSTANT_SEARCH_PATH, CONSTANT_STRING,
)
from snowsnake.bytecode.image cimport RECORD_KIND, RecordHead, image_text, read_head, take
from snowsnake.machine.state cimport File, Machine
from snowsnake.syntax.nodes cimport Text

_KINDS = {CHUNK_LAMBDA: "lambda", CHUNK_THUNK: "thunk"}


cdef void _skip_constant(const uint8_t** p) noexcept nogil:
    """Skips one constant of a record; bytecode/image.pyx writes them."""
    cdef int kind = <int>take(p)
    cdef uint32_t i, n
    cdef bint has_names
    if kind == CONSTANT_FLOAT:
        p[0] += sizeof(double)
    elif kind == CONSTANT_KEYS:
        n = <uint32_t>take(p)
        has_names = n & 1
        for i in range(n >> 1):
            if has_names:
                take(p)
            take(p)
    elif kind == CONSTANT_ATTR_NAME:
        take(p)
        take(p)
    elif kind in (CONSTANT_INT, CONSTANT_CHUNK, CONSTANT_POSITION, CONSTANT_STRING, CONSTANT_PATH, CONSTANT_SEARCH_PATH,
                  CONSTANT_HOME_PATH, CONSTANT_BUILTIN, CONSTANT_NAME):
        take(p)


cdef uint32_t _code_size_bytes(RecordHead* head) noexcept nogil:
    """The size of a chunk's code, which follows its constants."""
    cdef const uint8_t* p = head.constants
    cdef uint32_t i
    for i in range(head.constant_count):
        _skip_constant(&p)
    return <uint32_t>take(&p)


cdef tuple _row(File* file, uint32_t index):
    cdef RecordHead head
    cdef Text name
    read_head(file.image, index, &head)
    label = ""
    if head.name:
        name = image_text(file.image, head.name - 1)
        label = name.data[:name.size_bytes].decode("utf-8", "replace")
    place = (file.position_base + head.start_byte, file.position_base + head.end_byte)
    kind = _KINDS.get(head.flags & RECORD_KIND, "toplevel")
    return kind, label, place, _code_size_bytes(&head), head.upvalue_count, head.arity


def compiled(size_t machine):
    """(kind, name, (start, end) as positions, bytes of code, upvalues, arity) of every chunk, in the order of compiling."""
    cdef Machine* m = <Machine*>machine
    cdef uint32_t i, j
    rows = []
    for i in range(m.file_count):
        if m.files[i].image != NULL:
            for j in range(m.files[i].image.chunk_count):
                rows.append(_row(&m.files[i], j))
    return rows
