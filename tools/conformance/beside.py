"""Nix's own language cases, ours beside a reference evaluator: exit status, standard output and standard error, to the byte.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/conformance/beside.py FOLDER [--cmd COMMAND] [-k WORD] [-v]

In: a folder `tests/functional/lang` of Nix, of whatever version: what the reference says of its programs counts, not the expectations
beside them.  Out: the cases that differ, and exit status 1 if they are not the ones that `beside_known.txt` lists, each with its reason.
"""

import argparse
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KNOWN = Path(__file__).resolve().parent / "beside_known.txt"
ENVIRONMENT = {
    "TEST_VAR": "foo", "NIX_REMOTE": "dummy://", "NIX_STORE_DIR": "/nix/store", "NIX_PATH": "lang/dir3:lang/dir4", "HOME": "/fake-home",
    "NO_COLOR": "1",
}


def words_of(folder: Path, name: str) -> list[str]:
    """The options that Nix's own harness runs a case with."""
    given = folder / f"{name}.flags"
    flags = shlex.split(given.read_text(), comments=True) if given.exists() else []
    if name.startswith("parse-"):
        return ["--parse", "-"]
    if name.startswith("eval-fail"):
        return flags or ["--eval", "--strict", "--show-trace"]
    if (folder / f"{name}.exp.xml").exists():
        return ["--eval", "--xml", "--no-location", "--strict"]
    return [*flags, "--eval", "--strict"]


def run(command: list[str], folder: Path, name: str) -> str:
    words = words_of(folder, name)
    file = folder / f"{name}.nix"
    is_parse = words == ["--parse", "-"]
    done = subprocess.run(
        [*command, *words, *([] if is_parse else [f"lang/{name}.nix"])],
        cwd=folder.parent,
        input=file.read_bytes() if is_parse else b"",
        capture_output=True,
        env=os.environ | ENVIRONMENT,
        timeout=300,
    )
    text = f"exit {done.returncode}\n".encode() + done.stdout + b"---- stderr\n" + done.stderr
    return text.decode("utf-8", "replace").replace(str(folder.parent), "/pwd")


def names_of(folder: Path, word: str) -> list[str]:
    found = sorted(path.stem for path in folder.glob("*.nix") if re.match(r"(parse|eval)-(okay|fail)-", path.name))
    return [name for name in found if word in name and not (folder / f"{name}.exp-disabled").exists()]


def known() -> dict[str, str]:
    lines = KNOWN.read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cmd", default="snowsnake-instantiate")
    parser.add_argument("-k", dest="word", default="", help="only cases whose name contains this")
    parser.add_argument("-v", dest="is_verbose", action="store_true", help="show the differences of the listed cases, too")
    given = parser.parse_args()
    reference = os.environ.get("SNOWSNAKE_REFERENCE", "")
    if not reference:
        raise SystemExit("SNOWSNAKE_REFERENCE must name a nix-instantiate 2.34")
    names = names_of(given.folder, given.word)
    listed = known()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(2) as pool:
        folder = Path(place) / "lang"
        shutil.copytree(given.folder, folder, symlinks=True)
        theirs = list(pool.map(lambda name: run(shlex.split(reference), folder, name), names))
        ours = list(pool.map(lambda name: run(shlex.split(given.cmd), folder, name), names))
    differing = {name for name, a, b in zip(names, theirs, ours, strict=True) if a != b}
    for name, a, b in zip(names, theirs, ours, strict=True):
        if a != b and (given.is_verbose or name not in listed):
            print(f"==== {name}")
            print("\n".join(difflib.unified_diff(a.split("\n"), b.split("\n"), "reference", "ours", n=1, lineterm="")))
    agreeing = sorted(name for name in listed if name in names and name not in differing)
    for name in agreeing:
        print(f"==== {name}: agrees now; take it off {KNOWN.name}")
    print(f"{len(names)} cases, {len(names) - len(differing)} equal, {len(differing & listed.keys())} differ as listed")
    return 1 if agreeing or differing - listed.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
