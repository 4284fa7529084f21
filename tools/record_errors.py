"""Records what a reference evaluator says of the error programs: `nix.txt` in the folders tests/lang/error-*.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_errors.py [FOLDER ...]

In: in.nix and options.txt of each folder.  Out: the reference's standard error, in which the folder reads as `.`.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from reference import evaluator

FOLDERS = Path(__file__).resolve().parent.parent / "tests" / "lang"


def record(folder: Path, reference: str) -> None:
    options = folder / "options.txt"
    words = options.read_text(encoding="utf-8").replace("--feature", "--extra-experimental-features") if options.exists() else ""
    done = subprocess.run(
        [*shlex.split(reference), "--eval", "--strict", *shlex.split(words), "in.nix"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"NIX_PATH": "", "NO_COLOR": "1"},
    )
    if done.returncode != 1:
        raise SystemExit(f"{folder.name}: exit {done.returncode}")
    (folder / "nix.txt").write_text(done.stderr.replace(str(folder), "."), encoding="utf-8")


def main() -> int:
    reference = evaluator()
    folders = [Path(word).resolve() for word in sys.argv[1:]] or sorted(FOLDERS.glob("error-*"))
    for folder in folders:
        record(folder, reference)
    print(f"{len(folders)} errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
