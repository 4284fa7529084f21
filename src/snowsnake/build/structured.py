"""Structured attributes for the builder: `.attrs.json`, and `.attrs.sh` for a shell that sources it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from snowsnake.build.failure import BuildFailure
from snowsnake.build.graphs import graph_of
from snowsnake.store.interface import Store

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def structured_files(store: Store, attributes: Mapping[str, Any], inputs: set[str], outputs: Mapping[str, str]) -> dict[str, bytes]:
    """The two files; the JSON has the graphs that `exportReferencesGraph` names."""
    found = dict(attributes)
    found["outputs"] = dict(outputs)
    for name, wanted in (attributes.get("exportReferencesGraph") or {}).items():
        found[name] = _graph(store, name, wanted, inputs)
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {".attrs.json": _bytes(text), ".attrs.sh": _bytes(shell_text(found))}


def _graph(store: Store, name: str, wanted: Any, inputs: set[str]) -> list[dict[str, Any]]:
    paths: set[str] = set()
    for path in [wanted] if isinstance(wanted, str) else wanted:
        if not isinstance(path, str):
            raise BuildFailure(f"'exportReferencesGraph' of '{name}' has something that is no store path")
        paths.update(graph_of(store, store.split(path)[0], inputs))
    entries = []
    for path in sorted(paths):
        info = store.known(path)
        closure_size = sum(store.known(other).nar_size for other in graph_of(store, path, inputs))
        entries.append(
            {
                "closureSize": closure_size, "narHash": info.hash.format("nix32", with_algorithm=True), "narSize": info.nar_size,
                "path": path, "references": sorted(info.references), "valid": True,
            }
        )  # fmt: skip
    return entries


def shell_text(attributes: Mapping[str, Any]) -> str:
    """Declarations for bash, for values that bash can represent; other attributes are left out.

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


def _simple(value: Any) -> str | None:
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
    """One word for a shell.

    >>> print(quoted("it's"))
    'it'\\''s'
    """
    return "'" + text.replace("'", "'\\''") + "'"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
