"""Builds every src/snowsnake/**/*.pyx into the extension module snowsnake._native; tools/build.py says how."""
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).resolve().parent / "tools"))

from build import build  # noqa: E402


class BuildNative(build_ext):
    def build_extension(self, ext: Extension) -> None:
        _, faults = build(Path(self.get_ext_fullpath(ext.name)).resolve())
        if faults:
            raise SystemExit("\n".join(faults))


setup(ext_modules=[Extension("snowsnake._native", [])], cmdclass={"build_ext": BuildNative})
