# cython: language_level=3
"""Level 0 evaluates in the order of Nix: which operands a code leaves to the operation that takes them.

The specified code of `a > b` is a, Force, b, Force, More: all operands are on the stack before the operation, in the order of the source,
and the parts of a string from the last to the first.  Nix evaluates b first in `a > b`, `a <= b` and `a // b`, coerces a before it evaluates b
in `a + b` and `"${a}${b}"`, evaluates c before b in `a.b.${c}`, and checks each name of
`{ ${a} = x; ${b} = y; }` before it evaluates the next, which decides which of two errors is raised.  The operations
force and coerce the operands that they find unforced, each in Nix's order.  So a Force or CoerceToString at level 0 leaves its thunk alone if the
operation that takes it follows at once, or after one more operand.  In: code of level 0, which the compiler has made
(compiler/specified.pyx): an operand is one operation that pushes, and perhaps Force.
"""
from libc.stdint cimport uint8_t, uint32_t

from snowsnake.bytecode.builder cimport operation_size
from snowsnake.bytecode.opcodes cimport (
    OP_ADD, OP_ATTRS, OP_ATTRS_SELECT, OP_ATTRS_TRY_SELECT, OP_ATTRS_UPDATE, OP_CLOSURE, OP_CONSTANT, OP_FORCE,
    OP_GET_LOCAL, OP_GET_UPVALUE, OP_INTERPOLATE, OP_JUMP_IF_NOT_FOUND, OP_LESS_OR_EQ, OP_MORE, OP_RESOLVE_HOME_PATH,
    OP_SELECT_PLACE, OP_THUNK_CLOSURE, OP_THUNK_SUSPENDED,
)
from snowsnake.machine.link cimport code_of
from snowsnake.machine.word cimport KIND_CLOSURE, TAG_FUNCTION, kind_of, tag_of


cdef bint _is_level_0(Machine* m, Word function) noexcept nogil:
    if tag_of(function) == TAG_FUNCTION and kind_of(function) != KIND_CLOSURE:
        return False
    return code_of(m, function).level == 0


cdef const uint8_t* _behind(const uint8_t* pc) noexcept nogil:
    cdef uint32_t jump_operand
    return pc + operation_size(pc, 0, &jump_operand)


cdef const uint8_t* _behind_push(const uint8_t* pc) noexcept nogil:
    """The end of an operation that pushes an operand; NULL if the operation does something else."""
    cdef uint8_t op = pc[0]
    if op == OP_CONSTANT or op == OP_GET_LOCAL or op == OP_GET_UPVALUE or op == OP_THUNK_SUSPENDED or op == OP_CLOSURE or op == OP_THUNK_CLOSURE \
            or op == OP_SELECT_PLACE:
        return _behind(pc)
    return NULL


cdef bint _is_selection(const uint8_t* pc) noexcept nogil:
    """Whether the chain of selections that continues at *pc* belongs to `a.b or c`, not to `a ? b`."""
    while pc[0] == OP_ATTRS_TRY_SELECT and pc[1] == OP_JUMP_IF_NOT_FOUND:
        pc = _behind(pc + 1)
        if pc[0] != OP_FORCE:
            return True
        pc = _behind_push(pc + 1)
        if pc != NULL and pc[0] == OP_FORCE:
            pc += 1
        if pc == NULL:
            return False
    return pc[0] == OP_ATTRS_SELECT


cdef bint _is_before_attrs(const uint8_t* pc) noexcept nogil:
    """Whether only pairs of name and value follow, up to an operation that makes a set: then the word just forced is a name of that set."""
    while pc[0] != OP_ATTRS:
        pc = _behind_push(pc)
        if pc == NULL:
            return False
        if pc[0] == OP_FORCE:
            pc += 1
        pc = _behind_push(pc)
        if pc == NULL:
            return False
        if pc[0] == OP_RESOLVE_HOME_PATH:
            pc += 1
    return True


cdef bint force_is_left(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    cdef const uint8_t* start
    cdef const uint8_t* next
    if not _is_level_0(m, function):
        return False
    if pc[0] == OP_ADD:
        return True
    next = _behind_push(pc)
    if next == NULL:
        return False
    # Without a Force, this is a name that is written in the source, or the value of an attribute.
    if next[0] != OP_FORCE:
        return _is_before_attrs(next)
    next += 1
    if next[0] == OP_MORE or next[0] == OP_LESS_OR_EQ or next[0] == OP_ATTRS_UPDATE:
        return True
    if next[0] != OP_ATTRS_SELECT and next[0] != OP_ATTRS_TRY_SELECT:
        return False
    start = _behind_push(code_of(m, function).start)
    # The set that the chain begins with comes first, so its Force does not wait for the selection.
    return start != NULL and start + 1 != pc and _is_selection(next)


cdef bint coercion_is_left(Machine* m, Word function, const uint8_t* pc) noexcept nogil:
    """Whether the word is a part of a string with several parts."""
    if not _is_level_0(m, function):
        return False
    return pc[0] == OP_INTERPOLATE or _behind_push(pc) != NULL
