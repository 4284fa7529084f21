"""Where a function was called from, if a builtin called it or it was to be called later: traces of C++ Nix 2.34.8.

Recorded with `nix-instantiate --eval --strict --show-trace -E`: functions with patterns, functors and functions that fail, given to every builtin
that takes one, or needed by another builtin behind `map`, `genList`, `mapAttrs`.
"""

import json
from pathlib import Path

import pytest

RECORDED = json.loads((Path(__file__).parent / "call_sites.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("expression", RECORDED)
def test_traces_name_the_same_call_sites_as_nix(expression, run_command):
    done = run_command("instantiate", "--eval", "--strict", "--show-trace", "-E", expression)
    assert done.stderr.decode() == RECORDED[expression]
