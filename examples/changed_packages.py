"""What nixpkgs-review does with two runs of nix-env and XML: which packages a change adds, removes and rebuilds.

python examples/changed_packages.py    (`files` may also be a tree of git: pygit2's `repository.revparse_single("main^{tree}")`)
"""

from collections.abc import Mapping

import snowsnake

LIBRARY = 'version: derivation { name = "library-${version}"; system = "x86_64-linux"; builder = "/bin/sh"; }'
BEFORE = {
    "library.nix": LIBRARY,
    "default.nix": """let library = import ./library.nix "1"; package = name: inputs: derivation { inherit name inputs; system = "x86_64-linux"; builder = "/bin/sh"; };
in { inherit library; app = package "app" [ library ]; tool = package "tool" [ ]; old = package "old" [ ]; }""",
}
AFTER = BEFORE | {
    "default.nix": BEFORE["default.nix"].replace('import ./library.nix "1"', 'import ./library.nix "2"').replace('old = package "old" [ ];', 'new = throw "not for this system";')
}


def derivations(files: Mapping[str, str]) -> dict[str, str]:
    """The path of each package's derivation, or why it cannot be evaluated: nothing is built or written."""
    packages = snowsnake.Evaluator(files=files, pure=True).evaluate_file("default.nix")
    found = packages.query("*.drvPath")
    return {path.removesuffix(".drvPath"): str(value) for path, value in [*found.values.items(), *found.faults.items()]}


before, after = derivations(BEFORE), derivations(AFTER)
for name in sorted(before.keys() | after.keys()):
    if name not in before:
        print("added  ", name, after[name])
    elif name not in after:
        print("removed", name)
    elif before[name] != after[name]:
        print("rebuilt", name)
