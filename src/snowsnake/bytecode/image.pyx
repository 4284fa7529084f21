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


# What writes numbers takes the place to write at and returns the place behind; the caller has made room for the whole record.

cdef inline uint8_t* _put(uint8_t* p, uint64_t x) noexcept nogil:
    return p + varint_write(p, x)


cdef inline uint64_t _zigzag(int64_t x) noexcept nogil:
    return (<uint64_t>x << 1) ^ <uint64_t>(x >> 63)


cdef inline uint8_t* _put_bytes(uint8_t* p, const void* data, size_t size_bytes) noexcept nogil:
    # An empty text, and the code of a chunk that was given up, have no data.
    if size_bytes:
        memcpy(p, data, size_bytes)
    return p + size_bytes


# ---- texts: written before the record that names them ----------------------------------------------------------

cdef uint32_t writer_text(ImageWriter* w, Text text) noexcept nogil:
    cdef uint8_t* p
    if w.text_count == w.text_capacity:
        w.text_capacity = w.text_capacity * 2 + 64
        w.texts = <uint32_t*>_resized(w.texts, w.text_capacity * sizeof(uint32_t))
    _room(w, VARINT_MAX_SIZE_BYTES + text.size_bytes)
    w.texts[w.text_count] = <uint32_t>w.size_bytes
    p = _put(w.data + w.size_bytes, text.size_bytes)
    w.size_bytes = _put_bytes(p, text.data, text.size_bytes) - w.data
    w.text_count += 1
    return w.text_count


cdef inline void _number(ImageWriter* w, Text* text) noexcept nogil:
    if text.number == 0:
        text.number = writer_text(w, text[0])


cdef inline uint32_t _optional(const Text* text) noexcept nogil:
    """Number of a name, or 0 if there is none."""
    return text.number if text.size_bytes else 0


cdef inline bint _holds_text(int kind) noexcept nogil:
    return kind == CONSTANT_STRING or kind == CONSTANT_PATH or kind == CONSTANT_SEARCH_PATH or kind == CONSTANT_HOME_PATH \
        or kind == CONSTANT_BUILTIN or kind == CONSTANT_ATTR_NAME or kind == CONSTANT_NAME


cdef size_t _number_texts(ImageWriter* w, Chunk* chunk) noexcept nogil:
    """Writes the texts that have no number yet.  Returns an upper bound for the size of the chunk's record."""
    cdef size_t numbers = 16 + 3 * (<size_t>chunk.constant_count + chunk.span_count)
    cdef uint32_t i, j
    cdef Constant* c
    if chunk.name.size_bytes:
        _number(w, &chunk.name)
    if chunk.parameter.size_bytes:
        _number(w, &chunk.parameter)
    if chunk.formals != NULL:
        numbers += 2 * <size_t>chunk.formals.count
        for i in range(chunk.formals.count):
            _number(w, &chunk.formals.names[i])
    for i in range(chunk.constant_count):
        c = &chunk.constants[i]
        if _holds_text(c.kind):
            _number(w, &c.own.text)
        elif c.kind == CONSTANT_KEYS:
            numbers += 2 * <size_t>c.own.keys.count
            if c.own.keys.names != NULL:
                for j in range(c.own.keys.count):
                    _number(w, &c.own.keys.names[j])
    return numbers * VARINT_MAX_SIZE_BYTES + chunk.code_size_bytes


# ---- records ----------------------------------------------------------------------------------------------------

cdef uint8_t* _put_formals(uint8_t* p, Keys* formals) noexcept nogil:
    cdef uint32_t i
    p = _put(p, (<uint64_t>formals.count << 1) | (1 if formals.has_ellipsis else 0))
    for i in range(formals.count):
        p = _put(p, (<uint64_t>(formals.names[i].number - 1) << 1) | (1 if formals.has_default[i] else 0))
        p = _put(p, formals.start_bytes[i])
    return p


cdef inline uint8_t* _put_spans(uint8_t* p, Chunk* chunk) noexcept nogil:
    cdef uint32_t i, code = 0, start = chunk.start_byte
    cdef uint64_t distance, move, length
    cdef SpanRun* run
    p = _put(p, chunk.span_count)
    for i in range(chunk.span_count):
        run = &chunk.spans[i]
        distance = run.code_start - code
        move = _zigzag(<int64_t>run.start_byte - <int64_t>start)
        length = run.end_byte - run.start_byte if run.end_byte > run.start_byte else 0
        if (distance | move | length) < 0x80:
            # Nearly all runs are like this.
            p[0] = <uint8_t>distance
            p[1] = <uint8_t>move
            p[2] = <uint8_t>length
            p += 3
        else:
            p = _put(_put(_put(p, distance), move), length)
        code = run.code_start
        start = run.start_byte
    return p


cdef uint8_t* _put_keys(uint8_t* p, Keys* keys) noexcept nogil:
    cdef uint32_t i
    p = _put(p, (<uint64_t>keys.count << 1) | (1 if keys.names != NULL else 0))
    for i in range(keys.count):
        if keys.names != NULL:
            p = _put(p, keys.names[i].number - 1)
        p = _put(p, keys.start_bytes[i] if keys.start_bytes != NULL else 0)
    return p


cdef inline uint8_t* _put_constant(uint8_t* p, Constant* c) noexcept nogil:
    p = _put(p, c.kind)
    if _holds_text(c.kind):
        p = _put(p, c.own.text.number - 1)
        return _put(p, c.start_byte) if c.kind == CONSTANT_ATTR_NAME else p
    if c.kind == CONSTANT_CHUNK:
        return _put(p, (<uint64_t>c.own.chunk << 2) | (<uint64_t>c.is_blueprint << 1) | c.is_lambda)
    if c.kind == CONSTANT_INT:
        return _put(p, _zigzag(c.own.integer))
    if c.kind == CONSTANT_FLOAT:
        return _put_bytes(p, &c.own.number, sizeof(double))
    if c.kind == CONSTANT_POSITION:
        return _put(p, c.start_byte)
    return _put_keys(p, c.own.keys) if c.kind == CONSTANT_KEYS else p


cdef uint8_t* _put_record(uint8_t* p, Chunk* chunk) noexcept nogil:
    cdef uint32_t i
    p = _put(p, chunk.kind | (RECORD_CAPTURES_WITH if chunk.captures_with else 0)
             | (RECORD_HAS_FORMALS if chunk.formals != NULL else 0) | (<uint32_t>chunk.level << RECORD_LEVEL_SHIFT))
    p = _put(p, chunk.upvalue_count)
    p = _put(p, chunk.max_stack)
    p = _put(p, chunk.arity)
    p = _put(p, _optional(&chunk.name))
    p = _put(p, _optional(&chunk.parameter))
    p = _put(p, chunk.start_byte)
    p = _put(p, chunk.end_byte - chunk.start_byte if chunk.end_byte > chunk.start_byte else 0)
    if chunk.formals != NULL:
        p = _put_formals(p, chunk.formals)
    p = _put(p, chunk.constant_count)
    for i in range(chunk.constant_count):
        p = _put_constant(p, &chunk.constants[i])
    p = _put(p, chunk.code_size_bytes)
    p = _put_bytes(p, chunk.code, chunk.code_size_bytes)
    return _put_spans(p, chunk)


cdef void writer_put(ImageWriter* w, Chunk* chunk) noexcept nogil:
    if chunk.index >= w.record_capacity:
        w.record_capacity = chunk.index * 2 + 64
        w.records = <uint32_t*>_resized(w.records, w.record_capacity * sizeof(uint32_t))
    _room(w, _number_texts(w, chunk))
    w.records[chunk.index] = <uint32_t>w.size_bytes
    w.size_bytes = _put_record(w.data + w.size_bytes, chunk) - w.data


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
