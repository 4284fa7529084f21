"""Decoding while the collector moves everything at most safepoints."""

import msgspec
import pytest
from test_decoding import DECODED, QUERIES, SET

from snowsnake import Evaluator
from snowsnake import interpreter as machine


@pytest.fixture
def nix() -> Evaluator:
    made = Evaluator()
    made._machine = machine.Interpreter(stress=True)
    return made


class Package(msgspec.Struct):
    name: str
    sizes: list[int]
    meta: dict[str, str | None] = {}


def test_decoding_under_stress_has_the_same_result(nix):
    for text, target, wanted in DECODED:
        assert nix.evaluate(text).decode(target) == wanted
    for selector, values, _ in QUERIES:
        assert nix.evaluate(SET).query(selector).values == values


def test_values_that_decoding_makes_survive_collections(nix):
    source = """map (i: rec { name = "p${toString i}"; sizes = map (x: x * i) (builtins.genList (x: x) 20);
      meta = builtins.mapAttrs (n: v: if v then n + name else null) { a = true; b = false; }; }) (builtins.genList (i: i) 100)"""
    assert nix.evaluate(source).decode(list[Package]) == [
        Package(f"p{i}", [x * i for x in range(20)], {"a": f"ap{i}", "b": None}) for i in range(100)
    ]
