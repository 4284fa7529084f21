"""Python data as the text of a Nix expression, and constants back: quoting is right by construction.

`to_nix`: in: data; out: text that evaluates to the same.  `from_nix`: in: a text of constants; out: data; nothing is evaluated.
"""

import os
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, cast

from snowsnake.building import LEVELS_OF_DATA, TOO_DEEP
from snowsnake.diagnostics.error import EvaluationError
from snowsnake.foundation.arguments import exact
from snowsnake.python_values import UNORDERED, Raw, attribute_name, fields_of, in_order
from snowsnake.syntax.api import name_text
from snowsnake.values import Value

_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_SCALARS = frozenset((type(None), bool, int, float, str, bytes))
_PLAIN_PATH = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/")


def to_nix(value: object, *, indent: int | None = None) -> str:
    """Nix code for Python data: it can be pasted into any expression.

    None, bool, int, float, str, bytes, lists, tuples, ranges, generators, sets (sorted), mappings, dataclasses, structs, enums, paths as paths,
    `Raw` for code, and `Value`s, which are evaluated.  `indent`: each attribute and element has its own line, this many blanks deeper.
    Raises TypeError for data without a Nix form, ValueError for more than 500 levels.

    >>> to_nix({"a b": [1, -2, None, True], "s": 'say "${x}"\\n', "or": Raw("x: x")})
    '{ "a b" = [ 1 (-2) null true ]; or = (x: x); s = "say \\\\"\\\\${x}\\\\"\\\\n"; }'
    >>> print(to_nix({"xs": [1, 2]}, indent=2))
    {
      xs = [
        1
        2
      ];
    }
    """
    if indent is not None and (not isinstance(indent, int) or indent < 0):
        raise ValueError(f"indent is a number of blanks, not {indent!r}")
    try:
        return _Printer(indent).text(value, 0, False)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


class _Printer:
    def __init__(self, indent: int | None) -> None:
        self.indent = indent

    def text(self, value: object, level: int, is_element: bool) -> str:
        if level > LEVELS_OF_DATA:
            raise ValueError(TOO_DEEP)
        if isinstance(value, Enum):
            value = value.value
        value = exact(value)
        # The class itself is asked, because an object may say that it has another one.
        kind = type(value)
        if kind in _SCALARS:
            return _scalar(value, is_element)
        if issubclass(kind, bytearray | memoryview):
            return _string(b"".join((cast(bytearray, value),)).decode("utf-8", "surrogateescape"))
        if issubclass(kind, list | tuple):
            return self.elements(value, level)
        if isinstance(value, Raw):
            return f"({value.code})" if level else value.code
        if isinstance(value, Value):
            return self.value(value, level, is_element)
        if isinstance(value, os.PathLike) and not issubclass(kind, dict):
            return _path(os.path.abspath(os.fsdecode(os.fspath(value))))
        fields = value.items() if isinstance(value, Mapping) else fields_of(value)
        if fields is not None:
            return self.attributes([(_text(attribute_name(key)), item) for key, item in list(fields)], level)
        if issubclass(kind, UNORDERED):
            value = in_order(cast(set[Any], value))
        if isinstance(value, Iterable):
            return self.elements(value, level)
        if hasattr(value, "__index__"):
            return _int(int(value.__index__()), is_element)
        raise TypeError(f"{type(value).__name__} has no Nix text")

    def elements(self, value: Any, level: int) -> str:
        return self.block("[", [self.text(item, level + 1, True) for item in value], "]", level)

    def value(self, value: Value, level: int, is_element: bool) -> str:
        if value.type == "path":
            return _path(str(value))
        if value.type == "lambda":
            raise TypeError("a function of Nix has no text: pass Raw with its code")
        if value.type == "set":
            return self.attributes(value.items(), level)
        return self.text(list(value) if value.type == "list" else value.to_python(), level, is_element)

    def attributes(self, items: "Iterable[tuple[str, Any]]", level: int) -> str:
        known = dict(items)
        return self.block("{", [f"{_key(name)} = {self.text(known[name], level + 1, False)};" for name in sorted(known)], "}", level)

    def block(self, opening: str, parts: list[str], closing: str, level: int) -> str:
        if not parts:
            return f"{opening} {closing}"
        if self.indent is None:
            return f"{opening} {' '.join(parts)} {closing}"
        blanks = " " * (self.indent * (level + 1))
        return "\n".join([opening, *(blanks + part for part in parts), " " * (self.indent * level) + closing])


def _scalar(value: Any, is_element: bool) -> str:
    if isinstance(value, str | bytes):
        return _string(_text(value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _int(value, is_element) if isinstance(value, int) else _float(value, is_element)


def _text(name: "str | bytes") -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")


def _key(name: str) -> str:
    if "\0" in name:
        raise ValueError("a name with a NUL character has no Nix form")
    shown = name_text(name)
    return _string(name) if shown.startswith('"') else shown


def _string(text: str) -> str:
    if "\0" in text:
        raise ValueError("a string with a NUL character has no Nix form")
    return '"' + text.translate(_ESCAPES).replace("${", "\\${") + '"'


def _int(number: int, is_element: bool) -> str:
    if not -(1 << 63) <= number < 1 << 63:
        raise OverflowError(f"{number} needs more than 64 bits")
    # Nix reads the digits of the least int before its minus, and they are too large for it.
    if number == -(1 << 63):
        return f"({number + 1} - 1)"
    return f"({number})" if is_element and number < 0 else str(number)


def _float(number: float, is_element: bool) -> str:
    if number != number or number in (float("inf"), float("-inf")) or 0 < abs(number) < _LEAST_FLOAT:
        raise ValueError(f"{number} has no Nix text")
    text = repr(number)
    if "." not in text:
        mantissa, sign, exponent = text.partition("e")
        text = f"{mantissa}.0{sign}{exponent}"
    return f"({text})" if is_element and text.startswith("-") else text


def _path(path: str) -> str:
    if set(path) <= _PLAIN_PATH and path != "/" and not path.endswith("/") and "//" not in path:
        return path
    return f"(/. + {_string(path)})"


def from_nix(text: str | bytes) -> Any:
    """The data of a text of constants: null, Booleans, numbers, strings without `${…}`, lists, sets; nothing is evaluated.

    Negative numbers may be in parentheses; paths are `pathlib.Path`s, relative ones as they are written.  Raises EvaluationError for anything
    else, with its place, and for constants that nest deeper than Python's calls.

    >>> from_nix('{ a = [ 1 (-2) "x" ]; b.c = ./lib; }')
    {'a': [1, -2, 'x'], 'b': {'c': PosixPath('lib')}}
    """
    from snowsnake.foundation.arguments import a_text
    from snowsnake.json_tree import load
    from snowsnake.parsing import parse_source

    source = a_text("a constant", text)
    tree = load(parse_source(source, "«string»", "/").to_json())
    try:
        return _constant(tree, source)
    except RecursionError:
        raise EvaluationError("depth", "this constant nests too many levels deep") from None


# C++ Nix reads no smaller float than this one.
_LEAST_FLOAT = 2.2250738585072014e-308
# `to_nix` writes -2^63 like this, because its digits are too large for Nix.
_LEAST_INT = b"-9223372036854775807 - 1"
_CONSTANTS = {"true": True, "false": False, "null": None}


def _constant(node: "dict[str, Any]", source: bytes) -> Any:
    kind = node["kind"]
    if kind in ("int", "float"):
        return node["value"]
    if kind == "variable" and node["name"] in _CONSTANTS:
        return _CONSTANTS[node["name"]]
    if kind == "negate" and node["operand"]["kind"] in ("int", "float"):
        return -node["operand"]["value"]
    if source[slice(*node["span"])] == _LEAST_INT:
        return -(1 << 63)
    if kind in ("string", "path") and all(part["kind"] == "text" for part in node["parts"]):
        text = "".join(part["text"] for part in node["parts"])
        return text if kind == "string" else Path(text)
    if kind == "list":
        return [_constant(item, source) for item in node["items"]]
    if kind == "attrs" and not node.get("recursive") and all(set(binding) <= {"span", "name", "value"} for binding in node["bindings"]):
        return {binding["name"]: _constant(binding["value"], source) for binding in node["bindings"]}
    from snowsnake.source import Position

    raise EvaluationError("value", "this is not a constant: from_nix evaluates nothing", Position("«string»", source, *node["span"]))
