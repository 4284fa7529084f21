"""Selection paths (`-A a.b.0."c d"`), arguments given on the command line, and the derivations inside a value.

In: handles of an evaluator and texts.  Out: handles; errors worded as C++ Nix words them.
"""

from collections.abc import Iterator

from snowsnake.diagnostics.error import EvaluationError, Frame

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


class Selector:
    """Follows selection paths in the values of one evaluator.

    `arguments` (name → handle) are passed to functions met on the way that take a set and name them.
    """

    def __init__(self, evaluator, arguments: dict) -> None:
        self._evaluator = evaluator
        self._arguments = arguments

    def select(self, root, path: str):
        """The value at a selection path."""
        value = root
        for part in split_path(path):
            value = self.auto_call(value)
            index = _index(part)
            value = _attribute(value, part, path) if index is None else _element(value, index, path)
        return value

    class Derivation:
    """A derivation found in a value: the path of its .drv file, its selected output, and where it was."""

    __slots__ = ("drv_path", "output_name", "attribute_path", "value")

    def __init__(self, drv_path: str, output_name: str, attribute_path: str, value) -> None:
        self.drv_path = drv_path
        self.output_name = output_name
        self.attribute_path = attribute_path
        self.value = value


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


def _wants_search(value) -> bool:
    if value.type_name() != "set" or b"recurseForDerivations" not in value.keys():
        return False
    wanted = value.select(b"recurseForDerivations")
    kind = wanted.type_name()
    if kind != "bool":
        raise EvaluationError("type", f"expected a Boolean but found {_TYPES[kind]}")
    return wanted.to_python()


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


def _is_plain_name(name: bytes) -> bool:
    """`[A-Za-z_][A-Za-z0-9-_+]*`"""
    if not name.isascii():
        return False
    text = name.decode()
    first, rest = text[:1], text[1:].replace("-", "").replace("_", "").replace("+", "")
    return (first.isalpha() or first == "_") and (not rest or rest.isalnum())


def _joined(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def missing_argument(name: str) -> EvaluationError:
    """The error of a function at the top that needs an argument which the command line does not give."""
    return EvaluationError("missing-argument", _MISSING_ARGUMENT.format(name))
