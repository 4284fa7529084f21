"""Records what a reference's commands say about settings, search paths and stores: cases of tests/differential/test_settings_commands.py.

usage: SNOWSNAKE_REFERENCE_TOOLS=FOLDER python tools/record_settings.py

In: tests/differential/settings_world.py and settings/cases.txt; a folder with nix-instantiate and nix of 2.34.  Out: settings/cases.jsonl.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import commands

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))


def main() -> int:
    from settings_world import cases, environment, make_world, outcome  # type: ignore[import-not-found]

    tools = commands()
    lines = []
    for variables, words in cases():
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            make_world(Path(folder))
            done = subprocess.run(
                [os.path.join(tools, words[0]), *[word.replace("DIR", folder) for word in words[1:]]],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={"PATH": os.environ["PATH"], "TERM": "dumb"} | environment(variables, folder),
            )
            found = outcome(done.returncode, done.stdout, done.stderr, folder)
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        lines.append(json.dumps({"variables": variables, "words": words, "answer": found}, ensure_ascii=False) + "\n")
    (FOLDER / "settings" / "cases.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} command lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
