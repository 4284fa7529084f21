"""Records what a reference nix-instantiate says of the wrong documents of tests/differential/toml_documents.py.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_toml.py

Out: tests/differential/toml/faults.json: document → lines of the message, or null if it is accepted.  Documents for which the reference does not end are left out.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from reference import evaluator

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))
_MARK = "       error: "


def said(reference: list[str], document: str) -> list[str] | None:
    program = "builtins.seq (builtins.fromTOML (builtins.fromJSON ''" + json.dumps(document).replace("''", "'''") + "'')) 1"
    done = subprocess.run([*reference, "--eval", "-E", program], capture_output=True, timeout=5)
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    if done.returncode == 0:
        return None
    first = next(number for number, line in enumerate(lines) if line.startswith(_MARK))
    return [line[len(_MARK) :] if not number else line[7:].rstrip() for number, line in enumerate(lines[first:])]


def main() -> int:
    from toml_documents import documents  # type: ignore[import-not-found]

    reference = evaluator()
    found = {}
    for document in documents():
        try:
            found[document] = said(shlex.split(reference), document)
        except subprocess.TimeoutExpired:
            continue
    (FOLDER / "toml").mkdir(exist_ok=True)
    (FOLDER / "toml" / "faults.json").write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
    print(f"{len(found)} documents")
    return 0


if __name__ == "__main__":
    sys.exit(main())
