"""Records what a reference nix-instantiate says to command lines: cases of tests/differential/test_commands.py.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_commands.py

In: tests/differential/commands/commands.txt.  Out: beside it, commands.jsonl with the exit code, standard output and the
messages on standard error of each.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from reference import evaluator

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))


def read_commands(path: Path) -> list[dict[str, Any]]:
    """The words of each line, and the text of its standard input."""
    commands = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            words, _, given = line.partition(" <<< ")
            commands.append({"words": shlex.split(words), "stdin": given})
    return commands


def main() -> int:
    from command_world import ENVIRONMENT, answer, make_world  # type: ignore[import-not-found]

    reference = evaluator()
    lines = []
    for command in read_commands(FOLDER / "commands" / "commands.txt"):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            make_world(Path(folder))
            done = subprocess.run(
                [*shlex.split(reference), *command["words"]],
                cwd=folder,
                input=command["stdin"].encode(),
                capture_output=True,
                env={"PATH": os.environ["PATH"], "TERM": "dumb"} | ENVIRONMENT,
            )
            command["answer"] = answer(done.returncode, done.stdout, done.stderr, folder)
        lines.append(json.dumps(command, ensure_ascii=False) + "\n")
    (FOLDER / "commands" / "commands.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} command lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
