"""Nix from Python: lazy values, functions as callables, errors as exceptions.   python examples/from_python.py"""

from pathlib import Path

import snowsnake

HERE = Path(__file__).parent

inventory = snowsnake.evaluate_file(HERE / "inventory.nix")       # a function: nothing is evaluated yet
print(inventory.formals())                                         # {'currency': True, 'overlays': True}

report = inventory(currency="USD")["report"]
print(report["label"].to_python(), "worth", report["total"].to_python())
print(report["values"].to_python())

nix = snowsnake.Evaluator(pure=True, depth_limit=100_000)
double = nix.evaluate("xs: map (x: x * 2) xs")
print(double([1, 2, 3]).to_python())

try:
    nix.evaluate('{ a.b = 1 + "x"; }')["a"]["b"].force()
except snowsnake.EvaluationError as error:
    print(error.code, error.position)
    print(error.render())
