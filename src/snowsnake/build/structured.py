"""Structured attributes for the builder: the files `.attrs.json` and, for a shell that sources it, `.attrs.sh`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from snowsnake.build.graphs import graph_of
from snowsnake.store.graph import closure
from snowsnake.store.interface import Store

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def structured_files(
    store: Store, attributes: Mapping[str, Any], graphs: Mapping[str, list[str]], inputs: set[str], outputs: Mapping[str, str]
) -> dict[str, bytes]:
    """The contents of the two files by name.  The JSON also has the *graphs* (paths by name) that `exportReferencesGraph` requests."""
    found = dict(attributes)
    found["outputs"] = dict(outputs)
    for name, paths in graphs.items():
        found[name] = _graph(store, paths, inputs)
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {".attrs.json": _bytes(text), ".attrs.sh": _bytes(shell_text(found))}


def _graph(store: Store, paths: list[str], inputs: set[str]) -> list[dict[str, Any]]:
    entries = []
    for path in graph_of(store, [store.split(path)[0] for path in paths], inputs):
        info = store.known(path)
        closure_size = sum(store.known(other).nar_size for other in closure(store, [path]))
        entries.append(
            {
                "closureSize": closure_size, "narHash": info.hash.format("nix32", with_algorithm=True), "narSize": info.nar_size,
                "path": path, "references": sorted(info.references), "valid": True,
            }
        )  # fmt: skip
    return entries


def shell_text(attributes: Mapping[str, object]) -> str:
    """Declarations for bash of the attributes whose names and values bash can represent; the others are left out.

    >>> print(shell_text({"a": "it's", "b": [1, True], "c": {"k": None}, "d": 1.5}), end="")
    declare a='it'\\''s'
    declare -a b=(1 1 )
    declare -A c=(['k']='' )
    """
    lines = []
    for name, value in sorted(attributes.items()):
        if not _SHELL_NAME.match(name):
            continue
        simple = _simple(value)
        if simple is not None:
            lines.append(f"declare {name}={simple}\n")
        elif isinstance(value, list) and all(_simple(item) is not None for item in value):
            lines.append(f"declare -a {name}=({''.join(f'{_simple(item)} ' for item in value)})\n")
        elif isinstance(value, dict) and all(_simple(item) is not None for item in value.values()):
            pairs = "".join(f"[{quoted(key)}]={_simple(item)} " for key, item in sorted(value.items()))
            lines.append(f"declare -A {name}=({pairs})\n")
    return "".join(lines)


def _simple(value: object) -> str | None:
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "''"
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None


def quoted(text: str) -> str:
    """A text quoted as one word for a shell.

    >>> print(quoted("it's"))
    'it'\\''s'
    """
    return "'" + text.replace("'", "'\\''") + "'"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
