"""Source text and places in it: from byte offsets to lines, columns and excerpts.

In: the bytes of a file or expression.  Out: `SourceMap` (offset → line and column) and `Position`, a named span.
Lines end in LF, CR LF or a lone CR, as the Nix lexer counts them; columns count bytes from 1.
This module stands at the bottom of the package: it imports nothing of it.
"""

from bisect import bisect_right


class SourceMap:
    """The lines of one source text.

    >>> lines = SourceMap(b"let\\r\\n  x = 1;\\nin x")
    >>> lines.place(7)
    (2, 3)
    >>> lines.line(2)
    b'  x = 1;'
    """

    __slots__ = ("source", "_starts")

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._starts: list[int] | None = None

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            starts = [0]
            source, offset = self.source, 0
            has_carriage_returns = b"\r" in source
            while True:
                newline = source.find(b"\n", offset)
                if has_carriage_returns:
                    carriage_return = source.find(b"\r", offset, newline if newline >= 0 else len(source))
                    if carriage_return >= 0 and carriage_return + 1 != newline:
                        newline = carriage_return
                if newline < 0:
                    break
                offset = newline + 1
                starts.append(offset)
            self._starts = starts
        return self._starts

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte, both from 1; an offset past the end is the end."""
        offset = min(max(offset, 0), len(self.source))
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_count(self) -> int:
        """Number of lines; a final line end begins one more, which is empty."""
        return len(self._line_starts())

    def line(self, number: int) -> bytes:
        """Text of a line without its end."""
        starts = self._line_starts()
        end = starts[number] if number < len(starts) else len(self.source)
        return self.source[starts[number - 1] : end].rstrip(b"\r\n")


class Position:
    """A span of source text: where an error, a frame or an attribute is.

    `file` is a path, or `«string»`, `«stdin»`.  Line and column are 0 if the text is not known.

    >>> here = Position("a.nix", b"1 +\\n  x", 6, 7)
    >>> str(here), here.text
    ('a.nix:2:3', 'x')
    """

    __slots__ = ("file", "start_byte", "end_byte", "_map", "_place")

    def __init__(self, file: str, source: "bytes | SourceMap | None", start_byte: int, end_byte: int) -> None:
        self.file = file
        self.start_byte = start_byte
        self.end_byte = max(start_byte, end_byte)
        self._map = SourceMap(source) if isinstance(source, bytes) else source
        self._place: tuple[int, int] | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Line and column."""
        if self._place is None:
            self._place = self._map.place(self.start_byte) if self._map is not None else (0, 0)
        return self._place

    @property
    def line(self) -> int:
        return self.place[0]

    @property
    def column(self) -> int:
        return self.place[1]

    @property
    def text(self) -> str:
        """The spanned source text."""
        if self._map is None:
            return ""
        return self._map.source[self.start_byte : self.end_byte].decode("utf-8", "replace")

    @property
    def excerpt(self) -> list[tuple[int, str]]:
        """Numbered lines around the place: the one before, its own, the one after; empty if the text is not known."""
        if self._map is None or not self._map.source:
            return []
        line = self.line
        numbers = range(max(1, line - 1), min(line + 1, self._map.line_count()) + 1)
        return [(number, self._map.line(number).decode("utf-8", "replace")) for number in numbers]

    @property
    def display_column(self) -> int:
        """Column in characters instead of bytes: where a caret stands under the excerpt."""
        if self._map is None:
            return 0
        before = self._map.line(self.line)[: self.column - 1]
        return len(before.decode("utf-8", "replace")) + 1

    def _key(self) -> tuple[str, int, int]:
        return self.file, self.start_byte, self.end_byte

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Position) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        line, column = self.place
        return f"{self.file}:{line}:{column}" if line else self.file

    def __repr__(self) -> str:
        return f"Position({str(self)!r})"
