"""One activation of the machine, at the time of an error."""

from snowsnake.diagnostics.error import RawPosition


class Selection:
    """A selection: the *place* of the attribute that it found last, and its computed *names*, as far as they are known."""

    __slots__ = ("place", "names")

    def __init__(self, place: RawPosition | None, names: "list[str | None]") -> None:
        self.place = place
        self.names = names


def names_of(text: bytes) -> "list[str | None]":
    r"""The names in the text of a note (machine/selections.pyx): each ends with a byte that no UTF-8 has.

    >>> names_of(b"a\xff\xfe\xffb c\xff")
    ['a', None, 'b c']
    """
    return [None if name == b"\xfe" else name.decode("utf-8", "replace") for name in text.split(b"\xff")[:-1]]


class Note:
    """One activation, or a line that the machine itself adds.

    `kind`: `function`, `thunk`, `file` (code); `builtin`; `text`, `context` (lines).  `place` is that of the current operation.  `extent` is the whole
    of the code; for a builtin, it is the function that the builtin was given first.  `opcode` and `operands` (tags of machine/word.pxd)
    say what a code was doing; `part` says which part of its input a builtin was at (traces/cause.py), `argument` is the number of an argument + 1, or 0.
    For a code, `argument` says that it evaluates what an infinite recursion asked for again, and `selected` is the place of the
    attribute that the current selection found last.  An activation that `is_gone` left in tail position, and nobody knows where it was.  The machine's own
    code asked for an activation that `is_behind_machine`, and called it with `machine_arguments`; the caller of the machine asked for one that
    `is_from_outside`.  `arity`: how many arguments a function takes at once.  `line`: which of the machine's lines the note is
    (diagnostics/notes.py).  `is_called_as_functor`: the function certainly was called as the value of an attribute `__functor`, whose place is
    `functor`.  `attribute`: the attribute that the line names, or, for `derivationStrict`, what was asked for of the derivation.
    `selections`: those that the activation is evaluating, and those whose default or names it is evaluating, by their (start, end) in the source.
    """

    __slots__ = (
        "kind", "name", "place", "extent", "opcode", "operands", "argument", "part", "selected", "is_gone", "is_functor", "arity",
        "is_behind_machine", "machine_arguments", "is_from_outside", "line", "functor", "is_called_as_functor", "attribute", "selections",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        name: str,
        place: RawPosition | None,
        *,
        extent: RawPosition | None = None,
        opcode: int = 0,
        operands: tuple[int, int] = (0, 0),
        argument: int = 0,
        part: str = "",
        selected: RawPosition | None = None,
        is_gone: bool = False,
        is_functor: bool = False,
        arity: int = 0,
        line: str = "",
        attribute: str = "",
    ) -> None:
        self.kind = kind
        self.name = name
        self.place = place
        self.extent = extent
        self.opcode = opcode
        self.operands = operands
        self.argument = argument
        self.part = part
        self.selected = selected
        self.is_gone = is_gone
        self.is_functor = is_functor
        self.arity = arity
        self.is_behind_machine = self.is_from_outside = False
        self.machine_arguments = 0
        self.line = line
        self.functor: RawPosition | None = None
        self.is_called_as_functor = False
        self.attribute = attribute
        self.selections: dict[tuple[int, ...], Selection] = {}

    @property
    def is_code(self) -> bool:
        return self.kind in ("function", "thunk", "file")

    @property
    def is_internal(self) -> bool:
        """Whether it is a builtin of the machine's own, which no program can name: their names begin with two underscores."""
        return self.kind == "builtin" and self.name.startswith("__")
