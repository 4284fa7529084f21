"""Bytes of code as a sequence of operations, by the instruction table alone.

In: any bytes.  Out: operations with their operands as ints; a DecodeFault where the bytes are not an operation.
"""

from collections.abc import Iterator
from typing import NamedTuple

from snowsnake.bytecode.instructions import INSTRUCTIONS, INVALID, Op, Operand
from snowsnake.bytecode.varint import decode as decode_varint

_JUMP_SIZES = {Operand.U16: 2, Operand.U32: 4}
_BYTES = {Operand.KIND, Operand.ARITHMETIC}


class DecodeFault(ValueError):
    """These bytes are not an operation with its operands."""


class Capture(NamedTuple):
    """The source of a captured value: kind is `local`, `deferred` or `upvalue`."""

    kind: str
    number: int


_CAPTURE_KINDS = ("local", "deferred", "upvalue")


class Operation(NamedTuple):
    """One operation in code.

    `operands` are as encoded, in the order of the table.  For CAPTURES they are the blueprint's index and the captures-with bit, and `captures` has
    the captures.  `target` is where a jump goes; it is None for other operations.
    """

    offset: int
    end: int
    op: Op
    operands: tuple[int, ...]
    captures: tuple[Capture, ...] = ()
    target: int | None = None


def decode_operation(code: bytes, offset: int) -> Operation:
    """Decodes the operation that starts at an offset."""
    number = code[offset]
    if number >= INVALID:
        raise DecodeFault(f"invalid operation {number} at {offset:#x}")
    op = INSTRUCTIONS[number]
    at = offset + 1
    operands: list[int] = []
    captures: tuple[Capture, ...] = ()
    target = None
    for operand in op.operands:
        if operand in _BYTES:
            if at >= len(code):
                raise DecodeFault(f"{op.name} at {offset:#x} is cut off")
            operands.append(code[at])
            at += 1
        elif operand in _JUMP_SIZES:
            size = _JUMP_SIZES[operand]
            if at + size > len(code):
                raise DecodeFault(f"{op.name} at {offset:#x} is cut off")
            operands.append(int.from_bytes(code[at : at + size], "little"))
            at += size
            target = at + operands[-1]
        elif operand is Operand.CAPTURES:
            blueprint, at = _varint(code, at, op, offset)
            packed, at = _varint(code, at, op, offset)
            operands += [blueprint, packed & 1]
            captures, at = _captures(code, at, packed >> 1, op, offset)
        else:
            value, at = _varint(code, at, op, offset)
            operands.append(value)
    return Operation(offset, at, op, tuple(operands), captures, target)


def _varint(code: bytes, at: int, op: Op, offset: int) -> tuple[int, int]:
    try:
        value, size = decode_varint(code, at)
    except ValueError:
        raise DecodeFault(f"{op.name} at {offset:#x} is cut off") from None
    return value, at + size


def _captures(code: bytes, at: int, count: int, op: Op, offset: int) -> tuple[tuple[Capture, ...], int]:
    if count > len(code):
        raise DecodeFault(f"{op.name} at {offset:#x} has more captures than there are bytes")
    captures = []
    for _ in range(count):
        position, at = _varint(code, at, op, offset)
        if position & 3 == 3:
            raise DecodeFault(f"{op.name} at {offset:#x} has a capture of no kind")
        captures.append(Capture(_CAPTURE_KINDS[position & 3], position >> 2))
    return tuple(captures), at


def operations(code: bytes) -> Iterator[Operation]:
    """All operations in order.  DecodeFault at the first byte that begins none.

    >>> from snowsnake import bytecode
    >>> [operation.op.name for operation in operations(bytecode.compile("x: x + 1").children[0].code)]
    ['Arithmetic', 'Return']
    """
    if not isinstance(code, bytes | bytearray | memoryview):
        raise TypeError(f"code is bytes, not {type(code).__name__}")
    at = 0
    while at < len(code):
        operation = decode_operation(code, at)
        yield operation
        at = operation.end
