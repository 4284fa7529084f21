"""A derivation from the JSON of `nix derivation add`: every field is required, and outputs must have the paths that follow.

In: a JSON value, a store that has the derivations that it needs.  Out: a complete `Derivation`; a ValueError in 2.34.8's words says what
is wrong.  (`Derivation.from_json` accepts missing fields, and does not check outputs.)
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from snowsnake.foundation.json_faults import TYPE_NAMES, as_type, compact, value_at
from snowsnake.store import store_path
from snowsnake.store.aterm import METHODS
from snowsnake.store.aterm_parser import MAX_LEVELS
from snowsnake.store.derivation import JSON_VERSION, Derivation, DerivationOutput, require_feature
from snowsnake.store.derivation_check import check_outputs, reader_of
from snowsnake.store.hash import Hash
from snowsnake.store.interface import Store


def _strings(value: object) -> list[str]:
    return [as_type(item, str) for item in as_type(value, list)]


def _path(base: object, store: Store) -> str:
    store_path.check_base(as_type(base, str))
    return f"{store.store_dir}/{base}"


def read_derivation_json(value: object, store: Store, features: Set[str] = frozenset()) -> Derivation:
    """The derivation that a JSON object describes; ValueError says what is wrong with it.  *features*: the experimental features that are on."""
    given = as_type(value, dict)
    name = as_type(value_at(given, "name"), str)
    version = value_at(given, "version")
    if type(version) is not int or version < 0:
        kind = "floating point number" if type(version) is float else "signed integral number" if type(version) is int else TYPE_NAMES[type(version)]
        raise ValueError(f"Expected JSON value to be an unsigned integral number but it is of type '{kind}': {compact(version)}")
    if version != JSON_VERSION:
        raise ValueError(
            f"Unsupported derivation JSON format version {version}, only format version {JSON_VERSION} is currently supported."
        )
    outputs = {key: _output(output, key, name, store, features) for key, output in as_type(value_at(given, "outputs"), dict).items()}
    inputs = as_type(value_at(given, "inputs"), dict)
    sources = sorted({_path(source, store) for source in as_type(value_at(inputs, "srcs"), list)})
    nodes = {_path(base, store): _input(node, features) for base, node in as_type(value_at(inputs, "drvs"), dict).items()}
    drvs = {path: node["outputs"] for path, node in nodes.items()}
    dynamic = {path: node["dynamicOutputs"] for path, node in nodes.items() if node["dynamicOutputs"]}
    system = as_type(value_at(given, "system"), str)
    builder = as_type(value_at(given, "builder"), str)
    arguments = _strings(value_at(given, "args"))
    env = {key: as_type(text, str) for key, text in as_type(value_at(given, "env"), dict).items()}
    if "structuredAttrs" in given:
        env["__json"] = compact(as_type(given["structuredAttrs"], dict))
    store_path.check_name(name)
    drv = Derivation(name, system, builder, arguments, env, outputs, drvs, sources, store.store_dir, dynamic)
    check_outputs(drv, reader_of(store))
    return drv


def _input(node: object, features: Set[str], depth: int = 0) -> dict[str, Any]:
    facts = as_type(node, dict)
    if depth > MAX_LEVELS:
        raise ValueError("outputs of derivations that are outputs are nested too deep in derivation")
    names = sorted(set(_strings(value_at(facts, "outputs"))))
    children = {}
    for output, child in as_type(value_at(facts, "dynamicOutputs"), dict).items():
        require_feature("dynamic-derivations", features, f"dynamic output '{output}' in JSON")
        children[output] = _input(child, features, depth + 1)
    return {"outputs": names, "dynamicOutputs": children}


def _output(value: object, key: str, name: str, store: Store, features: Set[str]) -> DerivationOutput:
    given = as_type(value, dict)
    keys = set(given)
    if keys == {"path"}:
        return DerivationOutput(_path(given["path"], store))
    if keys == {"method", "hash"}:
        method = _method(given["method"])
        content = Hash.parse(as_type(given["hash"], str))
        full = name if key == "out" else f"{name}-{key}"
        path = store_path.fixed_path(full, method, content.algorithm, content.digest, (), False, store.store_dir)
        return DerivationOutput(str(path), "fixed", method, content.algorithm, content)
    if not keys:
        return DerivationOutput("", "deferred")
    if keys in ({"method", "hashAlgo"}, {"method", "hashAlgo", "impure"}):
        require_feature("impure-derivations" if "impure" in keys else "ca-derivations", features)
        algorithm = as_type(given["hashAlgo"], str)
        return DerivationOutput("", "impure" if "impure" in keys else "floating", _method(given["method"]), Hash.of_bytes(b"", algorithm).algorithm)
    raise ValueError("invalid JSON for derivation output")


def _method(value: object) -> str:
    method: str = as_type(value, str)
    if method not in METHODS:
        raise ValueError(f"Unknown file ingestion method '{method}', expect `flat`, `nar`, or `git`")
    return method
