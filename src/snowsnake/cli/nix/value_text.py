"""Prints values as `nix eval` does: everything is evaluated, a derivation is its path, an error inside is shown in its place.

In: a handle.  Out: bytes.  A list or set that was printed before is «repeated».
"""

from snowsnake.diagnostics.error import EvaluationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter

_DEPTH_LIMIT = 2_000_000               # as for calls
_FATAL = ("depth", "memory", "timeout", "interrupt")
_FIRST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_FURTHER = _FIRST | frozenset(b"0123456789'-")
_KEYWORDS = (b"if", b"then", b"else", b"assert", b"with", b"let", b"in", b"rec", b"inherit")


class _Seen:
    """The lists and sets that were printed.  Only those of the same kind, size and names are compared."""

    def __init__(self) -> None:
        self._by_key: dict[object, list[Handle]] = {}

    def is_new(self, value: "Handle", key: object) -> bool:
        alike = self._by_key.setdefault(key, [])
        if alike and (key == () or any(value.is_same(other) for other in alike)):       # there is one empty set
            return False
        alike.append(value)
        return True


def value_text(root: "Handle", evaluator: "Interpreter", depth_limit: int = _DEPTH_LIMIT) -> bytes:
    """The text of a value that has been forced.  Raises an error if values are nested deeper than the limit."""
    out: list[bytes] = []
    seen = _Seen()
    work: list[Handle | bytes | None] = [root]                        # handles to print, and bytes, in reverse; None: the end of a value
    depth = 0
    while work:
        item = work.pop()
        if item is None:
            depth -= 1
            continue
        if isinstance(item, bytes):
            out.append(item)
            continue
        if depth > depth_limit:
            raise EvaluationError("depth", "stack overflow; max-call-depth exceeded")
        try:
            pieces = _pieces(item, seen, evaluator, is_root=item is root)
        except EvaluationError as error:
            if error.code in _FATAL:
                raise
            out.append(f"«error: {error.message}»".encode("utf-8", "surrogateescape"))
            continue
        if len(pieces) > 1:
            depth += 1
            work.append(None)
        work += reversed(pieces)
    return b"".join(out)


def _pieces(value: "Handle", seen: _Seen, evaluator: "Interpreter", *, is_root: bool) -> "list[Handle | bytes]":
    """The parts of a value's text: bytes, and the values inside it."""
    value.force()
    kind = value.type_name()
    if kind == "list":
        size = len(value)
        if not size:
            return [b"[ ]"]
        if not is_root and not seen.is_new(value, size):     # the outermost list is a copy of its own, there
            return ["«repeated»".encode()]
        pieces: list[Handle | bytes] = [b"["]
        for index in range(size):
            pieces += [b" ", value.index(index)]
        return [*pieces, b" ]"]
    if kind != "set":
        return [value.to_nix(kinds=True)]
    names = value.keys()
    if not seen.is_new(value, tuple(names)):
        return ["«repeated»".encode()]
    if b"type" in names and _is_derivation(value.select(b"type")):
        path = _derivation_path(value.select(b"drvPath"), evaluator) if b"drvPath" in names else ""
        return [f"«derivation{path}»".encode("utf-8", "surrogateescape")]
    pieces = [b"{"]
    for name in names:
        pieces += [b" ", _name_text(name, evaluator), b" = ", value.select(name), b";"]
    return [*pieces, b" }"]


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


def _name_text(name: bytes, evaluator: "Interpreter") -> bytes:
    if name and name[0] in _FIRST and _FURTHER.issuperset(name) and name not in _KEYWORDS:
        return name
    return evaluator.from_python(name).to_nix()
