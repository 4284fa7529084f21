"""Tables of programs: what C++ Nix 2.34 says of each (tools/record_tables.py), at both levels.

Values are equal, and errors are of the same kind; in MESSAGES, errors are equal, too.  In `orders`, ours may be what 2.34 says of sets in name order.
The programs are those of program_tables/NAME.py.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from snowsnake.diagnostics.error import EvaluationError
from snowsnake.interpreter import Interpreter

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools" / "conformance")]
from run_suite import err_kind, last_error  # noqa: E402

TABLES = {
    path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in sorted((HERE / "tables").glob("*.jsonl"))
}
LEAST = {"aliases": 3800, "callbacks": 2813, "cells": 400, "orders": 1100, "protocols": 1900, "typed": 1200, "undefined": 320}
MESSAGES = {"orders", "protocols", "undefined"}
PARTS = 12
# C++ Nix's limit of depth, with which a program that never ends is soon an error.
DEPTH = 10000


def ours(evaluator: Interpreter, expression: str) -> list:
    """[value] or [None, error]."""
    try:
        return [evaluator.evaluate(expression.encode(), "/pwd", "/pwd/expr.nix").to_nix(strict=True).decode().rstrip("\n")]
    except EvaluationError as error:
        return [None, last_error("error: " + error.message)]


def in_name_order() -> dict[str, list]:
    """What 2.34 says of each program of `orders` if its sets are written in name order."""
    recorded = {expression: expected for expression, *expected in TABLES["orders"]}
    return {program: recorded[twin] for program, twin in import_module("program_tables.orders").in_name_order()}


def agrees(table: str, got: list, expected: list) -> bool:
    if got[0] is None and expected[0] is None and table not in MESSAGES:
        return err_kind(got[1]) == err_kind(expected[1])
    return got == expected


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("table", TABLES)
def test_values_of_many_arguments_are_those_of_nix(table: str, part: int, level: int, is_stressed: bool, capfd) -> None:
    evaluator = Interpreter(level=level, stress=is_stressed, depth_limit=DEPTH)
    differing = []
    by_name = in_name_order() if table == "orders" else {}
    for expression, *expected in TABLES[table][part::PARTS]:
        got = ours(evaluator, expression)
        if not agrees(table, got, expected) and got != by_name.get(expression):
            differing.append((expression, got, expected))
    assert differing == []


@pytest.mark.parametrize("table", TABLES)
def test_every_recorded_program_is_made(table: str) -> None:
    assert {expression for expression, *_ in TABLES[table]} <= set(import_module(f"program_tables.{table}").programs())
    assert len(TABLES[table]) > LEAST[table]
