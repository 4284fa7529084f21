"""Builds every src/snowsnake/**/*.pyx into one shared object, src/snowsnake/_native.*; modules that are up to date are not compiled again.

usage: python tools/build.py [-O1] [debug | sanitized] | --check          --check builds nothing: it says what the machine lacks
CC, CFLAGS and LDFLAGS of the environment count; CFLAGS come last.
A variant goes to a package of its own, build/VARIANT/snowsnake, whose other files are links: PYTHONPATH=build/VARIANT uses it.
A module is compiled again when its .pyx, or a .pxd or .pxi that it reaches through cimports and includes, is newer than what was
made of it.  A module that does not compile does not stop the others, but nothing is linked then.  setup.py calls `build` too.
"""
import ast
import compileall
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from direct_calls import bind

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
BUILD = ROOT / "build"
NATIVE = "_native" + sysconfig.get_config_var("EXT_SUFFIX")
TARGET = SOURCE / "snowsnake" / NATIVE
INCLUDE = sysconfig.get_paths()["include"]
FETCHED = ROOT / "build" / "headers"
# These are linked beside the modules.
GLUE = (ROOT / "tools" / "native.c", ROOT / "tools" / "glibc.c")
DIRECTIVES = (
    "language_level=3,boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False,nonecheck=False,"
    "annotation_typing=False,embedsignature=True"
)
CFLAGS = [
    "-fPIC", "-fvisibility=hidden", "-fno-strict-aliasing", "-fwrapv", "-Wno-unused-function", "-Wno-unreachable-code", "-g0", "-DNDEBUG",
]  # fmt: skip
# The options with which a variant compiles and links, beside CFLAGS (`make debug`, `make test-sanitized`).  SNOWSNAKE_CHECKED: machine/checks.pxd.
VARIANTS = {
    "": [],
    "debug": ["-O1", "-g", "-DSNOWSNAKE_CHECKED"],
    "sanitized": [
        "-O1", "-g1", "-DSNOWSNAKE_CHECKED", "-fno-omit-frame-pointer", "-fsanitize=address,undefined",
    ],
}  # fmt: skip


def split_command(command: str) -> tuple[list[str], list[str]]:
    """(the words that name a program, such as `ccache gcc`; its options)."""
    words = shlex.split(command)
    count = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return words[:count], words[count:]


COMPILER = shlex.split(os.environ.get("CC", "")) or split_command(sysconfig.get_config_var("CC") or "cc")[0]
LINKER = [*COMPILER, *split_command(sysconfig.get_config_var("LDSHARED") or "cc -shared")[1]]
REFERENCE = re.compile(r"""^(?:from\s+(snowsnake[\w.]*)\s+cimport|cimport\s+(snowsnake[\w.]*)|\s*include\s+["']([^"']+)["'])""", re.M)


def dotted(pyx: Path) -> str:
    return ".".join(pyx.relative_to(SOURCE).with_suffix("").parts)


def init_name(pyx: Path) -> str:
    """The name of a module's init function; modules with the same file name in two folders have two names."""
    return "SnowsnakeInit_" + dotted(pyx).replace(".", "__")


@cache
def sources(path: Path) -> frozenset[Path]:
    """The file, and every .pxd and .pxi that its text or theirs refers to."""
    found: set[Path] = set()
    waiting = [path, path.with_suffix(".pxd")]
    while waiting:
        here = waiting.pop()
        if here in found or not here.exists():
            continue
        found.add(here)
        for module, other, included in REFERENCE.findall(here.read_text()):
            if included:
                waiting += [here.parent / included, SOURCE / included]
            else:
                waiting.append(SOURCE / ((module or other).replace(".", "/") + ".pxd"))
    return frozenset(found)


def is_older(made: Path, origins: frozenset[Path] | set[Path]) -> bool:
    return not made.exists() or made.stat().st_mtime < max(p.stat().st_mtime for p in origins)


def missing() -> list[str]:
    """A line for each thing that the machine lacks and the build cannot fetch, with its Debian package, and for each that makes the machine unfit."""
    found = []
    if not sys.platform.startswith("linux"):
        found.append(f"not supported: {sys.platform}, only Linux")
    if sys.maxsize < 2**63 - 1 or sys.byteorder != "little" or sys.implementation.name != "cpython":
        found.append("not supported: this interpreter, only CPython with 64 bits on machines whose numbers are little endian")
    if shutil.which(COMPILER[0]) is None:
        found.append(f"missing: the C compiler {COMPILER[0]} (apt-get install gcc)")
    if not header_folders():
        found.append("missing: Python.h (apt-get install python3-dev)")
    return found


def header_folders() -> list[str]:
    """The folders of Python.h and of the files that it includes; none if there is no Python.h.

    Debian and Ubuntu have it in a package of its own, which this function fetches and unpacks; nothing is installed.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    fetched = FETCHED / "usr" / "include"
    if Path(INCLUDE, "Python.h").exists():
        return [INCLUDE]
    if not (fetched / f"python{version}" / "Python.h").exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        FETCHED.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-q", "download", f"libpython{version}-dev"], cwd=FETCHED, capture_output=True)
        for package in FETCHED.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(FETCHED)], capture_output=True)
    return [str(fetched / f"python{version}"), str(fetched)] if (fetched / f"python{version}" / "Python.h").exists() else []


def run(step: list[str]) -> str | None:
    done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True)
    return f"{shlex.join(step)}\n{done.stdout}{done.stderr}" if done.returncode else None


def compile_module(pyx: Path, flags: list[str], objects: Path) -> tuple[bool, str | None]:
    """(whether it had to be compiled, the fault or None)."""
    c_file = pyx.with_suffix(".c")
    object_file = objects / (dotted(pyx) + ".o")
    scratch = object_file.with_suffix(".tmp")
    fault = None
    if is_older(c_file, sources(pyx) | {ROOT / "tools" / "direct_calls.py"}):
        made = c_file.with_suffix(".tmp")
        fault = run([sys.executable, "-m", "cython", "-3", "-X", DIRECTIVES, "-I", str(SOURCE), str(pyx), "-o", str(made)])
        if fault:
            return True, fault
        made.write_text(bind(made.read_text()))
        made.rename(c_file)
    elif not is_older(object_file, {c_file}):
        return False, None
    name = f"-DPyInit_{pyx.stem}={init_name(pyx)}"
    fault = run([*COMPILER, "-c", *flags, name, *(f"-I{folder}" for folder in header_folders()), str(c_file), "-o", str(scratch)])
    if not fault:
        scratch.rename(object_file)
    return True, fault


def plain_packages() -> dict[str, str]:
    """Packages below `snowsnake` whose __init__.py has nothing to execute, with the docstring that it may have."""
    found = {}
    for file in (SOURCE / "snowsnake").glob("*/**/__init__.py"):
        tree = ast.parse(file.read_text())
        docstring = ast.get_docstring(tree, clean=False)
        if len(tree.body) == (docstring is not None):
            found[dotted(file.parent)] = docstring or ""
    return found


def table(pyx_files: list[Path]) -> str:
    modules = {dotted(p): init_name(p) for p in pyx_files}
    rows = [(name, init, "NULL") for name, init in modules.items()]
    rows += [(name, "NULL", json.dumps(docstring, ensure_ascii=False)) for name, docstring in plain_packages().items()]
    return "\n".join(
        [
            *(f"PyMODINIT_FUNC {init}(void);" for init in modules.values()),
            "/* a compiled module has a function that makes it, a package a docstring */",
            "static const struct Module { const char *name; PyObject *(*init)(void); const char *docstring; } MODULES[] = {",
            *(f'    {{"{name}", {init}, {docstring}}},' for name, init, docstring in sorted(rows)),
            "};\n",
        ]
    )


def link(pyx_files: list[Path], flags: list[str], objects: Path, target: Path) -> str | None:
    scratch = target.with_suffix(".tmp")
    parts = [str(objects / (dotted(p) + ".o")) for p in pyx_files]
    options = [*(flag for flag in flags if flag.startswith("-fsanitize")), *shlex.split(os.environ.get("LDFLAGS", ""))]
    target.parent.mkdir(parents=True, exist_ok=True)
    fault = None
    for file in GLUE:
        parts.append(str(objects / (file.stem + ".o")))
        fault = fault or run([*COMPILER, "-c", *flags, *(f"-I{folder}" for folder in header_folders()), f"-I{objects}", str(file), "-o", parts[-1]])
    fault = fault or run([*LINKER, *parts, *options, "-lm", "-o", str(scratch)])
    if not fault:
        scratch.rename(target)
    return fault


def link_package(folder: Path) -> None:
    """Makes *folder* a package of links to ours, for a shared object of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_symlink():
            old.unlink()
    for entry in (SOURCE / "snowsnake").iterdir():
        if entry.suffix in ("", ".py", ".pyi", ".typed") or entry.name == "py.typed":
            (folder / entry.name).symlink_to(entry)


def build(target: Path = TARGET, level: str = "-O2", variant: str = "") -> tuple[int, list[str]]:
    """(number of modules that were compiled, faults)."""
    lacking = missing()
    if lacking:
        return 0, lacking
    objects = BUILD / variant / "objects"
    flags = [level, *CFLAGS, *VARIANTS[variant], *shlex.split(os.environ.get("CFLAGS", ""))]
    objects.mkdir(parents=True, exist_ok=True)
    if variant:
        link_package(BUILD / variant / "snowsnake")
        target = BUILD / variant / "snowsnake" / NATIVE
    settings = objects / "settings"
    wanted = shlex.join([*COMPILER, *flags, INCLUDE])
    if not settings.exists() or settings.read_text() != wanted:
        for old in objects.glob("*.o"):
            old.unlink()
        settings.write_text(wanted)
    pyx_files = sorted(SOURCE.rglob("*.pyx"))
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        done = list(pool.map(lambda p: compile_module(p, flags, objects), pyx_files))
    faults = [fault for _, fault in done if fault]
    count = sum(was_compiled for was_compiled, _ in done)
    rows = objects / "native_table.h"
    wanted = table(pyx_files)
    if not rows.exists() or rows.read_text() != wanted:
        rows.write_text(wanted)
    linked = {rows, *GLUE, *(objects / (dotted(p) + ".o") for p in pyx_files)}
    if not faults and (count or is_older(target, linked)):
        fault = link(pyx_files, flags, objects, target)
        faults += [fault] if fault else []
    return count, faults


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        lacking = missing()
        sys.stderr.write("".join(line + "\n" for line in lacking))
        return 1 if lacking else 0
    level = next((a for a in sys.argv[1:] if a.startswith("-O")), "-O2")
    count, faults = build(level=level, variant=next((a for a in sys.argv[1:] if not a.startswith("-")), ""))
    # Where the environment forbids the interpreter to keep what it compiles, each start of the command would compile again.
    compileall.compile_dir(SOURCE / "snowsnake", quiet=2)
    print("\n".join(faults) or f"{count} modules built")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
