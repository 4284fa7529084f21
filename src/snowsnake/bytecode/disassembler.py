"""Chunks as text.

In: a chunk (`view.Chunk`) and the source it was compiled from.  Out: a header, then one line for each operation: address, line
of the source (`|` while it stays the same), operation with operands, and behind a semicolon what the operands mean.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from snowsnake.bytecode.decode import DecodeFault, Operation, operations
from snowsnake.bytecode.instructions import INSTRUCTIONS, Operand
from snowsnake.bytecode.view import Chunk, Constant, Keys, expect_chunk

_LONGEST_TEXT = 60
_KINDS = ("weak", "strong", "weak, import paths", "strong, import paths")


class Lines:
    """Line numbers of byte offsets."""

    def __init__(self, source: bytes) -> None:
        self._starts = list(accumulate((len(line) + 1 for line in source.split(b"\n")), initial=0))

    def line_at(self, byte: int) -> int:
        """The line, from 1, that holds the byte."""
        return bisect_right(self._starts, byte)


def disassemble(top: Chunk, source: bytes = b"") -> str:
    """The disassembly of a chunk and all below it; `source` is what it was compiled from, for the numbers of lines.

    >>> from snowsnake import bytecode
    >>> print(disassemble(bytecode.compile("1"), b"1"), end="")
    === compiled toplevel #0 (2 ops, 3 bytes) ===
    0x0     1  OpConstant(0)  ; 1
    0x2     |  OpReturn
    """
    return "".join(listing(top, source))


def listing(top: Chunk, source: bytes = b"") -> Iterator[str]:
    """`disassemble` in pieces, one for each chunk: the whole text of a large source is sixteen times as long as that."""
    expect_chunk(top)
    if not isinstance(source, bytes):
        raise TypeError(f"a chunk's source is bytes, not {type(source).__name__}")
    lines = Lines(source)
    for chunk in top.walk():
        text = disassemble_chunk(chunk, lines)
        yield text if chunk is top else "\n" + text


def disassemble_chunk(chunk: Chunk, lines: Lines) -> str:
    """The disassembly of one chunk, up to bytes that are not an operation."""
    rows: list[Operation] = []
    fault = ""
    try:
        for operation in operations(chunk.code):
            rows.append(operation)
    except DecodeFault as error:
        fault = f"; {error}\n"
    return header(chunk, len(rows)) + "\n" + "".join(_rows(chunk, rows, lines)) + fault


def header(chunk: Chunk, operation_count: int) -> str:
    """`=== compiled thunk 'x' #4 (3 ops, 8 bytes) ===`: kind, name, index in its file, size."""
    name = f" '{chunk.name}'" if chunk.name else ""
    return f"=== compiled {chunk.kind}{name} #{chunk.index} ({operation_count} ops, {len(chunk.code)} bytes) ==="


def _rows(chunk: Chunk, rows: list[Operation], lines: Lines) -> list[str]:
    width = len(hex(max(len(chunk.code) - 1, 0)))
    text = []
    last_line = None
    for operation in rows:
        span = chunk.span_at(operation.offset)
        line = lines.line_at(span.start_byte) if span else 0
        shown = "   |" if line == last_line else f"{line:4}"
        last_line = line
        meaning = _meaning(chunk, operation)
        comment = f"  ; {meaning}" if meaning else ""
        text.append(f"{operation.offset:#{width}x}  {shown}  {_operation(operation)}{comment}\n")
    return text


def _operation(operation: Operation) -> str:
    if not operation.op.operands:
        return f"Op{operation.op.name}"
    return f"Op{operation.op.name}({_operands(operation)})"


def _operands(operation: Operation) -> str:
    texts = []
    for operand, value in zip(operation.op.operands, operation.operands, strict=False):
        if operand is Operand.CAPTURES:
            with_text = "captures with, " if operation.operands[1] else ""
            texts.append(f"BP @ {value}, {with_text}{len(operation.captures)} upvalues")
        elif operand is Operand.KIND:
            texts.append("operand of +" if value == 4 else _KINDS[value & 3])
        elif operand is Operand.PLACE:
            texts.append(f"{'upvalue' if value & 1 else 'local'} {value >> 1}")
        elif operand is Operand.VALUE:
            texts.append(f"{('local', 'upvalue', 'constant', '?')[value & 3]} {value >> 2}")
        elif operand is Operand.ARITHMETIC:
            texts.append(INSTRUCTIONS[value].name if value < len(INSTRUCTIONS) else str(value))
        else:
            texts.append(str(value))
    return ", ".join(texts)


def _meaning(chunk: Chunk, operation: Operation) -> str:
    """Values of the constants, captures, and the address that a jump goes to."""
    texts = []
    for operand, value in zip(operation.op.operands, operation.operands, strict=False):
        if operand in (Operand.CONSTANT, Operand.CAPTURES):
            texts.append(constant_text(chunk, value))
        elif operand is Operand.VALUE and value & 3 == 2:
            texts.append(constant_text(chunk, value >> 2))
    texts += [f"{capture.kind} {capture.number}" for capture in operation.captures]
    if operation.target is not None:
        texts.append(f"to {operation.target:#x}")
    return ", ".join(texts)


def constant_text(chunk: Chunk, index: int) -> str:
    """A constant in the form of source text, shortened."""
    if index >= len(chunk.constants):
        return "no such constant"
    return value_text(chunk.constants[index])


def value_text(constant: Constant) -> str:
    """A constant's value in one line."""
    value = constant.value
    if isinstance(value, Chunk):
        name = f" '{value.name}'" if value.name else ""
        return f"{value.kind}{name} #{value.index}"
    if isinstance(value, Keys):
        return _keys_text(value)
    if constant.kind in ("string", "attribute name"):
        return _quoted(str(value))
    if constant.kind == "position":
        return "__curPos"
    if constant.kind == "search path":
        return f"<{value}>"
    if constant.kind == "home path":
        return f"~/{value}"
    if constant.kind == "list":
        return "[ ]"
    if constant.kind == "attrs":
        return "{ }"
    if constant.kind == "builtin":
        return f"builtins.{value}"
    return _shortened(str(value)) if value is not None else constant.kind


def _keys_text(keys: Keys) -> str:
    if keys.has_default is None:
        return _shortened("{ " + " ".join(keys.names or ["…"] * len(keys.start_bytes)) + " }")
    names = [name + " ?" * default for name, default in zip(keys.names, keys.has_default, strict=True)]
    return _shortened("{ " + ", ".join(names + ["..."] * keys.has_ellipsis) + " }")


def _shortened(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f'"{_shortened(escaped)}"'
