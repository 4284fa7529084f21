"""Imports run one way: checks every import and cimport of the package against the order of its layers, and for circles of modules.

usage: python tools/check_imports.py [FOLDER] [--circles]     (default: src/snowsnake); exit code 1 and a line for each fault
       --circles: list the imports of every circle, excused or not

No module imports `*`, and no text is included where a module can be; the exceptions are listed here, each with its reason, and the list
only shrinks: an exception that nothing needs any more is a fault.  A module may import from its own layer and from those below it.
Layers with `+` may import each other's modules (the machine calls the compiler, builtins call the machine); the others of a row know nothing of
their neighbours.
"""

import re
import sys
from pathlib import Path

# From the top down; the words are folders or modules of src/snowsnake.
LAYERS = (
    ("__init__", "__main__"),
    ("cli",),
    ("api",),
    ("waiting",),
    ("jobs",),
    ("flake",),
    ("faces",),
    ("tree", "options", "bytecode_face"),
    ("editing",),
    ("nix_printing",),
    ("python_functions",),
    ("python_values",),
    ("values",),
    ("value_page", "decoding"),
    ("documentation",),
    ("json_tree",),
    ("derivation_search",),
    ("selection",),
    ("interpreter",),
    ("dependencies",),
    ("looking", "plain", "callbacks"),
    ("building",),
    ("handle",),
    ("runner",),
    ("traces",),
    ("parsing",),
    ("builtins", "+", "observe", "output"),
    ("compiler", "+", "machine", "host"),
    ("cache",),
    ("lock",),
    ("build",),
    ("fetch",),
    ("bytecode", "syntax", "store", "diagnostics", "settings"),
    ("source", "version"),
    ("foundation",),
    # The shared object (tools/native.c).
    ("_native",),
)
# Decisions that the order does not show, each with its reason.
ALLOWED = {
    ("bytecode", "syntax"): "the texts and spans of a chunk are those of the tree",
    ("output", "builtins"): "printing and conversion are builtins of the machine's protocol",
}
# An import that may close a circle of modules, with the reason.
CIRCLES = {
    ("diagnostics.error", "diagnostics.kinds"): "an error is made an object of its kind's class; the classes are imported when there is one",
}
# Modules that may import one another, with the reason.
FAMILIES = {
    ("compiler.expressions", "compiler.bindings", "compiler.lazy", "compiler.patterns", "compiler.specified"): (
        "the recursive descent: an expression has bindings, patterns and thunks, which have expressions"
    ),
}
# Files whose text another one includes, with the reason.
INCLUDED = {
    "machine/loop.pyx": "observe/traced_loop.pyx is the same loop, compiled with an observation point",
}
INCLUDE = re.compile(r"""^include\s+["']([^"']+)["']""")
STAR = re.compile(r"^from\s+\S+\s+c?import\s+\*")
_SUBMODULES = re.compile(r"^\s*from\s+[\w.]+\s+import\s+([\w, ]+?)\s*(?:#.*)?$")
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
    in_docstring = is_for_types = False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line and not line[0].isspace():
            is_for_types = line.startswith("if TYPE_CHECKING:")
        if is_for_types:
            # Only mypy reads such an import.
            continue
        if line.count('"""') % 2:
            in_docstring = not in_docstring
        match = IMPORT.match(line)
        if match is None or in_docstring or line.lstrip().startswith(">>>"):
            continue
        module = match.group(1) or match.group(3)
        if module == "snowsnake":
            # `import snowsnake` is the package's own file, which is below everything.
            found += [(number, f"snowsnake.{name.split()[0]}") for name in (match.group(2) or "").split(",") if name]
        else:
            found.append((number, module))
    return found


def modules_of(root: Path) -> dict[str, list[Path]]:
    """The files of each module, by its name without the package's."""
    found: dict[str, list[Path]] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".pyx", ".pxd")):
        parts = path.relative_to(root).with_suffix("").parts
        found.setdefault(".".join(parts[:-1] if parts[-1] == "__init__" else parts), []).append(path)
    return found


def edges_of(modules: dict[str, list[Path]]) -> dict[str, set[str]]:
    """Which modules each module imports."""
    edges: dict[str, set[str]] = {name: set() for name in modules}
    for name, paths in modules.items():
        for path in paths:
            for line, imported in imports_of(path):
                target = imported.removeprefix("snowsnake").removeprefix(".")
                names = _SUBMODULES.findall(path.read_text(encoding="utf-8").split("\n")[line - 1])
                inner = {f"{target}.{word}" for word in (names[0].split(", ") if names else ())} & modules.keys()
                edges[name] |= inner or ({target} & modules.keys())
        edges[name].discard(name)
    return edges


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The modules of every circle: the strongly connected parts with more than one module."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_modules: list[str] = []
    found = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        open_modules.append(name)
        for target in sorted(edges[name]):
            if target not in order:
                visit(target)
            if target in open_modules:
                lowest[name] = min(lowest[name], lowest[target])
        if lowest[name] == order[name]:
            part = open_modules[open_modules.index(name) :]
            del open_modules[-len(part) :]
            if len(part) > 1:
                found.append(part)

    for name in sorted(edges):
        if name not in order:
            visit(name)
    return found


def circle_faults(root: Path) -> list[str]:
    """A line for each circle of modules that no exception excuses, and for each exception that excuses none."""
    edges = edges_of(modules_of(root))
    excused = {pair for pair in CIRCLES if pair[1] in edges.get(pair[0], ())}
    needless = []
    for pair in CIRCLES:
        remaining = {name: {t for t in targets if (name, t) == pair or (name, t) not in excused} for name, targets in edges.items()}
        if pair not in excused or not any(pair[0] in part and pair[1] in part for part in circles(remaining)):
            needless.append(f"the exception {pair[0]} -> {pair[1]} excuses nothing: it must go")
    rest = {name: {t for t in targets if (name, t) not in excused} for name, targets in edges.items()}
    found = circles(rest)
    for family, reason in FAMILIES.items():
        within = [part for part in found if set(part) <= set(family)]
        if not any(set(part) == set(family) for part in found):
            needless.append(f"not all of {', '.join(family)} are one circle any more ({reason}): the exception must shrink")
        rest = {name: targets - (set(family) if name in family and within else set()) for name, targets in rest.items()}
    return needless + ["a circle of modules: " + ", ".join(part) for part in circles(rest)]


def fault(importer: str, imported: str, used: set[tuple[str, str]]) -> str | None:
    """Why one layer may not import another, or None if it may; allowed exceptions are noted in `used`."""
    above, below = rank(importer), rank(imported)
    if above is None or below is None:
        return f"'{importer if above is None else imported}' is in no layer"
    if importer == imported or above < below:
        return None
    if (importer, imported) in ALLOWED:
        used.add((importer, imported))
        return None
    if above == below:
        return None if "+" in LAYERS[above] else f"'{importer}' and '{imported}' stand side by side"
    return f"'{imported}' is above '{importer}'"


def main() -> int:
    given = [a for a in sys.argv[1:] if not a.startswith("--")]
    root = Path(given[0] if given else Path(__file__).resolve().parent.parent / "src/snowsnake")
    if "--circles" in sys.argv:
        for part in circles(edges_of(modules_of(root))):
            print(f"{len(part)} modules: {', '.join(part)}")
    faults = 0
    used: set[tuple[str, str]] = set()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".pyx", ".pxd", ".pxi")):
        relative = path.relative_to(root)
        importer = relative.parts[0].split(".")[0]
        for line, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if STAR.match(text):
                faults += 1
                print(f"{path}:{line}: import of *: the names must be listed")
            included = INCLUDE.match(text)
            if included and (path.parent / included[1]).resolve().relative_to(root.resolve()).as_posix() not in INCLUDED:
                faults += 1
                print(f"{path}:{line}: text of {included[1]} is included: it must be a module")
        for line, module in imports_of(path):
            reason = fault(importer, layer_of(module), used)
            if reason:
                faults += 1
                print(f"{path}:{line}: import of {module}: {reason}")
    for importer, imported in ALLOWED.keys() - used:
        faults += 1
        print(f"no module of '{importer}' imports '{imported}' any more: the exception must go")
    for line in circle_faults(root):
        faults += 1
        print(line)
    print(f"{faults} imports against the rules" if faults else "imports run one way")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
