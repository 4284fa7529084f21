# cython: language_level=3
"""Emits operations (with the span of the node that an error points at), constants, captures and jumps: see emit.pyx."""
from libc.stdint cimport uint32_t, uint64_t, uint8_t

from snowsnake.bytecode.builder cimport builder_op, builder_patch, builder_varint
from snowsnake.bytecode.chunk cimport Constant
from snowsnake.bytecode.opcodes cimport OP_FORCE, OP_RETURN
from snowsnake.compiler.state cimport Compiler
from snowsnake.syntax.deep_stack cimport stack_is_low
from snowsnake.syntax.global_table cimport Global
from snowsnake.syntax.leaving cimport leave_if_asked
from snowsnake.syntax.nodes cimport Name, Node, Text, arena_alloc

cdef enum:
    # Code of this level keeps the activation of every call that has not returned.  cli/second_look.py runs a failed evaluation again at this level.
    LEVEL_KEEPS_FRAMES = 2

cdef inline void op(Compiler* c, uint8_t opcode, Node* node, int effect) noexcept nogil:
    builder_op(&c.open.code, opcode, node.start_byte, node.end_byte, effect)

cdef inline void operand(Compiler* c, uint64_t x) noexcept nogil:
    builder_varint(&c.open.code, x)

cdef inline void op1(Compiler* c, uint8_t opcode, uint64_t x, Node* node, int effect) noexcept nogil:
    builder_op(&c.open.code, opcode, node.start_byte, node.end_byte, effect)
    builder_varint(&c.open.code, x)

cdef inline void op_return(Compiler* c, Node* node) noexcept nogil:
    """Leaves the chunk; an unforced value is evaluated in its place, unless frames are kept."""
    if c.level == LEVEL_KEEPS_FRAMES:
        op(c, OP_FORCE, node, 0)
    op(c, OP_RETURN, node, 0)

cdef inline uint32_t depth_of(Compiler* c) noexcept nogil:
    return c.open.code.depth

cdef inline void* keep(Compiler* c, size_t size_bytes) noexcept nogil:
    """Memory that lives as long as the tree."""
    return arena_alloc(&c.ast.arena, size_bytes)

cdef inline Text text_of(const uint8_t* data, uint32_t size_bytes) noexcept nogil:
    cdef Text text
    text.data = data
    text.size_bytes = size_bytes
    text.number = 0
    return text

cdef void fault(Compiler* c, int kind, const char* before, Text name, const char* after, Node* node) noexcept nogil
cdef bint give_up(Compiler* c, Node* node) noexcept nogil

cdef inline bint is_too_deep(Compiler* c, Node* node) noexcept nogil:
    """Guards every recursion over the tree, and leaves the compilation if it is asked to stop.

    To ask takes longer than to compile some nodes, so one in 16 does: the address decides, mixed so that nodes of one size differ.
    """
    if <uint64_t>node * <uint64_t>0x9E3779B97F4A7C15ULL >> 60 == 0:
        leave_if_asked()
    return stack_is_low(c.stack_limit) and give_up(c, node)

cdef void push_constant(Compiler* c, Node* node) noexcept nogil
cdef void push_plain(Compiler* c, uint8_t kind, Node* node) noexcept nogil
cdef Constant* add_text(Compiler* c, uint8_t kind, Text text) noexcept nogil
    # Appends a constant with a text, which is written at once: what it lies in may be gone when the chunk is finished.
cdef uint32_t text_constant(Compiler* c, uint8_t kind, Text text, uint32_t start_byte) noexcept nogil
cdef uint32_t name_constant(Compiler* c, Name name) noexcept nogil
cdef uint32_t global_constant(Compiler* c, Global* which) noexcept nogil
cdef uint32_t literal_constant(Compiler* c, Node* node) noexcept nogil
cdef uint32_t jump(Compiler* c, uint8_t opcode, Node* node, int effect) noexcept nogil

cdef inline void land(Compiler* c, uint32_t operand_offset) noexcept nogil:
    """Lets the jump lead here."""
    builder_patch(&c.open.code, operand_offset)

cdef void add_jump(Compiler* c, uint32_t* jumps, uint32_t operand_offset) noexcept nogil
cdef void land_all(Compiler* c, uint32_t jumps) noexcept nogil
cdef Text path_text(Compiler* c, Node* node) noexcept nogil
