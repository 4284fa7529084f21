# cython: language_level=3
"""A chunk under construction (see the header).  Jumps further than 64 KiB are rewritten when the chunk is finished."""
from libc.stdint cimport UINT32_MAX, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from snowsnake.bytecode.chunk cimport Chunk, Constant, SpanRun
from snowsnake.bytecode.encodings cimport snow_encodings
from snowsnake.bytecode.opcodes cimport OP_JUMP, OP_JUMP_WIDE
from snowsnake.bytecode.varint cimport varint_read
from snowsnake.syntax.deep_stack cimport leave_out_of_memory, resize_or_leave


cdef void* grow(void* data, uint32_t* capacity, uint32_t needed, size_t item_bytes) noexcept nogil:
    """Makes room for `needed` items, doubling.  If memory runs out, the compilation ends."""
    cdef uint64_t size = capacity[0]
    # The array is small at first, because a source with a hundred thousand levels has as many chunks under construction.
    if size == 0:
        size = 2 if item_bytes > 8 else 24 // item_bytes
    while size < needed:
        size *= 2
    if size > <uint64_t>UINT32_MAX:
        leave_out_of_memory()
    data = resize_or_leave(data, size, item_bytes)
    capacity[0] = <uint32_t>size
    return data


cdef void builder_reset(Builder* b, uint32_t depth) noexcept nogil:
    """Begins a chunk with `depth` arguments on its stack."""
    b.code_size = b.last_op = b.constant_count = b.span_count = b.wide_count = 0
    b.depth = b.max_depth = depth


cdef void builder_free(Builder* b) noexcept nogil:
    free(b.code)
    free(b.constants)
    free(b.spans)
    free(b.wide)


cdef void builder_span(Builder* b, uint32_t start_byte, uint32_t end_byte) noexcept nogil:
    """This span applies from the next byte of code on."""
    cdef SpanRun* run
    if b.span_count == b.span_capacity:
        b.spans = <SpanRun*>grow(b.spans, &b.span_capacity, b.span_count + 1, sizeof(SpanRun))
    run = b.spans + b.span_count
    run.code_start = b.code_size
    run.start_byte = start_byte
    run.end_byte = end_byte
    b.span_count += 1


cdef Constant* builder_constant(Builder* b, uint8_t kind) noexcept nogil:
    """Appends a constant, zeroed except for its kind; its index is then constant_count - 1."""
    cdef Constant* constant
    if b.constant_count == b.constant_capacity:
        b.constants = <Constant*>grow(b.constants, &b.constant_capacity, b.constant_count + 1, sizeof(Constant))
    constant = b.constants + b.constant_count
    b.constant_count += 1
    memset(constant, 0, sizeof(Constant))
    constant.kind = kind
    return constant


cdef void builder_patch(Builder* b, uint32_t operand) noexcept nogil:
    """Lets the jump whose 16 bits are at `operand` go to the end of the code so far."""
    cdef uint32_t distance = b.code_size - operand - 2
    cdef WideJump* wide
    if distance > 0xFFFF:
        if b.wide_count == b.wide_capacity:
            b.wide = <WideJump*>grow(b.wide, &b.wide_capacity, b.wide_count + 1, sizeof(WideJump))
        wide = b.wide + b.wide_count
        b.wide_count += 1
        wide.operand = operand
        wide.target = b.code_size
        distance = 0
    b.code[operand] = <uint8_t>distance
    b.code[operand + 1] = <uint8_t>(distance >> 8)


# ---- wide jumps -------------------------------------------------------------------------------------------------

cdef uint32_t operation_size(const uint8_t* code, uint32_t at, uint32_t* jump_operand) noexcept nogil:
    """The size of the operation at `at` with its operands; and the place of its 16-bit distance, or NO_JUMP."""
    cdef uint32_t start = at
    cdef const char* encodings = &snow_encodings[code[at]][0]
    cdef uint32_t size, count
    cdef int place
    jump_operand[0] = NO_JUMP
    at += 1
    for place in range(4):
        if encodings[place] == 0:
            break
        elif encodings[place] == c'v':
            varint_read(code + at, &size)
            at += size
        elif encodings[place] == c'1':
            at += 1
        elif encodings[place] == c'2':
            jump_operand[0] = at
            at += 2
        elif encodings[place] == c'4':
            at += 4
        else:
            varint_read(code + at, &size)
            at += size
            count = <uint32_t>(varint_read(code + at, &size) >> 1)
            at += size
            while count > 0:
                varint_read(code + at, &size)
                at += size
                count -= 1
    return at - start


# This is an operation in the old code and in the new code.
cdef struct Move:
    uint32_t old
    uint32_t size
    uint32_t new
    # The old code has the operand of a jump here; for other operations, this is `NO_JUMP`.
    uint32_t jump_operand
    # The operation jumps to this offset in the old code.
    uint32_t target
    bint is_wide


cdef Move* _move_at(Move* moves, uint32_t count, uint32_t inside) noexcept nogil:
    """The operation in which an offset of the old code lies."""
    cdef uint32_t low = 0, high = count, middle
    while high - low > 1:
        middle = (low + high) >> 1
        if moves[middle].old <= inside:
            low = middle
        else:
            high = middle
    return moves + low


cdef uint32_t _new_offset(Move* moves, uint32_t count, uint32_t old) noexcept nogil:
    """Where an offset of the old code is in the new."""
    cdef Move* move = _move_at(moves, count, old)
    return move.new + (old - move.old)


cdef uint32_t _list_moves(Builder* b, Move** out) noexcept nogil:
    """Lists every operation with the target of its jump, and marks the recorded wide jumps."""
    cdef Move* moves = NULL
    cdef Move* move
    cdef uint32_t capacity = 0, count = 0, at = 0, i
    while at < b.code_size:
        if count + 1 >= capacity:
            moves = <Move*>grow(moves, &capacity, count + 2, sizeof(Move))
        move = moves + count
        count += 1
        move.old = at
        move.is_wide = False
        move.size = operation_size(b.code, at, &move.jump_operand)
        at += move.size
        if move.jump_operand != NO_JUMP:
            move.target = at + b.code[move.jump_operand] + (<uint32_t>b.code[move.jump_operand + 1] << 8)
    # The end is a place to jump to, but not an operation.
    moves[count].old = at
    moves[count].size = 0
    for i in range(b.wide_count):
        move = _move_at(moves, count, b.wide[i].operand)
        move.target = b.wide[i].target
        move.is_wide = True
    out[0] = moves
    return count


cdef void _place_moves(Builder* b, Move* moves, uint32_t count) noexcept nogil:
    """Computes the new offset of every operation, and makes those jumps wide, too, that this moves too far from their targets."""
    cdef bint is_settled = False
    cdef uint32_t at, i, operation
    while not is_settled:
        is_settled = True
        at = 0
        for i in range(count):
            moves[i].new = at
            at += moves[i].size
            if moves[i].is_wide:
                at += 2 if b.code[moves[i].old] == OP_JUMP else 8
        moves[count].new = at
        for i in range(count):
            if moves[i].jump_operand != NO_JUMP and not moves[i].is_wide:
                operation = moves[i].new + moves[i].size
                if _new_offset(moves, count + 1, moves[i].target) - operation > 0xFFFF:
                    moves[i].is_wide = True
                    is_settled = False


cdef void _write_distance(uint8_t* out, uint32_t distance, int size_bytes) noexcept nogil:
    memcpy(out, &distance, size_bytes)


cdef void _relax(Builder* b) noexcept nogil:
    """Rewrites the code so that the recorded wide jumps reach their targets.

    `Jump` becomes `JumpWide`.  A conditional jump goes over a short `Jump` to a `JumpWide` just behind it:
    that works for every conditional, whatever it does to the stack.
    """
    cdef Move* moves = NULL
    cdef uint32_t count = _list_moves(b, &moves)
    cdef uint32_t i, at, target, size = 0, capacity = 0
    cdef uint8_t* code
    _place_moves(b, moves, count)
    size = moves[count].new
    code = <uint8_t*>grow(NULL, &capacity, size, 1)
    for i in range(count):
        at = moves[i].new
        memcpy(code + at, b.code + moves[i].old, moves[i].size)
        at += moves[i].size
        if moves[i].jump_operand == NO_JUMP:
            continue
        target = _new_offset(moves, count + 1, moves[i].target)
        if not moves[i].is_wide:
            _write_distance(code + at - 2, target - at, 2)
        elif b.code[moves[i].old] == OP_JUMP:
            code[moves[i].new] = OP_JUMP_WIDE
            _write_distance(code + at - 2, target - (at + 2), 4)
        else:
            _write_distance(code + at - 2, 3, 2)
            code[at] = OP_JUMP
            _write_distance(code + at + 1, 5, 2)
            code[at + 3] = OP_JUMP_WIDE
            _write_distance(code + at + 4, target - (at + 8), 4)
    for i in range(b.span_count):
        b.spans[i].code_start = _new_offset(moves, count + 1, b.spans[i].code_start)
    b.last_op = _new_offset(moves, count + 1, b.last_op)
    free(b.code)
    free(moves)
    b.code = code
    b.code_size = size
    b.code_capacity = capacity
    b.wide_count = 0


# ---- the finished chunk -----------------------------------------------------------------------------------------

cdef void builder_finish(Builder* b, Chunk* chunk) noexcept nogil:
    if b.wide_count:
        _relax(b)
    chunk.constants = b.constants
    chunk.spans = b.spans
    chunk.code = b.code
    chunk.constant_count = b.constant_count
    chunk.span_count = b.span_count
    chunk.code_size_bytes = b.code_size
    chunk.max_stack = b.max_depth
