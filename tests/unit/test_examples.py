"""The examples: every command that stands in their comments is run, and every Python program.

What they print is kept in tests/examples/; `--accept` rewrites it.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "examples"


def commands() -> list[tuple[str, list[str]]]:
    """(file, words) of each `snowsnake …` in a comment of a Nix file, and of each Python file."""
    found = []
    for path in sorted((ROOT / "examples").iterdir()):
        if path.suffix == ".nix":
            for line in path.read_text().split("\n"):
                if line.startswith("#") and "snowsnake " in line:
                    found.append((path.name, shlex.split(line[line.index("snowsnake ") :])))
        elif path.suffix == ".py":
            found.append((path.name, ["python", f"examples/{path.name}"]))
    return found


def run(words: list[str]) -> str:
    """What a command prints; its errors, too, if it fails."""
    program = [] if words[0] == "python" else [str(ROOT / "bin" / "snowsnake")]
    done = subprocess.run(
        [sys.executable, *program, *words[1:]],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    text = done.stdout + (f"exit code {done.returncode}\n{done.stderr}" if done.returncode else "")
    return text.replace(str(ROOT), "<folder>")


@pytest.mark.parametrize("name", sorted({name for name, _ in commands()}))
def test_example(name, request):
    text = "".join(f"$ {shlex.join(words)}\n{run(words).rstrip()}\n" for file, words in commands() if file == name)
    golden = GOLDEN / f"{name}.txt"
    if request.config.getoption("--accept"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_example_is_run():
    assert {name for name, _ in commands()} == {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert {path.name.removesuffix(".txt") for path in GOLDEN.iterdir()} == {name for name, _ in commands()}
