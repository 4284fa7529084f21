"""Records what a reference evaluator says about expressions: cases of the differential tests.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_differential.py [FILE.txt ...]

In: tests/differential/expressions/*.txt (or the files named).  Out: beside them, one folder up, FILE.jsonl in the form of
tools/conformance/run_suite.py, with what the reference printed or the text of its error.  Known cases keep their ids.

An expression file has one expression a line; lines that start with a blank continue it; `#` starts a comment line.  A line
`%flags WORDS`, `%env NAME=VALUE`, `%file PATH TEXT` (with \\n for line ends) or `%symlink PATH TARGET` belongs to the next
expression; `%before TEXT` is put before every expression from there on.
"""

import hashlib
import json
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reference import evaluator

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "differential"
sys.path.insert(0, str(ROOT / "tools" / "conformance"))


def directive(line: str, case: dict[str, Any]) -> None:
    """Adds what a % line says to the case that follows it."""
    word, _, rest = line[1:].partition(" ")
    if word == "flags":
        case["flags"] = shlex.split(rest)
    elif word == "env":
        name, _, value = rest.partition("=")
        case.setdefault("env", {})[name] = value
    elif word == "file":
        path, _, text = rest.partition(" ")
        case.setdefault("files", {})[path] = text.replace("\\n", "\n")
    elif word == "symlink":
        path, _, target = rest.partition(" ")
        case.setdefault("files", {})[path] = {"symlink": target}
    else:
        raise SystemExit(f"unknown directive: {line}")


def read_expressions(path: Path) -> Iterator[dict[str, Any]]:
    """The cases of an expression file, without ids and expectations."""
    case: dict[str, Any] = {}
    before = ""
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        if line.startswith((" ", "\t")) and "expr" in case:
            case["expr"] += "\n" + line
            continue
        if "expr" in case:
            yield case
            case = {}
        if line.startswith("%before"):
            before = line[8:].replace("\\n", "\n")
        elif line.startswith("%"):
            directive(line, case)
        elif line.strip() and not line.startswith("#"):
            case["expr"] = before + line


def identify(stem: str, case: dict[str, Any]) -> str:
    """An id that stays when expressions are added before it."""
    text = json.dumps({k: case[k] for k in sorted(case)}, ensure_ascii=False)
    return f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def record(path: Path, reference: str) -> int:
    """Records the expressions of one file; returns their number."""
    from run_suite import last_error, run_suite  # type: ignore[import-not-found]

    cases: dict[str, dict[str, Any]] = {}
    for case in read_expressions(path):
        identifier = identify(path.stem, case)
        if identifier in cases:
            raise SystemExit(f"{path}: twice: {case['expr']}")
        cases[identifier] = {"id": identifier, **case, "expect": {"stdout": ""}}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as draft:
        draft.writelines(json.dumps(case) + "\n" for case in cases.values())
        draft.flush()
        _, results = run_suite(draft.name, reference, fail_mode="exit")
    for result in results:
        case = cases[result["id"]]
        if result["exit"] == 0:
            case["expect"] = {"stdout": result["_out"]}
        elif result["exit"] == 1:
            case["expect"] = {"error": last_error(result["_err"])}
        else:
            raise SystemExit(f"{path}: exit {result['exit']}: {case['expr']}")
    text = "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases.values())
    (FOLDER / f"{path.stem}.jsonl").write_text(text, encoding="utf-8")
    return len(cases)


def main() -> int:
    reference = evaluator()
    paths = [Path(word) for word in sys.argv[1:]] or sorted((FOLDER / "expressions").glob("*.txt"))
    for path in paths:
        print(f"{path.stem}: {record(path, reference)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
