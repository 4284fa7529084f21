"""Builds every src/snowsnake/**/*.pyx as an extension module of the same dotted name."""
import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = Path(__file__).parent / "src"
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "nonecheck": False,
    "annotation_typing": False,
    "embedsignature": True,
}
CFLAGS = ["-O2", "-fno-strict-aliasing", "-fwrapv", "-Wno-unused-function", "-Wno-unreachable-code", "-g0"]


def extensions() -> list[Extension]:
    found = []
    for path in sorted(SOURCE.rglob("*.pyx")):
        relative = path.relative_to(SOURCE)
        name = ".".join(relative.with_suffix("").parts)
        found.append(Extension(name, [str(Path("src") / relative)], extra_compile_args=CFLAGS))
    return found


setup(
    ext_modules=cythonize(
        extensions(), compiler_directives=DIRECTIVES, include_path=["src"], nthreads=os.cpu_count() or 1, quiet=True
    ),
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
