"""Packages inside a value, found like `nix-env` finds them, with their metadata.

In: handles.  Out: `Package`s, whose facts are evaluated when they are asked for, in C++ Nix's order.
"""

import sys

from snowsnake.builtins.engines.versions import split_drv_name
from snowsnake.diagnostics.catalogue import CATALOGUE
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.looking import apply_builtin
from snowsnake.plain import NotPlain, find, is_derivation, plain_data, plain_text
from snowsnake.selection import (
    Selector,
    asking,
    attribute_position,
    drv_path_of,
    is_plain_name,
    store_path_of,
    wants_search,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Errors of a package that do not end the command: those of `assert` and `throw`.
PASSED_OVER = frozenset(entry.name for entry in CATALOGUE if entry.is_catchable)
_DEPTH = 10_000


class Package:
    """A derivation inside a value, and its attribute path."""

    __slots__ = ("value", "attribute_path", "name", "has_failed", "_store_dir", "_facts")

    def __init__(self, value: "Any", attribute_path: str, store_dir: str) -> None:
        self.value = value
        self.attribute_path = attribute_path
        self.has_failed = False
        self._store_dir = store_dir
        self._facts: dict[str, Any] = {}
        name = find(value, b"name")
        if name is None:
            raise EvaluationError("type", "derivation name missing")
        self.name = _context(name, "while evaluating the 'name' attribute of a derivation", _text)

    @property
    def system(self) -> str:
        return str(self._known("system", self._system))

    def _system(self) -> str:
        found = find(self.value, b"system")
        if found is None:
            return "unknown"
        return str(_context(found, "while evaluating the 'system' attribute of a derivation", _text, (self.value, b"system")))

    @property
    def output_name(self) -> str:
        found = find(self.value, b"outputName")
        return "" if found is None else _context(found, "while evaluating the output name of a derivation", _text)

    @property
    def drv_path(self) -> str | None:
        path: str | None = self._known("drvPath", self._drv_path)
        return path

    def _drv_path(self) -> str | None:
        found = find(self.value, b"drvPath")
        if found is None:
            return None
        purpose = "while evaluating the 'drvPath' attribute of a derivation"
        return str(_context(found, purpose, lambda h: drv_path_of(h, self._store_dir), (self.value, b"drvPath")))

    @property
    def out_path(self) -> str:
        return str(self._known("outPath", self._out_path))

    def _out_path(self) -> str:
        found = find(self.value, b"outPath")
        if found is None:
            raise EvaluationError("missing-attribute", "derivation does not have attribute 'outPath'")
        return self._path(found, "while evaluating the output path of a derivation", self.value)

    def _path(self, value: "Any", purpose: str, owner: "Any") -> str:
        return str(_context(value, purpose, lambda h: store_path_of(h, self._store_dir), (owner, b"outPath")))

    def outputs(self, has_paths: bool) -> "dict[str, str | None]":
        """Names in order, each with its path or None."""
        found: dict[str, str | None] = self._known(f"outputs {has_paths}", lambda: dict(sorted(self._outputs(has_paths).items())))
        return found

    def _outputs(self, has_paths: bool) -> "dict[str, str | None]":
        listed = find(self.value, b"outputs")
        if listed is None:
            return {"out": self.out_path if has_paths else None}
        found: dict[str, str | None] = {}
        at = (self.value, b"outputs")
        for number in range(_context(listed, "while evaluating the 'outputs' attribute of a derivation", _size, at)):
            name = _context(listed.index(number), "while evaluating the name of an output of a derivation", _text, at)
            if not has_paths:
                found.setdefault(name, None)
                continue
            output = find(self.value, name.encode("utf-8", "surrogateescape"))
            if output is None:
                continue
            _context(output, "while evaluating an output of a derivation", _expect_set, at)
            path = find(output, b"outPath")
            if path is not None:
                found.setdefault(name, self._path(path, "while evaluating an output path of a derivation", output))
        return found

    def meta_names(self) -> list[str]:
        meta = self._meta()
        return [] if meta is None else [name.decode("utf-8", "surrogateescape") for name in meta.keys()]

    def meta(self, name: str) -> "Any":
        """A part of `meta` as Python's data; NotPlain if there is none, or if it holds anything but data."""
        meta = self._meta()
        found = None if meta is None else find(meta, name.encode("utf-8", "surrogateescape"))
        if found is None:
            raise NotPlain
        return plain_data(found)

    def _meta(self) -> "Any":
        meta = find(self.value, b"meta")
        if meta is not None:
            _context(meta, "while evaluating the 'meta' attribute of a derivation", _expect_set, (self.value, b"meta"))
        return meta

    def _known(self, key: str, make: "Any") -> "Any":
        if key not in self._facts:
            self._facts[key] = make()
        return self._facts[key]


class PackageSearch:
    """All packages of a value: itself, or those in its attributes and list elements.

    Sets inside are entered only if they say `recurseForDerivations = true`; what fails with `assert` or `throw` is passed over, if that is
    wished.
    """

    def __init__(self, selector: Selector, store_dir: str, is_lenient: bool) -> None:
        self._selector = selector
        self._store_dir = store_dir
        self._is_lenient = is_lenient
        self._by_name: dict[str, list[Any]] = {}
        self._depth = 0
        self.found: list[Package] = []

    def run(self, root: "Any", path: str) -> list[Package]:
        # Calls of Python functions need no room on the processor's stack.
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 4 * _DEPTH))
        try:
            self._search(root, path)
        finally:
            sys.setrecursionlimit(limit)
        return self.found

    def _search(self, root: "Any", path: str) -> None:
        if self._depth >= _DEPTH:
            raise EvaluationError("depth", "stack overflow; max-call-depth exceeded")
        self._depth += 1
        value = self._selector.auto_call(root)
        if self._may_hold_others(value, path):
            kind = value.type_name()
            if kind == "set":
                self._search_set(value, path)
            elif kind == "list":
                for number in range(len(value)):
                    inner, inner_path = value.index(number), f"{path}.{number}" if path else str(number)
                    if self._may_hold_others(inner, inner_path):
                        self._search(inner, inner_path)
            else:
                raise EvaluationError("type", "expression does not evaluate to a derivation (or a set or list of those)")
        self._depth -= 1

    def _search_set(self, value: "Any", path: str) -> None:
        combines = find(value, b"_combineChannels") is not None
        for name in value.keys():
            if not is_plain_name(name):
                continue
            inner_path = f"{path}.{name.decode()}" if path else name.decode()
            with asking(value, name):
                inner = value.select(name)
                if combines:
                    self._search(inner, inner_path)
                elif self._may_hold_others(inner, inner_path) and _is_to_be_searched(inner):
                    self._search(inner, inner_path)

    def _may_hold_others(self, value: "Any", path: str) -> bool:
        """Records a package that was not recorded before; returns whether the value may contain others."""
        # An error that nobody sees needs no trace, which costs more than everything else: sources are parsed again for it.
        if self._is_lenient and not apply_builtin(value, b"tryEval").select(b"success").to_python():
            return False
        try:
            if not is_derivation(value):
                return True
            package = Package(value, path, self._store_dir)
        except EvaluationError as error:
            if self._is_lenient and error.code in PASSED_OVER:
                return False
            raise
        alike = self._by_name.setdefault(package.name, [])     # the same set has the same name
        if not any(value.is_same(other.value) for other in alike):
            alike.append(package)
            self.found.append(package)
        return False


def _is_to_be_searched(value: "Any") -> bool:
    return find(value, b"recurseForDerivations") is not None and wants_search(value)


def _context(value: "Any", purpose: str, read: "Any", at: "tuple[Any, bytes] | None" = None) -> "Any":
    """The result of `read(value)`; an error says for what, and where the attribute is defined: *at* is its set and its name."""
    try:
        return read(value)
    except EvaluationError as error:
        position = None if at is None else attribute_position(*at)
        if read is _text and error.code == "type" and not error.trace:
            error.position = error.position or position
        error.trace.insert(0, Frame("context", purpose, position))
        raise


def _text(value: "Any") -> str:
    return plain_text(value).decode("utf-8", "surrogateescape")


def _size(value: "Any") -> int:
    if value.type_name() != "list":
        raise EvaluationError("type", f"expected a list but found {value.describe()}")
    return len(value)


def _expect_set(value: "Any") -> None:
    if value.type_name() != "set":
        raise EvaluationError("type", f"expected a set but found {value.describe()}")


def split_name(full: str) -> tuple[str, str]:
    """Name and version.

    >>> split_name("apache-httpd-2.0.48"), split_name("hello")
    (('apache-httpd', '2.0.48'), ('hello', ''))
    """
    name, version = split_drv_name(full.encode("utf-8", "surrogateescape"))
    return name.decode("utf-8", "surrogateescape"), version.decode("utf-8", "surrogateescape")
