"""Build extension modules in place, each on its own: a broken module does not stop the others.

usage: python tools/build.py [-O1] [MODULE ...]     MODULE: syntax/parser, machine/loop, …; default: all that are stale
A module is stale when its .pyx or any .pxd or .pxi of the tree is newer than its shared object.
"""
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
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


def main() -> int:
    level = next((a for a in sys.argv[1:] if a.startswith("-O")), "-O2")
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    headers = max((p.stat().st_mtime for p in SOURCE.rglob("*.px[di]")), default=0)
    pyx_files = sorted(SOURCE.rglob("*.pyx"))
    if wanted:
        names = {w.removesuffix(".pyx").replace(".", "/") for w in wanted}
        pyx_files = [p for p in pyx_files if str(p.relative_to(SOURCE / "snowsnake").with_suffix("")) in names]
    else:
        pyx_files = [
            p
            for p in pyx_files
            if not (s := p.with_name(p.stem + SUFFIX)).exists()
            or s.stat().st_mtime < max(p.stat().st_mtime, headers)
        ]
    with ThreadPoolExecutor(2) as pool:
        faults = [f for f in pool.map(lambda p: build(p, level), pyx_files) if f]
    print("\n".join(faults) or f"{len(pyx_files)} modules built")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
