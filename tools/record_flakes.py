"""Records what a reference `nix` says in the scenarios of flakes: cases of tests/differential/test_flakes.py.

usage: SNOWSNAKE_REFERENCE_NIX=nix python tools/record_flakes.py [NAME-PREFIX …]

In: tests/differential/flakes/scenarios.py.  Out: beside it, recorded.jsonl: a line for each scenario, with the answer to each command line
and the lock files as they were then.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "differential" / "flakes"
sys.path.insert(0, str(FOLDER))


def main() -> int:
    import world  # type: ignore[import-not-found]
    from scenarios import SCENARIOS  # type: ignore[import-not-found]

    reference = os.environ.get("SNOWSNAKE_REFERENCE_NIX", "")
    if not reference:
        raise SystemExit("SNOWSNAKE_REFERENCE_NIX must name a nix 2.34")
    place = FOLDER / "recorded.jsonl"
    known = {}
    if place.exists():
        known = {row["name"]: row for row in map(json.loads, place.read_text(encoding="utf-8").splitlines())}
    for name, steps in SCENARIOS:
        if sys.argv[1:] and name in known and not name.startswith(tuple(sys.argv[1:])):
            continue
        folder = world.make(name)
        variables = {"PATH": os.environ["PATH"]} | world.environment(folder)
        answers = []
        for step in steps:
            if step[0] != "nix":
                world.prepare(folder, step, variables)
                continue
            world.settle(folder)
            words = [word.replace("@", str(folder)) for word in step[1:]]
            done = subprocess.run(
                [*shlex.split(reference), "--store", f"{folder}/store", *words], cwd=folder, env=variables, capture_output=True, stdin=subprocess.DEVNULL
            )
            found = world.answer(done.returncode, done.stdout, done.stderr, folder) | {"locks": world.lock_files(folder)}
            answers.append(found | world.whole(name, done.stderr, folder))
        known[name] = {"name": name, "answers": answers}
        world.make(name)
    rows = [known[name] for name, _ in SCENARIOS]
    place.write_text("".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} scenarios, {sum(len(row['answers']) for row in rows)} command lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
