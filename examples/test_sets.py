"""A pytest plugin that collects Nix test sets (`runTests`, nix-unit): each `{ expr, expected }` or `{ expr, expectedError }` of `*_tests.nix` is a test.

python examples/test_sets.py           (in a project: `pytest -p test_sets`)
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import snowsnake


class NixTest(pytest.Item):
    value: snowsnake.Value

    def runtest(self) -> None:
        if "expectedError" not in self.value:
            assert self.value["expr"] == self.value["expected"], f"{self.value['expr'].to_nix()} is not {self.value['expected'].to_nix()}"
            return
        with pytest.raises(snowsnake.EvaluationError, match=str(self.value["expectedError"].get("msg", ""))):
            self.value["expr"].force(deep=True)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        place = self.value.position("expr")
        return self.path, place.line - 1 if place else None, self.name

    def repr_failure(self, excinfo: "pytest.ExceptionInfo[BaseException]", style: object = None) -> str:
        error = excinfo.value
        return error.render() if isinstance(error, snowsnake.EvaluationError) else str(error)


class NixFile(pytest.File):
    def collect(self) -> Iterator[NixTest]:
        for name, value in snowsnake.evaluate_file(self.path).items():
            if name.startswith("test"):
                item = NixTest.from_parent(self, name=name)
                item.value = value
                yield item


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> NixFile | None:
    return NixFile.from_parent(parent, path=file_path) if file_path.name.endswith("_tests.nix") else None


if __name__ == "__main__":
    file = str(Path(__file__).parent / "library_tests.nix")
    sys.exit(pytest.main(["-qq", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(Path(__file__).parent), "-rA", file], plugins=[sys.modules[__name__]]))
