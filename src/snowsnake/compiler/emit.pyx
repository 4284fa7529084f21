# cython: language_level=3
"""Emits operations (with the span of the node that an error points at), constants, captures and jumps."""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, strlen

from snowsnake.bytecode.builder cimport Builder, builder_constant, builder_jump, grow
from snowsnake.bytecode.chunk cimport (
    CONSTANT_ATTRS, CONSTANT_BUILTIN, CONSTANT_BUILTINS, CONSTANT_FALSE, CONSTANT_FLOAT, CONSTANT_INT, CONSTANT_LIST,
    CONSTANT_NAME, CONSTANT_NULL, CONSTANT_PATH, CONSTANT_POSITION, CONSTANT_STRING, CONSTANT_TRUE, Constant,
)
from snowsnake.bytecode.image cimport writer_text
from snowsnake.bytecode.opcodes cimport OP_CONSTANT
from snowsnake.compiler.globals cimport find_global
from snowsnake.compiler.state cimport NONE, SHARED_CONSTANTS, PendingJump
from snowsnake.foundation.paths cimport append_components
from snowsnake.syntax.global_names cimport global_index
from snowsnake.syntax.global_table cimport GLOBAL_BUILTINS, GLOBAL_FALSE, GLOBAL_NULL, GLOBAL_TRUE
from snowsnake.syntax.names cimport name_text_bytes, write_name
from snowsnake.syntax.nodes cimport (
    NODE_ATTRS, NODE_CURRENT_POSITION, NODE_FLOAT, NODE_INT, NODE_LIST, NODE_NEGATE, NODE_PATH, NODE_VARIABLE,
    PATH_ABSOLUTE, SYNTAX_MALFORMED,
)


cdef void fault(Compiler* c, int kind, const char* before, Text name, const char* after, Node* node) noexcept nogil:
    """The program is wrong: keeps the fault that comes first in the file.  The name may be none (no data)."""
    cdef size_t before_bytes = strlen(before), after_bytes = strlen(after), name_bytes = 0
    cdef char* message
    c.fault_count += 1
    if c.unit.error != NULL and c.unit.error_start_byte <= node.start_byte:
        return
    if name.data != NULL:
        name_bytes = name_text_bytes(&name)
    message = <char*>keep(c, before_bytes + name_bytes + after_bytes + 1)
    memcpy(message, before, before_bytes)
    if name.data != NULL:
        write_name(&name, <uint8_t*>message + before_bytes)
    memcpy(message + before_bytes + name_bytes, after, after_bytes)
    c.unit.error = message
    c.unit.error_kind = <uint8_t>kind
    c.unit.error_start_byte = node.start_byte
    c.unit.error_end_byte = node.end_byte


cdef bint give_up(Compiler* c, Node* node) noexcept nogil:
    """Reports that a node is nested too deeply, and keeps the depth of the machine's stack right."""
    fault(c, SYNTAX_MALFORMED, "this expression is nested too deeply", text_of(NULL, 0), "", node)
    c.open.code.depth += 1
    return True


# ---- constants --------------------------------------------------------------------------------------------------

cdef void push_constant(Compiler* c, Node* node) noexcept nogil:
    """Pushes the constant made last."""
    op1(c, OP_CONSTANT, c.open.code.constant_count - 1, node, 1)


cdef uint32_t plain_constant(Compiler* c, uint8_t kind) noexcept nogil:
    """A constant that its kind fully describes: null, true, the empty list, …"""
    cdef Builder* b = &c.open.code
    cdef uint32_t i = b.constant_count
    if c.level > 0:
        while i > 0 and b.constant_count - i < SHARED_CONSTANTS:
            i -= 1
            if b.constants[i].kind == kind:
                return i
    builder_constant(b, kind)
    return b.constant_count - 1


cdef void push_plain(Compiler* c, uint8_t kind, Node* node) noexcept nogil:
    op1(c, OP_CONSTANT, plain_constant(c, kind), node, 1)


cdef Constant* add_text(Compiler* c, uint8_t kind, Text text) noexcept nogil:
    cdef Constant* constant = builder_constant(&c.open.code, kind)
    if text.number == 0 and text.size_bytes:
        text.number = writer_text(&c.writer, text)
    constant.own.text = text
    return constant


cdef uint32_t text_constant(Compiler* c, uint8_t kind, Text text, uint32_t start_byte) noexcept nogil:
    """A constant with a text that the unit already has; at the default level, shared with a near one."""
    cdef Builder* b = &c.open.code
    cdef uint32_t i = b.constant_count
    if c.level > 0:
        while i > 0 and b.constant_count - i < SHARED_CONSTANTS:
            i -= 1
            if b.constants[i].kind == kind and b.constants[i].own.text.data == text.data \
                    and b.constants[i].own.text.size_bytes == text.size_bytes:
                return i
    add_text(c, kind, text).start_byte = start_byte
    return b.constant_count - 1


cdef uint32_t name_constant(Compiler* c, Name name) noexcept nogil:
    return text_constant(c, CONSTANT_NAME, c.names[name], 0)


cdef uint32_t int_constant(Compiler* c, int64_t integer) noexcept nogil:
    cdef Builder* b = &c.open.code
    cdef uint32_t i = b.constant_count
    if c.level > 0:
        while i > 0 and b.constant_count - i < SHARED_CONSTANTS:
            i -= 1
            if b.constants[i].kind == CONSTANT_INT and b.constants[i].own.integer == integer:
                return i
    builder_constant(b, CONSTANT_INT).own.integer = integer
    return b.constant_count - 1


cdef uint32_t global_constant(Compiler* c, Global* which) noexcept nogil:
    cdef Text text
    cdef uint32_t place
    if which.kind == GLOBAL_TRUE:
        return plain_constant(c, CONSTANT_TRUE)
    if which.kind == GLOBAL_FALSE:
        return plain_constant(c, CONSTANT_FALSE)
    if which.kind == GLOBAL_NULL:
        return plain_constant(c, CONSTANT_NULL)
    if which.kind == GLOBAL_BUILTINS:
        return plain_constant(c, CONSTANT_BUILTINS)
    text = text_of(<const uint8_t*>which.name, which.size_bytes)
    place = global_index(which)
    if c.global_numbers[place] == 0:
        c.global_numbers[place] = writer_text(&c.writer, text)
    text.number = c.global_numbers[place]
    return text_constant(c, CONSTANT_BUILTIN, text, 0)


cdef uint32_t literal_constant(Compiler* c, Node* node) noexcept nogil:
    """The constant of a node that is one (`is_literal`)."""
    cdef Builder* b = &c.open.code
    cdef Node* piece
    cdef Text text
    if node.kind == NODE_INT:
        return int_constant(c, node.own.integer)
    if node.kind == NODE_VARIABLE:
        return global_constant(c, find_global(c, node.name))
    if node.kind == NODE_NEGATE:
        return int_constant(c, -node.a.own.integer)
    if node.kind == NODE_FLOAT:
        builder_constant(b, CONSTANT_FLOAT).own.number = node.own.number
    elif node.kind == NODE_CURRENT_POSITION:
        builder_constant(b, CONSTANT_POSITION).start_byte = node.start_byte
    elif node.kind == NODE_LIST:
        return plain_constant(c, CONSTANT_LIST)
    elif node.kind == NODE_ATTRS:
        return plain_constant(c, CONSTANT_ATTRS)
    elif node.kind == NODE_PATH:
        add_text(c, CONSTANT_PATH, path_text(c, node))
    else:
        text = text_of(NULL, 0)
        if node.count:
            piece = node.items[0]
            text = text_of(piece.own.text, piece.size_bytes)
        add_text(c, CONSTANT_STRING, text)
    return b.constant_count - 1


# ---- jumps ------------------------------------------------------------------------------------------------------

cdef uint32_t jump(Compiler* c, uint8_t opcode, Node* node, int effect) noexcept nogil:
    """A forward jump without other operands.  Returns what `land` takes."""
    op(c, opcode, node, effect)
    return builder_jump(&c.open.code)


cdef void add_jump(Compiler* c, uint32_t* jumps, uint32_t operand_offset) noexcept nogil:
    """Adds a jump to a list of jumps with the same target; an empty list is NONE."""
    if c.jump_count == c.jump_capacity:
        c.jumps = <PendingJump*>grow(c.jumps, &c.jump_capacity, c.jump_count + 1, sizeof(PendingJump))
    c.jumps[c.jump_count].operand = operand_offset
    c.jumps[c.jump_count].next = jumps[0]
    jumps[0] = c.jump_count
    c.jump_count += 1


cdef void land_all(Compiler* c, uint32_t jumps) noexcept nogil:
    while jumps != NONE:
        land(c, c.jumps[jumps].operand)
        jumps = c.jumps[jumps].next


# ---- path literals ----------------------------------------------------------------------------------------------

cdef Text path_text(Compiler* c, Node* node) noexcept nogil:
    """The absolute, canonical path of an absolute or relative literal (of its first piece, if it is interpolated)."""
    cdef Node* piece = node.items[0]
    cdef uint8_t* data = <uint8_t*>keep(c, c.base_dir_bytes + piece.size_bytes + 4)
    cdef uint32_t size = 0
    if not node.flags & PATH_ABSOLUTE:
        size = <uint32_t>append_components(data, 0, <const uint8_t*>c.base_dir, c.base_dir_bytes)
    size = <uint32_t>append_components(data, size, piece.own.text, piece.size_bytes)
    if size == 0:
        data[0] = c'/'
        size = 1
    return text_of(data, size)
