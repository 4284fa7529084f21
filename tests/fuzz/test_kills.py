"""A few kills by kills.py; as a command, it makes many."""

import os
from pathlib import Path

import pytest
from kills import KINDS, run

from snowsnake.build.sandbox import why_no_sandbox

REFERENCE = Path(os.environ["SNOWSNAKE_REFERENCES"], "tools")


@pytest.mark.bare
@pytest.mark.parametrize("kind", KINDS)
def test_kills_leave_nothing_half_done(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if kind == "sandbox" and why_no_sandbox():
        pytest.skip("no namespaces here")
    count = max(2, request.config.getoption("--kills") // 5)
    reference = str(REFERENCE) if (REFERENCE / "nix-store").exists() else None
    assert run(kind, count, 100, reference, tmp_path) == []
