"""Records what a reference evaluator reports of the calls in tests/differential/report_cases.py.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_reports.py [--new]      --new: only cases that are not recorded yet

In: the cases.  Out: tests/differential/reports/recorded.jsonl, `[expression, report line, …]` for each; beside it, builtins.json with the names of all
builtins of the reference.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reference import evaluator

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
TARGET = FOLDER / "reports" / "recorded.jsonl"
# The features that add builtins.
FEATURES = "dynamic-derivations fetch-closure fetch-tree flakes"
sys.path[:0] = [str(FOLDER), str(FOLDER.parent.parent / "tools" / "conformance")]


def names_of_builtins(reference: str) -> list[str]:
    words = ["--eval", "--strict", "--json", "--extra-experimental-features", FEATURES, "-E", "builtins.attrNames builtins"]
    return json.loads(subprocess.run([*shlex.split(reference), *words], capture_output=True, text=True, check=True).stdout)


def main() -> int:
    from report_cases import FILES, expressions  # type: ignore[import-not-found]
    from report_form import ENVIRONMENT, FLAGS, report_of  # type: ignore[import-not-found]
    from run_suite import make_files  # type: ignore[import-not-found]

    reference = evaluator()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        make_files(Path(folder), FILES)
        lines = TARGET.read_text(encoding="utf-8").splitlines() if "--new" in sys.argv and TARGET.exists() else []
        known = {case[0]: case for case in map(json.loads, lines)}

        def record(expression: str) -> list[str]:
            if expression in known:
                return known[expression]
            done = subprocess.run(
                [*shlex.split(reference), *FLAGS, "-E", expression],
                cwd=folder, capture_output=True, text=True, env=os.environ | ENVIRONMENT,
            )  # fmt: skip
            if done.returncode not in (0, 1):
                raise SystemExit(f"exit {done.returncode}: {expression}")
            return [expression, *report_of(done.returncode, done.stdout, done.stderr, folder)]

        cases = list(pool.map(record, expressions()))
    text = "".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n" for case in cases)
    TARGET.write_text(text, encoding="utf-8")
    TARGET.with_name("builtins.json").write_text(json.dumps(names_of_builtins(reference)) + "\n", encoding="utf-8")
    print(f"{len(cases)} reports")
    return 0


if __name__ == "__main__":
    sys.exit(main())
