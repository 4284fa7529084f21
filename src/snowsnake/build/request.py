"""The input of a builder: environment, files, and the options in a derivation.

In: a derivation.  Out: a `BuildRequest`.  Placeholders of outputs are replaced by their paths.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from snowsnake.build.attributes import Attributes
from snowsnake.build.graphs import graph_of
from snowsnake.build.options import BuildOptions
from snowsnake.store import hashing, store_path
from snowsnake.store.derivation import Derivation
from snowsnake.store.graph import closure
from snowsnake.store.interface import Store
from snowsnake.store.path import hash_part_of
from snowsnake.store.realisation import has_unknown_outputs, is_impure
from snowsnake.store.registration import write_registration

# The module `snowsnake.store.light_dataclass` says why only type checkers import `dataclasses`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field
else:
    from snowsnake.store.light_dataclass import dataclass, field


@dataclass
class BuildRequest:
    """One build: *environment* and *files* (name in the build's folder → contents) for the builder, *arguments* without the program.

    *inputs*: the paths that it may read; *checks* and *discards_references*: see `Attributes`.
    """

    environment: dict[str, str]
    files: dict[str, bytes]
    arguments: list[str]
    inputs: set[str]
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    discards_references: frozenset[str] = frozenset()


def input_closure(store: Store, drv: Derivation) -> set[str]:
    """All paths that a builder may read: sources, needed outputs of inputs, and everything that these refer to."""
    start = list(drv.input_srcs)
    for path, names in drv.input_drvs.items():
        outputs = store.outputs(path)
        start += [outputs[name] for name in names if name in outputs]
    return closure(store, start)


def prepare(store: Store, drv: Derivation, options: BuildOptions, folder: str, outputs: Mapping[str, str]) -> BuildRequest:
    """The request for a build.  *folder*: the build's folder as the builder sees it; *outputs*: the path where the builder is to make each output."""
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
        # An output that is built again may have a temporary path, which replaces its own path everywhere.
        if known and known != path:
            placeholders[hash_part_of(known)] = hash_part_of(path)
    return BuildRequest(
        {name: _replaced(value, placeholders) for name, value in environment.items()},
        {name: _bytes(_replaced(_text(contents), placeholders)) for name, contents in files.items()},
        [_replaced(word, placeholders) for word in drv.args],
        inputs,
        attributes.output_checks(),
        attributes.discards_references(),
    )


def is_fixed(drv: Derivation) -> bool:
    """Whether the derivation says which hash its output has."""
    return any(output.hash is not None for output in drv.outputs.values())


def sees_world(drv: Derivation) -> bool:
    """Whether the builder may use the network and the caller's variables (`impureEnvVars`): the derivation has a fixed output, or is impure."""
    return is_fixed(drv) or is_impure(drv)


def _graphs(store: Store, attributes: Attributes, inputs: set[str]) -> dict[str, bytes]:
    """The files that `exportReferencesGraph` requests, by name."""
    files = {}
    for name, paths in attributes.graphs().items():
        graph = graph_of(store, [store.split(path)[0] for path in paths], inputs)
        files[name] = _bytes("".join(write_registration(store.known(found), is_brief=True) for found in graph))
    return files


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def needed_features(drv: Derivation) -> Iterable[str]:
    """The features that a machine of the right system must have."""
    return {*(Attributes(drv).words("requiredSystemFeatures") or ()), *(("ca-derivations",) if has_unknown_outputs(drv) else ())}
