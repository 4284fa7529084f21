# cython: language_level=3
"""A chunk under construction: code, constants, spans, the depth of the stack, and jumps whose target is not known yet.

In: operations in order.  Out: a finished Chunk, which lies in the Builder's buffers; the next chunk uses the same buffers.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from snowsnake.bytecode.chunk cimport Chunk, Constant, SpanRun
from snowsnake.bytecode.varint cimport varint_write

cdef enum:
    NO_JUMP = 0xFFFFFFFF

# a jump whose distance does not fit its 16 bits
cdef struct WideJump:
    # offset of the 16 bits
    uint32_t operand
    uint32_t target

cdef struct Builder:
    uint8_t* code
    uint32_t code_size
    uint32_t code_capacity
    uint32_t last_op
    Constant* constants
    uint32_t constant_count
    uint32_t constant_capacity
    SpanRun* spans
    uint32_t span_count
    uint32_t span_capacity
    # words on the frame's stack now
    uint32_t depth
    uint32_t max_depth
    WideJump* wide
    uint32_t wide_count
    uint32_t wide_capacity

cdef void* grow(void* data, uint32_t* capacity, uint32_t needed, size_t item_bytes) noexcept nogil
cdef uint32_t operation_size(const uint8_t* code, uint32_t at, uint32_t* jump_operand) noexcept nogil
    # For the operation at `at`, returns its size with operands; and the offset of its 16-bit distance, if it jumps.
cdef void builder_reset(Builder* b, uint32_t depth) noexcept nogil
cdef void builder_free(Builder* b) noexcept nogil
cdef void builder_span(Builder* b, uint32_t start_byte, uint32_t end_byte) noexcept nogil
cdef Constant* builder_constant(Builder* b, uint8_t kind) noexcept nogil
cdef void builder_patch(Builder* b, uint32_t operand) noexcept nogil
cdef void builder_finish(Builder* b, Chunk* chunk) noexcept nogil
    # The chunk borrows the builder's buffers until the builder begins another chunk.

cdef inline void builder_room(Builder* b, uint32_t size) noexcept nogil:
    if b.code_size + size > b.code_capacity:
        b.code = <uint8_t*>grow(b.code, &b.code_capacity, b.code_size + size, 1)

cdef inline void builder_op(Builder* b, uint8_t op, uint32_t start_byte, uint32_t end_byte, int effect) noexcept nogil:
    """Writes an operation that changes the depth by `effect`; the caller writes its operands next."""
    builder_room(b, 16)
    b.last_op = b.code_size
    if b.span_count == 0 or b.spans[b.span_count - 1].start_byte != start_byte \
            or b.spans[b.span_count - 1].end_byte != end_byte:
        builder_span(b, start_byte, end_byte)
    b.code[b.code_size] = op
    b.code_size += 1
    b.depth += effect
    if b.depth > b.max_depth:
        b.max_depth = b.depth

cdef inline void builder_byte(Builder* b, uint8_t x) noexcept nogil:
    builder_room(b, 1)
    b.code[b.code_size] = x
    b.code_size += 1

cdef inline void builder_varint(Builder* b, uint64_t x) noexcept nogil:
    builder_room(b, 9)
    b.code_size += varint_write(b.code + b.code_size, x)

cdef inline uint32_t builder_jump(Builder* b) noexcept nogil:
    """Leaves room for a distance, and returns the offset to patch."""
    builder_room(b, 2)
    b.code[b.code_size] = 0
    b.code[b.code_size + 1] = 0
    b.code_size += 2
    return b.code_size - 2
