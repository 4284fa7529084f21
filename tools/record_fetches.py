"""Records what C++ Nix 2.34 makes of the fetches in tests/fetching/fetches.txt.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_fetches.py [--new]

Writes tests/fetching/fetches.jsonl.  Each case has a cache and a store of its own.  `--new`: cases that have an answer keep it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from reference import evaluator

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "fetching"
sys.path.insert(0, str(FOLDER))
from fetch_cases import ENVIRONMENT, answer, filled, lines  # noqa: E402
from fetch_server import Server  # noqa: E402
from fetch_world import make_world  # noqa: E402


def main() -> int:
    reference = evaluator()
    place = FOLDER / "fetches.jsonl"
    rows = map(json.loads, place.read_text(encoding="utf-8").splitlines() if "--new" in sys.argv else ())
    known = {(row["flags"], row["expression"]): row for row in rows}
    with tempfile.TemporaryDirectory(prefix="snowsnake-record-") as folder:
        world = Path(os.path.realpath(folder)) / "world"
        make_world(world)
        server = Server(world)
        recorded = []
        for flags, expression in lines((FOLDER / "fetches.txt").read_text(encoding="utf-8")):
            if (flags, expression) in known:
                recorded.append(known[flags, expression])
                continue
            server.counts.clear()
            own = Path(folder) / "own"
            words = [filled(word, str(world), server.url) for word in flags.split()]
            done = subprocess.run(
                [reference, "--store", str(own / "store"), "--option", "build-users-group", "", "--option", "substituters", "",
                 *words, "--eval", "--strict", "-E", filled(expression, str(world), server.url)],
                cwd=world, env=os.environ | ENVIRONMENT | {"HOME": str(own), "XDG_CACHE_HOME": str(own / "cache")},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            got = answer(done.returncode, done.stdout, done.stderr, str(world), server.url)
            recorded.append({"flags": flags, "expression": expression, "answer": got})
            subprocess.run(["chmod", "-R", "u+w", str(own)], check=False, capture_output=True)
            shutil.rmtree(own, ignore_errors=True)
        server.close()
        text = "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in recorded)
        place.write_text(text, encoding="utf-8")
        print(f"{len(recorded)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
