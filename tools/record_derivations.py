"""Records what a reference writes to its store for generated derivations.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_derivations.py [--closure EXPRESSION NAME]

In: the shapes of tests/differential/derivation_shapes.py; or an expression with one derivation.  Out: one JSON object a line:
derivation_shapes.jsonl in tests/differential/stores_recorded with the text of each derivation, the NAR hashes of everything written and the
texts of errors; or NAME.closure there with a line "PATH HASH" for each object of the closure.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import evaluator

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "differential"
sys.path[:0] = [str(FOLDER), str(ROOT / "tools" / "conformance")]

import derivation_shapes  # noqa: E402
import stores  # noqa: E402

COUNT, SEED = 232, 1


def record_shapes(reference: str) -> str:
    lines = []
    for shape in [*derivation_shapes.valid_shapes(COUNT, SEED), *derivation_shapes.broken_shapes()]:
        found = stores.instantiate([reference], shape)
        lines.append(json.dumps({"id": shape.id, "expr": shape.expression, "features": shape.features, **found}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def record_closure(reference: str, expression: str) -> str:
    with tempfile.TemporaryDirectory(prefix="snowsnake-record-") as folder:
        store = Path(folder) / "store"
        subprocess.run([reference, "-E", expression, "--store", str(store)], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        lines = [f"{path} {digest}\n" for path, digest in sorted(stores.objects(store).items())]
        stores.make_removable(store)
        return "".join(lines)


def main() -> int:
    reference = evaluator()
    if sys.argv[1:2] == ["--closure"]:
        expression, name = sys.argv[2:4]
        (FOLDER / "stores_recorded" / f"{name}.closure").write_text(record_closure(reference, expression), encoding="utf-8")
    else:
        (FOLDER / "stores_recorded" / "derivation_shapes.jsonl").write_text(record_shapes(reference), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
