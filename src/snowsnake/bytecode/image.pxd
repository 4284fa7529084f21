# cython: language_level=3
"""The compact form of a compiled file: the compiler writes it, a machine keeps it, and the cache stores it on disk.

    text      each once, before the first record that names it: uvarint size, bytes
    record    one for each chunk, its numbers as uvarints, signed ones zigzag:
              flags (kind | captures_with << 2 | has_formals << 3 | level << 4), upvalues, max_stack, arity, name + 1,
              parameter + 1, start, length in the source;
              formals, if any: count << 1 | has_ellipsis, then (text << 1 | has_default, place) each;
              constants: count, then for each its kind and data; the data of a chunk is number << 2 | has_captures << 1 | is_lambda;
              code: size, bytes;
              spans: count, then (code, start, length) for each, as differences from the run before

A chunk that was never entered costs only its record and one pointer; see machine/link.pyx.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from snowsnake.bytecode.chunk cimport Chunk, Keys
from snowsnake.bytecode.varint cimport varint_read
from snowsnake.syntax.nodes cimport Text

cdef enum:
    RECORD_KIND = 3
    RECORD_CAPTURES_WITH = 4
    RECORD_HAS_FORMALS = 8
    RECORD_LEVEL_SHIFT = 4

cdef struct Image:
    uint8_t* data
    uint32_t size_bytes
    uint32_t chunk_count
    uint32_t text_count
    # the offset of each chunk's record
    uint32_t* records
    # the offset of each text
    uint32_t* texts
    # somebody else owns `data`, `records` and `texts`: they are in the pack of compiled files
    bint is_borrowed

cdef struct RecordHead:
    uint8_t flags
    uint32_t upvalue_count
    uint32_t max_stack
    uint32_t arity
    # the number of the text + 1, or 0
    uint32_t name
    uint32_t parameter
    uint32_t start_byte
    uint32_t end_byte
    uint32_t formal_count
    bint has_ellipsis
    # the start of the formals
    const uint8_t* formals
    uint32_t constant_count
    # the code and the spans follow the constants
    const uint8_t* constants

cdef struct ImageWriter:
    uint8_t* data
    size_t size_bytes
    size_t capacity_bytes
    # where the records begin in the data
    uint32_t* records
    uint32_t record_capacity
    # where the texts begin in the data
    uint32_t* texts
    uint32_t text_count
    uint32_t text_capacity

cdef void writer_open(ImageWriter* w, size_t estimate_bytes) noexcept nogil
cdef uint32_t writer_text(ImageWriter* w, Text text) noexcept nogil
    # Writes a text, and returns its number.
cdef void writer_put(ImageWriter* w, Chunk* chunk) noexcept nogil
    # Writes a chunk's record at its index, and those of its texts that have no number yet.
cdef Image* writer_close(ImageWriter* w, uint32_t chunk_count) noexcept nogil
    # Returns NULL if memory is short.
cdef void writer_drop(ImageWriter* w) noexcept nogil
cdef void image_free(Image* image) noexcept nogil
cdef void read_head(Image* image, uint32_t chunk, RecordHead* head) noexcept nogil

cdef inline uint64_t take(const uint8_t** p) noexcept nogil:
    """Reads a uvarint and moves on."""
    cdef uint32_t size = 0
    cdef uint64_t x = varint_read(p[0], &size)
    p[0] += size
    return x

cdef inline int64_t take_signed(const uint8_t** p) noexcept nogil:
    cdef uint64_t x = take(p)
    return <int64_t>(x >> 1) ^ -<int64_t>(x & 1)

cdef inline Text image_text(Image* image, uint64_t index) noexcept nogil:
    """The bytes of a text, inside the image."""
    cdef Text text
    cdef const uint8_t* p = image.data + image.texts[index]
    text.size_bytes = <uint32_t>take(&p)
    text.data = p
    return text
