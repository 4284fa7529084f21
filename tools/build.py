"""Build extension modules in place, each on its own: a broken module does not stop the others.

usage: python tools/build.py [-O1] [MODULE ...]     MODULE: syntax/parser, machine/loop, …; default: all that are stale
A module is stale when its .pyx, or a .pxd or .pxi that it reaches through cimports and includes, is newer than its shared object.
"""
import compileall
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
INCLUDE = sysconfig.get_paths()["include"]
DIRECTIVES = (
    "language_level=3,boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False,nonecheck=False,"
    "annotation_typing=False,embedsignature=True"
)
CFLAGS = ["-fno-strict-aliasing", "-fwrapv", "-Wno-unused-function", "-Wno-unreachable-code", "-g0", "-DNDEBUG"]


def build(pyx: Path, level: str) -> str | None:
    c_file = pyx.with_suffix(".c")
    shared = pyx.with_name(pyx.stem + SUFFIX)
    scratch = shared.with_suffix(".tmp")
    steps = [
        [sys.executable, "-m", "cython", "-3", "-X", DIRECTIVES, "-I", str(SOURCE), str(pyx), "-o", str(c_file)],
        ["gcc", "-shared", "-fPIC", level, *CFLAGS, f"-I{INCLUDE}", str(c_file), "-o", str(scratch)],
    ]
    for step in steps:
        done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            return f"{pyx.relative_to(SOURCE)}:\n{done.stdout}{done.stderr}"
    scratch.rename(shared)
    return None


REFERENCE = re.compile(r"""^(?:from\s+(snowsnake[\w.]*)\s+cimport|cimport\s+(snowsnake[\w.]*)|\s*include\s+["']([^"']+)["'])""", re.M)


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


def is_stale(pyx: Path) -> bool:
    shared = pyx.with_name(pyx.stem + SUFFIX)
    return not shared.exists() or shared.stat().st_mtime < max(p.stat().st_mtime for p in sources(pyx))


def main() -> int:
    level = next((a for a in sys.argv[1:] if a.startswith("-O")), "-O2")
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    pyx_files = sorted(SOURCE.rglob("*.pyx"))
    if wanted:
        names = {w.removesuffix(".pyx").replace(".", "/") for w in wanted}
        pyx_files = [p for p in pyx_files if str(p.relative_to(SOURCE / "snowsnake").with_suffix("")) in names]
    else:
        pyx_files = [p for p in pyx_files if is_stale(p)]
    with ThreadPoolExecutor(2) as pool:
        faults = [f for f in pool.map(lambda p: build(p, level), pyx_files) if f]
    # Where the environment forbids the interpreter to keep what it compiles, each start of the command would compile again.
    compileall.compile_dir(SOURCE / "snowsnake", quiet=2)
    print("\n".join(faults) or f"{len(pyx_files)} modules built")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
