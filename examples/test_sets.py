"""What a pytest plugin does that runs Nix test sets (`runTests`, nix-unit): each `{ expr, expected }` of a file is a test.

python examples/test_sets.py           (in a conftest.py: `pytest_collect_file` yields one item for each of `tests_of(path)`)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import snowsnake

HERE = Path(__file__).parent


@dataclass
class NixTest:
    name: str
    value: snowsnake.Value
    place: str

    def run(self) -> str | None:
        """None if it passes, or what is wrong."""
        try:
            if "expectedError" in self.value:
                try:
                    self.value["expr"].force(deep=True)
                except snowsnake.EvaluationError as error:
                    wanted = str(self.value["expectedError"].get("msg", ""))
                    return None if wanted in error.message else f"the error is {error.message!r}"
                return "no error"
            if self.value["expr"] == self.value["expected"]:
                return None
            return f"{self.value['expr'].to_nix()} is not {self.value['expected'].to_nix()}"
        except snowsnake.EvaluationError as error:
            return error.render()


def tests_of(path: Path) -> Iterator[NixTest]:
    tests = snowsnake.evaluate_file(path)
    for name in tests:
        if name.startswith("test"):
            place = tests.position(name)
            yield NixTest(name, tests[name], f"{path.name}:{place.line}" if place else path.name)


for test in tests_of(HERE / "library_tests.nix"):
    fault = test.run()
    print(f"{test.place}: {test.name}: {'passed' if fault is None else fault}")
