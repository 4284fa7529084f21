"""Record what a reference evaluator says of builtins that call builtins: tests/differential/callbacks/recorded.jsonl.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_callbacks.py

In: the programs of tests/differential/callback_programs.py.  Out: a line for each: the program, its value, or null and the error.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools" / "conformance"), str(ROOT / "tests" / "differential")]


def main() -> int:
    from callback_programs import programs  # type: ignore[import-not-found]
    from run_suite import last_error, run_suite  # type: ignore[import-not-found]

    reference = os.environ.get("SNOWSNAKE_REFERENCE", "")
    if not reference:
        raise SystemExit("SNOWSNAKE_REFERENCE must name a nix-instantiate 2.34")
    expressions = dict.fromkeys(programs())
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as draft:
        draft.writelines(json.dumps({"id": str(i), "expr": text, "expect": {"stdout": ""}}) + "\n" for i, text in enumerate(expressions))
        draft.flush()
        _, results = run_suite(draft.name, reference, fail_mode="exit")
    of_id = {int(result["id"]): result for result in results}
    with open(ROOT / "tests" / "differential" / "callbacks" / "recorded.jsonl", "w", encoding="utf-8") as stream:
        for i, text in enumerate(expressions):
            if of_id[i]["exit"] not in (0, 1):
                raise SystemExit(f"exit {of_id[i]['exit']}: {text}")
            outcome = [of_id[i]["_out"].rstrip("\n")] if of_id[i]["exit"] == 0 else [None, last_error(of_id[i]["_err"])]
            stream.write(json.dumps([text, *outcome], ensure_ascii=False) + "\n")
    print(f"{len(expressions)} programs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
