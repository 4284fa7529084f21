"""Records everything that a reference nix-instantiate writes for the command lines of tests/differential/messages/messages.txt.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_messages.py

Out: beside them, messages.jsonl: words, variables, exit code, standard output and standard error.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import evaluator

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))


def main() -> int:
    from command_world import ENVIRONMENT, make_world  # type: ignore[import-not-found]

    reference = evaluator()
    lines = []
    for line in (FOLDER / "messages" / "messages.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        words = shlex.split(line)
        variables = {}
        while "=" in words[0] and not words[0].startswith("-"):
            name, _, variables[name] = words.pop(0).partition("=")
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            make_world(Path(folder))
            done = subprocess.run(
                [*shlex.split(reference), *words],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={"PATH": os.environ["PATH"], "TERM": "dumb"} | ENVIRONMENT | variables,
            )
            out, err = (text.decode("utf-8", "replace").replace(folder, "/pwd") for text in (done.stdout, done.stderr))
        case = {"words": words, "variables": variables, "code": done.returncode, "out": out, "err": err}
        lines.append(json.dumps(case, ensure_ascii=False) + "\n")
    (FOLDER / "messages" / "messages.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} command lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
