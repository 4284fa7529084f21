"""Selection paths (`-A a.b.0."c d"`), arguments given on the command line, and the derivations inside a value.

In: evaluated handles (evaluator.Handle) and texts.  Out: handles; errors worded as C++ Nix words them.
"""

from collections.abc import Iterator

from snowsnake.diagnostics.error import EvaluationError

_TYPES = {
    "int": "an integer",
    "string": "a string",
    "set": "a set",
    "list": "a list",
    "null": "null",
    "bool": "a Boolean",
    "path": "a path",
    "float": "a float",
    "lambda": "a function",
}
_MISSING_ARGUMENT = """cannot evaluate a function that has an argument without a value ('{}')
Nix attempted to evaluate a function as a top level expression; in
this case it must have its arguments supplied either by default
values, or passed explicitly with '--arg' or '--argstr'. See
https://nix.dev/manual/nix/stable/language/syntax.html#functions."""


def split_path(path: str) -> list[str]:
    """The parts of a selection path; quotes keep dots.

    >>> split_path('a."b.c".0')
    ['a', 'b.c', '0']
    """
    parts: list[str] = []
    part = ""
    position = 0
    while position < len(path):
        character = path[position]
        if character == ".":
            parts.append(part)
            part = ""
        elif character == '"':
            end = path.find('"', position + 1)
            if end < 0:
                raise EvaluationError("syntax", f"missing closing quote in selection path '{path}'")
            part += path[position + 1 : end]
            position = end
        else:
            part += character
        position += 1
    return parts + [part] if part else parts


def select_path(root, path: str, arguments: dict):
    """Follow a selection path; functions on the way are called with those `arguments` that they take."""
    value = root
    for part in split_path(path):
        value = auto_call(value, arguments)
        index = _index(part)
        if index is None:
            value = _attribute(value, part, path)
        else:
            value = _element(value, index, path)
    return value


def _index(part: str) -> int | None:
    is_number = part.isascii() and part.isdigit()
    return int(part) if is_number and len(part) < 11 and int(part) < 1 << 32 else None


def _attribute(value, name: str, path: str):
    _expect(value, "set", path)
    if not name:
        raise EvaluationError("missing-attribute", f"empty attribute name in selection path '{path}'")
    key = name.encode("utf-8", "surrogateescape")
    names = value.keys()
    if key not in names:
        from snowsnake.diagnostics.suggestions import nearest

        alike = nearest(name, (n.decode("utf-8", "replace") for n in names))
        message = f"attribute '{name}' in selection path '{path}' not found"
        raise EvaluationError("missing-attribute", message, suggestions=alike)
    return value.select(key)


def _element(value, index: int, path: str):
    _expect(value, "list", path)
    if index >= len(value):
        raise EvaluationError("missing-attribute", f"list index {index} in selection path '{path}' is out of range")
    return value.index(index)


def _expect(value, wanted: str, path: str) -> None:
    found = value.type_name()
    if found != wanted:
        message = f"the expression selected by the selection path '{path}' should be a {wanted} but is {_TYPES[found]}"
        raise EvaluationError("type", message)


def auto_call(value, arguments: dict):
    """Call a function that takes a set with the `arguments` it names (all of them if it has `...`).

    Anything else comes back as it is.  A set with `__functor` is called as the function it gives.
    """
    return value.auto_call(arguments)


class Derivation:
    """A derivation found in a value: the path of its .drv file, its selected output, and where it was."""

    __slots__ = ("drv_path", "output_name", "attribute_path", "value")

    def __init__(self, drv_path: str, output_name: str, attribute_path: str, value) -> None:
        self.drv_path = drv_path
        self.output_name = output_name
        self.attribute_path = attribute_path
        self.value = value


def find_derivations(root, arguments: dict) -> Iterator[Derivation]:
    """All derivations of a value: itself, or those in its attributes and list elements.

    Sets inside are entered only if they say `recurseForDerivations = true`.
    The whole value is searched before the first derivation is returned, as C++ Nix does.
    """
    found = _Found()
    _search(root, "", arguments, found)
    for path, value in found.values:
        yield _derivation(value, path)


class _Found:
    """Derivations in the order in which they were found, each set once."""

    def __init__(self) -> None:
        self.values: list[tuple[str, object]] = []
        self._by_name: dict[bytes, list] = {}

    def is_new(self, value) -> bool:
        """Whether this very set was not seen before.  Only sets of the same derivation name are compared."""
        key = value.select(b"name").string()
        alike = self._by_name.setdefault(key, [])
        if any(value.is_same(other) for other in alike):
            return False
        alike.append(value)
        return True


def _search(value, path: str, arguments: dict, found: _Found) -> None:
    value = auto_call(value, arguments)
    if not _note_derivation(value, path, found):
        return
    kind = value.type_name()
    if kind == "set":
        names = value.keys()
        combines = b"_combineChannels" in names
        for name in names:
            if not _is_plain_name(name):
                continue
            inner_path = _joined(path, name.decode())
            try:
                inner = value.select(name)
                if combines:
                    _search(inner, inner_path, arguments, found)
                elif _note_derivation(inner, inner_path, found) and inner.type_name() == "set":
                    if b"recurseForDerivations" in inner.keys() and _is_true(inner.select(b"recurseForDerivations")):
                        _search(inner, inner_path, arguments, found)
            except EvaluationError as error:
                _add_frame(error, "attribute", name.decode())
                raise
    elif kind == "list":
        for number in range(len(value)):
            inner_path = _joined(path, str(number))
            inner = value.index(number)
            if _note_derivation(inner, inner_path, found):
                _search(inner, inner_path, arguments, found)
    else:
        raise EvaluationError("type", "expression does not evaluate to a derivation (or a set or list of those)")


def _note_derivation(value, path: str, found: _Found) -> bool:
    """Note a derivation that was not noted before; tell whether the value may contain others."""
    if value.type_name() != "set" or b"type" not in (names := value.keys()):
        return True
    kind = value.select(b"type")
    if kind.type_name() != "string" or kind.string() != b"derivation":
        return True
    if b"name" not in names:
        raise EvaluationError("type", "derivation name missing")
    if found.is_new(value):
        found.values.append((path, value))
    return False


def _derivation(value, path: str) -> Derivation:
    names = value.keys()
    if b"drvPath" not in names:
        raise EvaluationError("type", "derivation does not contain a 'drvPath' attribute")
    drv_path = value.select(b"drvPath").string().decode("utf-8", "replace")
    output_name = value.select(b"outputName").string().decode("utf-8", "replace") if b"outputName" in names else ""
    if not output_name:
        raise EvaluationError("type", f"derivation '{drv_path}' lacks an 'outputName' attribute")
    return Derivation(drv_path, output_name, path, value)


def _is_true(value) -> bool:
    kind = value.type_name()
    if kind != "bool":
        raise EvaluationError("type", f"expected a Boolean but found {_TYPES[kind]}")
    return value.to_python()


def _is_plain_name(name: bytes) -> bool:
    """`[A-Za-z_][A-Za-z0-9-_+]*`"""
    if not name.isascii():
        return False
    text = name.decode()
    first, rest = text[:1], text[1:].replace("-", "").replace("_", "").replace("+", "")
    return (first.isalpha() or first == "_") and (not rest or rest.isalnum())


def _joined(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def _add_frame(error: EvaluationError, kind: str, name: str) -> None:
    from snowsnake.diagnostics.error import Frame

    error.trace.insert(0, Frame(kind, name, None))


def missing_argument(name: str) -> EvaluationError:
    """The error of a function at the top that needs an argument which the command line does not give."""
    return EvaluationError("missing-argument", _MISSING_ARGUMENT.format(name))
