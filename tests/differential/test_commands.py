"""Command lines whose answer was recorded from nix-instantiate 2.34 (tools/record_commands.py): ours is the same.

What differs on purpose is listed; a listed command line that agrees is a failure.
"""

import json
import os
import re
from pathlib import Path

import pytest
from command_world import ENVIRONMENT, answer, make_world

CASES = [json.loads(line) for line in (Path(__file__).parent / "commands" / "commands.jsonl").read_text(encoding="utf-8").splitlines()]
# Words of the command lines whose answer differs, joined by blanks: literals and small arithmetic are values at once, never `<CODE>`.
DIFFERENT = {
    "--eval -E [ (1 + 1) { a = 2 + 3; } ]",
    "--eval value.nix",
    "--eval ./value.nix",
    "--eval value.nix value.nix",
    "--eval value.nix function.nix",
    "--eval - value.nix",
    "--eval <value.nix> -I .",
    "--eval --json -E { a = 1 + 1; }",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["words"]))
def test_answer_is_the_recorded_one(case, tmp_path, run_command) -> None:
    make_world(tmp_path)
    done = run_command("instantiate", *case["words"], stdin=case["stdin"].encode(), **ENVIRONMENT)
    ours = answer(done.returncode, done.stdout, done.stderr, os.path.realpath(tmp_path))
    theirs = case["answer"]
    if " ".join(case["words"]) not in DIFFERENT:
        assert ours == theirs
        return
    assert ours != theirs, "agrees now: take it off the list"
    assert ours["code"] == 0 and ours["messages"] == []
    # where theirs has a value, ours has the same one
    if theirs["code"] == 0:
        shown = re.escape(theirs["out"]).replace("<CODE>", r"(?:[^\n]*)")
        assert re.fullmatch(shown, ours["out"])


def test_the_listed_ones_are_cases() -> None:
    assert DIFFERENT <= {" ".join(case["words"]) for case in CASES}
