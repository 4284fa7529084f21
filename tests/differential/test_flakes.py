"""Flakes as C++ Nix 2.34 has them: recorded scenarios (tools/record_flakes.py) with real repositories; every lock file byte for byte.

Values, remarks, warnings and the last error are the same; where ours differ on purpose, `DIFFERENT` says why.
"""

import contextlib
import fcntl
import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent / "flakes"
sys.path.insert(0, str(HERE))
import world  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

from snowsnake.cli.nix.main import main  # noqa: E402

# tests/conftest.py skips this module where one of them is missing.
NEEDS_PROGRAMS = ("git",)
RECORDED = {row["name"]: row["answers"] for row in map(json.loads, (HERE / "recorded.jsonl").read_text(encoding="utf-8").splitlines())}
# scenario -> {number of the command line -> (what may differ, why)}
DIFFERENT: dict[str, dict[int, tuple[str, str]]] = {
    "declaration-type-unknown": {0: ("code said error", "2.34.8 crashes")},
    "repository-conflict-and-removed": dict.fromkeys((1, 2), ("code out error", "2.34.8 reads all changed files, for a name of the tree that nothing needs here")),
    "repository-borrowed-objects-lost": {3: ("out", "the fingerprint of 2.34.8 counts other files as changed when the commit cannot be read; all else is equal")},
    "lock-file-unknown-type": {0: ("code said error", "2.34.8 crashes"), 1: ("code said error", "2.34.8 crashes")},
}


# The words of C++ Nix's reader of JSON; ours has others.
JSON_WORDS = "[json.exception."


def without_words_of_json(got: dict, wanted: dict) -> None:
    """Takes out of both answers what C++ Nix's reader of JSON said, if ours has an error or a warning there, too."""
    if JSON_WORDS in wanted["error"]:
        assert got["error"] and got["error"] != wanted["error"]
        got["error"] = wanted["error"] = ""
    for number, line in enumerate(wanted["said"][: len(got["said"])]):
        start, mark, _ = line.partition(JSON_WORDS)
        if mark and got["said"][number].startswith(start):
            got["said"][number] = wanted["said"][number] = start


@contextlib.contextmanager
def only_one(name: str):
    """The folder of a scenario is always the same one."""
    world.ROOT.mkdir(parents=True, exist_ok=True)
    with open(world.ROOT / f"{name}.running", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize(("name", "steps"), SCENARIOS, ids=[name for name, _ in SCENARIOS])
def test_commands_on_flakes_print_what_nix_prints(name, steps, monkeypatch, capfdbinary) -> None:
    pytest.importorskip("pygit2")
    with only_one(name):
        folder = world.make(name)
        variables = world.environment(folder)
        for variable in list(os.environ):
            if variable.startswith(("NIX_", "GIT_", "XDG_", "SNOWSNAKE_CACHE")):
                monkeypatch.delenv(variable)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.chdir(folder)
        expected = enumerate(RECORDED[name])
        for step in steps:
            if step[0] != "nix":
                world.prepare(folder, step, variables | {"PATH": os.environ["PATH"]})
                continue
            world.settle(folder)
            capfdbinary.readouterr()
            # Some commands of the reports need a store to which they may write.
            store = ["--store", f"{folder}/store"] if name.startswith("report-") else []
            code = main([*store, *(word.replace("@", str(folder)) for word in step[1:])])
            sys.stdout.flush()
            out, err = capfdbinary.readouterr()
            got = world.answer(code, out, err, folder) | {"locks": world.lock_files(folder)} | world.whole(name, err, folder)
            number, wanted = next(expected)
            without_words_of_json(got, wanted)
            for what in DIFFERENT.get(name, {}).get(number, ("", ""))[0].split():
                assert got.pop(what) != wanted.pop(what), "agrees now: take it off the list"
            assert got == wanted, step
        assert next(expected, None) is None, "more was recorded than was run"
        world.make(name)
