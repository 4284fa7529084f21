"""Errors and warnings as JSON lines: `--log-format json` (ours) and `internal-json` (C++ Nix's own)."""

import json
from collections.abc import Mapping

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.render import render, render_warning
from snowsnake.source import Position


def _position(position: Position | None) -> dict[str, object] | None:
    if position is None:
        return None
    return {
        "file": position.file,
        "line": position.line,
        "column": position.column,
        "start_byte": position.start_byte,
        "end_byte": position.end_byte,
        "excerpt": [{"line": number, "text": text} for number, text in position.excerpt],
    }


def _frame(frame: Frame) -> dict[str, object]:
    return {"kind": frame.kind, "name": frame.name, "text": frame.description, "position": _position(frame.position)}


def error_line(error: EvaluationError) -> str:
    """One JSON object with every fact of the error.

    >>> error_line(EvaluationError("throw", "no"))[:66]
    '{"level": "error", "code": "SN0001", "kind": "throw", "message": "'
    """
    facts = {
        "level": "error",
        "code": error.stable_code,
        "kind": error.code,
        "message": error.message,
        "position": _position(error.position),
        "trace": [_frame(frame) for frame in error.trace],
        "notes": error.notes,
        "suggestions": error.suggestions,
    }
    return _json(facts)


def message_line(level: str, message: str) -> str:
    """One JSON object for a warning or another message."""
    return _json({"level": level, "message": message})


def nix_error_line(error: EvaluationError, *, show_trace: bool) -> str:
    """The `@nix {…}` line that C++ Nix writes with `--log-format internal-json`."""

    def place(position: Position | None) -> dict[str, object]:
        if position is None:
            return {"column": None, "file": None, "line": None}
        return {"column": position.column, "file": str(position), "line": position.line}

    facts: dict[str, object] = {"action": "msg", **place(error.position if error.shows_place else None), "level": 0}
    facts["msg"] = render(error, show_trace=show_trace, colours=True)
    facts["raw_msg"] = error.message
    if show_trace and error.trace:
        facts["trace"] = [{**place(f.position), "raw_msg": f.description} for f in reversed(error.trace)]
    return "@nix " + _json(dict(sorted(facts.items())), separators=(",", ":"))


def nix_message_line(message: str, level: int, *, is_warning: bool = False) -> str:
    text = render_warning(message, colours=True) if is_warning else message
    return event_line({"action": "msg", "level": level, "msg": text})


def event_line(facts: Mapping[str, object]) -> str:
    """An event as C++ Nix writes it.

    >>> event_line({"id": 1, "action": "stop"})
    '@nix {"action":"stop","id":1}'
    """
    return "@nix " + _json(facts, separators=(",", ":"), sort_keys=True)


def _json(facts: Mapping[str, object], *, separators: tuple[str, str] | None = None, sort_keys: bool = False) -> str:
    """JSON is UTF-8: bytes that are not become the sign for that."""
    text = json.dumps(facts, ensure_ascii=False, separators=separators, sort_keys=sort_keys)
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
