"""Fetches whose value or error was recorded from C++ Nix 2.34 (tools/record_fetches.py): ours are the same.

Real git, a real web server on loopback.  What differs on purpose is in different.txt, with the reason; a listed case that agrees is a failure.
"""

import json
import os
import shutil
import sys

import pytest
from fetch_cases import ENVIRONMENT, HERE, answer, filled
from fetch_server import Server
from fetch_world import make_world

from snowsnake.cli.instantiate import main

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
CASES = [json.loads(line) for line in (HERE / "fetches.jsonl").read_text(encoding="utf-8").splitlines()]
LISTED = (HERE / "different.txt").read_text(encoding="utf-8").splitlines()
DIFFERENT = {line for line in LISTED if line[:1] not in ("", "#")}


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    folder = os.path.realpath(tmp_path_factory.mktemp("world")) + "/world"
    make_world(type(HERE)(folder))
    server = Server(type(HERE)(folder))
    yield folder, server
    server.close()


def case_id(case) -> str:
    return f"{case['flags']} {case['expression']}".strip()


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_fetches_have_the_values_and_errors_of_nix(case, world, tmp_path, monkeypatch, capfd) -> None:
    folder, server = world
    if "/W/hg" in case["expression"] and shutil.which("hg") is None and not os.environ.get("SNOWSNAKE_ALL_TESTS"):
        pytest.skip("not installed: hg")
    server.counts.clear()
    monkeypatch.chdir(folder)
    for name, value in (ENVIRONMENT | {"HOME": str(tmp_path), "SNOWSNAKE_CACHE_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    words = [filled(word, folder, server.url) for word in case["flags"].split()]
    code = main([*words, "--eval", "--strict", "-E", filled(case["expression"], folder, server.url)])
    sys.stdout.flush()
    out, err = capfd.readouterr()
    got = answer(code, out, err, folder, server.url)
    if case_id(case) in DIFFERENT:
        assert got != case["answer"], "agrees now: take it off the list"
    else:
        assert got == case["answer"]


def test_the_listed_ones_are_cases() -> None:
    assert DIFFERENT <= {case_id(case) for case in CASES}
