"""`getFlake` of a large Git checkout, and locking a flake with many inputs: CPU and wall time beside C++ Nix, both in one run.

usage: flakes.py REFERENCE [OURS] [--files 50000] [--inputs 100] [--rounds 3]
  REFERENCE, OURS    `nix` commands

Neither writes to a store: `nix eval` runs with --read-only.  *first*: with an empty cache; *second*: the same again.  The least of the rounds counts.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_FLAKE = "{ outputs = { self }: { x = (import ./d0/f0.nix).n; }; }\n"


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "gc.auto=0"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def make_checkout(folder: Path, files: int) -> None:
    for number in range(files):
        place = folder / f"d{number // 100}" / f"f{number % 100}.nix"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'{{ n = {number}; text = "{"x" * (number * 7 % 400)}"; }}\n')
    (folder / "flake.nix").write_text(_FLAKE)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")


def make_inputs(folder: Path, count: int) -> Path:
    """A flake with inputs that are folders beside it; each has the one before as its own input."""
    for number in range(count):
        input = folder / f"i{number}"
        input.mkdir(parents=True)
        more = f'inputs.before.url = "path:{folder}/i{number - 1}";' if number % 10 else ""
        (input / "flake.nix").write_text(f"{{ {more} outputs = _: {{ n = {number}; }}; }}\n")
    top = folder / "top"
    top.mkdir()
    lines = "".join(f'  inputs.i{number}.url = "path:{folder}/i{number}";\n' for number in range(count))
    (top / "flake.nix").write_text(f"{{\n{lines}  outputs = inputs: {{ x = inputs.i{count - 1}.n; }};\n}}\n")
    return top


def measure(words: list[str], home: Path) -> tuple[float, float]:
    """(CPU, wall) seconds of a command."""
    home.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "NIX_CONF_DIR": "/nonexistent", "NIX_STATE_DIR": str(home / "state")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr[-400:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("ours", nargs="?", default=str(Path(sys.executable).with_name("snowsnake-nix")))
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="flakes-") as name:
        work = Path(name)
        checkout = work / "checkout"
        make_checkout(checkout, given.files)
        changed = checkout / "d0/f0.nix"
        original = changed.read_text()
        for number in range(given.rounds):
            top = make_inputs(work / f"inputs-{number}", given.inputs)
            for who, command in (("reference", given.reference), ("ours", given.ours)):
                home = work / f"home-{who}-{number}"
                start = [command, "--extra-experimental-features", "nix-command flakes", "--offline", "--option", "flake-registry", ""]
                ask = [*start, "eval", "--read-only", "--impure", "--expr", f'(builtins.getFlake "git+file://{checkout}").x']
                for state, text in (("clean", original), ("dirty", "{ n = 7; }\n")):
                    changed.write_text(text)
                    git(checkout, "status")
                    for what in ("first", "second"):
                        found.setdefault((f"{given.files} files, {state}, {what}", who), []).append(measure(ask, home))
                changed.write_text(original)
                git(checkout, "status")
                for what in ("made", "read"):
                    lock = [*start, "flake", "lock", f"path:{top}"] if what == "made" else [*start, "eval", "--read-only", f"path:{top}#x"]
                    found.setdefault((f"{given.inputs} inputs, lock file {what}", who), []).append(measure(lock, home))
                (top / "flake.lock").unlink()
            shutil.rmtree(work / f"inputs-{number}")
    print("| | CPU s: 2.34 | ours | ratio | wall s: 2.34 | ours | ratio |\n|--|--|--|--|--|--|--|")
    for row in dict.fromkeys(row for row, _ in found):
        cells = []
        for column in (0, 1):
            theirs, ours = (min(times[column] for times in found[row, who]) for who in ("reference", "ours"))
            cells += [f"{theirs:.2f}", f"{ours:.2f}", f"{ours / theirs:.2f}"]
        print(f"| {row} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
