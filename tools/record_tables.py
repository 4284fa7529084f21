"""Records what a reference evaluator says of tables of programs: tests/differential/tables/NAME.jsonl.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_tables.py [NAME ...]

In: the programs of tests/differential/program_tables/NAME.py.  Out: a line for each: the program, its value, or null and the error.
"""

import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from reference import evaluator

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "differential"
sys.path[:0] = [str(ROOT / "tools" / "conformance"), str(FOLDER)]


def record(name: str, reference: str) -> None:
    from run_suite import last_error, run_suite  # type: ignore[import-not-found]

    expressions = dict.fromkeys(import_module(f"program_tables.{name}").programs())
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as draft:
        draft.writelines(json.dumps({"id": str(i), "expr": text, "expect": {"stdout": ""}}) + "\n" for i, text in enumerate(expressions))
        draft.flush()
        _, results = run_suite(draft.name, reference, fail_mode="exit")
    of_id = {int(result["id"]): result for result in results}
    with open(FOLDER / "tables" / f"{name}.jsonl", "w", encoding="utf-8") as stream:
        for i, text in enumerate(expressions):
            if of_id[i]["exit"] not in (0, 1):
                raise SystemExit(f"exit {of_id[i]['exit']}: {text}")
            outcome = [of_id[i]["_out"].rstrip("\n")] if of_id[i]["exit"] == 0 else [None, last_error(of_id[i]["_err"])]
            stream.write(json.dumps([text, *outcome], ensure_ascii=False) + "\n")
    print(f"{name}: {len(expressions)} programs")


def main() -> int:
    reference = evaluator()
    for name in sys.argv[1:] or sorted(path.stem for path in (FOLDER / "tables").glob("*.jsonl")):
        record(name, reference)
    return 0


if __name__ == "__main__":
    sys.exit(main())
