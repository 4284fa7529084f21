"""The garbage of a deep recursion is collected while the recursion returns, and does not add up until it ends."""

import pytest

from snowsnake import Evaluator

# Without a collection on the way back each program needs a gigabyte at least.
LIMIT_BYTES = 160 << 20
DEPTH = 20_000


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(
    "source",
    [
        "let f = k: if k == 0 then [ ] else [ k ] ++ f (k - 1); in builtins.length (f {n})",
        "let f = k: if k == 0 then [ ] else f (k - 1) ++ [ k ]; in builtins.length (f {n})",
        "let f = k: if k == 0 then [ ] else [ k ] ++ (f (k - 1) ++ [ k ]); in builtins.length (f ({n} / 2))",
        'let f = k: if k == 0 then "" else "xyzxyzxyzx" + f (k - 1); in builtins.stringLength (f {n}) / 10',
        'let f = k: if k == 0 then "" else f (k - 1) + "xyzxyzxyzx"; in builtins.stringLength (f {n}) / 10',
        'let f = k: if k == 0 then "" else "${f (k - 1)}xyzxyzxyzx"; in builtins.stringLength (f {n}) / 10',
        "let f = k: if k == 0 then { } else f (k - 1) // { ${toString k} = k; }; in "
        "builtins.length (builtins.attrNames (f ({n} / 4))) * 4",
    ],
)
def test_a_deep_recursion_needs_little_memory(source, level):
    evaluator = Evaluator(memory_limit_bytes=LIMIT_BYTES, optimise=level)
    assert evaluator.evaluate(source.replace("{n}", str(DEPTH))).to_python() == DEPTH


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(
    "operator, operand, measure",
    [("++", "[ 1 ]", "length"), ("+", '"a"', "stringLength")],
)
def test_a_long_chain_of_operators_collects_its_garbage(operator, operand, measure, level):
    evaluator = Evaluator(memory_limit_bytes=LIMIT_BYTES, optimise=level)
    chain = f" {operator} ".join([operand] * DEPTH)
    assert evaluator.evaluate(f"builtins.{measure} ({chain})").to_python() == DEPTH
