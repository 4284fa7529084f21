"""Faults of TOML as texts: a title, lines of the document in which the faulty part is underlined, hints.

The form is that of C++ Nix's library (toml11), also where it is odd: a fault at the end of a line is shown with two lines, and of a long line only
the part around the fault is shown.
"""

from snowsnake.builtins.engines.toml_grammar import shown_byte

# At most this many bytes of a line are shown on either side.
_AROUND = 30
_LINE_FEED = 10


class Region:
    """Some bytes of a document, and the lines on which they begin and end according to the library."""

    __slots__ = ("_sizes", "data", "first", "is_byte", "last")

    def __init__(self, data: bytes, first: int, last: int, is_byte: bool = False) -> None:
        self.data = data
        self.first = first
        self.last = last
        self.is_byte = is_byte

    @classmethod
    def at(cls, data: bytes, place: int) -> "Region":
        """The region of one byte; at the end of the document, that of the last byte."""
        return cls(data, place, place + 1, True) if place < len(data) else cls(data, place - 1, place)

    @property
    def first_line(self) -> int:
        return self.data.count(b"\n", 0, self.first) + 1

    @property
    def last_line(self) -> int:
        return self.first_line if self.is_byte else self.data.count(b"\n", 0, self.last) + 1

    def _line(self, begin: int, end: int) -> tuple[str, int]:
        """The text of the line around these offsets, and the column at which they begin, counted from 1."""
        data = self.data
        start = data.rfind(b"\n", max(0, begin - _AROUND), begin) + 1 or max(0, begin - _AROUND)
        most = min(len(data), end + _AROUND)
        stop = data.find(b"\n", end, most)
        stop = most if stop < 0 else stop
        offset = begin - start
        shown = "".join(chr(byte) if byte == 32 else shown_byte(byte) for byte in data[start:stop])
        size = stop - start
        if start and data[start - 1] != _LINE_FEED:
            shown, offset, size = "... " + shown, offset + 4, size + 4
        if stop < len(data) and data[stop] != _LINE_FEED:
            shown, size = shown + " ...", size + 4
        self._sizes.append(size)
        return shown, offset + 1

    def lines(self) -> list[tuple[str, int, int]]:
        """For each shown line, its text, the column of the fault, and its size in bytes of the document."""
        self._sizes: list[int] = []
        data, begin, end = self.data, self.first, self.last - 1
        if begin > end:
            return [("", 1, 0)]
        if self.first_line == self.last_line:
            found = [self._line(begin, end)]
        else:
            most = begin + 50 if len(data) - begin > 60 else len(data)
            least = end - 50 if end > 60 else 0
            first_end = data.find(b"\n", begin, most)
            last_begin = data.find(b"\n", least, end)
            found = [self._line(begin, most if first_end < 0 else first_end), self._line(end if last_begin < 0 else last_begin, end)]
        shown = [(*line, size) for line, size in zip(found, self._sizes, strict=True)]
        if self.last_line > self.first_line + 1:
            shown.insert(1, ("...", 1, 3))
        return shown


class TomlFault:
    """What is wrong: a title, and places with a note about each."""

    def __init__(self, title: str, *places: tuple[Region, str], hint: str = "") -> None:
        self.title = title
        self.places = places
        self.hint = hint

    def text(self) -> str:
        """The whole text: title, excerpts and hint."""
        width = max(len(str(region.last_line)) for region, _ in self.places)
        margin = " " * (width + 1) + " |"
        out = f"[error] {self.title}\n --> fromTOML\n{margin}\n"
        for number, (region, note) in enumerate(self.places):
            if number:
                out += f"{margin} ...\n{margin}\n"
            out += _excerpt(region, note, width, margin)
        return out + self.hint


def _excerpt(region: Region, note: str, width: int, margin: str) -> str:
    lines = region.lines()

    def line(number: int, shown: str) -> str:
        return f" {number:>{width}} | {shown}\n"

    def underlined(column: int, size: int, said: str) -> str:
        return f"{margin} {' ' * (column - 1)}{'^' * size}-- {said}\n"

    shown, column, size = lines[0]
    rest = size - column + 1
    if len(lines) == 1:
        length = region.last - region.first
        return line(region.first_line, shown) + underlined(column, min(rest if size >= column else 1, length), note)
    if rest < 0:
        raise ValueError("nothing to underline")
    last_shown, last_column, _ = lines[-1]
    last = line(region.last_line, last_shown) + underlined(1, last_column, note)
    if len(lines) == 2:
        return line(region.first_line, shown) + underlined(column, rest, "") + last
    middle = line(region.first_line + 1, lines[1][0]) + underlined(1, lines[1][2], "and")
    return line(region.first_line, shown) + underlined(column, rest, "and") + middle + last
