"""Finds the packages inside a value as `nix-env` does, with their metadata.

In: handles.  Out: `Package`s, whose facts are evaluated when they are read, in C++ Nix's order.
"""

from snowsnake.builtins.engines.versions import split_drv_name
from snowsnake.derivation_search import Search, SeenSets
from snowsnake.diagnostics.catalogue import CATALOGUE
from snowsnake.diagnostics.error import EvaluationError, Frame
from snowsnake.plain import NotPlain, derivation_facts, derivation_name, find, is_derivation, plain_data, plain_text
from snowsnake.selection import Selector, attribute_position, drv_path_of, store_path_of, wrong_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from snowsnake.foundation.json_type import Json
    from snowsnake.handle import Handle

    T = TypeVar("T")

# The errors of a package that do not end the command: those of `assert` and `throw`.
PASSED_OVER = frozenset(entry.name for entry in CATALOGUE if entry.is_catchable)
_STOPPED = ("interrupt", "timeout", "memory")


class Package:
    """A derivation inside a value, and its attribute path."""

    __slots__ = ("value", "attribute_path", "name", "has_failed", "_store_dir", "_facts")

    def __init__(self, value: "Handle", attribute_path: str, store_dir: str, name: bytes | None = None) -> None:
        """*name*: the derivation's name, if it is known already."""
        self.value = value
        self.attribute_path = attribute_path
        self.has_failed = False
        self._store_dir = store_dir
        self._facts: dict[str, Any] = {}
        self.name = self._name() if name is None else name.decode("utf-8", "surrogateescape")

    def _name(self) -> str:
        name = find(self.value, b"name")
        if name is None:
            raise EvaluationError("type", "derivation name missing")
        return _context(name, "while evaluating the 'name' attribute of a derivation", _text)

    def plain_facts(self) -> tuple[str, str, list[str]] | None:
        """System, output name and the names of the outputs, in one go; None if each must be read on its own, so that an error has its trace."""
        try:
            found = derivation_facts(self.value)
        except EvaluationError as error:
            if error.code in _STOPPED:
                raise
            return None
        if found is None:
            return None
        system, output_name, outputs = found
        return _decoded(system), _decoded(output_name), sorted({_decoded(name) for name in outputs})

    @property
    def system(self) -> str:
        return self._known("system", self._system)

    def _system(self) -> str:
        found = find(self.value, b"system")
        if found is None:
            return "unknown"
        return _context(found, "while evaluating the 'system' attribute of a derivation", _text, (self.value, b"system"))

    @property
    def output_name(self) -> str:
        found = find(self.value, b"outputName")
        return "" if found is None else _context(found, "while evaluating the output name of a derivation", _text)

    @property
    def drv_path(self) -> str | None:
        return self._known("drvPath", self._drv_path)

    def _drv_path(self) -> str | None:
        found = find(self.value, b"drvPath")
        if found is None:
            return None
        found.force()
        purpose = "while evaluating the 'drvPath' attribute of a derivation"
        return _context(found, purpose, lambda h: drv_path_of(h, self._store_dir), (self.value, b"drvPath"))

    @property
    def out_path(self) -> str:
        return self._known("outPath", self._out_path)

    def _out_path(self) -> str:
        found = find(self.value, b"outPath")
        if found is None:
            raise EvaluationError("missing-attribute", "derivation does not have attribute 'outPath'")
        return self._path(found, "while evaluating the output path of a derivation", self.value)

    def _path(self, value: "Handle", purpose: str, owner: "Handle") -> str:
        # As in C++ Nix, an error of the coercion has a line for what it is, and an error of the value's evaluation does not.
        value.force()
        return _context(value, purpose, lambda h: store_path_of(h, self._store_dir), (owner, b"outPath"))

    def outputs(self, has_paths: bool) -> "dict[str, str | None]":
        """Names in order, each with its path or None."""
        return self._known(f"outputs {has_paths}", lambda: dict(sorted(self._outputs(has_paths).items())))

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

    def outputs_to_install(self) -> list[str]:
        """The outputs that are meant if none is named: the one of `outputSpecified`, those of `meta.outputsToInstall`, or all."""
        names = self.outputs(False)
        specified = find(self.value, b"outputSpecified")
        if specified is not None and _context(
            specified, "while evaluating the 'outputSpecified' attribute of a derivation", _boolean, (self.value, b"outputSpecified")
        ):
            if self.output_name not in names:
                raise EvaluationError("value", f"derivation does not have output '{self.output_name}'")
            return [self.output_name]
        try:
            wanted = self.meta("outputsToInstall")
        except NotPlain:
            return list(names)
        if not isinstance(wanted, list) or not all(isinstance(name, str) and name in names for name in wanted):
            raise EvaluationError("value", "this derivation has bad 'meta.outputsToInstall'")
        return sorted(set(wanted))

    def meta_names(self) -> list[str]:
        meta = self.whole_meta()
        return [] if meta is None else [name.decode("utf-8", "surrogateescape") for name in meta.keys()]

    def meta(self, name: str) -> "Json":
        """A part of `meta` as Python data; raises NotPlain if there is none, or if it holds anything but data."""
        meta = self.whole_meta()
        found = None if meta is None else find(meta, name.encode("utf-8", "surrogateescape"))
        if found is None:
            raise NotPlain
        return plain_data(found)

    def whole_meta(self) -> "Handle | None":
        meta = find(self.value, b"meta")
        if meta is not None:
            _context(meta, "while evaluating the 'meta' attribute of a derivation", _expect_set, (self.value, b"meta"))
        return meta

    def _known(self, key: str, make: "Callable[[], T]") -> "T":
        if key not in self._facts:
            self._facts[key] = make()
        found: T = self._facts[key]
        return found


class PackageSearch(Search):
    """Finds the packages of a value.  With *is_lenient*, packages that fail with `assert` or `throw` are left out."""

    def __init__(self, selector: Selector, store_dir: str, is_lenient: bool) -> None:
        super().__init__(selector)
        self._evaluator = selector.evaluator
        self._store_dir = store_dir
        self._is_lenient = is_lenient
        self._seen = SeenSets()
        self.found: list[Package] = []

    def run(self, root: "Handle", path: str) -> list[Package]:
        self.search(root, path)
        return self.found

    def may_hold_others(self, value: "Handle", path: str) -> bool:
        # An error that nobody sees needs no trace, which costs more than everything else: sources are parsed again for it.
        self._evaluator.explains_errors = not self._is_lenient
        try:
            name = derivation_name(value)
        except EvaluationError as error:
            if self._is_lenient and error.code in PASSED_OVER:
                return False
            # The name is asked for once more below, so that the same error has a trace.
            name = None
        finally:
            self._evaluator.explains_errors = True
        if name == b"":
            return True
        if name is None:
            try:
                if not is_derivation(value):
                    return True
                name = Package(value, path, self._store_dir).name.encode("utf-8", "surrogateescape")
            except EvaluationError as error:
                if self._is_lenient and error.code in PASSED_OVER:
                    return False
                raise
        if self._seen.is_new(value, name):
            self.found.append(Package(value, path, self._store_dir, name))
        return False


def _context(value: "Handle", purpose: str, read: "Callable[[Handle], T]", at: "tuple[Handle, bytes] | None" = None) -> "T":
    """The result of `read(value)`; an error says for what, and where the attribute is defined: *at* is its set and its name."""
    if read in (_size, _expect_set):
        # As in C++ Nix, an error of a list's or a set's type has this line in its trace, and an error of its evaluation does not.
        value.force()
    try:
        return read(value)
    except EvaluationError as error:
        position = None if at is None else attribute_position(*at)
        if read in (_text, _boolean) and error.code == "type" and not error.trace:
            error.position = error.position or position
        error.trace.insert(0, Frame("context", purpose, position))
        raise


def _text(value: "Handle") -> str:
    return _decoded(plain_text(value))


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _boolean(value: "Handle") -> bool:
    if value.type_name() != "bool":
        raise wrong_type("bool", value)
    return bool(value.to_python())


def _size(value: "Handle") -> int:
    if value.type_name() != "list":
        raise wrong_type("list", value)
    return len(value)


def _expect_set(value: "Handle") -> None:
    if value.type_name() != "set":
        raise wrong_type("set", value)


def split_name(full: str) -> tuple[str, str]:
    """Name and version.

    >>> split_name("apache-httpd-2.0.48"), split_name("hello")
    (('apache-httpd', '2.0.48'), ('hello', ''))
    """
    name, version = split_drv_name(full.encode("utf-8", "surrogateescape"))
    return name.decode("utf-8", "surrogateescape"), version.decode("utf-8", "surrogateescape")
