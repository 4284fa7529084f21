"""Prints values as `nix eval` and `nix repl` do: what is shown is evaluated, a derivation is its path, an error inside is shown in its place.

In: a handle, a `Style`.  Out: bytes.  A list or set that was printed before is «repeated».
"""

from snowsnake.diagnostics.error import EvaluationError, depth_error
from snowsnake.selection import asking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter

_FATAL = ("depth", "memory", "timeout", "interrupt")
_FIRST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_FURTHER = _FIRST | frozenset(b"0123456789'-")
_KEYWORDS = (b"if", b"then", b"else", b"assert", b"with", b"let", b"in", b"rec", b"inherit")
_RED, _GREEN, _BLUE, _MAGENTA, _CYAN, _PLAIN = (b"\x1b[31;1m", b"\x1b[32;1m", b"\x1b[34;1m", b"\x1b[35;1m", b"\x1b[36;1m", b"\x1b[0m")
_COLOURS = {"string": _MAGENTA, "path": _GREEN, "lambda": _BLUE}
_REPEATED = "«repeated»".encode()


class Style:
    """How values are printed.

    `indent`: the number of blanks by which parts are indented, each on a line of its own; 0 prints one line.  `levels`: sets and lists nested
    deeper are printed as `{ ... }` and `[ ... ]`; None prints all.  `raises`: an error of the value itself is raised, not shown.  `shown` returns
    the name by which the user knows a path.
    """

    __slots__ = ("has_colours", "indent", "levels", "raises", "shown")

    def __init__(
        self, *, has_colours: bool = False, indent: int = 0, levels: int | None = None, raises: bool = False,
        shown: "Callable[[str], str] | None" = None,
    ) -> None:
        self.has_colours = has_colours
        self.indent = indent
        self.levels = levels
        self.raises = raises
        self.shown = shown


_ONE_LINE = Style()


class _Seen:
    """The lists and sets that were printed.  Only those of the same kind, size and names are compared."""

    def __init__(self) -> None:
        self._by_key: dict[object, list[Handle]] = {}

    def is_new(self, value: "Handle", key: object) -> bool:
        alike = self._by_key.setdefault(key, [])
        # All empty sets are one.
        if alike and (key == () or any(value.is_same(other) for other in alike)):
            return False
        alike.append(value)
        return True


def value_text(root: "Handle", evaluator: "Interpreter", depth_limit: int, style: Style = _ONE_LINE) -> bytes:
    """The text of a value that has been forced.  Raises an error if values are nested deeper than the limit."""
    out: list[bytes] = []
    write_value(root, evaluator, out.append, depth_limit, style)
    return b"".join(out)


def write_value(
    root: "Handle", evaluator: "Interpreter", write: "Callable[[bytes], object]", depth_limit: int, style: Style = _ONE_LINE
) -> None:
    """Writes what `value_text` returns by calls of `write(bytes)`, in pieces: the pieces before an error have been written."""
    printer = _Printer(root, evaluator, write, style)
    work = [printer.parts(root, 0)]
    while work:
        try:
            inner = next(work[-1], None)
        except EvaluationError as error:
            work.pop()
            if error.code in _FATAL or (style.raises and not work):
                raise
            printer.put(f"«error: {error.message}»".encode("utf-8", "surrogateescape"), _RED)
            continue
        if inner is None:
            work.pop()
        elif len(work) > depth_limit:
            raise depth_error()
        else:
            work.append(printer.parts(inner, len(work)))


class _Printer:
    """Writes values.  `parts` yields the values inside one, and goes on when the caller has written them."""

    def __init__(self, root: "Handle", evaluator: "Interpreter", write: "Callable[[bytes], object]", style: Style) -> None:
        self._root = root
        self._evaluator = evaluator
        self._write = write
        self._style = style
        self._seen = _Seen()
        # Blanks in front of a line.  After an error between the braces of a set it stays what it was there, as in 2.34.8.
        self._margin = 0

    def put(self, text: bytes, colour: bytes) -> None:
        self._write(colour + text + _PLAIN if self._style.has_colours else text)

    def parts(self, value: "Handle", depth: int) -> "Iterator[Handle]":
        value.force()
        kind = value.type_name()
        if kind == "list":
            yield from self._list(value, depth)
        elif kind == "set":
            yield from self._set(value, depth)
        else:
            text: bytes = value.to_nix(kinds=True)
            if self._style.shown is not None and kind in ("path", "lambda"):
                text = _renamed(text, self._style.shown)
            self.put(text, _COLOURS.get(kind, _CYAN))

    def _list(self, value: "Handle", depth: int) -> "Iterator[Handle]":
        size = len(value)
        # 2.34.8 prints a copy of the outermost list, which is never a list that was printed before.
        if size and value is not self._root and not self._seen.is_new(value, size):
            self.put(_REPEATED, _MAGENTA)
        elif self._style.levels is not None and depth >= self._style.levels:
            self._write(b"[ ... ]")
        else:
            self._write(b"[")
            self._margin += self._style.indent
            has_lines = self._has_lines(value.index(0) if size == 1 else None, size)
            for index in range(size):
                self._write(self._space(has_lines))
                yield value.index(index)
            self._margin -= self._style.indent
            self._write(self._space(has_lines) + b"]")

    def _set(self, value: "Handle", depth: int) -> "Iterator[Handle]":
        names = value.keys()
        if not self._seen.is_new(value, tuple(names)):
            self.put(_REPEATED, _MAGENTA)
        elif b"type" in names and _is_derivation(value.select(b"type")):
            path = ""
            if b"drvPath" in names:
                with asking(value, b"drvPath", "while evaluating the drvPath of a derivation"):
                    path = _derivation_path(value.select(b"drvPath"), self._evaluator)
            self.put(f"«derivation{path}»".encode("utf-8", "surrogateescape"), _GREEN)
        elif self._style.levels is not None and depth >= self._style.levels:
            self._write(b"{ ... }")
        else:
            self._write(b"{")
            self._margin += self._style.indent
            has_lines = self._has_lines(value.select(names[0]) if len(names) == 1 else None, len(names))
            for name in names:
                self._write(self._space(has_lines) + name_text(name, self._evaluator) + b" = ")
                yield value.select(name)
                self._write(b";")
            self._margin -= self._style.indent
            self._write(self._space(has_lines) + b"}")

    def _has_lines(self, only: "Handle | None", size: int) -> bool:
        """Whether each part is on a line of its own: a single part with nothing in it is not."""
        return bool(self._style.indent and size) and (only is None or only.type_name() in ("list", "set"))

    def _space(self, has_lines: bool) -> bytes:
        return b"\n" + b" " * self._margin if has_lines else b" "


def _renamed(text: bytes, shown: "Callable[[str], str]") -> bytes:
    """A path, or a function with its place, with the name that the user knows of the path.

    >>> _renamed(b"/a/b", str.upper), _renamed("«lambda f @ /a/b:1:2»".encode(), str.upper).decode()
    (b'/A/B', '«lambda f @ /A/B:1:2»')
    """
    start, mark, path = text.rpartition(b" @ ")
    path, colon, place = (path, b"", b"") if not mark else path.partition(b":")
    name = shown(path.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return start + mark + name + colon + place


def _is_derivation(kind: "Handle") -> bool:
    kind.force()
    return kind.type_name() == "string" and kind.string() == b"derivation"


def _derivation_path(value: "Handle", evaluator: "Interpreter") -> str:
    from snowsnake.store.store_path import parse

    path = value.coerce_to_string().decode("utf-8", "surrogateescape")
    try:
        parse(path, evaluator.store_dir)
    except ValueError:
        raise EvaluationError("value", f"path '{path}' is not in the Nix store") from None
    return " " + path


def name_text(name: bytes, evaluator: "Interpreter") -> bytes:
    """The name of an attribute, in quotes if it needs them."""
    if name and name[0] in _FIRST and _FURTHER.issuperset(name) and name not in _KEYWORDS:
        return name
    return evaluator.from_python(name).to_nix()
