"""Selection paths (`-A a.b.0."c d"`), and arguments given on the command line.

In: handles of an evaluator and texts.  Out: handles; errors worded as C++ Nix words them.
"""

import os

from snowsnake.diagnostics.error import EvaluationError, Frame, depth_error

# Type checkers take this for True.  Every start of the command would pay for these imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from snowsnake.handle import Handle
    from snowsnake.interpreter import Interpreter
    from snowsnake.source import Position

# Messages call the types of values by these names.
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
# Data may have so many levels, and a set whose `__functor` returns sets with a `__functor` is called so often: 2.34.8's default of max-call-depth.
MOST_LEVELS = 10_000
_MISSING_ARGUMENT = """cannot evaluate a function that has an argument without a value ('{}')
Nix attempted to evaluate a function as a top level expression; in
this case it must have its arguments supplied either by default
values, or passed explicitly with '--arg' or '--argstr'. See
https://nix.dev/manual/nix/stable/language/syntax.html#functions."""


def wrong_type(wanted: str, value: "Handle") -> EvaluationError:
    """The error that a value is not of the type *wanted*, a key of TYPE_NAMES."""
    return EvaluationError("type", f"expected {TYPE_NAMES[wanted]} but found {value.describe()}")


def split_path(path: str) -> list[str]:
    """The parts of a selection path; quotes keep dots.

    >>> split_path('a."b.c".0')
    ['a', 'b.c', '0']
    """
    if type(path) is not str:
        from snowsnake.foundation.arguments import exact

        path = exact(path)
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

    `arguments` (name → handle) are passed to the functions on the way that take a set and name these arguments.
    """

    def __init__(self, evaluator: "Interpreter", arguments: "Mapping[bytes, Handle]") -> None:
        self.evaluator = evaluator
        self._arguments = arguments

    def select(self, root: "Handle", path: str) -> "Handle":
        """The value at a selection path."""
        return self.select_with_set(root, path)[0]

    def select_with_set(self, root: "Handle", path: str) -> "tuple[Handle, tuple[Handle, bytes] | None]":
        """The value at a selection path; and, if it is an attribute, its set and its name."""
        value, found = root, None
        for part in split_path(path):
            value = self.auto_call(value, is_evaluated=value is root)
            index = _index(part)
            if index is None:
                found = (value, part.encode("utf-8", "surrogateescape"))
                value = _attribute(value, part, path)
            else:
                found = None
                value = _element(value, index, path)
        return value, found

    def auto_call(self, value: "Handle", is_evaluated: bool = True) -> "Handle":
        """Calls a function that takes a set with the arguments it names (all of them if it has `...`).

        Returns any other value itself.  For a set with `__functor`, the function is the result of its `__functor`.
        An error's trace has the function's own place as that of the call, as in C++ Nix, if the value *is_evaluated* already there.
        """
        kind, calls = value.type_name(), 0
        while kind == "set":
            # This asks for one name, because to list all names of a package takes longer than the rest of the call.
            try:
                functor = value.select(b"__functor")
            except KeyError:
                return value
            value, is_evaluated = functor.call(value), True
            kind, calls = value.type_name(), calls + 1
            if calls == MOST_LEVELS:
                raise depth_error()
        formals = value.formals() if kind == "lambda" else None
        if formals is None:
            return value
        if value.has_ellipsis():
            passed = dict(self._arguments)
        else:
            passed = {name: self._arguments[name] for name in formals if name in self._arguments}
            missing = [name for name, has_default in formals.items() if name not in passed and not has_default]
            if missing:
                raise missing_argument(value, missing)
        try:
            return value.call(self.evaluator.from_python(passed))
        except EvaluationError as error:
            _add_call_site(error, value, is_evaluated)
            raise

    def is_callable_with_defaults(self, value: "Handle") -> bool:
        """Whether `auto_call` would call this function without any argument missing."""
        formals = value.formals() if value.type_name() == "lambda" else None
        return formals is not None and all(has or name in self._arguments for name, has in formals.items())


class asking:
    """Adds a line to the trace of errors inside the block: the attribute *name* of *value* was evaluated, and where it is defined.

    *line* replaces the words of the line.  With *name* None the line has no place.
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


def _add_call_site(error: EvaluationError, function: "Handle", has_place: bool) -> None:
    """Adds the line of a call that is written nowhere.  A call that lacks an argument has that line already, with other words."""
    from snowsnake.looking import lambda_place
    from snowsnake.source import Position

    known = lambda_place(function)
    place = Position(*known[1]) if known is not None and known[1] is not None else None
    at = error.position
    is_about_call = place is not None and at is not None and (at.file, at.start_byte) == (place.file, place.start_byte)
    if is_about_call and all(frame.kind in ("text", "call-site") for frame in error.trace):
        error.trace[:] = [Frame("call-site", "", place if has_place else None)]
    elif has_place:
        error.trace.insert(0, Frame("call", "", place))


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


def drv_path_of(value: "Handle", store_dir: str) -> str:
    """The text of a `drvPath`; raises an error if it is not the path of a derivation in the store."""
    text = store_path_of(value, store_dir)
    if not text.endswith(".drv"):
        raise EvaluationError("value", f"store path '{text.rpartition('/')[2]}' is not a valid derivation path")
    return text


def store_path_of(value: "Handle", store_dir: str) -> str:
    """The store path that a value names: usually a string; a path is not copied, and other values are coerced."""
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
    """Whether a name matches `[A-Za-z_][A-Za-z0-9-_+]*`: then a selection path can have it without quotes."""
    if not name.isascii():
        return False
    text = name.decode()
    first, rest = text[:1], text[1:].replace("-", "").replace("_", "").replace("+", "")
    return (first.isalpha() or first == "_") and (not rest or rest.isalnum())


def missing_argument(function: "Handle", names: list[bytes]) -> EvaluationError:
    """The error for a function at the top level that needs arguments which the command line does not pass: C++ Nix names the one that it met first."""
    from snowsnake.looking import apply_builtin, lambda_place
    from snowsnake.traces.source_tree import first_met

    known = lambda_place(function)
    source = known[1][1] if known is not None and known[1] is not None else None
    # With this feature, sources without pipes have the same names.
    name = first_met(names, [] if source is None else [source], ("pipe-operators",))
    position = attribute_position(apply_builtin(function, b"functionArgs"), name)
    return EvaluationError("missing-argument", _MISSING_ARGUMENT.format(name.decode("utf-8", "replace")), position)
