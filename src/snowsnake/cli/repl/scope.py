"""The names that a session knows, and expressions that see them.

In: the evaluator, sets of names.  Out: handles.  A name keeps the value that it had when an expression that sees it was read.
"""

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.selection import is_plain_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.cli.session import Session
    from snowsnake.handle import Handle

_SYNTAX = ("syntax", "duplicate-attribute")


class Incomplete(Exception):
    """The input ends too early: more lines may complete it."""


class Scope:
    """The names of one session, none at first."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        settings = session.settings
        self.features = settings.language()
        # How deep values are printed, and functors of functors are called.
        self.depth_limit: int = settings["max-call-depth"]
        self._merge = session.expression(b"old: new: old // new", "«internal»")
        self.clear()

    def clear(self) -> None:
        self._set = self._session.evaluator.from_python({})

    def add(self, names: "Handle") -> None:
        """Adds the attributes of a set; new ones take the place of old ones."""
        self._set = self._merge.call(self._set, names)

    def names(self) -> list[bytes]:
        return self._set.keys()

    def value(self, source: str) -> "Handle":
        """The value of an expression, evaluated."""
        name = source.encode("utf-8", "surrogateescape")
        try:
            # A name alone is looked up directly, so that a trace has no line for its selection.
            found = self._set.select(name) if is_plain_name(name) and name in self.names() else self._compiled(source)
        except EvaluationError as error:
            if _is_at_end(error, source):
                raise Incomplete from error
            raise
        found.force()
        return found

    def bind(self, source: str) -> bool:
        """Adds the names that bindings (`a = 1; inherit (b) c`) define; returns whether the source is of that form.

        The values are evaluated later, and see the names that were there before.
        """
        try:
            found = self._compiled(source, is_bindings=True)
        except EvaluationError as error:
            if error.code not in _SYNTAX:
                raise
            try:
                # If the source still ends too early with a `;` behind it, more lines may complete it.
                self._compiled(source + ";", is_bindings=True)
            except EvaluationError as second:
                if _is_at_end(second, source + ";"):
                    raise Incomplete from second
            return False
        if not found.keys():
            # A comment has no bindings: it is an expression that has not begun yet.
            self._raise_if_incomplete(source)
        self.add(found)
        return True

    def _raise_if_incomplete(self, source: str) -> None:
        try:
            self._compiled(source)
        except EvaluationError as error:
            if _is_at_end(error, source):
                raise Incomplete from error

    def _compiled(self, source: str, *, is_bindings: bool = False) -> "Handle":
        text = source.encode("utf-8", "surrogateescape")
        return self._session.evaluator.evaluate(text, self._session.base_folder, scope=self._set, is_bindings=is_bindings)

    def completions(self, word: str) -> list[str]:
        """What a word may become: names, attributes of what is in front of its last dot, or files.  Errors mean that there is nothing."""
        if "/" in word:
            return _files(word)
        front, dot, last = word.rpartition(".")
        if not dot:
            from snowsnake.parsing import visible_names

            known = {name.decode("utf-8", "surrogateescape") for name in self.names()} | visible_names(b"", 0)
            return sorted(name for name in known if name.startswith(word))
        try:
            names = self.value(front).keys()
        except (EvaluationError, Incomplete, OSError):
            return []
        return sorted(f"{front}.{name}" for name in (name.decode("utf-8", "surrogateescape") for name in names) if name.startswith(last))


def _is_at_end(error: EvaluationError, source: str) -> bool:
    """Whether a fault of the syntax is that the source ends."""
    return error.code == "syntax" and error.position is not None and error.position.start_byte >= len(source.encode("utf-8", "surrogateescape"))


def _files(word: str) -> list[str]:
    import os

    folder, _, start = word.rpartition("/")
    try:
        names = os.listdir(folder or "/")
    except OSError:
        return []
    return sorted(f"{folder}/{name}" for name in names if name.startswith(start) and not name.startswith("."))
