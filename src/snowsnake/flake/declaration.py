"""The description, inputs and settings of a `flake.nix`, read without evaluating it.

In: its source.  Out: a `Declaration`.  C++ Nix requires literals there, and so do we, with its errors.  Of `outputs`,
only the names in the pattern are read, because they are inputs, too.
"""

import posixpath

from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.diagnostics.flake_kinds import FlakeError
from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.input_forms import DEFAULT_FEATURES
from snowsnake.foundation import light_json
from snowsnake.lock.flakes import Declaration, FlakeInput, Setting
from snowsnake.lock.lock_file import InputPath, parse_input_path
from snowsnake.lock.reference_text import parse_whole
from snowsnake.lock.references import Reference
from snowsnake.parsing import parse_source
from snowsnake.selection import TYPE_NAMES
from snowsnake.source import Position, SourceMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Any

    from snowsnake.foundation.json_type import Json

_TYPES = {**TYPE_NAMES, "function": TYPE_NAMES["lambda"], "thunk": "a thunk"}
_KNOWN = ("description", "inputs", "outputs", "nixConfig")


class _Reader:
    """Reads one `flake.nix`; the arguments are those of `read_declaration`.  Its methods raise C++ Nix's errors for everything that is not a literal."""

    def __init__(self, source: bytes, label: str, shown: str, lock_root: InputPath, folder: str, tree_label: str,
                 copy: "Callable[[str], str]", features: "Container[str]", warn: "Callable[[str], None]") -> None:
        self.source = source
        self.lines = SourceMap(source)
        self.label = label
        self.shown = shown
        self.lock_root = lock_root
        self.folder = folder
        self.tree_label = tree_label
        self.copy = copy
        self.features = features
        self.warn = warn

    def place(self, span: "tuple[int, int]") -> Position:
        return Position(self.label, self.lines, *span)

    def expect(self, kind: str, literal: "Any", span: "tuple[int, int]") -> "Any":
        if literal.kind != kind:
            raise FlakeError("type", f"expected {_TYPES[kind]} but got {_TYPES[literal.kind]} at {self.place(span)}")
        return literal.value

    def read(self) -> Declaration:
        try:
            syntax = parse_source(self.source, self.label, posixpath.dirname(self.label))
        except EvaluationError as error:
            error.others.clear()
            raise
        outline = syntax.outline()
        if outline.kind != "set" or not self.source:
            frame = Frame("file", self.label, None)
            raise FlakeError("type", f"file '{self.label}' must be an attribute set", trace=[frame])
        found = Declaration()
        attributes = outline.value
        if "description" in attributes:
            literal, *span = attributes["description"]
            found.description = self.expect("string", literal, tuple(span))
        if "inputs" in attributes:
            literal, *span = attributes["inputs"]
            found.inputs, found.self_attributes = self.inputs(literal, tuple(span), may_have_self=True)
        self.outputs(attributes, found)
        if "nixConfig" in attributes:
            literal, *span = attributes["nixConfig"]
            for name, (value, *_) in self.expect("set", literal, tuple(span)).items():
                found.config[name] = self.setting(name, value)
        for name, (_, *place) in attributes.items():
            if name not in _KNOWN:
                raise FlakeError(
                    "value", f"flake '{self.shown}' has an unsupported attribute '{name}', at {self.place(tuple(place))}"
                )
        return found

    def outputs(self, attributes: "dict[str, Any]", found: Declaration) -> None:
        if "outputs" not in attributes:
            raise FlakeError("missing-attribute", f"flake '{self.shown}' lacks attribute 'outputs'")
        literal, *span = attributes["outputs"]
        for name in self.expect("function", literal, tuple(span)) or ():
            if name != "self" and name not in found.inputs:
                try:
                    found.inputs[name] = FlakeInput(parse_whole(name, features=self.features))
                except FetchFailure as error:
                    raise FlakeError("value", str(error)) from None

    # ---- inputs -------------------------------------------------------------------------------------------------

    def inputs(
        self, literal: object, span: "tuple[int, int]", may_have_self: bool
    ) -> "tuple[dict[str, FlakeInput], dict[str, Json]]":
        found: dict[str, FlakeInput] = {}
        own: dict[str, Json] = {}
        for name, (value, *rest) in self.expect("set", literal, span).items():
            place = (rest[0], rest[1])
            if name != "self":
                found[name] = self.input(value, place)
                continue
            if not may_have_self:
                raise FlakeError("value", f"'self' input attribute not allowed at {self.place(place)}")
            for attribute, (inner, *_) in self.expect("set", value, place).items():
                own[attribute] = self.attribute(attribute, inner)
        return found, own

    def input(self, literal: object, span: "tuple[int, int]") -> FlakeInput:
        found = FlakeInput()
        attributes: dict[str, Any] = {}
        url: str | None = None
        for name, (value, *rest) in self.expect("set", literal, span).items():
            place = (rest[0], rest[1])
            try:
                if name == "url":
                    url = attributes["url"] = self.url(value, span, place)
                elif name == "flake":
                    found.is_flake = self.expect("bool", value, place)
                elif name == "inputs":
                    found.overrides = self.inputs(value, place, may_have_self=False)[0]
                elif name == "follows":
                    found.follows = self.lock_root + parse_input_path(self.expect("string", value, place))
                else:
                    attributes[name] = self.attribute(name, value)
            except EvaluationError as error:
                error.trace.insert(0, Frame("text", f"while evaluating flake attribute '{name}'", self.place(place)))
                raise
        try:
            if "type" in attributes:
                try:
                    found.reference = Reference.of_attributes(attributes, self.features)
                except FetchFailure as error:
                    frame = Frame("text", "while evaluating flake input", self.place(span))
                    raise FlakeError("value", str(error), trace=[frame]) from None
            elif len(attributes) > (url is not None):
                name = min(attributes.keys() - {"url"})
                raise FlakeError("value", f"unexpected flake input attribute '{name}', at {self.place(span)}")
            elif url is not None:
                found.reference = parse_whole(
                    url, is_flake=found.is_flake, may_be_relative=True, features=self.features, say=lambda _kind, warning: self.warn(warning)
                )
        except FetchFailure as error:
            raise FlakeError("value", str(error)) from None
        if found.reference is not None and found.follows is not None:
            raise FlakeError(
                "value", f"flake input has both a flake reference and a follows attribute, at {self.place(span)}"
            )
        return found

    def url(self, literal: "Any", span: "tuple[int, int]", place: "tuple[int, int]") -> str:
        if literal.kind == "string":
            return str(literal.value)
        if literal.kind != "path":
            raise FlakeError("type", f"expected a string or a path but got {_TYPES[literal.kind]} at {self.place(span)}")
        path = literal.value
        if path.startswith(("/", "~")):
            raise FlakeError(
                "value", f"input attribute path '{path}' at {self.place(place)} must be in the same source tree as {self.tree_label}"
            )
        # The value of a path is canonical; this also keeps it inside the tree.
        whole = posixpath.normpath(posixpath.join("/", self.folder, path))
        return "path:" + posixpath.relpath(whole, posixpath.join("/", self.folder))

    def attribute(self, name: str, literal: "Any") -> "Any":
        if literal.kind in ("string", "bool"):
            return literal.value
        if literal.kind == "int":
            if literal.value < 0:
                raise FlakeError("value", f"negative value given for flake input attribute {name}: {literal.value}")
            return literal.value
        if name == "publicKeys" and literal.kind == "list":
            return light_json.dumps(_plain(literal), sorts_keys=True, is_compact=True, is_ascii=False)
        raise FlakeError(
            "type",
            f"flake input attribute '{name}' is {_TYPES[literal.kind]} while a string, Boolean, or integer is expected",
        )

    # ---- settings -----------------------------------------------------------------------------------------------

    def setting(self, name: str, literal: "Any") -> Setting:
        if literal.kind in ("string", "int", "bool"):
            plain: Setting = literal.value
            return plain
        if literal.kind == "path":
            return self.copy(posixpath.normpath(posixpath.join("/", self.folder, literal.value)).lstrip("/"))
        if literal.kind == "list":
            if any(element.kind != "string" for element in literal.value):
                raise FlakeError(
                    "type", f"list element in flake configuration setting '{name}' is a list while a string is expected"
                )
            return [element.value for element in literal.value]
        raise FlakeError("type", f"flake configuration setting '{name}' is {_TYPES[literal.kind]}")


def read_declaration(
    source: bytes,
    label: str,
    shown: str,
    lock_root: InputPath = (),
    folder: str = "",
    tree_label: str = "",
    copy: "Callable[[str], str]" = lambda path: path,
    features: "Container[str]" = DEFAULT_FEATURES,
    warn: "Callable[[str], None]" = lambda text: None,
) -> Declaration:
    """Reads a `flake.nix`.

    `label` is the name of the file in messages, `shown` that of the flake, `tree_label` that of the tree's root.  `follows` in the file start at
    `lock_root`; `folder` is the folder of the file in its tree; `copy` returns the store path for a file of the tree; `features`: the experimental features
    that are on; `warn` is called with warnings.

    >>> found = read_declaration(b'{ inputs.a.url = "github:o/r"; outputs = { self, b }: { }; }', "flake.nix", ".")
    >>> sorted(found.inputs), str(found.inputs["a"].reference)
    (['a', 'b'], 'github:o/r')
    """
    return _Reader(source, label, shown, lock_root, folder, tree_label, copy, features, warn).read()


def _plain(literal: "Any") -> "Any":
    """A literal as data for JSON."""
    if literal.kind == "set":
        return {name: _plain(value) for name, (value, *_) in literal.value.items()}
    return [_plain(value) for value in literal.value] if literal.kind == "list" else literal.value
