"""Source text and places in it: from byte offsets to lines, columns and excerpts.

In: the bytes of a file or expression.  Out: `SourceMap` (offset → line and column) and `Position`, a named span.
Lines end in LF, CR LF or a lone CR, as the Nix lexer counts them; columns count bytes from 1.
This module is at the bottom of the package: it imports no other module of it.
"""

# There are this many bytes between two counts of lines.
_BLOCK = 1 << 12
_KEPT_MAPS, _KEPT_BYTES = 16, 2_000_000
# Many errors of one evaluation are in the same few sources, whose maps are kept here.
_kept: "list[SourceMap]" = []


class SourceMap:
    """The lines of one source text.

    It remembers how many lines there are before each block of bytes, so that a source of a hundred million lines needs no table of them.

    >>> lines = SourceMap(b"let\\r\\n  x = 1;\\nin x")
    >>> lines.place(7)
    (2, 3)
    >>> lines.line_at(7)
    b'  x = 1;'
    """

    __slots__ = ("source", "_counts")

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._counts: list[int] | None = None

    def _ends(self, start: int, end: int) -> int:
        """How many lines end with a byte from *start* up to before *end*; CR LF ends a line with its LF."""
        source = self.source
        count = source.count(b"\n", start, end)
        returns = source.count(b"\r", start, end)
        return count + returns - source.count(b"\r\n", start, end + 1) if returns else count

    def _block_counts(self) -> list[int]:
        """Line ends before each block, and in all."""
        if self._counts is None:
            self._counts = [0]
            for start in range(0, len(self.source) + 1, _BLOCK):
                self._counts.append(self._counts[-1] + self._ends(start, min(start + _BLOCK, len(self.source))))
        return self._counts

    def _end_from(self, offset: int) -> int:
        """Where the line that holds *offset* ends, behind its line end; -1 if no line end follows."""
        source = self.source
        newline = source.find(b"\n", offset)
        carriage_return = source.find(b"\r", offset, newline if newline >= 0 else len(source))
        if carriage_return >= 0 and carriage_return + 1 != newline:
            return carriage_return + 1
        return newline + 1 if newline >= 0 else -1

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte, both from 1; an offset past the end is the end."""
        source = self.source
        offset = min(max(offset, 0), len(source))
        block = offset // _BLOCK
        line = self._block_counts()[block] + self._ends(block * _BLOCK, offset) + 1
        return line, offset - self._start_at(offset) + 1

    def _start_at(self, offset: int) -> int:
        """Where the line that holds *offset* starts."""
        source = self.source
        newline = source.rfind(b"\n", 0, offset)
        carriage_return = source.rfind(b"\r", newline + 1, offset)
        # The offset may be in the middle of CR LF.
        if carriage_return >= 0 and carriage_return + 1 == offset and source[offset : offset + 1] == b"\n":
            carriage_return = source.rfind(b"\r", newline + 1, carriage_return)
        return max(newline, carriage_return) + 1

    def line_at(self, offset: int) -> bytes:
        """Text of the line that holds *offset*, without its end."""
        start = self._start_at(offset)
        end = self._end_from(start)
        return self.source[start : end if end >= 0 else len(self.source)].rstrip(b"\r\n")

    def around(self, offset: int) -> list[tuple[int, bytes]]:
        """The numbered line that holds *offset*, with the one before and the one after it."""
        line, column = self.place(offset)
        start = min(max(offset, 0), len(self.source)) + 1 - column
        found = [(line - 1, self.line_at(start - 1))] if line > 1 else []
        found.append((line, self.line_at(start)))
        end = self._end_from(start)
        if end >= 0:
            found.append((line + 1, self.line_at(end)))
        return found


def lines_of(source: bytes) -> SourceMap:
    """The lines of a source, from the last few that were asked for.

    >>> text = b"a"
    >>> lines_of(text) is lines_of(text)
    True
    """
    for number, known in enumerate(_kept):
        if known.source is source:
            _kept.append(_kept.pop(number))
            return known
    lines = SourceMap(source)
    if len(source) <= _KEPT_BYTES:
        _kept.append(lines)
        while len(_kept) > _KEPT_MAPS or sum(len(known.source) for known in _kept) > _KEPT_BYTES:
            del _kept[0]
    return lines


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

    def in_file(self, file: str) -> "Position":
        """The same place in the same text, with another name of the file."""
        return Position(file, self._map, self.start_byte, self.end_byte)

    @property
    def source(self) -> "bytes | None":
        """The whole text, if it is known."""
        return self._map.source if self._map is not None else None

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
        return [(number, text.decode("utf-8", "replace")) for number, text in self._map.around(self.start_byte)]

    @property
    def display_column(self) -> int:
        """The column in characters instead of bytes, for a caret under the excerpt."""
        if self._map is None:
            return 0
        before = self._map.line_at(min(self.start_byte, len(self._map.source)))[: self.column - 1]
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
