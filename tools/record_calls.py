"""Records what 2.34's commands answer: cases of tests/differential/test_calls.py and test_completions.py.

usage: SNOWSNAKE_REFERENCE_TOOLS=FOLDER python tools/record_calls.py     (FOLDER holds nix, nix-env, …)

In: tests/differential/calls/*.txt.  Out: beside each, a .jsonl with the exit code, standard output and the last error of each call.
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
    from call_world import answer, environment_of, make_world, read_calls, read_questions, texts  # type: ignore[import-not-found]

    tools = commands()
    for path in sorted((FOLDER / "calls").glob("*.txt")):
        asks = path.stem == "completions"
        lines = []
        for call in read_questions(path) if asks else read_calls(path):
            with tempfile.TemporaryDirectory(dir="/tmp") as folder, tempfile.TemporaryDirectory(dir="/tmp") as cache:
                make_world(Path(folder))
                program, *words = call["words"]
                environment = {"PATH": os.environ["PATH"], "TERM": "dumb"} | environment_of(cache)
                if asks:
                    environment["NIX_GET_COMPLETIONS"] = call["word"]
                done = subprocess.run(
                    [os.path.join(tools, program), *words],
                    cwd=folder, input=call["stdin"].encode(), capture_output=True, env=environment,
                )  # fmt: skip
                call["answer"] = texts(done.stdout) if asks else answer(done.returncode, done.stdout, done.stderr, folder)
            lines.append(json.dumps(call, ensure_ascii=False) + "\n")
        path.with_suffix(".jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{path.stem}: {len(lines)} calls")
    return 0


if __name__ == "__main__":
    sys.exit(main())
