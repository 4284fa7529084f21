"""Records what 2.34's store commands answer over a store that we wrote: cases of tests/differential/test_store_calls.py.

usage: SNOWSNAKE_REFERENCE_TOOLS=FOLDER python tools/record_store_calls.py [LIST …]     (FOLDER holds nix, nix-store, …; without a LIST all of them)

In: tests/differential/store_calls/*.txt.  Out: beside each, a .jsonl with the exit code, standard output and the last error of each call.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from reference import commands

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential"
sys.path.insert(0, str(FOLDER))


def main() -> int:
    from store_world import answer, make_world, read_calls  # type: ignore[import-not-found]

    tools = commands()
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        world = Path(top, "world")
        world.mkdir()
        make_world(world)
        for name, calls in read_calls().items():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            lines = []
            for line in calls:
                folder = Path(top, "pwd")
                shutil.copytree(world, folder, symlinks=True)
                lines.append(json.dumps({"line": line, "answer": answer(line, str(folder), tools)}, ensure_ascii=False) + "\n")
                os.system(f"chmod -R u+w {folder}; rm -r {folder}")
            (FOLDER / "store_calls" / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
            print(f"{name}: {len(lines)} calls")
    return 0


if __name__ == "__main__":
    sys.exit(main())
