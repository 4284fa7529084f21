"""Settings, search paths and stores on the command line, as 2.34 was recorded to treat them (tools/record_settings.py): ours is the same."""

import json
import os
from pathlib import Path

import pytest
from settings_world import cases, environment, make_world, outcome

CASES = [json.loads(line) for line in (Path(__file__).parent / "settings" / "cases.jsonl").read_text(encoding="utf-8").splitlines()]


def _name(case: dict) -> str:
    variables = " ".join(f"{name}={text!r}" for name, text in case["variables"].items())
    return f"{variables} {' '.join(case['words'])}".strip()


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_answer_is_the_recorded_one(case, tmp_path, run_command, monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith(("NIX_", "XDG_"))]:
        monkeypatch.delenv(name)
    make_world(tmp_path)
    folder = os.path.realpath(tmp_path)
    program = {"nix": "nix.main"}.get(case["words"][0], case["words"][0].removeprefix("nix-"))
    words = [word.replace("DIR", folder) for word in case["words"][1:]]
    done = run_command(program, *words, **environment(case["variables"], folder))
    found = outcome(done.returncode, done.stdout, done.stderr, folder)
    found["messages"] = [line for line in found["messages"] if not line.endswith("is not carried out by Snowsnake")]
    assert found == case["answer"]


def test_the_record_is_complete() -> None:
    """Every case of the world has been recorded, and nothing else."""
    assert [(case["variables"], case["words"]) for case in CASES] == [(variables, words) for variables, words in cases()]
