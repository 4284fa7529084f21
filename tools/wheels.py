"""Wheels for several Pythons, each tried in a bare virtual environment without a compiler.

usage: python tools/wheels.py [--python INTERPRETER]… [--output FOLDER]        (default: this interpreter, dist/)

A wheel is built from the source archive's files in a copy of the tree, so that nothing that was built before is used.  Then it is installed
into a fresh environment whose PATH has no C compiler, and a program, an error and `python -m snowsnake` are run there.
Exit code 1 if a wheel cannot be built or does not work.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("src", "tools", "pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")
BUILT = shutil.ignore_patterns("*.so", "*.tmp", "*.o", "__pycache__", "*.egg-info")
TRIALS = (
    (("snowsnake", "eval", "-E", "map (x: x * x) [ 1 2 3 ]", "--strict"), 0, "[ 1 4 9 ]\n"),
    (("python", "-m", "snowsnake", "eval", "-E", "builtins.hashString \"sha256\" \"\""), 0,
     "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n"),
    (("snowsnake-instantiate", "--eval", "-E", "1 + \"a\""), 1, ""),
    (("python", "-c", "import snowsnake; print(snowsnake.evaluate('{ a = 1; }').to_python())"), 0, "{'a': 1}\n"),
)  # fmt: skip


def build(python: str, output: Path) -> Path:
    """The wheel of this interpreter.  Generated C is kept: it is the same for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        for name in NEEDED:
            origin = ROOT / name
            if origin.is_dir():
                shutil.copytree(origin, tree / name, ignore=BUILT)
            else:
                shutil.copy2(origin, tree / name)
        made = Path(folder) / "made"
        subprocess.run([python, "-m", "pip", "wheel", "--no-deps", "--quiet", "--disable-pip-version-check", "-w", str(made), str(tree)], check=True)
        (wheel,) = made.glob("*.whl")
        output.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(wheel, output / wheel.name))


def faults(python: str, wheel: Path) -> list[str]:
    """What does not work in a bare environment."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        bin_folder = os.path.join(folder)
        surroundings = {"PATH": bin_folder, "HOME": folder, "CC": "/nowhere/cc", "LC_ALL": "C.UTF-8"}
        install = ["python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--only-binary", ":all:", str(wheel)]
        for words, code, expected in ((install, 0, ""), *TRIALS):
            done = subprocess.run(
                [os.path.join(bin_folder, words[0]), *words[1:]], env=surroundings, cwd=folder, capture_output=True, text=True, timeout=300
            )
            if done.returncode != code or (done.stdout != expected and words is not install):
                found.append(f"{wheel.name}: {' '.join(words)}: exit code {done.returncode}, {done.stdout!r}\n{done.stderr}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    given = parser.parse_args()
    found = []
    for python in given.python or [sys.executable]:
        wheel = build(python, given.output)
        here = faults(python, wheel)
        print(f"{wheel}: {'works' if not here else 'does not work'}")
        found += here
    print("\n".join(found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
