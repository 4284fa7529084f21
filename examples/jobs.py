"""What a CI system does: the jobs of a file as JSON lines, each with its derivation or its error, and the files that decide the result.

python examples/jobs.py [FILE]
"""

import json
import sys
from pathlib import Path

import snowsnake

HERE = Path(__file__).parent


def job(name: str, value: snowsnake.Value) -> dict[str, str]:
    """One line: a failing job does not stop the others."""
    try:
        return {"job": name, "name": value["name"].to_python(), "drvPath": value["drvPath"].to_python()}
    except snowsnake.EvaluationError as error:
        return {"job": name, "error": error.message, "code": error.code, "at": str(error.position)}


def main() -> None:
    nix = snowsnake.Evaluator()
    jobs = nix.evaluate_file(sys.argv[1] if len(sys.argv) > 1 else HERE / "jobs.nix")
    for name in jobs:
        line = job(name, jobs[name])
        if "at" in line:
            line["at"] = line["at"].replace(str(HERE) + "/", "")
        print(json.dumps(line))
    print("depends on:", ", ".join(sorted(Path(path).name for path in nix.files_read() if path.endswith(".nix"))))


if __name__ == "__main__":
    main()
