"""Calls of Nix's commands whose answer was recorded from 2.34 (tools/record_calls.py): ours is the same."""

import json
import os
import shlex
from pathlib import Path

import pytest
from call_world import PROGRAMS, answer, environment_of, make_world, read_calls

FOLDER = Path(__file__).parent / "calls"
CASES = [
    json.loads(line) for path in sorted(FOLDER.glob("nix*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()
]
# What is different on purpose, with the reason.
DIFFERENT = {
    """nix eval --expr '{ "a/b" = "x"; }' --write-to out""": "there, a name with a slash leads out of the folder",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: shlex.join(case["words"]))
def test_answer_is_the_recorded_one(case, tmp_path, tmp_path_factory, run_command) -> None:
    make_world(tmp_path)
    program, *words = case["words"]
    environment = environment_of(str(tmp_path_factory.mktemp("home")))
    done = run_command(PROGRAMS[program], *words, stdin=case["stdin"].encode(), **environment)
    ours = answer(done.returncode, done.stdout, done.stderr, os.path.realpath(tmp_path))
    assert b"fault of the evaluator" not in done.stderr
    if shlex.join(case["words"]) in DIFFERENT:
        assert ours != case["answer"], "agrees now: take it off the list"
    else:
        assert ours == case["answer"]


def test_every_call_is_recorded() -> None:
    for path in FOLDER.glob("nix*.txt"):
        recorded = [json.loads(line) for line in path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()]
        assert [case["words"] for case in recorded] == [call["words"] for call in read_calls(path)], path.name
    assert set(DIFFERENT) <= {shlex.join(case["words"]) for case in CASES}
