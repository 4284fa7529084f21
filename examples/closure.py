"""What sbomnix and vulnix do with `nix derivation show -r`: everything that a package is built from, as a graph with names and versions.

python examples/closure.py
"""

import tempfile
from pathlib import Path

import snowsnake
from snowsnake.store import LocalStore

PACKAGE = """let
  package = name: version: inputs: derivation { name = "${name}-${version}"; inherit inputs; system = "x86_64-linux"; builder = "/bin/sh"; };
  libc = package "libc" "2.40" [ ]; zlib = package "zlib" "1.3" [ libc ]; ssl = package "ssl" "3.4" [ libc zlib ];
in package "server" "1.0" [ ssl zlib ]"""


def closure(drv_path: str, store: LocalStore) -> dict[str, list[str]]:
    """For each derivation that a derivation is built from, directly or not, its own inputs; each file is read once."""
    found: dict[str, list[str]] = {}
    pending = [drv_path]
    while pending:
        path = pending.pop()
        if path not in found:
            found[path] = sorted(store.read_derivation(path).input_drvs)
            pending += found[path]
    return found


def name_of(path: str) -> str:
    return Path(path).name[33:].removesuffix(".drv")


with tempfile.TemporaryDirectory() as folder:
    with snowsnake.Evaluator(store=folder) as nix:
        root = nix.evaluate(PACKAGE).derivation
        assert root is not None
        top = root.drv_path
    with LocalStore(folder) as written:
        for path, inputs in sorted(closure(top, written).items(), key=lambda item: name_of(item[0])):
            print(name_of(path), "←", ", ".join(map(name_of, inputs)) or "nothing")
