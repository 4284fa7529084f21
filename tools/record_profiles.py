"""Records which calls C++ Nix 2.34.8 sees: tests/differential/profiles/recorded.jsonl.

usage: record_profiles.py NIX_INSTANTIATE

In: tests/differential/profiles/cases.txt, an expression in each line.  Out: a line for each: the stacks of `eval-profiler` with frequency 0, sorted, and
the lines of `trace-function-calls` without their times.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "differential"))
from profile_world import FOLDER, calls  # noqa: E402


def main() -> int:
    command = [sys.argv[1]]
    cases = (FOLDER / "cases.txt").read_text().splitlines()
    with open(FOLDER / "recorded.jsonl", "w", encoding="utf-8") as file:
        for expression in cases:
            stacks, lines = calls(command, expression)
            file.write(json.dumps({"expression": expression, "stacks": stacks, "lines": lines}, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
