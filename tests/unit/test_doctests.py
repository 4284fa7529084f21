"""The examples in the docstrings: those of every module are run."""

import doctest
import importlib
from pathlib import Path

import pytest

import snowsnake

PACKAGE = Path(snowsnake.__file__).parent


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(_name(path) for kind in ("py", "pyx") for path in PACKAGE.rglob(f"*.{kind}") if ">>>" in path.read_text())


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
