"""Chunks as Python data, for the disassembler, the verifier, tools and tests.

In: what `compile_text` makes, or anything a test puts together.  Out: plain objects; changing them changes nothing elsewhere.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from snowsnake.foundation.record import Whole


@dataclass
class Keys(Whole):
    """Attribute names with their places, or the formals of a pattern."""

    names: list[str]
    start_bytes: list[int]
    has_default: list[bool] | None = None
    has_ellipsis: bool = False


@dataclass
class Constant(Whole):
    """A constant: `kind` as in chunk.pxd (null, int, string, chunk, keys, …), its value in Python, its place in the file."""

    kind: str
    value: object = None
    start_byte: int = 0


@dataclass
class Span(Whole):
    """From `code_start` to the next span, code comes from these bytes of the source."""

    code_start: int
    start_byte: int
    end_byte: int


@dataclass
class Chunk(Whole):
    """The code of a file, lambda or thunk.  The fields are those of the record in an image."""

    kind: str = "toplevel"
    code: bytes = b""
    constants: list[Constant] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    name: str = ""
    parameter: str = ""
    level: int = 0
    captures_with: bool = False
    upvalue_count: int = 0
    max_stack: int = 0
    arity: int = 0
    formals: Keys | None = None
    start_byte: int = 0
    end_byte: int = 0
    index: int = 0

    @property
    def children(self) -> list["Chunk"]:
        """The chunks of the lambdas and thunks that this one makes."""
        return [c.value for c in self.constants if isinstance(c.value, Chunk)]

    def walk(self) -> Iterator["Chunk"]:
        """This chunk and all below it, in the order of the source."""
        pending = [self]
        while pending:
            chunk = pending.pop()
            yield chunk
            pending.extend(reversed(chunk.children))

    def span_at(self, offset: int) -> Span | None:
        """The span of the operation at an offset."""
        at = bisect_right(self.spans, offset, key=lambda span: span.code_start)
        return self.spans[at - 1] if at else None


def expect_chunk(given: object) -> None:
    """TypeError for an object that is not a chunk."""
    if not isinstance(given, Chunk):
        raise TypeError(f"a Chunk is wanted, such as bytecode.compile makes, not {type(given).__name__}")
