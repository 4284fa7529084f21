"""Expressions whose value or error was recorded from C++ Nix 2.34 (tools/record_differential.py): ours are the same.

Each case runs in this process through the command `snowsnake-instantiate`.  A value must be equal, and so must the text
of an error, without places and traces; where ours differs on purpose, known_differences.txt lists the case, and the kind
of error must still be the same.  A listed case that agrees is a failure, so that the list only shrinks.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from snowsnake.cli.instantiate import main
from snowsnake.interpreter import Interpreter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "conformance"))
from run_suite import err_kind, last_error, make_files  # noqa: E402

CASES = [
    json.loads(line) for path in sorted(HERE.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()
]
LISTED = (HERE / "known_differences.txt").read_text(encoding="utf-8").splitlines()
KNOWN = {line.split()[0] for line in LISTED if line[:1] not in ("", "#")}
ENVIRONMENT = {"NIX_REMOTE": "dummy://", "NIX_STORE_DIR": "/nix/store", "HOME": "/fake-home", "NIX_PATH": ""}


def outcome(case, folder: Path, capfd) -> dict:
    """Our result for a case, in the form of its expectation; the folder reads as /pwd."""
    flags = case.get("flags") or ["--eval", "--strict"]
    code = main([*flags, "expr.nix"])
    sys.stdout.flush()
    out, err = (text.replace(str(folder), "/pwd") for text in capfd.readouterr())
    assert code in (0, 1), err
    return {"error": last_error(err)} if code else {"stdout": out}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_values_and_errors_are_those_of_nix(case, tmp_path, monkeypatch, capfd, is_stressed) -> None:
    """With SNOWSNAKE_STRESS=1, also with a collection at most safepoints."""
    monkeypatch.chdir(tmp_path)
    if is_stressed:
        monkeypatch.setattr("snowsnake.interpreter.Interpreter", partial(Interpreter, stress=True))
    for name, value in (ENVIRONMENT | case.get("env", {})).items():
        monkeypatch.setenv(name, value.replace("{root}", str(tmp_path)))
    Path("expr.nix").write_text(case["expr"], encoding="utf-8")
    make_files(tmp_path, case.get("files"))
    got, expected = outcome(case, Path(os.getcwd()), capfd), case["expect"]
    if case["id"] not in KNOWN:
        assert got == expected, case["expr"]
    else:
        assert got != expected, "agrees now: take it off the list"
        assert got.keys() == expected.keys()
        if "error" in got:
            assert err_kind(got["error"]) == err_kind(expected["error"])


def test_known_differences_are_cases() -> None:
    assert {case["id"] for case in CASES} >= KNOWN
