# cython: language_level=3
"""Writes the compact form of a file's chunks, one by one as they are finished, and reads the heads of its records."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from snowsnake.bytecode.chunk cimport (
    CONSTANT_ATTR_NAME, CONSTANT_BUILTIN, CONSTANT_CHUNK, CONSTANT_FLOAT, CONSTANT_HOME_PATH, CONSTANT_INT,
    CONSTANT_KEYS, CONSTANT_NAME, CONSTANT_PATH, CONSTANT_POSITION, CONSTANT_SEARCH_PATH, CONSTANT_STRING, Constant,
    SpanRun,
)
from snowsnake.bytecode.varint cimport VARINT_MAX_SIZE_BYTES, varint_write
from snowsnake.foundation.allocate cimport allocate_zeros
from snowsnake.syntax.deep_stack cimport leave_out_of_memory, resize_or_leave
from snowsnake.syntax.nodes cimport Text


cdef void* _resized(void* data, size_t size_bytes) noexcept nogil:
    """If memory runs out, the compilation ends."""
    return resize_or_leave(data, size_bytes, 1)


cdef void _room(ImageWriter* w, size_t size_bytes) noexcept nogil:
    if w.size_bytes + size_bytes > w.capacity_bytes:
        w.capacity_bytes = (w.size_bytes + size_bytes) * 3 // 2 + 256
        if w.capacity_bytes > <size_t>0xFFFFFFFF:
            leave_out_of_memory()
        w.data = <uint8_t*>_resized(w.data, w.capacity_bytes)


cdef inline void _put(ImageWriter* w, uint64_t x) noexcept nogil:
    """Writes a number; the caller has made room for the whole record."""
    cdef uint8_t* p = w.data + w.size_bytes
    if x < 0x80:
        p[0] = <uint8_t>x
        w.size_bytes += 1
    else:
        w.size_bytes += varint_write(p, x)


cdef inline void _put_signed(ImageWriter* w, int64_t x) noexcept nogil:
    _put(w, (<uint64_t>x << 1) ^ <uint64_t>(x >> 63))


cdef void _put_bytes(ImageWriter* w, const void* data, size_t size_bytes) noexcept nogil:
    # A chunk that was given up has no code.
    if size_bytes:
        memcpy(w.data + w.size_bytes, data, size_bytes)
    w.size_bytes += size_bytes


# ---- texts: written before the record that names them ----------------------------------------------------------

cdef uint32_t writer_text(ImageWriter* w, Text text) noexcept nogil:
    if w.text_count == w.text_capacity:
        w.text_capacity = w.text_capacity * 2 + 64
        w.texts = <uint32_t*>_resized(w.texts, w.text_capacity * sizeof(uint32_t))
    _room(w, VARINT_MAX_SIZE_BYTES + text.size_bytes)
    w.texts[w.text_count] = <uint32_t>w.size_bytes
    _put(w, text.size_bytes)
    if text.size_bytes:
        _put_bytes(w, text.data, text.size_bytes)
    w.text_count += 1
    return w.text_count


cdef inline void _number(ImageWriter* w, Text* text) noexcept nogil:
    if text.number == 0:
        text.number = writer_text(w, text[0])


cdef inline uint32_t _optional(Text text) noexcept nogil:
    """Number of a name, or 0 if there is none."""
    return text.number if text.size_bytes else 0


cdef bint _holds_text(int kind) noexcept nogil:
    return kind == CONSTANT_STRING or kind == CONSTANT_PATH or kind == CONSTANT_SEARCH_PATH or kind == CONSTANT_HOME_PATH \
        or kind == CONSTANT_BUILTIN or kind == CONSTANT_ATTR_NAME or kind == CONSTANT_NAME


cdef void _number_texts(ImageWriter* w, Chunk* chunk) noexcept nogil:
    cdef uint32_t i, j
    cdef Constant* c
    if chunk.name.size_bytes:
        _number(w, &chunk.name)
    if chunk.parameter.size_bytes:
        _number(w, &chunk.parameter)
    if chunk.formals != NULL:
        for i in range(chunk.formals.count):
            _number(w, &chunk.formals.names[i])
    for i in range(chunk.constant_count):
        c = &chunk.constants[i]
        if _holds_text(c.kind):
            _number(w, &c.own.text)
        elif c.kind == CONSTANT_KEYS and c.own.keys.names != NULL:
            for j in range(c.own.keys.count):
                _number(w, &c.own.keys.names[j])


# ---- records ----------------------------------------------------------------------------------------------------

cdef void _put_formals(ImageWriter* w, Keys* formals) noexcept nogil:
    cdef uint32_t i
    _put(w, (<uint64_t>formals.count << 1) | (1 if formals.has_ellipsis else 0))
    for i in range(formals.count):
        _put(w, (<uint64_t>(formals.names[i].number - 1) << 1) | (1 if formals.has_default[i] else 0))
        _put(w, formals.start_bytes[i])


cdef void _put_spans(ImageWriter* w, Chunk* chunk) noexcept nogil:
    cdef uint32_t i, code = 0, start = chunk.start_byte
    cdef SpanRun* run
    _put(w, chunk.span_count)
    for i in range(chunk.span_count):
        run = &chunk.spans[i]
        _put(w, run.code_start - code)
        _put_signed(w, <int64_t>run.start_byte - <int64_t>start)
        _put(w, run.end_byte - run.start_byte if run.end_byte > run.start_byte else 0)
        code = run.code_start
        start = run.start_byte


cdef void _put_constant(ImageWriter* w, Constant* c) noexcept nogil:
    cdef uint32_t i
    _put(w, c.kind)
    if _holds_text(c.kind):
        _put(w, c.own.text.number - 1)
        if c.kind == CONSTANT_ATTR_NAME:
            _put(w, c.start_byte)
    elif c.kind == CONSTANT_INT:
        _put_signed(w, c.own.integer)
    elif c.kind == CONSTANT_FLOAT:
        _put_bytes(w, &c.own.number, sizeof(double))
    elif c.kind == CONSTANT_CHUNK:
        _put(w, (<uint64_t>c.own.chunk << 2) | (<uint64_t>c.is_blueprint << 1) | c.is_lambda)
    elif c.kind == CONSTANT_POSITION:
        _put(w, c.start_byte)
    elif c.kind == CONSTANT_KEYS:
        _put(w, (<uint64_t>c.own.keys.count << 1) | (1 if c.own.keys.names != NULL else 0))
        for i in range(c.own.keys.count):
            if c.own.keys.names != NULL:
                _put(w, c.own.keys.names[i].number - 1)
            _put(w, c.own.keys.start_bytes[i] if c.own.keys.start_bytes != NULL else 0)


cdef size_t _most_bytes(Chunk* chunk) noexcept nogil:
    """An upper bound for the size of the chunk's record."""
    cdef size_t numbers = 16 + 3 * (<size_t>chunk.constant_count + chunk.span_count)
    cdef uint32_t i
    if chunk.formals != NULL:
        numbers += 2 * <size_t>chunk.formals.count
    for i in range(chunk.constant_count):
        if chunk.constants[i].kind == CONSTANT_KEYS:
            numbers += 2 * <size_t>chunk.constants[i].own.keys.count
    return numbers * VARINT_MAX_SIZE_BYTES + chunk.code_size_bytes


cdef void _put_record(ImageWriter* w, Chunk* chunk) noexcept nogil:
    cdef uint32_t i
    _room(w, _most_bytes(chunk))
    _put(w, chunk.kind | (RECORD_CAPTURES_WITH if chunk.captures_with else 0)
         | (RECORD_HAS_FORMALS if chunk.formals != NULL else 0) | (<uint32_t>chunk.level << RECORD_LEVEL_SHIFT))
    _put(w, chunk.upvalue_count)
    _put(w, chunk.max_stack)
    _put(w, chunk.arity)
    _put(w, _optional(chunk.name))
    _put(w, _optional(chunk.parameter))
    _put(w, chunk.start_byte)
    _put(w, chunk.end_byte - chunk.start_byte if chunk.end_byte > chunk.start_byte else 0)
    if chunk.formals != NULL:
        _put_formals(w, chunk.formals)
    _put(w, chunk.constant_count)
    for i in range(chunk.constant_count):
        _put_constant(w, &chunk.constants[i])
    _put(w, chunk.code_size_bytes)
    _put_bytes(w, chunk.code, chunk.code_size_bytes)
    _put_spans(w, chunk)


cdef void writer_put(ImageWriter* w, Chunk* chunk) noexcept nogil:
    if chunk.index >= w.record_capacity:
        w.record_capacity = chunk.index * 2 + 64
        w.records = <uint32_t*>_resized(w.records, w.record_capacity * sizeof(uint32_t))
    _number_texts(w, chunk)
    w.records[chunk.index] = <uint32_t>w.size_bytes
    _put_record(w, chunk)


# ---- images -----------------------------------------------------------------------------------------------------

cdef void writer_open(ImageWriter* w, size_t estimate_bytes) noexcept nogil:
    memset(w, 0, sizeof(ImageWriter))
    _room(w, estimate_bytes)


cdef Image* writer_close(ImageWriter* w, uint32_t chunk_count) noexcept nogil:
    cdef Image* image
    # We add bytes, because a reader of vu128 numbers may read 8 bytes in one go.
    w.data = <uint8_t*>_resized(w.data, w.size_bytes + 16)
    w.texts = <uint32_t*>_resized(w.texts, (w.text_count + 1) * sizeof(uint32_t))
    w.records = <uint32_t*>_resized(w.records, chunk_count * sizeof(uint32_t))
    image = <Image*>allocate_zeros(1, sizeof(Image))
    if image == NULL:
        writer_drop(w)
        return NULL
    image.data = w.data
    image.texts = w.texts
    image.records = w.records
    image.size_bytes = <uint32_t>w.size_bytes
    image.chunk_count = chunk_count
    image.text_count = w.text_count
    return image


cdef void writer_drop(ImageWriter* w) noexcept nogil:
    free(w.data)
    free(w.records)
    free(w.texts)


cdef void image_free(Image* image) noexcept nogil:
    if image != NULL:
        if not image.is_borrowed:
            free(image.data)
            free(image.records)
            free(image.texts)
        free(image)


cdef void read_head(Image* image, uint32_t chunk, RecordHead* head) noexcept nogil:
    cdef const uint8_t* p = image.data + image.records[chunk]
    cdef uint64_t x
    cdef uint32_t i
    head.flags = <uint8_t>take(&p)
    head.upvalue_count = <uint32_t>take(&p)
    head.max_stack = <uint32_t>take(&p)
    head.arity = <uint32_t>take(&p)
    head.name = <uint32_t>take(&p)
    head.parameter = <uint32_t>take(&p)
    head.start_byte = <uint32_t>take(&p)
    head.end_byte = head.start_byte + <uint32_t>take(&p)
    head.formal_count = 0
    head.has_ellipsis = False
    if head.flags & RECORD_HAS_FORMALS:
        x = take(&p)
        head.formal_count = <uint32_t>(x >> 1)
        head.has_ellipsis = x & 1
        head.formals = p
        for i in range(head.formal_count):
            take(&p)
            take(&p)
    head.constant_count = <uint32_t>take(&p)
    head.constants = p
