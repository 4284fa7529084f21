"""The input of a builder: environment, files, and the options in a derivation.

In: a derivation.  Out: `Request`.  Placeholders of outputs are replaced by their paths.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from snowsnake.build.failure import Refused
from snowsnake.build.graphs import graph_of
from snowsnake.build.options import BuildOptions
from snowsnake.store import hashing, store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.graph import closure
from snowsnake.store.interface import Store
from snowsnake.store.realisation import is_impure
from snowsnake.store.registration import write_registration

_CHECKS = ("allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites", "maxSize", "maxClosureSize", "ignoreSelfRefs")
_FILE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


@dataclass
class Request:
    """One build: *environment* and *files* (name below the build's folder → contents) for the builder, *arguments* without the program."""

    environment: dict[str, str]
    files: dict[str, bytes]
    arguments: list[str]
    inputs: set[str]
    checks: dict[str, dict[str, object]] = field(default_factory=dict)
    discards_references: frozenset[str] = frozenset()


class Attributes:
    """A derivation's options for its build, from its environment or its structured attributes.

    >>> Attributes(Derivation("x", "s", "b", env={"passAsFile": "a b", "allowSubstitutes": "1"})).words("passAsFile")
    ['a', 'b']
    """

    def __init__(self, drv: Derivation) -> None:
        self.env = drv.env
        text = drv.env.get("__json")
        try:
            self.structured: dict[str, Any] | None = None if text is None else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refused(f"cannot process __json attribute of '{drv.name}': {error}") from None
        if self.structured is not None and not isinstance(self.structured, dict):
            raise Refused(f"cannot process __json attribute of '{drv.name}': it is not an object")

    def check(self, drv_path: str, warn: Callable[[str], None] = lambda text: None) -> None:
        """Refuses options that say nothing, before anything is built; *drv_path* is whose they are."""
        try:
            self.graphs(warn)
            for name in ("passAsFile", "impureEnvVars", "requiredSystemFeatures"):
                self.words(name)
        except Refused as error:
            error.trace = (f"while parsing derivation '{drv_path}'",)
            raise

    def graphs(self, warn: Callable[[str], None] = lambda text: None) -> dict[str, list[str]]:
        """`exportReferencesGraph`: paths, whose graphs are written, by the name of a file or of an attribute."""
        if self.structured is not None:
            asked = self.structured.get("exportReferencesGraph", {})
            if isinstance(asked, dict):
                return {name: sorted(_flattened(value)) for name, value in asked.items()}
            warn("'exportReferencesGraph' in structured attrs is not a JSON object, ignoring")
            return {}
        words = self.words("exportReferencesGraph") or []
        if len(words) % 2:
            raise Refused(f"odd number of tokens in 'exportReferencesGraph': '{self.env['exportReferencesGraph']}'")
        for name in words[::2]:
            if not _FILE_NAME.match(name):
                raise Refused(f"invalid file name '{name}' in 'exportReferencesGraph'")
        return {name: [path] for name, path in zip(words[::2], words[1::2], strict=True)}

    def words(self, name: str) -> list[str] | None:
        """A list of strings; None if the derivation does not have it."""
        if self.structured is not None:
            value = self.structured.get(name)
            if value is None:
                return None
            if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
                raise Refused(f"attribute '{name}' must be a list of strings")
            return value
        return self.env[name].split() if name in self.env else None

    def flag(self, name: str, default: bool = False) -> bool:
        if self.structured is not None:
            return self.structured.get(name, default) is True
        return self.env[name] == "1" if name in self.env else default


def input_closure(store: Store, drv: Derivation) -> set[str]:
    """All paths that a builder may read: sources, needed outputs of inputs, and everything that these refer to."""
    start = list(drv.input_srcs)
    for path, names in drv.input_drvs.items():
        outputs = store.outputs(path)
        start += [outputs[name] for name in names if name in outputs]
    return closure(store, start)


def prepare(store: Store, drv_path: str, drv: Derivation, options: BuildOptions, folder: str, outputs: Mapping[str, str]) -> Request:
    """*folder*: the build's folder as the builder sees it; *outputs*: the place for each output."""
    inputs = input_closure(store, drv)
    attributes = Attributes(drv)
    environment = {
        "PATH": "/path-not-set", "HOME": "/homeless-shelter", "NIX_STORE": store.store_dir, "NIX_BUILD_CORES": str(options.core_count),
    }  # fmt: skip
    files: dict[str, bytes] = {}
    if attributes.structured is not None:
        from snowsnake.build.structured import structured_files

        files = structured_files(store, attributes.structured, attributes.graphs(), inputs, outputs)
        environment |= {"NIX_ATTRS_SH_FILE": f"{folder}/.attrs.sh", "NIX_ATTRS_JSON_FILE": f"{folder}/.attrs.json"}
    else:
        as_files = set(attributes.words("passAsFile") or ())
        for name, value in drv.env.items():
            if name in as_files:
                file = ".attr-" + hashing.format_hash("sha256", hashing.digest("sha256", _bytes(name)), "nix32")
                files[file] = _bytes(value)
                environment[name + "Path"] = f"{folder}/{file}"
            else:
                environment[name] = value
        files |= _graphs(store, attributes, inputs)
    environment |= {name: folder for name in ("NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD")}
    if is_fixed(drv):
        environment["NIX_OUTPUT_CHECKED"] = "1"
    if sees_world(drv):
        for name in attributes.words("impureEnvVars") or ():
            environment[name] = options.impure_env.get(name, os.environ.get(name, ""))
    environment |= {"NIX_LOG_FD": "2", "TERM": "xterm-256color"}
    placeholders = {store_path.placeholder(name): path for name, path in outputs.items()}
    for name, path in outputs.items():
        known = drv.outputs[name].path
        if known and known != path:        # built again elsewhere: wherever its name stands
            placeholders[_hash_part(known)] = _hash_part(path)
    return Request(
        {name: _replaced(value, placeholders) for name, value in environment.items()},
        {name: _bytes(_replaced(_text(contents), placeholders)) for name, contents in files.items()},
        [_replaced(word, placeholders) for word in drv.args],
        inputs,
        _checks(attributes, drv),
        _discarded(attributes),
    )


def is_fixed(drv: Derivation) -> bool:
    """Whether the hash of the output is known."""
    return any(output.hash is not None for output in drv.outputs.values())


def sees_world(drv: Derivation) -> bool:
    """Whether its builder may use the network and the caller's variables (`impureEnvVars`): of a fixed output, and of an impure one."""
    return is_fixed(drv) or is_impure(drv)


def _flattened(value: Any) -> set[str]:
    """The texts in lists of lists."""
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


def _graphs(store: Store, attributes: Attributes, inputs: set[str]) -> dict[str, bytes]:
    """The files for exportReferencesGraph."""
    files = {}
    for name, paths in attributes.graphs().items():
        graph = graph_of(store, [store.split(path)[0] for path in paths], inputs)
        files[name] = _bytes("".join(write_registration(store.known(found), is_brief=True) for found in graph))
    return files


def _checks(attributes: Attributes, drv: Derivation) -> dict[str, dict[str, object]]:
    """The options about outputs, by output."""
    if attributes.structured is not None:
        found = attributes.structured.get("outputChecks") or {}
        return {name: dict(checks) for name, checks in found.items() if isinstance(checks, dict)}
    common: dict[str, object] = {name: words for name in _CHECKS[:4] if (words := attributes.words(name)) is not None}
    if common:
        common["ignoreSelfRefs"] = True
    return {name: common for name in drv.outputs} if common else {}


def _discarded(attributes: Attributes) -> frozenset[str]:
    if attributes.structured is None:
        return frozenset()
    found = attributes.structured.get("unsafeDiscardReferences") or {}
    return frozenset(name for name, discards in found.items() if discards is True)


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def _hash_part(path: str) -> str:
    return path.rpartition("/")[2][:32]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def needed_features(drv: Derivation) -> Iterable[str]:
    return Attributes(drv).words("requiredSystemFeatures") or ()
