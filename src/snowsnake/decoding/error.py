"""The error for a value that does not fit the type into which it is decoded."""

from snowsnake.diagnostics.kinds import TypeMismatch
from snowsnake.source import Position

Step = str | int
# A message shows this many steps of a path.
_LONGEST_PATH = 40


class DecodeError(TypeMismatch):
    """A value does not fit the type: `path` leads to it, `expected` and `found` say why, `position` is where its attribute is defined.

    >>> error = DecodeError("an integer", 'a string: "x"')
    >>> error.path = ("ports", 0, "a.b")
    >>> error.message
    'expected an integer but found a string: "x", at ports[0]."a.b"'
    """

    def __init__(self, expected: str, found: str, path: tuple[Step, ...] = (), position: Position | None = None) -> None:
        super().__init__("type", "", position)
        self.expected = expected
        self.found = found
        self.path = path

    @property
    def message(self) -> str:
        """One line: what was expected, what was found, and the path."""
        where = f", at {path_text(self.path)}" if self.path else ""
        return f"expected {self.expected} but found {self.found}{where}"

    @message.setter
    def message(self, text: str) -> None:
        """The message is made of the other fields."""

    def __reduce__(self) -> tuple[object, ...]:  # type: ignore[override]
        return DecodeError, (self.expected, self.found, self.path, self.position)


def path_text(path: tuple[Step, ...]) -> str:
    """A path as text: names as Nix writes them, indices as Python writes them.

    >>> path_text(("a", "b c", 3, "d"))
    'a."b c"[3].d'
    """
    text = ""
    if len(path) > _LONGEST_PATH:
        return f"{path_text(path[: _LONGEST_PATH // 2])} … {path_text(path[-_LONGEST_PATH // 2 :])}"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        is_plain = step.replace("-", "_").replace("'", "_").isidentifier()
        text += ("." if text else "") + (step if is_plain else f'"{step}"')
    return text
