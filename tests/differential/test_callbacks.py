"""Builtins that call builtins: what C++ Nix 2.34 says of each pair (tools/record_callbacks.py), at both levels.

Values are equal, and errors of the same kind.  The programs are those of callback_programs.py.
"""

import json
import sys
from pathlib import Path

import pytest
from snowsnake.evaluator import Evaluator

from snowsnake.diagnostics.error import EvaluationError

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools" / "conformance")]
from callback_programs import CALLERS, programs  # noqa: E402
from run_suite import err_kind, last_error  # noqa: E402

RECORDED = [json.loads(line) for line in (HERE / "callbacks" / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]


def ours(evaluator: Evaluator, expression: str) -> list:
    """[value] or [None, error]."""
    try:
        return [evaluator.evaluate(expression.encode(), "/pwd", "/pwd/expr.nix").to_nix(strict=True).decode()]
    except EvaluationError as error:
        return [None, error.message]


def agrees(got: list, expected: list) -> bool:
    if got[0] is None and expected[0] is None:
        return err_kind(last_error("error: " + got[1])) == err_kind(expected[1])
    return got[0] == expected[0]


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("part", range(len(CALLERS)))
def test_as_recorded(part: int, level: int, is_stressed: bool, capfd) -> None:
    evaluator = Evaluator(level=level, stress=is_stressed)
    differing = []
    for expression, *expected in RECORDED[part :: len(CALLERS)]:
        got = ours(evaluator, expression)
        if not agrees(got, expected):
            differing.append((expression, got, expected))
    assert differing == []


def test_every_recorded_program_is_made() -> None:
    assert {expression for expression, *_ in RECORDED} <= set(programs())
    assert len(RECORDED) > 2813
