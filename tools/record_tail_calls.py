"""Records what a reference evaluator reports of the calls in tests/differential/tail_cases.py.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_tail_calls.py

In: the cases.  Out: tests/differential/tail_calls.json, for each expression the report without `--show-trace`, and with it.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))


def main() -> int:
    from report_form import ENVIRONMENT  # type: ignore[import-not-found]
    from tail_cases import expressions  # type: ignore[import-not-found]

    reference = os.environ.get("SNOWSNAKE_REFERENCE", "")
    if not reference:
        raise SystemExit("SNOWSNAKE_REFERENCE must name a nix-instantiate 2.34")

    def report(expression: str, *flags: str) -> str:
        words = [*shlex.split(reference), "--eval", "--strict", *flags, "-E", expression]
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(words, cwd=folder, capture_output=True, text=True, env=os.environ | ENVIRONMENT).stderr

    cases = list(dict.fromkeys(expressions()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(cases, pool.map(lambda case: [report(case), report(case, "--show-trace")], cases), strict=True))
    (FOLDER / "tail_calls.json").write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(found)} reports")
    return 0


if __name__ == "__main__":
    sys.exit(main())
