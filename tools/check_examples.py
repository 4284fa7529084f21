"""Runs pyright over the examples: a second type checker, which reads only the stubs of the package.

pyright is a program for Node.js, which its package fetches.  A machine without Node.js is not a fault: the tool says so.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    words = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    if shutil.which("node") is None or subprocess.run([*words[:3], "--version"], capture_output=True, timeout=300).returncode != 0:
        print("pyright: not checked (it needs Node.js, and fetches itself)")
        return 0
    return subprocess.run([*words, *map(str, sorted((ROOT / "examples").glob("*.py")))], cwd=ROOT, timeout=600).returncode


if __name__ == "__main__":
    sys.exit(main())
