"""Completions that 2.34 offers to shells (NIX_GET_COMPLETIONS), as recorded by tools/record_calls.py: ours are the same."""

import json
import shlex
from pathlib import Path

import pytest
from call_world import environment_of, make_world, read_questions, texts

FOLDER = Path(__file__).parent / "calls"
CASES = [json.loads(line) for line in (FOLDER / "completions.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['word']} {shlex.join(case['words'])}")
def test_completions_are_the_recorded_ones(case, tmp_path, tmp_path_factory, run_command) -> None:
    make_world(tmp_path)
    environment = environment_of(str(tmp_path_factory.mktemp("home"))) | {"NIX_GET_COMPLETIONS": case["word"]}
    done = run_command("nix.main", *case["words"][1:], **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert texts(done.stdout) == case["answer"]


def test_every_completion_is_recorded() -> None:
    assert [case["words"] for case in CASES] == [question["words"] for question in read_questions(FOLDER / "completions.txt")]


def test_a_malformed_number_of_the_completed_word_is_an_error(tmp_path, run_command) -> None:
    for number in ("0", "3", "x", ""):
        done = run_command("nix.main", "eval", "x", NIX_GET_COMPLETIONS=number)
        assert (done.returncode, done.stdout) == (1, b"") and b"fault" not in done.stderr
