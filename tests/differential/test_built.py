"""`nix build`, `nix-build`, `nix-store --realise`: output, links, exit codes of 2.34.8 (built/recorded.json), by our own builder.

Record again with `python tests/differential/test_built.py FOLDER`: a folder with C++ Nix 2.34.8's nix, nix-build, nix-store, nix-instantiate.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recorded_lines import record, surroundings

HERE = Path(__file__).parent / "built"
RECORDED = HERE / "recorded.json"
# Each line begins in a store where `a` and `two` are built.  FILE: the file of the world.
LINES = [
    "nix build -f FILE a", "nix build -f FILE two", "nix build -f FILE two^dev", "nix build -f FILE two^* --print-out-paths",
    "nix build -f FILE a two --no-link --print-out-paths", "nix build -f FILE a two --json", "nix build -f FILE a two^* -o mylink",
    "nix build -f FILE dev1", "nix build -f FILE n", "nix build -f FILE sub", "nix build -f FILE f", "nix build -f FILE f -L",
    "nix build -f FILE f g", "nix build -f FILE f g --keep-going", "nix build --dry-run -f FILE f", "nix build --dry-run --json -f FILE f two",
    "nix build -f FILE missing", "nix build PATH", "nix build PATH --json", "nix build DRV", "nix build DRV^out", "nix build DRV^*",
    "nix build -f FILE hash", "nix build -f FILE late --timeout 1", "nix build --expr 'derivation { }' --impure",
    "nix-build FILE -A a", "nix-build FILE -A two", "nix-build FILE -A two.dev", "nix-build FILE -A dev1", "nix-build FILE -A a -A two",
    "nix-build FILE -A sub", "nix-build FILE -A a --no-out-link", "nix-build FILE -A a -o foo", "nix-build FILE -A f", "nix-build FILE -A f -Q",
    "nix-build FILE -A f -A g -k", "nix-build FILE --dry-run -A f -A a", "nix-build FILE -A n", "nix-build DRV", "nix-build DRV!dev",
    "nix-build -E 'with import FILE; a'", "nix-build nofile.nix", "nix-build FILE -A hash", "nix-build FILE -A late --timeout 1", "nix-build --flag",
    "nix-build FILE -A a --arg", "nix-build FILE -A nothing", "nix-build FILE -A hash -A f -k",
    "nix-store -r DRV", "nix-store -r DRV!dev", "nix-store -r PATH", "nix-store --realise FDRV", "nix-store -r FDRV --dry-run",
    "nix-store -r DRV --add-root link", "nix-store -r DRV!none", "nix-store -r FDRV DRV -k",
    "nix flake check path:./checks", "nix flake check path:./checks --no-build", "nix flake check path:./fails", "nix flake check path:./bad --keep-going",
    "nix flake check path:./bad --no-build", "nix flake check path:./checks --all-systems",
]  # fmt: skip


def run(folder: Path, commands: str, line: str) -> dict[str, object]:
    """The result of a line in a folder of its own."""
    environment = surroundings(folder, commands, "nix-command flakes")
    shutil.copytree(HERE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.json"))

    def call(words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, shell=True, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)

    made = call("nix-build world.nix -A a -A two --no-out-link")
    assert made.returncode == 0, made.stderr
    bases = {"PATH": made.stdout.split()[0]}
    bases["DRV"], bases["FDRV"] = call("nix-instantiate world.nix -A two -A f").stdout.split()
    words = " ".join(bases.get(word, word) for word in re.split(r"\b(PATH|F?DRV)\b", line)).replace(" ^", "^").replace(" !", "!")
    words = re.sub(r"\s+", " ", words).replace("FILE", "./world.nix")
    done = call(words)
    links = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            links[entry.name] = os.readlink(entry)
            entry.unlink()

    def masked(text: str) -> str:
        text = re.sub(rf"{folder}/store/[0-9a-z]{{32}}-", "STORE/", text)
        # Several derivations are named in the order of their hashes, which differ.
        text = re.sub(r"build of (.*) failed", lambda found: f"build of {', '.join(sorted(found[1].split(', ')))} failed", text)
        return text.replace(str(folder), "FOLDER")

    return {
        "out": sorted(masked(done.stdout).splitlines()), "status": done.returncode, "links": {name: masked(target) for name, target in links.items()},
        "said": sorted(line.strip() for line in masked(done.stderr).splitlines() if line.strip() and "garbage collector" not in line),
    }  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_commands_on_built_stores_do_what_nix_does(line, commands, tmp_path):
    assert run(tmp_path.resolve(), commands, line) == json.loads(RECORDED.read_text())[line]


if __name__ == "__main__":
    record(RECORDED, LINES, run, sys.argv[1], lambda line: False)
