"""The layout of errors and warnings: C++ Nix 2.34's, so that tools that read its stderr can read ours.

    error:
           … while calling the 'throw' builtin
             at «string»:1:5:
                1| 1 + throw "no"
                 |     ^

           error: no

In: an `EvaluationError`.  Out: text without a final newline.
"""

from snowsnake.diagnostics.terminal_text import filtered, indented, steers
from snowsnake.source import Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from snowsnake.diagnostics.error import EvaluationError, Frame

_RED, _MAGENTA, _BLUE, _PLAIN = "\x1b[31;1m", "\x1b[35;1m", "\x1b[34;1m", "\x1b[0m"
# This many lines of a trace are shown by default; a frame with a place counts twice, and once if it was shown before, one without a place then not at all.
_SHOWN_LIMIT = 4
# A line of this many characters is shown whole, as C++ Nix shows each; of a longer one, _SHOWN_PART characters around the caret are.
_LONGEST_LINE = 20_000
_SHOWN_PART = 400
# So few repeated frames are printed one by one, without a count.
_FEW = 5
# What is below "error: " has this indentation.
_INDENT = "       "
# A line that replaces frames has this kind.
_FOLD = "fold"
_TRUNCATED = "(stack trace truncated; use '--show-trace' to show the full, detailed trace)"
# Frames that only --show-trace shows: there are as many as calls, and the rest of the trace says what the calls were for.
_DETAIL_KINDS = frozenset(("function", "call", "thunk"))


class _Paint:
    """Wraps text in colours, or leaves it alone."""

    def __init__(self, colours: bool) -> None:
        self.colours = colours

    def __call__(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self.colours else text

    def place(self, text: str) -> str:
        return f"{_BLUE}at {_MAGENTA}{text}{_PLAIN}" if self.colours else f"at {text}"


def render(error: "EvaluationError", *, show_trace: bool = False, colours: bool = False) -> str:
    """The whole report of an error."""
    paint = _Paint(colours)
    lines: list[str] = []
    trace, position = _placed(error)
    if not show_trace:
        trace = _outline(_folded(trace, is_place_shown=position is not None))
    has_trace = _trace_lines(trace, show_trace, paint, lines)
    prefix = paint(_RED, "error:") + " "
    # The message of any other error may end in a value, whose last blanks are shown.
    is_thrown = error.code == "throw"
    lines.append((prefix if has_trace else "") + (error.message.rstrip() if is_thrown else error.message))
    text = indented("\n".join(lines), prefix, _INDENT, keeps_last=not is_thrown)
    if below := _below(error, position, paint):
        text += "\n" + indented("\n".join(below), _INDENT, _INDENT)
    return filtered(text, colours) if steers(text) else text


def _below(error: "EvaluationError", position: Position | None, paint: _Paint) -> list[str]:
    """The lines below the message: its place, what may have been meant, notes."""
    lines = place_lines(position, paint, "") if position is not None else []
    if error.suggestions:
        from snowsnake.diagnostics.suggestions import sentence

        if position is None and error.position is not None:
            # The place, which would separate it from the message, is absent.
            lines.append("")
        lines.append(sentence([paint(_MAGENTA, name) for name in error.suggestions]))
    return lines + [f"note: {note}" for note in error.notes]


def _placed(error: "EvaluationError") -> "tuple[list[Frame], Position | None]":
    """Trace and place: a builtin's error is at the builtin's call, whose frame shows the place once."""
    trace, position = error.trace, error.position if error.shows_place else None
    if not trace or position is None or trace[-1].kind != "builtin":
        return trace, position
    last = trace[-1]
    if last.position not in (None, position):
        return trace, position
    return [*trace[:-1], last.changed(position=position)], None


def render_warning(message: str, *, colours: bool = False, is_from_expression: bool = False) -> str:
    """`warning: …`, as for unknown settings; `evaluation warning: …` for warnings of the program."""
    paint = _Paint(colours)
    title = "evaluation warning:" if is_from_expression else "warning:"
    return paint(_MAGENTA, title) + " " + message


def place_lines(position: Position, paint: _Paint, indent: str) -> list[str]:
    """`at FILE:LINE:COLUMN:` and the numbered lines around it, with a caret under the column."""
    lines = [f"{indent}{paint.place(str(position))}:"]
    for number, text in position.excerpt:
        column = position.display_column if number == position.line else 1
        text, column = _window(text, column)
        lines.append(f" {number:5}| {text.expandtabs()}")
        if number == position.line:
            padding = " " * len(text[: column - 1].expandtabs())
            lines.append(f"      | {padding}{paint(_RED, '^')}")
    return lines


def place_text(position: Position, indent: str) -> str:
    """The place of a warning, without colours, in lines that start with an indent."""
    return "\n".join((indent + line).rstrip() for line in place_lines(position, _Paint(False), ""))


def _window(text: str, column: int) -> tuple[str, int]:
    """The shown part of a line, and the column of the caret in it: some files have one line of megabytes.

    >>> _window("a = 1;", 3)
    ('a = 1;', 3)
    >>> text, column = _window("x" * 50000 + "!" + "y" * 50000, 50001)
    >>> len(text), text[0], text[column - 1], text[-1]
    (402, '…', '!', '…')
    """
    if len(text) <= _LONGEST_LINE:
        return text, column
    start = max(0, min(column - 1 - _SHOWN_PART // 2, len(text) - _SHOWN_PART))
    shown = text[start : start + _SHOWN_PART]
    if start + _SHOWN_PART < len(text):
        shown += "…"
    return ("…" + shown, column - start + 1) if start else (shown, column)


def _trace_lines(trace: "list[Frame]", show_trace: bool, paint: _Paint, lines: list[str]) -> bool:
    """Appends the trace, outermost frame first; returns whether anything of it is shown."""
    seen: set[Frame] = set()
    skipped: list[Frame] = []
    shown = 0
    is_truncated = False

    def show(frame: "Frame") -> None:
        nonlocal shown
        if frame.kind == _FOLD:
            lines.extend(("", paint(_MAGENTA, frame.name)))
            return
        if not frame.description:
            # This is `addErrorContext ""`.
            return
        lines.extend(("", "… " + frame.description))
        if frame.position is not None:
            lines.extend(place_lines(frame.position, paint, "  "))
            shown += 1

    def show_skipped() -> None:
        if len(skipped) > _FEW:
            lines.extend(("", paint(_MAGENTA, f"({len(skipped)} duplicate frames omitted)")))
        else:
            for frame in skipped:
                show(frame)
        skipped.clear()

    start = len(lines)
    for frame in trace:
        if not show_trace and shown >= _SHOWN_LIMIT and frame.kind != "context":
            is_truncated = True
            continue
        if frame in seen:
            skipped.append(frame)
            continue
        show_skipped()
        seen.add(frame)
        if frame.kind != _FOLD and frame.description:
            shown += 1
        show(frame)
    show_skipped()
    if is_truncated:
        lines.extend(("", paint(_MAGENTA, _TRUNCATED)))
    if len(lines) > start:
        lines.append("")
        return True
    return False


def _folded(trace: "list[Frame]", is_place_shown: bool) -> "list[Frame]":
    """The trace from the user's point of view: one line for the frames of a library between frames of the user's own.

    The innermost frame stays if the error's place is only there.  What has no place belongs to what is before it.
    """
    folded: list[Frame] = []
    waiting: list[Frame] = []
    for number, frame in enumerate(trace):
        is_kept = frame.kind == "context" or (number == len(trace) - 1 and not is_place_shown)
        library = frame.library
        if frame.position is None and waiting:
            library = waiting[-1].library
        if waiting and (is_kept or library != waiting[-1].library):
            folded += _fold(waiting)
            waiting = []
        if is_kept or not library:
            folded.append(frame)
        else:
            waiting.append(frame if frame.position is not None else frame.changed(library=library))
    return folded + _fold(waiting)


def _fold(frames: "list[Frame]") -> "list[Frame]":
    """One line for several frames, if more than one of them would be shown; otherwise the frame that would be."""
    if len(_outline(frames)) < 2:
        return _outline(frames)
    return [frames[0].changed(kind=_FOLD, name=f"({len(frames)} frames in {frames[0].library} folded; --show-trace shows them)", position=None, library="")]


def _outline(trace: "list[Frame]") -> "list[Frame]":
    """The frames to show without --show-trace: the innermost ones, without plain calls."""
    return [frame for frame in trace if frame.kind not in _DETAIL_KINDS]


def terminal_colours(stream_descriptor: int, environment: "Mapping[str, str]") -> bool:
    """Whether text for this file descriptor should be coloured: it is a terminal, and neither NO_COLOR nor TERM=dumb is set.

    CLICOLOR_FORCE=1 colours what goes elsewhere, too.
    """
    import os

    if environment.get("NO_COLOR"):
        return False
    if environment.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return environment.get("TERM", "dumb") != "dumb" and os.isatty(stream_descriptor)
