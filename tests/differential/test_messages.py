"""Traces, warnings, errors and other messages of nix-instantiate 2.34, recorded to the byte (tools/record_messages.py): ours are the same.

What differs on purpose is listed; a listed command line that agrees is a failure.
"""

import json
import os
from pathlib import Path

import pytest
from command_world import ENVIRONMENT, make_world

CASES = [json.loads(line) for line in (Path(__file__).parent / "messages" / "messages.jsonl").read_text(encoding="utf-8").splitlines()]
# Command lines whose output differs.
DIFFERENT: set[str] = set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["words"]))
def test_messages_are_nix_s_to_the_last_character(case, tmp_path, run_command) -> None:
    make_world(tmp_path)
    done = run_command("instantiate", *case["words"], **ENVIRONMENT | case["variables"])
    out, err = (text.decode("utf-8", "replace").replace(os.path.realpath(tmp_path), "/pwd") for text in (done.stdout, done.stderr))
    ours = (done.returncode, out, err)
    if " ".join(case["words"]) in DIFFERENT:
        assert ours != (case["code"], case["out"], case["err"]), "agrees now: take it off the list"
    else:
        assert ours == (case["code"], case["out"], case["err"])


def test_the_listed_ones_are_cases() -> None:
    assert {" ".join(case["words"]) for case in CASES} >= DIFFERENT
