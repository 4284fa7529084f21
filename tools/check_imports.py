"""Imports run one way: checks every import and cimport of the package against the order of its layers.

usage: python tools/check_imports.py [FOLDER]        (default: src/snowsnake); exit code 1 and a line for each fault

A module may import from its own layer and from those below it.  Layers with `+` may import each other's modules
(the machine calls the compiler, builtins call the machine); the others of a row know nothing of their neighbours.
"""

import re
import sys
from pathlib import Path

# From the top down; the words are folders or modules of src/snowsnake.
LAYERS = (
    ("__init__",),
    ("cli",),
    ("api",),
    ("flake",),
    ("values",),
    ("value_page", "documentation", "decoding"),
    ("selection",),
    ("evaluator",),
    ("dependencies",),
    ("looking",),
    ("handle",),
    ("runner",),
    ("traces",),
    ("parsing",),
    ("builtins", "+", "observe", "output"),
    ("compiler", "+", "machine", "host"),
    ("cache",),
    ("lock",),
    ("fetch",),
    ("bytecode", "syntax", "store", "diagnostics", "settings"),
    ("source", "version"),
    ("foundation",),
    ("_native",),                      # the shared object; see tools/native.c
)
# Decisions that the order does not show, each with its reason.
ALLOWED = {
    ("bytecode", "syntax"): "the texts and spans of a chunk are those of the tree",
    ("output", "builtins"): "printing and conversion are builtins of the machine's protocol",
}
STAR = re.compile(r"^from\s+\S+\s+c?import\s+\*")
IMPORT = re.compile(r"^\s*(?:from\s+(snowsnake[\w.]*)\s+c?import\s+(.*)|c?import\s+(snowsnake[\w.]*))")


def layer_of(module: str) -> str:
    """The folder, or the module, that a dotted name of the package belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def rank(name: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if name in layer), None)


def imports_of(path: Path) -> list[tuple[int, str]]:
    """(line, imported module) of every import of the package's own modules."""
    found = []
    in_docstring = False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.count('"""') % 2:
            in_docstring = not in_docstring
        match = IMPORT.match(line)
        if match is None or in_docstring or line.lstrip().startswith(">>>"):
            continue
        module = match.group(1) or match.group(3)
        if module == "snowsnake":
            found += [(number, f"snowsnake.{name.split()[0]}") for name in match.group(2).split(",")]
        else:
            found.append((number, module))
    return found


def fault(importer: str, imported: str, used: set[tuple[str, str]]) -> str | None:
    """Why one layer may not import another, or None if it may; allowed exceptions are noted in `used`."""
    above, below = rank(importer), rank(imported)
    if above is None or below is None:
        return f"'{importer if above is None else imported}' stands in no layer"
    if importer == imported or above < below:
        return None
    if (importer, imported) in ALLOWED:
        used.add((importer, imported))
        return None
    if above == below:
        return None if "+" in LAYERS[above] else f"'{importer}' and '{imported}' stand side by side"
    return f"'{imported}' stands above '{importer}'"


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "src/snowsnake")
    faults = 0
    used: set[tuple[str, str]] = set()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".pyx", ".pxd", ".pxi")):
        relative = path.relative_to(root)
        importer = relative.parts[0].split(".")[0]
        for line, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if STAR.match(text):
                faults += 1
                print(f"{path}:{line}: import of *: the names must be listed")
        for line, module in imports_of(path):
            reason = fault(importer, layer_of(module), used)
            if reason:
                faults += 1
                print(f"{path}:{line}: import of {module}: {reason}")
    for importer, imported in ALLOWED.keys() - used:
        print(f"note: no module of '{importer}' imports '{imported}' any more: the exception can go")
    print(f"{faults} imports against the rules" if faults else "imports run one way")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
