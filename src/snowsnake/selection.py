"""Selection paths (`-A a.b.0."c d"`), arguments given on the command line, and the derivations inside a value.

In: handles of an evaluator and texts.  Out: handles; errors worded as C++ Nix words them.
"""

import os

from snowsnake.diagnostics.error import EvaluationError, Frame

# For type checkers, which know the name: what is imported here is paid for by every start of the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter
    from snowsnake.source import Position

# of values, as messages call them
TYPE_NAMES = {
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
    if not isinstance(path, str):
        raise TypeError(f"a selection path is a text such as 'a.b.0', not {type(path).__name__}")
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

    def __init__(self, evaluator: "Interpreter", arguments: "Mapping[bytes, Handle]") -> None:
        self._evaluator = evaluator
        self._arguments = arguments

    def select(self, root: "Handle", path: str) -> "Handle":
        """The value at a selection path."""
        return self.select_with_set(root, path)[0]

    def select_with_set(self, root: "Handle", path: str) -> "tuple[Handle, tuple[Handle, bytes] | None]":
        """The value at a selection path, and the set and the name of which it is the attribute, if it is one."""
        value, found = root, None
        for part in split_path(path):
            value = self.auto_call(value)
            index = _index(part)
            if index is None:
                found = (value, part.encode("utf-8", "surrogateescape"))
                value = _attribute(value, part, path)
            else:
                found = None
                value = _element(value, index, path)
        return value, found

    def auto_call(self, value: "Handle") -> "Handle":
        """Call a function that takes a set with the arguments it names (all of them if it has `...`).

        Anything else comes back as it is.  A set with `__functor` stands for the function that it gives.
        """
        kind = value.type_name()
        while kind == "set" and b"__functor" in value.keys():
            value = value.select(b"__functor").call(value)
            kind = value.type_name()
        formals = value.formals() if kind == "lambda" else None
        if formals is None:
            return value
        if value.has_ellipsis():
            passed = dict(self._arguments)
        else:
            passed = {name: self._arguments[name] for name in formals if name in self._arguments}
            for name, has_default in formals.items():
                if name not in passed and not has_default:
                    raise missing_argument(value, name)
        return value.call(self._evaluator.from_python(passed))

    def is_callable_with_defaults(self, value: "Handle") -> bool:
        """Whether `auto_call` would call this function without any argument missing."""
        formals = value.formals() if value.type_name() == "lambda" else None
        return formals is not None and all(has or name in self._arguments for name, has in formals.items())

    def derivations(self, root: "Handle") -> "Iterator[FoundDerivation]":
        """All derivations of a value: itself, or those in its attributes and list elements.

        Sets inside are entered only if they say `recurseForDerivations = true`.
        The whole value is searched before the first derivation is returned, as C++ Nix does.
        """
        found = _Found()
        self._search(root, "", found)
        for path, value in found.values:
            yield _derivation(value, path, self._evaluator.store_dir)

    def _search(self, value: "Handle", path: str, found: "_Found") -> None:
        value = self.auto_call(value)
        if not _note_derivation(value, path, found):
            return
        kind = value.type_name()
        if kind == "set":
            self._search_set(value, path, found)
        elif kind == "list":
            for number in range(len(value)):
                inner_path = _joined(path, str(number))
                inner = value.index(number)
                if _note_derivation(inner, inner_path, found):
                    self._search(inner, inner_path, found)
        else:
            raise EvaluationError("type", "expression does not evaluate to a derivation (or a set or list of those)")

    def _search_set(self, value: "Handle", path: str, found: "_Found") -> None:
        names = value.keys()
        combines = b"_combineChannels" in names
        for name in names:
            if not is_plain_name(name):
                continue
            inner_path = _joined(path, name.decode())
            with asking(value, name):
                inner = value.select(name)
                if combines or (_note_derivation(inner, inner_path, found) and wants_search(inner)):
                    self._search(inner, inner_path, found)


class asking:
    """Errors inside this block tell that an attribute of *value* was asked for, and where it is defined; *line* says it in other words.

    With *name* None the line has no place.
    """

    __slots__ = ("line", "name", "value")

    def __init__(self, value: "Handle", name: bytes | None, line: str = "") -> None:
        self.value = value
        self.name = name
        self.line = line

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, EvaluationError):
            position = None if self.name is None else attribute_position(self.value, self.name)
            name = (self.name or b"").decode("utf-8", "replace")
            error.trace.insert(0, Frame("text", self.line, position) if self.line else Frame("attribute", name, position))


def attribute_position(value: "Handle", name: bytes) -> "Position | None":
    """Where an attribute of a set is defined."""
    from snowsnake.looking import attribute_place
    from snowsnake.source import Position

    place = attribute_place(value, name)
    return None if place is None else Position(*place)


def _index(part: str) -> int | None:
    is_number = part.isascii() and part.isdigit()
    return int(part) if is_number and len(part) < 11 and int(part) < 1 << 32 else None


def _attribute(value: "Handle", name: str, path: str) -> "Handle":
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


def _element(value: "Handle", index: int, path: str) -> "Handle":
    _expect(value, "list", path)
    if index >= len(value):
        raise EvaluationError("missing-attribute", f"list index {index} in selection path '{path}' is out of range")
    return value.index(index)


def _expect(value: "Handle", wanted: str, path: str) -> None:
    found = value.type_name()
    if found != wanted:
        message = f"the expression selected by the selection path '{path}' should be a {wanted} but is {TYPE_NAMES[found]}"
        raise EvaluationError("type", message)


class FoundDerivation:
    """A derivation found in a value: the path of its .drv file, its selected output, and where it was."""

    __slots__ = ("drv_path", "output_name", "attribute_path", "value")

    def __init__(self, drv_path: str, output_name: str, attribute_path: str, value: "Handle") -> None:
        self.drv_path = drv_path
        self.output_name = output_name
        self.attribute_path = attribute_path
        self.value = value


class _Found:
    """Derivations in the order in which they were found, each set once."""

    def __init__(self) -> None:
        self.values: list[tuple[str, Handle]] = []
        self._by_name: dict[bytes, list[Handle]] = {}

    def is_new(self, value: "Handle") -> bool:
        """Whether this very set was not seen before.  Only sets of the same derivation name are compared."""
        key = value.select(b"name").string()
        alike = self._by_name.setdefault(key, [])
        if any(value.is_same(other) for other in alike):
            return False
        alike.append(value)
        return True


def wants_search(value: "Handle") -> bool:
    if value.type_name() != "set" or b"recurseForDerivations" not in value.keys():
        return False
    with asking(value, b"recurseForDerivations", "while evaluating the attribute `recurseForDerivations`"):
        wanted = value.select(b"recurseForDerivations")
        kind = wanted.type_name()
        if kind != "bool":
            raise EvaluationError("type", f"expected a Boolean but found {TYPE_NAMES[kind]}: {wanted.describe()}")
        return bool(wanted.to_python())


def _note_derivation(value: "Handle", path: str, found: _Found) -> bool:
    """Note a derivation that was not noted before; tell whether the value may contain others."""
    if value.type_name() != "set" or b"type" not in (names := value.keys()):
        return True
    kind = value.select(b"type")
    if kind.type_name() != "string" or kind.string() != b"derivation":
        return True
    if b"name" not in names:
        raise EvaluationError("type", "derivation name missing")
    with asking(value, None, "while evaluating the 'name' attribute of a derivation"):
        is_new = found.is_new(value)
    if is_new:
        found.values.append((path, value))
    return False


def _derivation(value: "Handle", path: str, store_dir: str) -> FoundDerivation:
    names = value.keys()
    if b"drvPath" not in names:
        raise EvaluationError("type", "derivation does not contain a 'drvPath' attribute")
    found = value.select(b"drvPath")
    found.force()                         # what goes wrong there is not of the coercion
    with asking(value, b"drvPath", "while evaluating the 'drvPath' attribute of a derivation"):
        drv_path = drv_path_of(found, store_dir)
    output_name = ""
    if b"outputName" in names:
        with asking(value, None, "while evaluating the output name of a derivation"):
            output_name = value.select(b"outputName").string().decode("utf-8", "replace")
    if not output_name:
        raise EvaluationError("type", f"derivation '{drv_path}' lacks an 'outputName' attribute")
    return FoundDerivation(drv_path, output_name, path, value)


def drv_path_of(value: "Handle", store_dir: str) -> str:
    """A `drvPath` as text."""
    text = store_path_of(value, store_dir)
    if not text.endswith(".drv"):
        raise EvaluationError("value", f"store path '{text.rpartition('/')[2]}' is not a valid derivation path")
    return text


def store_path_of(value: "Handle", store_dir: str) -> str:
    """The store path that a value is: usually a string; other values are coerced, a path stays where it is."""
    kind = value.type_name()
    data = value.string() if kind == "string" else os.fsencode(value.to_python()) if kind == "path" else value.coerce_to_string()
    text = data.decode("utf-8", "replace")
    from snowsnake.store.store_path import parse

    try:
        parse(text, store_dir)
    except ValueError:
        raise EvaluationError("value", f"path '{text}' is not in the Nix store") from None
    return text


def is_plain_name(name: bytes) -> bool:
    """`[A-Za-z_][A-Za-z0-9-_+]*`"""
    if not name.isascii():
        return False
    text = name.decode()
    first, rest = text[:1], text[1:].replace("-", "").replace("_", "").replace("+", "")
    return (first.isalpha() or first == "_") and (not rest or rest.isalnum())


def _joined(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def missing_argument(function: "Handle", name: bytes) -> EvaluationError:
    """The error of a function at the top that needs an argument which the command line does not give."""
    from snowsnake.looking import apply_builtin

    position = attribute_position(apply_builtin(function, b"functionArgs"), name)
    return EvaluationError("missing-argument", _MISSING_ARGUMENT.format(name.decode("utf-8", "replace")), position)
