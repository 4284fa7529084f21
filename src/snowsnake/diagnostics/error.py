"""The exception that every failed evaluation raises, with its facts in fields; rendering is in `render.py`.

In: the machine's facts about an error.  Out: an `EvaluationError`.  Nothing here formats more than names.
"""

# Type checkers take this for true.  Every start of the command, also one without an error, would pay for these imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.diagnostics.catalogue import ErrorKind
    from snowsnake.source import Position

# (file, its text if it is not on disk, first byte, byte after the last)
RawPosition = tuple[str, "bytes | None", int, int]
# (kind, name, place), as in Frame
RawFrame = tuple[str, str, "RawPosition | None"]

# A trace shows the kind of a frame in these words.  `{}` is its name.
_DESCRIPTIONS = {
    "builtin": "while calling the '{}' builtin",
    "function": "while calling '{}'",
    "call": "from call site",
    "call-site": "from call site",
    "attribute": "while evaluating the attribute '{}'",
    "element": "while evaluating list element at index {}",
    "derivation": "while evaluating derivation '{}'",
    "derivation-attribute": "while evaluating attribute '{}' of derivation",
    "file": "while evaluating the file '{}':",
    "context": "{}",
    "thunk": "while evaluating '{}'",
    "text": "{}",
}


class Frame:
    """One line of a trace: what was being done, and where.

    `kind` is `builtin`, `function`, `call`, `attribute`, `context` (an `addErrorContext` line) or another of the machine's.
    `library` is the root of the library that its place is in, if it is not the user's own.
    """

    __slots__ = ("kind", "name", "position", "library")

    def __init__(self, kind: str, name: str, position: "Position | None") -> None:
        self.kind = kind
        self.name = name
        self.position = position
        self.library = ""

    @property
    def description(self) -> str:
        if self.kind == "function" and not self.name:
            return "while calling anonymous lambda"
        if self.kind == "thunk" and not self.name:
            return "while evaluating this expression"
        return _DESCRIPTIONS.get(self.kind, "{}").replace("{}", self.name)

    def changed(self, **fields: object) -> "Frame":
        """A copy with some fields changed."""
        copy = Frame(self.kind, self.name, self.position)
        copy.library = self.library
        for field, value in fields.items():
            setattr(copy, field, value)
        return copy

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frame):
            return NotImplemented
        return (self.kind, self.name, self.position) == (other.kind, other.name, other.position)

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.position))

    def __repr__(self) -> str:
        return f"Frame({self.description!r}, {self.position})"


class EvaluationError(Exception):
    """A Nix expression could not be parsed or evaluated.

    `code` is the catalogue's word for the kind of error (`"type"`, `"throw"`, `"syntax"`, …), `stable_code` its number.
    `trace` goes from the outermost frame to the innermost one.  For a source with several faults this is the first one;
    `others` has the rest.

    Each kind has a class of its own in `diagnostics/kinds.py`, which this one makes: `TypeMismatch`, `MissingAttribute` (a KeyError) …

    >>> error = EvaluationError("type", "expected a set but found an integer: 1")
    >>> type(error).__name__, error.code, error.stable_code, error.is_catchable
    ('TypeMismatch', 'type', 'SN0005', False)
    """

    def __new__(cls, code: str = "internal", *facts: object, **more: object) -> "EvaluationError":
        if cls is EvaluationError:
            from snowsnake.diagnostics.kinds import BY_CODE

            cls = BY_CODE.get(code, cls)
        return super().__new__(cls, code, *facts)

    def __init__(
        self,
        code: str,
        message: str,
        position: "Position | None" = None,
        trace: "list[Frame] | tuple[Frame, ...]" = (),
        notes: "list[str] | tuple[str, ...]" = (),
        suggestions: "list[str] | tuple[str, ...]" = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position
        self.trace = list(trace)
        self.notes = list(notes)
        self.suggestions = list(suggestions)
        # This says what is wrong, where the code says too little (FAULTS of traces/cause.py).
        self.fault = "other"
        # This is the file that is not there, with the fault `no-file`.
        self.subject = ""
        # A command that ends with this error has this exit code.
        self.exit_code = 1
        # If this is false, a line of the trace shows the place.
        self.shows_place = True
        # These are further faults of the same source, which the same run has found.
        self.others: list[EvaluationError] = []

    @property
    def entry(self) -> "ErrorKind":
        """The catalogue's entry: title and documentation."""
        from snowsnake.diagnostics.catalogue import CATALOGUE

        for entry in CATALOGUE:
            if entry.name == self.code:
                return entry
        raise LookupError(self.code)

    @property
    def stable_code(self) -> str:
        """`SN0005` and so on: the number of the kind, which never changes its meaning."""
        return self.entry.stable_code

    @property
    def is_catchable(self) -> bool:
        """Whether `builtins.tryEval` would have caught it."""
        return self.entry.is_catchable

    def render(self, *, show_trace: bool = False, color: bool = False, html: bool = False, colours: bool = False) -> str:
        """The text that the commands print: message, place with excerpt, trace.

        `color`: for terminals; `html`: one element for a page, always with colours.  `colours` is the older name of `color`.

        >>> print(EvaluationError("throw", "no <b>").render(html=True))
        <pre class="snowsnake-error" style="white-space:pre-wrap"><span style="color:#c0392b;font-weight:bold">error:</span> no &lt;b&gt;</pre>
        """
        from snowsnake.diagnostics.render import render

        text = render(self, show_trace=show_trace, colours=color or colours or html)
        if not html:
            return text
        from snowsnake.diagnostics.html import report

        return report(text)

    def _repr_html_(self) -> str:
        """The form for notebooks: the report, and under it the whole trace, folded."""
        shown = self.render(html=True)
        if not self.trace:
            return shown
        whole = self.render(html=True, show_trace=True)
        return f"{shown}<details><summary>trace ({len(self.trace)} frames)</summary>{whole}</details>"

    def __str__(self) -> str:
        return f"{self.message} (at {self.position})" if self.position is not None else self.message

    # An error can cross a process boundary: jobs raise it in another process.
    def __reduce__(self) -> "tuple[type[EvaluationError], tuple[object, ...], dict[str, object]]":
        arguments = (self.code, self.message, self.position, self.trace, self.notes, self.suggestions)
        state = {"fault": self.fault, "subject": self.subject, "shows_place": self.shows_place, "exit_code": self.exit_code, "others": self.others}
        return type(self), arguments, state


def make_error(
    code: int,
    message: "bytes | str",
    position: RawPosition | None = None,
    trace: "list[RawFrame] | tuple[RawFrame, ...]" = (),
    *,
    shows_place: bool = True,
    cycle: "list[tuple[str, RawPosition]] | tuple[tuple[str, RawPosition], ...]" = (),
    omitted_frames: int = 0,
    suggestions: "list[bytes] | tuple[bytes, ...]" = (),
) -> EvaluationError:
    """An exception from the machine's facts.

    `code` is an `ErrorCode`; `trace` goes from the outermost frame to the innermost.
    """
    from snowsnake.diagnostics.catalogue import CATALOGUE
    from snowsnake.source import Position, lines_of

    def place(raw: RawPosition | None) -> "Position | None":
        if raw is None:
            return None
        path, source, start_byte, end_byte = raw
        return Position(path, None if source is None else lines_of(source), start_byte, end_byte)

    entry = CATALOGUE[code] if 0 < code < len(CATALOGUE) else CATALOGUE[-1]
    notes = [f"{omitted_frames} more frames were not recorded"] if omitted_frames > 0 else []
    if cycle:
        notes.append(_cycle_text([(name, place(raw)) for name, raw in cycle]))
    frames = [Frame(kind, name, place(raw)) for kind, name, raw in trace]
    error = EvaluationError(entry.name, _text(message), place(position), frames, notes, [_text(name) for name in suggestions])
    error.shows_place = shows_place
    return error


def _cycle_text(values: "list[tuple[str, Position | None]]") -> str:
    """The values that need each other.

    >>> _cycle_text([("a", None), ("", None)])
    "'a' needs a value, which needs 'a'"
    """
    shown = [(f"'{name}'" if name else "a value") + (f" ({position})" if position is not None else "") for name, position in values]
    first = f"'{values[0][0]}'" if values[0][0] else "the first one"
    if len(shown) == 1:
        return f"{shown[0]} needs its own value"
    return f"{shown[0]} needs " + ", which needs ".join([*shown[1:], first])


def _text(data: "bytes | str") -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data


def depth_error() -> EvaluationError:
    """The error for data or calls that are nested too deeply: the machine's own (STACK_OVERFLOW in messages.py)."""
    return EvaluationError("depth", "stack overflow; max-call-depth exceeded")


def as_error(error: Exception, code: str = "value") -> EvaluationError:
    """What a store or a format says is wrong, as an error of the command; an error of evaluation, some of which are ValueErrors, stays as it is."""
    return error if isinstance(error, EvaluationError) else EvaluationError(code, str(error))
