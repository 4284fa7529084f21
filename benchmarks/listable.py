"""Writes an expression with the packages of a nixpkgs checkout that can be listed, for a checkout that lacks parts.

usage: listable.py TREE FOLDER
In: a checkout.  Out: FOLDER/default.nix, and FOLDER/names.json with the attributes that it keeps.  It runs with a Python that has Snowsnake.

`nix-env -qa` passes over a package that fails with `throw` or `assert`, and ends at any other error, such as a package function without an argument that
the tree does not have.  Each attribute is evaluated as `nix-env -qa --json --meta --out-path` does it, and left out if an error is of the second kind.
"""

import json
import sys
from pathlib import Path
from typing import Any

from snowsnake import EvaluationError, Evaluator

ROOT = """{ config ? { allowAliases = false; allowUnfree = true; } }:
let
  packages = import TREE { inherit config; system = "x86_64-linux"; overlays = [ ]; };
  keep = names: set: builtins.mapAttrs (name: below: if below == true then set.${name} else { recurseForDerivations = true; } // keep below set.${name}) names;
in keep (builtins.fromJSON (builtins.readFile ./names.json)) packages
"""
# What nix-env asks of a package; `tryEval` catches what it passes over.
ASK = """value:
let
  asked = builtins.tryEval (builtins.seq value.name (builtins.seq value.outPath (builtins.deepSeq
    [ (value.system or null) (value.outputName or null) (map (output: value.${output}.outPath or null) (value.outputs or [ ])) ]
    (builtins.seq value.drvPath null))));
  facts = builtins.tryEval (builtins.seq value.name value.meta or { });
  parts = if facts.success then builtins.mapAttrs (_: builtins.tryEval) facts.value else { };
in builtins.seq asked.success (builtins.deepSeq (builtins.mapAttrs (_: part: part.success) parts) true)
"""
KIND = """value:
let
  found = builtins.tryEval (builtins.isAttrs value);
  isSet = found.success && found.value;
  more = builtins.tryEval (if (value.type or "") == "derivation" then "package" else if (value.recurseForDerivations or false) then "set" else "other");
in if isSet && more.success then more.value else "other"
"""


def listable(value: Any, ask: Any, kind: Any, depth: int = 0) -> Any:
    """True for what can be listed as it is, a dictionary for a set of which a part can be listed, None for what cannot be listed."""
    try:
        found = kind(value).to_python()
        if found != "set" or depth > 3:
            return ask(value).to_python() if found == "package" else True
    except EvaluationError:
        return None
    below = {}
    for name in value:
        kept = listable(value[name], ask, kind, depth + 1)
        if kept is not None:
            below[name] = kept
    return below


def write_listable(tree: Path, folder: Path) -> int:
    """The number of attributes of the tree that are kept."""
    evaluator = Evaluator()
    root = evaluator.evaluate(ROOT.split("  keep")[0].replace("TREE", str(tree)) + "in packages")({})
    ask, kind = evaluator.evaluate(ASK), evaluator.evaluate(KIND)
    names = {}
    for name in root:
        kept = listable(root[name], ask, kind)
        if kept is not None:
            names[name] = kept
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "names.json").write_text(json.dumps(names, indent=0))
    (folder / "default.nix").write_text(ROOT.replace("TREE", str(tree)))
    return len(names)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"{write_listable(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))} attributes can be listed")
