"""`toString` of floats is C's `%f`, correctly rounded, whichever of two ways makes it (builtins/engines/numbers.pyx)."""

import json
import os
import random
import shutil
import subprocess
import sys

import pytest

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


def test_toString_rounds_floats_as_printf_does():
    chance = random.Random(20)
    numbers = [*HALVES, *EDGES, *(chance.uniform(-1, 1) * 2.0 ** chance.randint(-70, 60) for _ in range(4000))]
    numbers += [chance.randint(0, 1 << 45) / 2.0 ** chance.randint(0, 45) for _ in range(4000)]
    numbers += [-number for number in numbers]
    source = "map (i: toString (builtins.fromJSON i)) [ " + " ".join(f'"{number!r}"' for number in numbers) + " ]"
    wanted = [f"{number:f}" for number in numbers]
    assert Evaluator().evaluate(source).to_python() == wanted


FACES = """
import json
import locale
import sys

import snowsnake
from snowsnake.syntax.api import parse_text

if len(sys.argv) > 1:
    locale.setlocale(locale.LC_ALL, sys.argv[1])
    assert f"{1.5:n}" == "1,5"
nix = snowsnake.Evaluator()
found = []
for source in ("1.5", "toString 1.5", "toString [ 1.5 1e300 ]", "builtins.toXML 1.5e-9", "builtins.toJSON [ 1.5 ]", 'builtins.fromJSON "2.5"',
               "1.5 + null", "builtins.ceil 1.5e300", '(builtins.fromTOML "a = 1.5").a'):
    try:
        found.append(nix.evaluate(source).to_nix())
    except snowsnake.EvaluationError as error:
        found.append(error.message)
tree = parse_text(b"1.25", "/")
print(json.dumps([*found, tree.to_nix().decode(), json.loads(tree.to_json())["value"]]))
"""


def test_the_locale_does_not_matter(tmp_path):
    """A program may have set a locale whose decimal point is a comma."""
    if shutil.which("localedef") is None:
        pytest.skip("there is no localedef to make a locale with")
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"], capture_output=True, text=True)
    if not (tmp_path / "de_DE.UTF-8").is_dir():
        pytest.skip(f"no locale can be made: {made.stderr}")

    def faces(*words: str) -> list[object]:
        environment = {**os.environ, "LOCPATH": str(tmp_path), "LC_ALL": "C.UTF-8"}
        return json.loads(subprocess.run([sys.executable, "-c", FACES, *words], env=environment, capture_output=True, text=True, check=True).stdout)

    assert faces("de_DE.UTF-8") == faces()
    assert faces()[:2] == ["1.5", '"1.500000"']
