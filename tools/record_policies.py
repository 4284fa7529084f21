"""Records what a reference evaluator shows and hides under a policy: tests/differential/policies_recorded.json.

usage: SNOWSNAKE_REFERENCE=nix-instantiate python tools/record_policies.py FOLDER     (a folder that does not exist, for world and store)

For each policy: the answer (JSON, or the error's text), then the cases of tests/differential/policy_world.py that have it.  A reference whose
answers differ between two worlds shows what is hidden; it stops the recording.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from reference import evaluator

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "differential"), str(TESTS.parent / "tools" / "conformance")]
from policy_world import SECRETS, cases, make_world, readable  # noqa: E402
from run_suite import last_error  # noqa: E402

POLICIES = {"restricted": ["--restrict-eval", "-I", "b=ROOT/A/b"], "pure": ["--pure-eval"]}


def answers(reference: str, folder: Path, flags: list[str]) -> dict[str, str]:
    environment = {"HOME": f"{folder}/world", "NIX_PATH": "", "SECRET": "s", "NO_COLOR": "1", "NIX_CONF_DIR": "/nonexistent"}
    found = {}
    for name, expression in cases():
        command = [reference, "--store", f"{folder}/store", "--eval", "--strict", "--json", "--read-write-mode", *flags, "-E", expression]
        done = subprocess.run(
            [word.replace("ROOT", f"{folder}/world") for word in command],
            env={**os.environ, **environment, "XDG_CACHE_HOME": f"{folder}/cache"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        answer = done.stdout.strip() if done.returncode == 0 else "error: " + last_error(done.stderr)
        found[name] = readable(answer, folder / "world")
    return found


def main() -> int:
    reference, folder = evaluator(), Path(sys.argv[1]).absolute()
    recorded: dict[str, dict[str, list[str]]] = {}
    for policy, flags in POLICIES.items():
        worlds = []
        for world in ("one", "two"):
            shutil.rmtree(folder / "world", ignore_errors=True)
            make_world(folder / "world", SECRETS[world])
            worlds.append(answers(reference, folder, flags))
        if worlds[0] != worlds[1]:
            raise SystemExit(f"{policy}: {[name for name, answer in worlds[0].items() if worlds[1][name] != answer]}")
        recorded[policy] = {}
        for name, answer in worlds[0].items():
            recorded[policy].setdefault(answer, []).append(name)
    (TESTS / "differential" / "policies_recorded.json").write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
