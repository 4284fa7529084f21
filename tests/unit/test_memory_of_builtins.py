"""The memory limit holds for every builtin that takes long: whether it ends with a value or an error, the process stays near the limit."""

import re
from pathlib import Path

import pytest
from test_stopping import DATA, LONG

import snowsnake
from snowsnake import EvaluationError

LIMIT = 160 << 20
# The process itself, and the blocks that the collector copies into, may need so much more.
BESIDE = 64 << 20
# These keep tables and positions of their own beside the heap. Each block is at most what the heap leaves of the limit, so that it may be as much again.
TABLES = ("genericClosure", "split")


def _status_bytes(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) << 10


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("names, function", LONG, ids=[f"{names}-{function}" for names, function in LONG])
def test_the_memory_limit_holds_for_each_builtin(names: str, function: str, level: int) -> None:
    nix = snowsnake.Evaluator(optimise=level, memory_limit_bytes=LIMIT, timeout_s=4)
    before = _status_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    try:
        values = [nix.evaluate(DATA[name]).force() for name in names.split(",")]
        nix.evaluate(function)(*values).force(deep=True)
    except EvaluationError:
        pass
    assert _status_bytes("VmHWM") - before < LIMIT + (LIMIT if any(name in function for name in TABLES) else BESIDE)
    assert nix.evaluate("1 + 1").to_python() == 2
