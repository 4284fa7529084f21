"""Warnings of the settings `lint-*` about literals in a source: URLs without quotes, absolute paths and paths below `~/`, short relative paths.

In: a source that parses, and the bits of the settings that are not `ignore` (syntax/features.py).  Out: warnings and faults, in source order.
The module is only imported when such a setting is on.
"""

import json

from snowsnake.diagnostics.render import place_text
from snowsnake.source import Position
from snowsnake.syntax.api import parse_text
from snowsnake.syntax.features import LINTS

_ABSOLUTE, _SHORT, _URL = "lint-absolute-path-literals", "lint-short-path-literals", "lint-url-literals"


class Finding:
    """A literal that a setting objects to: the setting, the text, whether it is fatal, and the place."""

    __slots__ = ("is_fatal", "message", "position")

    def __init__(self, message: str, is_fatal: bool, position: Position) -> None:
        self.message = message
        self.is_fatal = is_fatal
        self.position = position

    @property
    def warning(self) -> str:
        """The text of the warning, with its place in the source."""
        return self.message + "\n" + place_text(self.position, "         ")


def lint(source: bytes, name: str, bits: int) -> list[Finding]:
    """The findings in source order.  Code that is nested too deeply for Python is skipped.

    >>> [finding.message for finding in lint(b"[ a/b ]", "x.nix", LINTS["lint-short-path-literals=warn"])]
    ["relative path literal 'a/b' should be prefixed with '.' for clarity: './a/b' (lint-short-path-literals)"]
    """
    try:
        tree = json.loads(parse_text(source, "/", features=bits, check_bindings=False).to_json())
    except RecursionError:
        return []
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
            continue
        if not isinstance(node, dict):
            continue
        waiting += node.values()
        start, end = _literal(node, source)
        if start < end:
            finding = _finding(source[start:end].decode("utf-8", "replace"), bits, Position(name, source, start, end))
            if finding is not None:
                found.append(finding)
    return sorted(found, key=lambda finding: finding.position.start_byte)


def _literal(node: dict[str, object], source: bytes) -> tuple[int, int]:
    """The bytes of a path up to its first `${`, or of a URL; nothing for other nodes."""
    span, parts = node.get("span"), node.get("parts")
    if node.get("kind") not in ("path", "string") or not isinstance(span, list) or not isinstance(parts, list) or not parts:
        return 0, 0
    start, end = span
    if node["kind"] == "path":
        return start, parts[0]["span"][1]
    return (start, end) if source[start : start + 1] not in (b'"', b"'") else (0, 0)


def _finding(literal: str, bits: int, position: Position) -> Finding | None:
    if literal.startswith(("/", "~")):
        name = _ABSOLUTE
    elif ":" in literal and not literal.startswith("."):
        name = _URL
    elif not literal.startswith("."):
        name = _SHORT
    else:
        return None
    is_fatal = bool(bits & LINTS[name + "=fatal"])
    if not is_fatal and not bits & LINTS[name + "=warn"]:
        return None
    if name == _URL:
        text = f'URL literals are {"disallowed" if is_fatal else "discouraged"}. Consider using a string literal "{literal}" instead'
    elif name == _SHORT:
        text = f"relative path literal '{literal}' should be prefixed with '.' for clarity: './{literal}'"
    else:
        kind = "home" if literal.startswith("~") else "absolute"
        text = f"{kind} path literals are not portable. Consider replacing path literal '{literal}' by a string, relative path, or parameter"
    return Finding(f"{text} ({name})", is_fatal, position)
