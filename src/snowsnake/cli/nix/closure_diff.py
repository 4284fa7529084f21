"""Finds the differences between two closures: names, versions, sizes.

In: a `Store` and two paths.  Out: lines, as `nix store diff-closures` prints them.
"""

import re
from collections.abc import Iterator

from snowsnake.cli.packages import split_name
from snowsnake.store.graph import closure
from snowsnake.store.interface import Store
from snowsnake.store.path import object_name
from snowsnake.store.sizes import size_text

# A guess: whether the end of a name is the name of an output, which comes after the version.
_WITH_OUTPUT = re.compile(r"(.*)-([a-z]+|lib32|lib64)", re.DOTALL)
_SHOWN_BYTES = 8 * 1024
_RED, _GREEN, _NORMAL = "\x1b[31;1m", "\x1b[32;1m", "\x1b[0m"


def _grouped(store: Store, top: str) -> dict[str, dict[str, int]]:
    """The sizes of everything that an object needs, by name and version."""
    found: dict[str, dict[str, int]] = {}
    for path in closure(store, [top]):
        full = object_name(path)
        match = _WITH_OUTPUT.fullmatch(full)
        name, version = split_name(match[1] if match else full)
        versions = found.setdefault(name, {})
        versions[version] = versions.get(version, 0) + store.known(path).nar_size
    return found


def closure_diff(store: Store, before: str, after: str) -> Iterator[str]:
    """A line for each name whose versions differ, or whose sizes differ by eight KiB or more."""
    old, new = _grouped(store, before), _grouped(store, after)
    for name in sorted({*old, *new}):
        was, now = old.get(name, {}), new.get(name, {})
        change = sum(now.values()) - sum(was.values())
        items = []
        if was.keys() != now.keys():
            items.append(f"{_versions(was.keys() - now.keys())} → {_versions(now.keys() - was.keys())}")
        if abs(change) >= _SHOWN_BYTES:
            items.append(f"{_RED if change > 0 else _GREEN}{size_text(change)}{_NORMAL}")
        if items:
            yield f"{name}: {', '.join(items)}"


def _versions(found: set[str]) -> str:
    return ", ".join(sorted(version or "ε" for version in found)) if found else "∅"
