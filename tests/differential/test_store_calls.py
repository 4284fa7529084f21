"""Calls of store commands whose answer was recorded from 2.34.8 (tools/record_store_calls.py), over a store that we wrote: ours is the same."""

import json
import os
import shutil

import pytest
from store_world import FOLDER, answer, make_world, our_programs, read_calls

CASES = [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
# What is different on purpose, with the reason.
DIFFERENT = {
    line: "2.34 writes what refers to something even so, and looks then whether a derivation is one; we write nothing"
    for line in read_calls()["references"]
    if "--read-only" in line and "let p = mid.drvPath; v = builtins.filterSource" in line
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "world").mkdir()
    make_world(folder / "world")
    our_programs(folder / "bin")
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["line"])
def test_answer_is_the_recorded_one(case, world, tmp_path) -> None:
    folder = tmp_path / "pwd"
    shutil.copytree(world / "world", folder, symlinks=True)
    ours = answer(case["line"], os.path.realpath(folder), str(world / "bin"))
    if case["line"] in DIFFERENT:
        assert ours != case["answer"], "agrees now: take it off the list"
    else:
        assert ours == case["answer"]


def test_every_store_call_is_recorded() -> None:
    for name, lines in read_calls().items():
        recorded = [json.loads(line)["line"] for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert recorded == lines, name
    assert set(DIFFERENT) <= {case["line"] for case in CASES}
