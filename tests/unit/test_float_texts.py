"""`toString` of floats is C's `%f`, correctly rounded, whichever of two ways makes it (builtins/engines/numbers.pyx)."""

import random

from snowsnake import Evaluator

HALVES = [0.5, 1.5, 0.0000005, 0.0000015, 0.0000025, 2.0000005, 0.1249995, 8388608.0000005, 1099511627775.9999995]
EDGES = [
    0.0,
    -0.0,
    1e-7,
    -1e-7,
    5e-324,
    2.0**-63,
    2.0**-64,
    2.0**-116,
    2.0**39,
    2.0**40 - 0.0001,
    2.0**40,
    2.0**41,
    2.0**53,
    1e300,
    1 / 3,
]


def test_float_texts():
    chance = random.Random(20)
    numbers = [*HALVES, *EDGES, *(chance.uniform(-1, 1) * 2.0 ** chance.randint(-70, 60) for _ in range(4000))]
    numbers += [chance.randint(0, 1 << 45) / 2.0 ** chance.randint(0, 45) for _ in range(4000)]
    numbers += [-number for number in numbers]
    source = "map (i: toString (builtins.fromJSON i)) [ " + " ".join(f'"{number!r}"' for number in numbers) + " ]"
    wanted = [f"{number:f}" for number in numbers]
    assert Evaluator().evaluate(source).to_python() == wanted
