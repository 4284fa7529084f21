"""`nix run`, `nix shell`, `nix fmt`, `nix develop` and their kin: output, links, exit codes of 2.34.8 (running/recorded.json), by our commands.

Lines of running/lines.txt run in a shell, each in a copy of the folder whose store has `world.nix`'s `default`: OUTPUT is that path.
Record again with `python tests/differential/test_running.py FOLDER [START]` (the lines that begin so, or are new): a folder with C++ Nix 2.34.8's nix, nix-build, nix-shell.
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

HERE = Path(__file__).parent / "running"
RECORDED = HERE / "recorded.json"
LINES = [line for line in (HERE / "lines.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
# What is different on purpose, with the reason.
DIFFERENT: dict[str, str] = {
    "NIX_BUILD_SHELL=/none nix-shell dev/pkgs -A plain --run true": "2.34.8 says why and crashes then",
    "echo '(import ./dev/pkgs { }).plain' | nix-shell - --run 'echo $name'": "2.34.8 wants a shell.nix here, which it does not read then",
}


def run(folder: Path, commands: str, line: str) -> dict[str, object]:
    """The result of a line in a folder of its own."""
    environment = surroundings(folder, commands, "nix-command flakes", "flake-registry =", "system = x86_64-linux", SHELL="/bin/sh")
    shutil.copytree(HERE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("recorded.json", "lines.txt"))
    (folder / "home").mkdir(exist_ok=True)

    def call(words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["bash", "-c", words], env=environment, cwd=folder, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)

    made = call("nix-build world.nix -A default --no-out-link")
    assert made.returncode == 0, made.stderr
    path = made.stdout.strip()
    (folder / "list").write_text(f"path:./own#main {path}\n")
    done = call(line.replace("OUTPUT", path))
    links = {str(link.relative_to(folder)): os.readlink(link) for place in (folder, folder / "own") for link in sorted(place.iterdir()) if link.is_symlink()}

    def masked(text: str) -> str:
        text = re.sub(rf"{folder}/store/[0-9a-z]{{32}}-", "STORE/", text)
        text = re.sub(r"store path '[0-9a-z]{32}-", "store path 'STORE/", text)
        text = re.sub(rf"{folder}/state/(builds/nix-[0-9-]+|snowsnake/tmp/[^/]+/[^/]+/nix-build-[^/\"']+)", "BUILD", text)
        text = re.sub(r"/tmp/nix-(shell|dev-env|develop)[.-][A-Za-z0-9_-]+", r"TEMPORARY-\1", text)
        text = re.sub(r"/rc: line \d+:", "/rc:", text)
        text = re.sub(r"lastModified=\d+|\d{4}-\d\d-\d\d", "DATE", text)
        return text.replace(commands, "COMMANDS").replace(str(folder), "FOLDER")

    said = [text.strip() for text in masked(done.stderr).splitlines() if text.strip() and "garbage collector" not in text]
    return {
        "out": masked(done.stdout).splitlines(), "status": done.returncode, "said": sorted(said),
        "links": {name: masked(target) for name, target in links.items()},
    }  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_programs_of_packages_run_as_with_nix(line, commands, tmp_path):
    ours, theirs = run(tmp_path.resolve(), commands, line), json.loads(RECORDED.read_text(encoding="utf-8"))[line]
    if line in DIFFERENT:
        assert ours != theirs, "agrees now: take it off the list"
    else:
        assert ours == theirs


def test_every_line_is_recorded():
    assert list(json.loads(RECORDED.read_text(encoding="utf-8"))) == LINES and set(DIFFERENT) <= set(LINES)


if __name__ == "__main__":
    again = sys.argv[2] if len(sys.argv) > 2 else "#"
    record(RECORDED, LINES, run, sys.argv[1], lambda line: not line.startswith(again))
