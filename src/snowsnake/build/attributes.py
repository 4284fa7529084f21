"""A derivation's options for its build, from its environment or its structured attributes.

In: a derivation.  Out: lists, flags, graphs and checks; a `Refused` in 2.34's words for an option that has no meaning, before anything is built.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from snowsnake.build.failure import Refused
from snowsnake.foundation.json_faults import as_type
from snowsnake.store import store_path
from snowsnake.store.derivation import Derivation

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE_CHECKS = ("allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites")
_SIZES = ("maxSize", "maxClosureSize")
_FLAGS = ("__noChroot", "__darwinAllowLocalNetworking", "preferLocalBuild", "allowSubstitutes")
_WORDS = ("__impureHostDeps", "impureEnvVars", "requiredSystemFeatures")
_FILE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_PLACEHOLDER = re.compile(r"/[0-9a-df-np-sv-z]{52}\Z")
# C++ Nix reads sizes as unsigned numbers of this many bits.
_WORD_SIZE = 64
_JSON_TYPES = {str: "string", list: "array", dict: "object", type(None): "null"}


class Attributes:
    """The options of one derivation.

    >>> Attributes(Derivation("x", "s", "b", env={"passAsFile": "a b", "allowSubstitutes": "1"})).words("passAsFile")
    ['a', 'b']
    """

    def __init__(self, drv: Derivation) -> None:
        self.env = drv.env
        self._store_dir = drv.store_dir
        self._outputs = list(drv.outputs)
        text = drv.env.get("__json")
        try:
            self.structured: dict[str, Any] | None = None if text is None else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refused(f"cannot process __json attribute of '{drv.name}': {error}") from None
        if self.structured is not None and not isinstance(self.structured, dict):
            raise Refused(f"cannot process __json attribute of '{drv.name}': it is not an object")

    def check(self, drv_path: str, warn: Callable[[str], None] = lambda text: None) -> None:
        """Checks all options: Refused for one that has no meaning; *warn* gets a line for each that has no effect.  *drv_path*: for the message."""
        try:
            for name in (*REFERENCE_CHECKS, *_SIZES) if self.structured is not None else ():
                if name in (self.structured or ()):
                    warn(f"'structuredAttrs' disables the effect of the top-level attribute '{name}'; use 'outputChecks' instead")
            self.output_checks()
            self.discards_references()
            self.graphs(warn)
            if self.structured is not None and "__sandboxProfile" in self.structured:
                with _while('parsing attribute "__sandboxProfile"'):
                    as_type(self.structured["__sandboxProfile"], str)
            for name in _FLAGS:
                self.flag(name)
            for name in _WORDS:
                self.words(name)
        except Refused as error:
            if not error.is_plain:
                error.trace = (f"while parsing derivation '{drv_path}'", *error.trace)
            raise

    def graphs(self, warn: Callable[[str], None] = lambda text: None) -> dict[str, list[str]]:
        """`exportReferencesGraph`: the paths whose graphs are to be written, by the name of a file or of an attribute."""
        if self.structured is not None:
            asked = self.structured.get("exportReferencesGraph", {})
            if not isinstance(asked, dict):
                warn("'exportReferencesGraph' in structured attrs is not a JSON object, ignoring")
                return {}
            return {name: [self._in_store(path) for path in sorted(_flattened(value))] for name, value in asked.items()}
        words = self.words("exportReferencesGraph") or []
        if len(words) % 2:
            raise Refused(f"odd number of tokens in 'exportReferencesGraph': '{self.env['exportReferencesGraph']}'")
        for name in words[::2]:
            if not _FILE_NAME.match(name):
                raise Refused(f"invalid file name '{name}' in 'exportReferencesGraph'")
        return {name: [self._in_store(path)] for name, path in zip(words[::2], words[1::2], strict=True)}

    def _in_store(self, path: str) -> str:
        if not _PLACEHOLDER.match(path):
            try:
                store_path.split(path, self._store_dir)
            except ValueError as error:
                raise Refused(str(error)) from None
        return path

    def words(self, name: str) -> list[str] | None:
        """The option *name* as a list of strings; None if the derivation does not have it.  Refused if it has another type."""
        if self.structured is not None:
            if name not in self.structured:
                return None
            with _while(f'parsing attribute "{name}"'):
                return [as_type(word, str) for word in as_type(self.structured[name], list)]
        return self.env[name].split() if name in self.env else None

    def flag(self, name: str, default: bool = False) -> bool:
        """The option *name* as a boolean; *default* if the derivation does not have it.  Refused if it has another type."""
        if self.structured is not None:
            if name not in self.structured:
                return default
            with _while(f'parsing attribute "{name}"'):
                found: bool = as_type(self.structured[name], bool)
                return found
        return self.env[name] == "1" if name in self.env else default

    def output_checks(self) -> dict[str, dict[str, Any]]:
        """Maps each output to its checks: sizes in bytes and references that it may have (`maxSize`, `allowedReferences` …), and `ignoreSelfRefs`."""
        if self.structured is None:
            common: dict[str, Any] = {name: words for name in REFERENCE_CHECKS if (words := self.words(name)) is not None}
            return {name: {**common, "ignoreSelfRefs": True} for name in self._outputs} if common else {}
        found: dict[str, dict[str, Any]] = {}
        with _while():
            asked = as_type(self.structured.get("outputChecks", {}), dict)
        for output, checks in asked.items():
            with _while():
                as_type(checks, dict)
            found[output] = {name: _size(checks[name]) for name in _SIZES if name in checks}
            for name in REFERENCE_CHECKS:
                if name in checks:
                    with _while(f"parsing attribute 'outputChecks.\"{output}\".{name}'"):
                        found[output][name] = [as_type(word, str) for word in as_type(checks[name], list)]
        return found

    def discards_references(self) -> frozenset[str]:
        """The names of outputs that count as referring to nothing, whatever they contain."""
        if self.structured is None:
            return frozenset()
        with _while("parsing attribute 'unsafeDiscardReferences'"):
            asked = as_type(self.structured.get("unsafeDiscardReferences", {}), dict)
            return frozenset(name for name, discards in asked.items() if as_type(discards, bool))


@contextmanager
def _while(doing: str = "") -> Iterator[None]:
    """Turns a ValueError about the JSON into `Refused`; *doing*: what its trace says that we were doing."""
    try:
        yield
    except Refused:
        raise
    except ValueError as error:
        raise Refused(str(error), trace=(f"while {doing}",) if doing else ()) from None


def _size(value: object) -> int:
    """A number as C++ Nix reads it: fractions are cut off, and negative numbers wrap around, so that they are very large."""
    if isinstance(value, (bool, int, float)) and abs(value) < 1 << _WORD_SIZE:
        return int(value) % (1 << _WORD_SIZE)
    kind = _JSON_TYPES.get(type(value), "number")
    raise Refused(f"[json.exception.type_error.302] type must be number, but is {kind}", is_plain=True)


def _flattened(value: Any) -> set[str]:
    """The strings in a string or in nested lists of strings."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, str):
            found.add(item)
        else:
            raise Refused("'exportReferencesGraph' value is not an array or a string")
    return found
