"""Whole reports (message, trace, places) of calls with something wrong in them, as C++ Nix 2.34 prints them (tools/record_reports.py).

Every builtin with every argument, element, result and attribute of a wrong type, or throwing; the same for the operations of the language.
reports/known.txt lists the expressions whose report differs, with the reason; one that agrees is a failure, so that the list only shrinks.
"""

import json
import os
import sys
from pathlib import Path

import pytest
from report_cases import FILES, builtins_named, expressions
from report_form import ENVIRONMENT, FLAGS, report_of

from snowsnake.builtins.table import TABLE
from snowsnake.cli.instantiate import main

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "conformance"))
from run_suite import make_files  # noqa: E402

RECORDED = [json.loads(line) for line in (HERE / "reports" / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]
BUILTINS = set(json.loads((HERE / "reports" / "builtins.json").read_text(encoding="utf-8")))
KNOWN = {line for line in (HERE / "reports" / "known.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")}


# So many cases are one test, because it would take longer to name thousands of tests than to run them.
CHUNK = 100
CHUNKS = [RECORDED[i : i + CHUNK] for i in range(0, len(RECORDED), CHUNK)]


def ours(expression: str, capfd) -> list[str]:
    code = main([*FLAGS, "-E", expression])
    sys.stdout.flush()
    out, err = capfd.readouterr()
    assert code in (0, 1), err
    return report_of(code, out, err, os.getcwd())


@pytest.mark.parametrize("cases", CHUNKS, ids=lambda cases: cases[0][0])
def test_reports_of_errors_are_those_of_nix(cases, tmp_path, monkeypatch, capfd, is_stressed) -> None:
    if is_stressed:
        pytest.skip("what left in tail position is forgotten by a collection, and so lacks in the trace")
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    make_files(tmp_path, FILES)
    different = [(expression, ours(expression, capfd), expected) for expression, *expected in cases]
    wrong = [case for case in different if (case[1] != case[2]) != (case[0] in KNOWN)]
    assert not wrong, f"{len(wrong)} differ, or agree although listed; the first: {wrong[0][0]}\n{wrong[0][1]}\n{wrong[0][2]}"


def test_the_record_is_of_these_cases() -> None:
    assert [case[0] for case in RECORDED] == list(expressions())
    assert {case[0] for case in RECORDED} >= KNOWN


def test_every_builtin_of_nix_is_ours_and_is_called() -> None:
    """Builtins that C++ Nix does not have have no recorded report."""
    assert set(TABLE) >= BUILTINS
    functions = {name for name in BUILTINS if not TABLE[name].is_constant and name != "outputOf" and not name.startswith("fetch")}
    assert builtins_named() >= functions
